"""
Which URLs stand for one page of a job: the form in which they are compared, and its hash.

A URL is fetched as it was written, whoever has written it. Only to compare it, what says nothing
about the page is left out. It is the same for links, starts, the URLs of lists and the locations
of redirects. Pure.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b

from shared.messages import Target
from shared.spec import Spec
from shared.url_patterns import query_dropper

# What a URL in the form of `shared.urls.Url` may still have in two ways: escapes, a "?" with
# nothing behind it, a dot behind the host.
_UNUSUAL = re.compile(r"%|\?\Z|\A[^/]*//[^/]*\.[/:]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_HOST_DOT = re.compile(r"(\A[^/]*//[^/:]*)\.(?=[/:])")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Identity:
    """
    Tells which URLs are one page.

    Parameters keep their order: to some websites it counts, and a page that is taken for another
    one is lost.

    Args:
        drop_query: Names of parameters that say nothing about a page; see `CrawlSpec`.

    Raises:
        InvalidSpecError: a name can be none.
    """

    def __init__(self, drop_query: Sequence[str] = ()) -> None:
        self._drop = query_dropper(drop_query, "crawl.drop_query")

    def form(self, url: str) -> str:
        """
        Return `url`, in the form of `shared.urls.Url`, as it is compared.

        >>> Identity(["sid"]).form("https://a.example./%7Eb%2fc?sid=1")
        'https://a.example/~b%2Fc'
        """
        url = self._drop(url)
        if not _UNUSUAL.search(url):
            return url
        # RFC 3986 §6.2.2: escapes of these, and the case of the others, say nothing.
        url = _ESCAPE.sub(_escape, _HOST_DOT.sub(r"\1", url))
        return url.removesuffix("?")

    def of(self, url: str, method: str = "GET", body: str | None = None) -> int:
        """Return what stands for a page, 8 bytes: its URL, and of a POST its body."""
        text = self.form(url)
        if method != "GET" or body is not None:
            text = f"{method} {text}\n{body or ''}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")

    def of_location(self, target: Target) -> int:
        """Return the same of what is to be fetched next for `target`."""
        if target.turned:
            return self.of(target.location)
        return self.of(target.location, target.method, target.body)


def identity_of(spec: Spec) -> Identity:
    """
    Return what tells which URLs are one page of a job; a list without links drops no parameters.

    Raises:
        InvalidSpecError: as for `Identity`.
    """
    return Identity(spec.crawl.drop_query if spec.follows else ())


def _escape(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character in _UNRESERVED else found[0].upper()

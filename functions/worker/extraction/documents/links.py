"""
Links of a page to absolute URLs.

Pure. Gives what `shared.urls.parse_url` gives, but the usual forms of a link without parsing: a
page has hundreds, most of them of its own host.
"""

import re
from functools import lru_cache

from shared.errors import InvalidUrlError
from shared.urls import MAX_URL_BYTES, parse_url

# What a URL keeps as it is, wherever it stands: no backslash, no quote, no dot or percent sign
# that begins a segment (of a "..", or of one in disguise), nothing that is not ASCII.
_STEP = r"(?:[A-Za-z0-9_~!$&()*+,;=@-][A-Za-z0-9_~!$&()*+,;=@.-]*)"
_REST = rf"{_STEP}?(?:/{_STEP})*/?(?:\?[A-Za-z0-9_~!$&()*+,;=@./:?%-]*)?"
_PATH = re.compile(rf"/(?!/){_REST}")
_RELATIVE = re.compile(rf"(?:{_STEP}(?:/{_STEP})*/?(?:\?[A-Za-z0-9_~!$&()*+,;=@./:?%-]*)?)")
_NO_PAGES = ("mailto:", "javascript:", "tel:", "data:")
_ORIGIN = re.compile(r"https?://[^/?#\\\s]+(?=/|\Z)")


class Resolver:
    """
    Makes links absolute.

    Args:
        base: As `Url.href`.
        encoding: Of the page, as the Encoding Standard names it: what its links ask for is in it.
    """

    def __init__(self, base: str, encoding: str = "utf-8") -> None:
        self.base = base
        self._encoding = "utf-8" if encoding.startswith("utf-") else encoding
        end = base.find("/", 8)
        self._origin = base[:end]
        self._root = end + 1
        path = base.partition("?")[0]
        self._folder = path[: path.rindex("/") + 1]
        # Of a base as long as a URL may be, nothing is usual.
        self._simple = end > 0 and len(base) < MAX_URL_BYTES // 2

    def __call__(self, link: str) -> str | None:  # noqa: PLR0911 -- one for each form
        """Return the URL that `link` leads to, as `Url.href`; None where it is none to fetch."""
        if self._simple and len(link) < MAX_URL_BYTES // 2:
            usual = link.partition("#")[0]
            if not usual:
                return self.base
            first = usual[0]
            if first == "/":
                if _PATH.fullmatch(usual):
                    return self._origin + usual
            elif first == "h" and usual[:4] == "http":
                if url := _absolute(usual):
                    return url
            elif first in "mjtd" and usual.startswith(_NO_PAGES):
                return None
            elif first == ".":
                if url := self._upwards(usual):
                    return url
            elif _RELATIVE.fullmatch(usual):
                return self._folder + usual
        return self._parsed(link)

    def _parsed(self, link: str) -> str | None:
        if self._encoding != "utf-8" and not link.isascii():
            from functions.worker.extraction.documents.link_encoding import in_encoding  # noqa: PLC0415 -- rarely needed

            link = in_encoding(link, self._encoding)
        try:
            return parse_url(link, base=self.base).href
        except InvalidUrlError:
            return None

    def _upwards(self, link: str) -> str | None:
        start, folder = 0, self._folder
        while link.startswith("../", start):
            start += 3
            if len(folder) > self._root:  # above that there is nothing
                folder = folder[: folder.rindex("/", 0, -1) + 1]
        below = start == len(link) or _RELATIVE.fullmatch(link, start)
        return folder + link[start:] if below else None


def _absolute(link: str) -> str | None:
    found = _ORIGIN.match(link)
    if found is None:
        return None
    path = link[found.end() :] or "/"
    origin = known_origin(found[0]) if _PATH.fullmatch(path) else None
    return None if origin is None else origin + path


@lru_cache(maxsize=4_096)
def known_origin(text: str) -> str | None:
    """Return ``https://host`` in its normal form; None where that is not all there is to it."""
    try:
        return parse_url(text + "/").href.removesuffix("/")
    except InvalidUrlError:
        return None

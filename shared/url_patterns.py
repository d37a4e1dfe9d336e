"""
URL patterns of a spec: which URLs a glob or a regular expression fits.

Pure. All patterns of a spec are one automaton, because it looks at each link of each page.
"""

import string
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import quote, unquote_plus

from shared.errors import InvalidSpecError, InvalidUrlError
from shared.expressions import compile_regex
from shared.urls import parse_url

REGEX = "regex:"
_MEMORY = 64_000_000  # bytes that the automaton may take before it begins anew
_KEPT = "".join(set(string.printable) - set(string.whitespace))
_KNOWN = 1_000  # names of parameters
_SPECS = 8  # whose patterns are kept: each batch of a job has the same
_DEFAULT_PORTS = {"80", "443"}  # a URL in its normal form does not have them
_BEHIND_HOST = frozenset("/?")
_NO_NAME = frozenset("?&=#")


def first_fitting(patterns: Sequence[str], paths: Sequence[str]) -> Callable[[str], int | None]:
    """
    Return a function that takes a URL and returns the number of the first pattern that fits it.

    The function returns None if no pattern fits. It takes URLs in the form of `shared.urls.Url`.

    Args:
        patterns: Globs such as `shop.example/p/*`, or `regex:` and a pattern in RE2's syntax.
        paths: Where each pattern stands in the spec, for messages.

    Raises:
        InvalidSpecError: a text is no pattern.
    """
    return _first_fitting(tuple(patterns), tuple(paths))


@lru_cache(_SPECS)
def _first_fitting(
    patterns: tuple[str, ...], paths: tuple[str, ...]
) -> Callable[[str], int | None]:
    return _first_of(
        [regex_of(pattern, path) for pattern, path in zip(patterns, paths, strict=True)]
    )


def any_fitting(patterns: str | Sequence[str], path: str) -> Callable[[str], bool]:
    """
    Return a function that tells whether one of `patterns` fits a URL; see `first_fitting`.

    Args:
        patterns: As for `first_fitting`, or one of them.
        path: Where they stand in the spec, as in `crawl.within`.

    Raises:
        InvalidSpecError: a text is no pattern.
    """
    if isinstance(patterns, str):
        first = first_fitting([patterns], [path])
    else:
        first = first_fitting(patterns, [f"{path}[{number}]" for number in range(len(patterns))])
    return lambda url: first(url) is not None


def query_dropper(names: Sequence[str], path: str) -> Callable[[str], str]:
    """
    Return a function that takes query parameters out of a URL.

    >>> query_dropper(["utm_*"], "crawl.drop_query")("https://a.example/b?utm_source=c&d=e")
    'https://a.example/b?d=e'

    Args:
        names: Globs for the names of the parameters. Case counts.
        path: Where `names` stand in the spec, for messages.

    Raises:
        InvalidSpecError: a glob can fit no name.
    """
    for number, name in enumerate(names):
        if not _NO_NAME.isdisjoint(name):
            raise InvalidSpecError(
                f"{path}[{number}]", f"{name!r} is no name of a parameter; write sid or utm_*"
            )
    if not names:
        return lambda url: url
    first = _first_of([rf"\A{_glob(name)}\z" for name in names])
    # A website has few parameters, and they come again and again.
    is_kept = lru_cache(_KNOWN)(lambda name: first(unquote_plus(name)) is None)

    def drop(url: str) -> str:
        before, mark, query = url.partition("?")
        if not mark:
            return url
        kept = [piece for piece in query.split("&") if is_kept(piece.partition("=")[0])]
        return f"{before}?{'&'.join(kept)}" if kept else before

    return drop


def regex_of(pattern: str, path: str) -> str:
    """
    Return `pattern` as a regular expression in RE2's syntax, to be searched for in URLs.

    Raises:
        InvalidSpecError: see `first_fitting`.
    """
    if pattern.startswith(REGEX):
        regex = pattern.removeprefix(REGEX)
        if not regex:
            raise InvalidSpecError(path, "write a pattern behind regex:")
        compile_regex(regex, path)
        return regex
    if set(pattern) & set(string.whitespace + "#"):
        raise InvalidSpecError(path, f"{pattern!r} fits no URL; leave out white space and #")
    scheme, mark, rest = pattern.partition("://")
    if not mark or not _BEHIND_HOST.isdisjoint(scheme):  # as in a.example/?to=https://*
        scheme, rest = "", pattern
    elif scheme.lower() not in {"http", "https", "*"}:
        raise InvalidSpecError(path, f"{pattern!r} fits no URL; begin with http:// or a host")
    address, question_mark, query = rest.partition("?")
    host, slash, below = address.partition("/")
    if not host:
        raise InvalidSpecError(
            path, f"{pattern!r} names no host; write shop.example/p/*, or */p/* for any host"
        )
    regex = rf"\A{scheme.lower() if scheme not in {'', '*'} else 'https?'}://{_host(host, path)}"
    if slash or question_mark:
        regex += f"/{_glob(_encoded(below))}"
        regex += rf"\?{_glob(_encoded(query))}" if question_mark else r"(?:\?.*)?"
        regex += r"\z"
    else:
        regex += "/"  # all of the host
    return regex


def _host(host: str, path: str) -> str:
    name, _, port = host.rpartition(":") if host[-1].isdigit() else (host, "", "")
    if not name or name.endswith(":"):  # an IPv6 address, or no port
        name, port = host, ""
    subdomains = name.startswith("*.")
    try:
        like_it = parse_url(f"http://{name.replace('*', 'a')}/").host
        labels = [
            label if label.isascii() else parse_url(f"http://{label}.example/").host[:-8]
            for label in (name[2:] if subdomains else name).lower().split(".")
        ]
    except InvalidUrlError:
        like_it = ""
    if "" in like_it.split("."):
        raise InvalidSpecError(path, f"{host!r} is no name of a host")
    regex = _glob(".".join(labels), anything="[^/?]*")
    if subdomains:
        regex = rf"(?:[^/?]*\.)?{regex}"
    if not port:
        return rf"{regex}(?::[0-9]+)?"
    return rf"{regex}(?::{port})?" if port in _DEFAULT_PORTS else rf"{regex}:{port}"


def _encoded(text: str) -> str:
    return text if text.isascii() else quote(text, safe=_KEPT)


def _glob(text: str, anything: str = ".*") -> str:
    """Return the regular expression for `text`, in which `*` stands for any characters."""
    import re2  # noqa: PLC0415 -- for those who have patterns

    return anything.join(re2.escape(part) for part in text.split("*"))


def _first_of(regexes: Sequence[str]) -> Callable[[str], int | None]:
    if not regexes:
        return lambda _text: None
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.dot_nl = True
    found = re2.Set.SearchSet(options)
    for regex in regexes:
        found.Add(regex)
    found.Compile()

    def first(text: str) -> int | None:
        numbers = found.Match(text)
        return min(numbers) if numbers else None

    return first

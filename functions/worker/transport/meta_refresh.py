"""
Where a page of HTML sends its readers by `<meta http-equiv="refresh">`.

Pure. It looks at the beginning of a page alone, and makes no tree of it: what a page is that takes
long to parse, nobody knows yet.
"""

import re
from html import unescape

from functions.worker.transport.page import FetchedPage
from shared.errors import InvalidUrlError
from shared.urls import Url, parse_url

MAX_DELAY = 10.0
"""Seconds. A page that sends its readers on later is there to be read."""
_LOOKED_AT = 65_536  # bytes
_HTML = {None, "text/html", "application/xhtml+xml"}
# A browser that runs scripts obeys no element that is in one of these.
_ASIDE = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|noscript|style|title|template)\b.*?(?:</\1|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_ELEMENT = re.compile(r"<(meta|base)\b([^>]{0,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
# https://html.spec.whatwg.org/#shared-declarative-refresh-steps
_REFRESH = re.compile(
    r"""\s*([0-9]{0,9}(?:\.[0-9]*)?)[0-9.]*\s*[;,\s]\s*(?:url\s*=\s*)?("[^"]*|'[^']*|[^"'].*|)""",
    re.IGNORECASE | re.DOTALL,
)


def refresh_of(page: FetchedPage) -> Url | None:
    """
    Return where `page` leads within `MAX_DELAY`.

    Returns None if the page leads nowhere, or to itself: that is a page which is shown anew.
    """
    body = page.body[:_LOOKED_AT]
    if page.content_type not in _HTML or b"refresh" not in body.lower():
        return None
    text, base = _ASIDE.sub("", _decoded(body, page.charset)), page.url
    try:
        for element, inside in _ELEMENT.findall(text):
            said = {
                name.lower(): unescape("".join(values))
                for name, *values in reversed(_ATTRIBUTE.findall(inside))
            }
            if element.lower() == "base":
                base = parse_url(said.get("href", ""), page.url).href
            elif said.get("http-equiv", "").strip().lower() == "refresh":
                return _location(said.get("content", ""), base, page.url)
    except InvalidUrlError:
        pass
    return None


def _location(content: str, base: str, own: str) -> Url | None:
    found = _REFRESH.match(content)
    if found is None or float(found[1].rstrip(".") or 0) > MAX_DELAY:
        return None
    written = found[2].lstrip("\"'").strip()
    location = parse_url(written, base) if written else None
    return None if location is None or location.href == own else location


def _decoded(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return body.decode(errors="replace")

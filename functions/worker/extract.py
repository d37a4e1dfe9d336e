"""
From a page to rows.

Pure, and never raises on what a website sent.
"""

from typing import Any, NamedTuple

from functions.worker.charset import decode_page
from functions.worker.document import parse_html
from functions.worker.fetch import Page
from shared.errors import InvalidUrlError
from shared.urls import parse_url

MAX_LINKS = 2_000
MAX_LINK_BYTES = 500_000  # of one page's links together
MAX_TEXT = 10_000  # characters of a title or a description
_HTML = {None, "text/html", "application/xhtml+xml"}


class Extracted(NamedTuple):
    """Rows, what is wrong with them, and the contents of the page's robots meta elements."""

    rows: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    robots: list[str]


def extract(page: Page, *, token: str) -> Extracted:
    """
    Return what `page` holds.

    Of HTML one row: `title`, `description`, `canonical` and `links`; absolute URLs, None where
    the page does not say. Links come once each, in document order, at most `MAX_LINKS` and
    `MAX_LINK_BYTES`; texts are cut off at `MAX_TEXT`. Of anything else none.

    Args:
        page: The page.
        token: Our name in robots meta elements; see `robots.product_token`.
    """
    if page.content_type not in _HTML:
        return Extracted([], [], [])
    document = parse_html(decode_page(page.body, page.charset))
    if document is None:
        return Extracted([], [{"field": "page", "problem": "too_complex", "value": None}], [])
    base = page.url
    base_element = document.css_first("base[href]")
    if base_element is not None:
        base = _absolute(base_element.attributes.get("href"), page.url) or base
    problems: list[dict[str, Any]] = []
    title = document.css_first("title")
    description = document.css_first("meta[name=description i]")
    canonical = document.css_first("link[rel~=canonical i]")
    links: dict[str, None] = {}
    size = 0
    elements = document.css("a[href], area[href]")
    # Most pages name some places twice, and a bad one half a million times.
    for href in dict.fromkeys(element.attributes.get("href") for element in elements):
        url = _absolute(href, base)
        if url is None or url in links:
            continue
        size += len(url)
        if len(links) == MAX_LINKS or size > MAX_LINK_BYTES:  # a long <base> is in each of them
            problems.append({"field": "links", "problem": "truncated", "value": len(elements)})
            break
        links[url] = None
    row = {
        "title": _text(title.text()) if title is not None else None,
        "description": _text(description.attributes.get("content")) if description else None,
        "canonical": _absolute(canonical.attributes.get("href"), base) if canonical else None,
        "links": list(links),
    }
    robots = [
        content
        for element in document.css("meta[name][content]")
        if (element.attributes.get("name") or "").lower() in {"robots", token}
        and (content := element.attributes.get("content"))
    ]
    return Extracted([row], problems, robots)


def _absolute(href: str | None, base: str) -> str | None:
    try:
        return parse_url(href, base=base).href if href is not None else None
    except InvalidUrlError:
        return None


def _text(text: str | None) -> str | None:
    """Return the beginning of `text`, white space folded, or None where nothing is left."""
    return " ".join(text[: 2 * MAX_TEXT].split())[:MAX_TEXT] or None if text else None

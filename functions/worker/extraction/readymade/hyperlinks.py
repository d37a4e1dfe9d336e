"""Where the links of a page lead, and what they say."""

from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import text_of
from functions.worker.extraction.values.texts import fold
from shared.urls import parse_url, registrable_domain

MAX_LINKS = 2_000
MAX_LINK_BYTES = 500_000  # of one page's links together
MAX_LINK_TEXT = 1_000
_LINKS = "a[href], area[href]"


def link_urls(document: Document) -> list[str]:
    """Return the links of a page, each once, as URLs."""
    links: dict[str, None] = {}
    size = 0
    elements = document.tree.css(_LINKS)
    resolve = document.resolve
    # Most pages name some places twice, and a bad one half a million times.
    for href in dict.fromkeys([element.attrs.get("href") for element in elements]):
        url = resolve(href) if href is not None else None
        if url is None or url in links:
            continue
        size += len(url)
        if len(links) == MAX_LINKS or size > MAX_LINK_BYTES:  # a long <base> is in each of them
            document.problem("links", "truncated", len(elements))
            break
        links[url] = None
    return list(links)


def links(document: Document, row: dict[str, Any], name: str) -> None:
    """Put the links: URL, text, rel, and whether they stay on the registrable domain."""
    home = registrable_domain(parse_url(document.page.url).host)
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    size = 0
    elements = document.tree.css(_LINKS)
    for element in elements:
        attributes = element.attrs
        url = document.resolve(attributes.get("href") or "")
        if url is None:
            continue
        text, rel = text_of(element, document)[:MAX_LINK_TEXT], fold(attributes.get("rel") or "")
        key = url, text, rel
        if key in found:
            continue
        size += len(url) + len(text) + len(rel)
        if len(found) == MAX_LINKS or size > MAX_LINK_BYTES:
            document.problem(name, "truncated", len(elements))
            break
        internal = registrable_domain(parse_url(url).host) == home
        found[key] = {"url": url, "text": text, "rel": rel or None, "internal": internal}
    row[name] = list(found.values())

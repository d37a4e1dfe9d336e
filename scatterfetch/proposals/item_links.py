"""What a listing leads to: its items, and its next page. Pure guesswork; see `first_crawl`."""

from collections.abc import Iterator
from typing import NamedTuple

from functions.worker.extraction.documents.document import Document
from scatterfetch.proposals.columns import Source
from scatterfetch.proposals.furniture import Furniture
from scatterfetch.proposals.lookalikes import row_candidates
from shared.errors import InvalidUrlError
from shared.urls import parse_url, registrable_domain

_FEW = 3  # items, from which on a page is a listing
_MOST = 2  # links to the next page: above the items and below
_NEXT = ("a.next", ".next a", ".pagination-next a", ".pagination__next a", "a.pagination-next")
_NUMBERED = (".pagination a", ".pager a", ".pages a", ".page-numbers a", "a.page-numbers")
_WORDS = (
    "Next", "next", "Next page", "Next \xbb", "Next \u203a", "Older posts", "Weiter", "Nächste",
    "Suivant", "Siguiente", "Successivo", "\u203a", "\xbb", "\u2192",
)  # fmt: skip


class Links(NamedTuple):
    """Links that are worth following: their source, as in `follow`, and where they lead to."""

    source: Source
    urls: list[str]


def item_links(document: Document) -> Links | None:
    """Return the links to the items of a listing; None if the page lists none."""
    for rows in row_candidates(document, Furniture()):
        elements = document.tree.css(rows.css)
        if all(element.tag == "a" for element in elements):
            selectors = [rows.css]
        else:
            own = [source for source in rows.fields.values() if source.get("attr") == "href"]
            selectors = [f"{rows.css} {source['css']}" for source in own]
        for css in selectors:
            urls = _urls(document, css)
            if len(urls) >= _FEW:
                return Links({"css": css}, urls)
    return None


def next_links(document: Document, items: Links) -> Links | None:
    """Return the links to further pages of a listing with `items`; None if none were found."""
    for source, urls in _candidates(document):
        if urls and not set(urls) & set(items.urls):
            return Links(source, urls)
    return None


def _candidates(document: Document) -> Iterator[tuple[Source, list[str]]]:
    yield {"rel": "next"}, _urls(document, "a[rel~=next], link[rel~=next]")
    for css in _NEXT:
        urls = _urls(document, css)
        if len(urls) <= _MOST:
            yield {"css": css}, urls
    for css in _NUMBERED:
        yield {"css": css}, _urls(document, css)
    texts: dict[str, list[str]] = {}
    for element in document.tree.css("a[href]"):
        texts.setdefault(" ".join(element.text().split()), []).append(
            element.attributes.get("href") or ""
        )
    for word in _WORDS:
        urls = _near(document, texts.get(word, []))
        if len(urls) <= _MOST:
            yield {"xpath": f'//a[normalize-space()="{word}"]'}, urls


def _urls(document: Document, css: str) -> list[str]:
    return _near(
        document, [element.attributes.get("href") or "" for element in document.tree.css(css)]
    )


def _near(document: Document, links: list[str]) -> list[str]:
    """Return the URLs of other pages of the website, each once."""
    page = parse_url(document.page.url)
    domain = registrable_domain(page.host)
    found: dict[str, None] = {}
    for link in links:
        try:
            url = parse_url(document.resolve(link) or "")
        except InvalidUrlError:
            continue
        if registrable_domain(url.host) == domain and url.href != page.href:
            found[url.href] = None
    return [*found]

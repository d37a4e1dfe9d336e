"""The entries of feeds and sitemaps: RSS, RDF, Atom, and sitemaps.org."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.links import Resolver
from functions.worker.extraction.readymade.titles import shortened
from functions.worker.extraction.structured.statements import evidence_of
from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.dates import read_date, read_iso
from functions.worker.extraction.values.unread import Unread

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_FEED_BYTES = 500_000
_FEED = ("entry", "item")
_SITEMAP = ("sitemap", "url")
_DUBLIN_CORE = ("{http://purl.org/dc/", "{urn:undeclared:dc}")


def feed(document: Document, row: dict[str, Any], name: str) -> None:
    """Put the entries of RSS, RDF and Atom."""
    _put_entries(document, row, name, _FEED, _feed_entry)


def sitemap(document: Document, row: dict[str, Any], name: str) -> None:
    """Put what a sitemap, or an index of sitemaps, lists."""
    _put_entries(document, row, name, _SITEMAP, _sitemap_entry)


def feed_links(document: Document) -> Iterator[tuple[str | None, str | None]]:
    """Yield the URL of each entry of a feed, and its date, ISO 8601 where it can be read."""
    for element in _entries(document, _FEED):
        date = _date(document, element, "pubDate", "published", "date", "updated")
        yield _link(document, element), date


def sitemap_links(document: Document) -> Iterator[tuple[str | None, str | None]]:
    """Yield each URL that a sitemap or an index of sitemaps lists, and when it was last changed."""
    for element in _entries(document, _SITEMAP):
        entry = _sitemap_entry(document, element)
        yield entry["url"], entry["lastmod"]


def _entries(document: Document, tags: tuple[str, ...]) -> "Iterator[_Element]":
    if document.xml is not None:
        for element in document.xml.iter(*(f"{{*}}{tag}" for tag in tags)):
            document.hurry()
            yield element


def _put_entries(
    document: Document,
    row: dict[str, Any],
    name: str,
    tags: tuple[str, ...],
    read: Callable[[Document, "_Element"], dict[str, str | None]],
) -> None:
    row[name] = []
    size = 0
    for element in _entries(document, tags):
        entry = read(document, element)
        size += sum(len(value) for value in entry.values() if value)
        if size > MAX_FEED_BYTES:
            document.problem(name, "truncated", f"{size} characters")
            break
        row[name].append(entry)


def _feed_entry(document: Document, element: "_Element") -> dict[str, str | None]:
    return {
        "url": _link(document, element),
        "title": _child(element, "title") or _dublin_core(element, "title"),
        "published": _date(document, element, "pubDate", "published", "date", "updated"),
        "summary": _child(element, "description", "summary", "content")
        or _dublin_core(element, "description")
        or _other(element, "encoded"),
        "id": _child(element, "guid", "id"),
    }


def _sitemap_entry(document: Document, element: "_Element") -> dict[str, str | None]:
    link = _child(element, "loc")
    return {
        "url": document.resolve(link) if link else None,
        "lastmod": _date(document, element, "lastmod"),
    }


def _link(document: Document, element: "_Element") -> str | None:
    """Return the URL of an entry: RSS's link, Atom's alternate one, or a guid that is a link."""
    for link in _children(element, "link") + element.findall("{*}link"):
        text = shortened("".join(map(str, link.itertext())))
        if text is None and link.get("rel", "alternate").rpartition("/")[2] == "alternate":
            text = shortened(link.get("href"))
        if text:
            return _resolved(document, link, text)
    for guid in _children(element, "guid"):
        text = shortened(guid.text)
        if text and guid.get("isPermaLink", "true").strip().lower() != "false":
            return document.resolve(text) if text.startswith(("http://", "https://")) else None
    return None


def _resolved(document: Document, element: "_Element", link: str) -> str | None:
    base = document.resolve(element.base) if element.base else None
    return document.resolve(link) if base is None else Resolver(base)(link)


def _children(element: "_Element", name: str) -> "list[_Element]":
    """
    Return the children that belong to an entry: of its own namespace, or of none.

    What has the same name in another one, such as atom:link in RSS, is something else.
    """
    own = element.tag.rpartition("}")[0]
    found = element.findall(name)
    return element.findall(f"{own}}}{name}") + found if own else found


def _child(element: "_Element", *names: str) -> str | None:
    return _first_text(child for name in names for child in _children(element, name))


def _other(element: "_Element", name: str) -> str | None:
    return _first_text(element.findall(f"{{*}}{name}"))


def _dublin_core(element: "_Element", name: str) -> str | None:
    found = element.findall(f"{{*}}{name}")
    return _first_text(child for child in found if child.tag.startswith(_DUBLIN_CORE))


def _first_text(elements: "Iterable[_Element]") -> str | None:
    texts = (shortened("".join(map(str, element.itertext()))) for element in elements)
    return next(filter(None, texts), None)


def _date(document: Document, element: "_Element", *names: str) -> str | None:
    """Return a date, or the text as it is, where that is none or could be two."""
    text = _child(element, *names) or next(filter(None, (_other(element, n) for n in names)), None)
    if text is None:
        return None
    found = read_iso(text) or read_date(
        text, Conventions(_unknown, _unknown, evidence_of(document).now)
    )
    return text if isinstance(found, Unread) else found


def _unknown() -> None:
    """Say that a feed does not tell how it writes its dates."""

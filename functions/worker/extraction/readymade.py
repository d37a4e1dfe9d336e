"""
Ready-made columns about a page: what a spec includes by name.

Each function puts its columns into a row.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from functions.worker.extraction.dates import Decide, read_date, read_iso
from functions.worker.extraction.document import Document, pieces_of, text_of
from functions.worker.extraction.links import Resolver
from functions.worker.extraction.main_content import main_content
from functions.worker.extraction.microdata import microdata
from functions.worker.extraction.numerals import Unread
from functions.worker.extraction.objects import data_of
from functions.worker.extraction.structured import json_ld, properties
from functions.worker.extraction.values import fold
from shared.encodable import as_json
from shared.extract_spec import ContentSpec, ExtractSpec
from shared.urls import parse_url, registrable_domain

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_LINKS = 2_000
MAX_LINK_BYTES = 500_000  # of one page's links together
MAX_LINK_TEXT = 1_000
MAX_TITLE = 10_000  # characters of a title or a description
MAX_PROPERTIES = 200
MAX_TEXT = 200_000  # characters
MAX_DATA_BYTES = 500_000  # of JSON-LD, of microdata, of a feed
MAX_CELLS = 20_000
MAX_SPAN = 100

_CONTENT = {"text": "txt", "markdown": "markdown"}
ReadyMade = Callable[[Document, dict[str, Any], str], None]
# The namespaces of https://ogp.me, and of Facebook, which has made it.
_KINDS = frozenset(["article", "book", "fb", "music", "product", "profile", "video"])
_DUBLIN_CORE = ("{http://purl.org/dc/", "{urn:undeclared:dc}")
_LINKS = "a[href], area[href]"
_WHITE_SPACE = re.compile(r"\s+")


def page(document: Document, row: dict[str, Any], _name: str) -> None:
    """Put the default row's columns: title, description, canonical and links as URLs."""
    tree, resolve = document.tree, document.resolve
    row["title"] = _title(tree)
    row["description"] = _description(document)
    row["canonical"] = document.canonical
    links: dict[str, None] = {}
    size = 0
    elements = tree.css(_LINKS)
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
    row["links"] = list(links)


def _title(tree: LexborHTMLParser) -> str | None:
    title = tree.css_first("title")
    return _short(title.text()) if title is not None else None


def _description(document: Document) -> str | None:
    for element in document.about["meta"]:
        attributes = element.attrs
        if (attributes.get("name") or "").lower() == "description":
            return _short(attributes.get("content"))
    return None


def _short(text: str | None) -> str | None:
    """Return the beginning of `text`, white space folded, or None where nothing is left."""
    return fold(text[: 2 * MAX_TITLE])[:MAX_TITLE] or None if text else None


def meta(document: Document, row: dict[str, Any], name: str) -> None:
    """Put what the head of a page says of it."""
    found = properties(document)
    root = document.tree.css_first("html[lang]")
    row[name] = {
        "title": _title(document.tree),
        "description": _description(document),
        "canonical": document.canonical,
        "language": _short(root.attrs.get("lang")) if root is not None else None,
        "robots": _short(", ".join(found.get("robots", ()))),
        "opengraph": _open_graph(found),
        "twitter": _prefixed("twitter:", found),
    }


def _open_graph(found: dict[str, list[str]]) -> dict[str, str | None]:
    """Return what is said of the page as an object, that of its kind (`article:author`) too."""
    of_kind = [name for name in found if name.partition(":")[0] in _KINDS and ":" in name]
    return _prefixed("og:", found) | {
        name: _short(found[name][0]) for name in of_kind[:MAX_PROPERTIES]
    }


def _prefixed(prefix: str, found: dict[str, list[str]]) -> dict[str, str | None]:
    names = [name for name in found if name.startswith(prefix)][:MAX_PROPERTIES]
    return {name.removeprefix(prefix): _short(found[name][0]) for name in names}


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


def structured(read: Callable[[Document], list[Any]]) -> ReadyMade:
    def put(document: Document, row: dict[str, Any], name: str) -> None:
        row[name] = []
        size = 0
        for value in data_of(document, read):
            fitting, text = as_json(value, partial(document.problem, name, "unreadable"))
            size += len(text)
            if size > MAX_DATA_BYTES:
                document.problem(name, "truncated", f"{size} bytes")
                break
            row[name].append(fitting)

    return put


def page_text(document: Document, row: dict[str, Any], name: str) -> None:
    """Put the text of the whole page as a browser shows it, a line for each block."""
    body = document.tree.body
    pieces = pieces_of(body, document, "\n") if body is not None else []
    _put_text(document, row, name, _lines(pieces))


def _lines(pieces: list[str]) -> str:
    # White space within a piece is none of ours: only blocks end lines.
    text = "".join(piece if piece == "\n" else _WHITE_SPACE.sub(" ", piece) for piece in pieces)
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _put_text(document: Document, row: dict[str, Any], name: str, found: str) -> None:
    if len(found) > MAX_TEXT:
        document.problem(name, "truncated", len(found))
    row[name] = found[:MAX_TEXT] or None


def content(form: str, spec: ContentSpec) -> ReadyMade:
    """Return what puts the main content, without navigation and the like."""

    def put(document: Document, row: dict[str, Any], name: str) -> None:
        _put_text(document, row, name, main_content(document, form, spec) or "")

    return put


def tables(document: Document, row: dict[str, Any], name: str) -> None:
    """Put the tables: caption, header and rows. A cell is in each place that it spans."""
    row[name] = []
    left = MAX_CELLS
    for table in document.tree.css("table"):
        caption = table.css_first("caption")
        lines: list[list[str]] = []
        header: list[str] | None = None
        for heads, line in _table_lines(table, document):
            left -= len(line)
            if left < 0:
                break
            if header is None and not lines and heads:
                header = line
            else:
                lines.append(line)
        if header or lines:
            text = text_of(caption, document) if caption is not None else ""
            row[name].append({"caption": text or None, "header": header, "rows": lines})
        if left < 0:
            document.problem(name, "truncated", f"{MAX_CELLS} cells")
            break


def _table_lines(table: LexborNode, document: Document) -> Iterator[tuple[bool, list[str]]]:
    """Yield the lines of a table, and whether all cells in it are headings."""
    spanning: dict[int, tuple[int, str]] = {}  # by column: lines to come, and the text in them
    for tr in _own_lines(table):
        document.hurry()
        line: list[str] = []
        tags = set()
        for cell in tr.iter():
            if cell.tag not in {"td", "th"}:
                continue
            tags.add(cell.tag)
            _take_spanning(line, spanning)
            document.hurry()  # tables in each other have the same texts
            text = text_of(cell, document)
            lines = _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if lines > 1:
                    spanning[len(line)] = lines - 1, text
                line.append(text)
        _take_spanning(line, spanning)
        if line:
            yield tags == {"th"}, line


def _own_lines(table: LexborNode) -> Iterator[LexborNode]:
    """Yield the <tr> of a table, and not those of tables within it."""
    for child in table.iter():
        if child.tag == "tr":
            yield child
        elif child.tag in {"thead", "tbody", "tfoot"}:
            yield from (inner for inner in child.iter() if inner.tag == "tr")


def _take_spanning(line: list[str], spanning: dict[int, tuple[int, str]]) -> None:
    """Let the cells of earlier lines reach into this one."""
    while len(line) in spanning:
        lines, text = spanning.pop(len(line))
        if lines > 1:
            spanning[len(line)] = lines - 1, text
        line.append(text)


def _span(cell: LexborNode, name: str) -> int:
    text = cell.attrs.get(name) or ""
    return min(max(int(text), 1), MAX_SPAN) if text.isdecimal() and len(text) < 6 else 1  # noqa: PLR2004


def feed(document: Document, row: dict[str, Any], name: str) -> None:
    """Put the entries of RSS, RDF and Atom."""
    _put_entries(document, row, name, {"item", "entry"}, _feed_entry)


def sitemap(document: Document, row: dict[str, Any], name: str) -> None:
    """Put what a sitemap, or an index of sitemaps, lists."""
    _put_entries(document, row, name, {"url", "sitemap"}, _sitemap_entry)


def _put_entries(
    document: Document,
    row: dict[str, Any],
    name: str,
    tags: set[str],
    read: Callable[[Document, "_Element"], dict[str, str | None]],
) -> None:
    row[name] = []
    if document.xml is None:
        return
    size = 0
    for element in document.xml.iter(*(f"{{*}}{tag}" for tag in sorted(tags))):
        document.hurry()
        entry = read(document, element)
        size += sum(len(value) for value in entry.values() if value)
        if size > MAX_DATA_BYTES:
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
        text = _short("".join(map(str, link.itertext())))
        if text is None and link.get("rel", "alternate").rpartition("/")[2] == "alternate":
            text = _short(link.get("href"))
        if text:
            return _resolved(document, link, text)
    for guid in _children(element, "guid"):
        text = _short(guid.text)
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
    texts = (_short("".join(map(str, element.itertext()))) for element in elements)
    return next(filter(None, texts), None)


def _date(document: Document, element: "_Element", *names: str) -> str | None:
    """Return a date, or the text as it is, where that is none or could be two."""
    text = _child(element, *names) or next(filter(None, (_other(element, n) for n in names)), None)
    if text is None:
        return None
    found = read_iso(text) or read_date(text, Decide(_unknown, _unknown, document.evidence.now))
    return text if isinstance(found, Unread) else found


def _unknown() -> None:
    """Say that a feed does not tell how it writes its dates."""


_READY_MADE: dict[str, ReadyMade] = {
    "page": page,
    "meta": meta,
    "links": links,
    "jsonld": structured(json_ld),
    "microdata": structured(microdata),
    "page_text": page_text,
    "tables": tables,
    "feed": feed,
    "sitemap": sitemap,
}


def ready_made(name: str, spec: ExtractSpec) -> ReadyMade:
    """Return what puts the columns that a spec calls `name`."""
    if name in _CONTENT:
        return content(_CONTENT[name], spec.content or ContentSpec())
    return _READY_MADE[name]

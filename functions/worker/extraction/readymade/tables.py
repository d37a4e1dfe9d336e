"""The tables of a page, with each cell in each place that it spans."""

from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import text_of

MAX_CELLS = 20_000
MAX_SPAN = 100


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

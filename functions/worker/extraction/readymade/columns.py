"""
The ready-made columns by their names.

Each function puts its columns into a row.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import pieces_of
from functions.worker.extraction.readymade.feeds import feed, sitemap
from functions.worker.extraction.readymade.head import meta, page
from functions.worker.extraction.readymade.hyperlinks import links
from functions.worker.extraction.readymade.main_content import main_content
from functions.worker.extraction.readymade.tables import tables
from functions.worker.extraction.structured.graph import data_of
from functions.worker.extraction.structured.json_ld import json_ld
from functions.worker.extraction.structured.microdata import microdata
from shared.encodable import as_json
from shared.extract_spec import ContentSpec, ExtractSpec

MAX_TEXT = 200_000  # characters
MAX_DATA_BYTES = 500_000  # of JSON-LD, of microdata
_CONTENT = {"text": "txt", "markdown": "markdown"}
ReadyMade = Callable[[Document, dict[str, Any], str], None]
_WHITE_SPACE = re.compile(r"\s+")


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

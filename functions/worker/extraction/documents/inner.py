"""
Documents within a page: HTML in JSON, JSON in an attribute, a text in which more is searched.

Each is a document like the page that it is in, and shares its notes, so that all of them together
have one bound. None of them knows the page: no circle may hold a tree.
"""

import re
from typing import Any

from functions.worker.extraction.documents.complexity import may_take_long
from functions.worker.extraction.documents.document import Document
from functions.worker.transport.page import FetchedPage

# Cells and rows without their table, as many an API sends them: a parser drops their tags.
_IN_TABLE = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:caption|col|colgroup|tbody|td|tfoot|th|thead|tr)[\s>/]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(r"\s*<\?xml\s")


def html_within(document: Document, text: str) -> Document | None:
    """
    Return `text`, which is in `document`, as HTML; None where there was too much of it already.

    Args:
        document: The page, or a document within it.
        text: HTML, or a part of a page.

    Raises:
        TooComplexError: it does not fit into memory, or may take long where nothing may.
    """
    if document.exceeds(len(text)):
        return None
    found = _within(document, "text/html", f"<table>{text}" if _IN_TABLE.match(text) else text)
    found.resolve = document.resolve
    return found


def says_xml(text: str) -> bool:
    """Tell whether `text` says that it is XML."""
    return _XML.match(text) is not None


def xml_within(document: Document, text: str) -> Document | None:
    """Return `text` as XML, likewise."""
    return None if document.exceeds(len(text)) else _within(document, "application/xml", text)


def json_within(document: Document, value: Any) -> Document:  # noqa: ANN401
    """Return `value`, which is in `document`, as what the JSON of a page holds."""
    found = _within(document, "application/json", "")
    found.json = value
    return found


def text_within(document: Document, text: str) -> Document | None:
    """Return `text` as the source of a page; None where there was too much of it already."""
    if document.exceeds(len(text)):
        return None
    found = _within(document, "text/plain", "")
    found.source = text
    return found


def _within(document: Document, content_type: str, text: str) -> Document:
    body = text.encode("utf-8", "replace")
    if may_take_long(body):
        document.take_time()
    page = FetchedPage(document.page.url, document.page.status, content_type, "utf-8", body)
    return Document(page, document.hurry, document.notes)

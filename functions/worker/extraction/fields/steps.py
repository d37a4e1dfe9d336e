"""
From what a source finds to the document in which the next one looks, behind `then`.

What is found is taken as it is: white space in it may be of a text of JSON. Parts are opened once
for all fields that read them.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.inner import (
    html_within,
    json_within,
    says_xml,
    text_within,
    xml_within,
)
from functions.worker.extraction.documents.lexbor import Scope, html_of
from functions.worker.extraction.fields.finders import Finder, Unreadable, is_some
from functions.worker.extraction.structured.embedded_json import NotJSONError, read_embedded
from functions.worker.extraction.values.conversion import to_text
from shared.extract_spec import SourceSpec

_KEPT = 100  # parts of a page, or of a row, that stay open: a tree of HTML takes 100 KB
# Elements whose content is a text, whatever it looks like.
_TEXTS = frozenset(["script", "style", "textarea", "title", "iframe", "xmp"])


class Part(NamedTuple):
    """What the next source reads: an element, or a document of its own."""

    scope: Scope
    document: Document


Opened = Part | Unreadable


def form_of(then: SourceSpec) -> str:
    """Return as what `then` reads what it is given: those of one form can read the same part."""
    if then.jmespath is not None:
        return "json"
    if then.css is not None or then.attr is not None:
        return "elements"
    if then.xpath is not None:
        return "xml"
    return "text" if then.is_of_elements else "markup"


class Step:
    """
    Opens what a source finds.

    Args:
        found: The finder of that source.
        source: The source.
        then: What reads it.
        of_row: Whether it is another in each row.
    """

    def __init__(
        self, found: Finder, source: SourceSpec, then: SourceSpec, *, of_row: bool
    ) -> None:
        self._first, self._all = found
        self._open = _OPENERS[form_of(then)]
        self._of_scope = source.is_of_elements or source.xpath is not None
        self._of_row = of_row

    def first(self, scope: Scope, document: Document) -> Opened | None:
        """Return what the first value that there is leads to; None where there is none."""
        memo = document.row_memo if self._of_row else document.memo
        parts = memo.setdefault(Step, {})
        key = self, scope.mem_id if self._of_scope and isinstance(scope, LexborNode) else None
        if key in parts:
            opened: Opened | None = parts[key]
            return opened
        raw = self._first(scope, document)
        opened = raw if raw is None else self._open(raw, document)
        if len(parts) < _KEPT:
            parts[key] = opened
        return opened

    def all(self, scope: Scope, document: Document) -> Iterator[Opened]:
        """Yield what each value leads to, one after the other."""
        for raw in filter(is_some, self._all(scope, document)):
            document.hurry()
            opened = self._open(raw, document)
            if opened is not None:
                yield opened


def behind(step: Step, last: Finder) -> Finder:
    """Return what finds the values of `last` in what `step` opens."""
    first_inside, all_inside = last

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        opened = step.first(scope, document)
        return first_inside(*opened) if isinstance(opened, Part) else opened

    def find_all(scope: Scope, document: Document) -> Iterator[Any]:
        for opened in step.all(scope, document):
            if isinstance(opened, Part):
                yield from all_inside(*opened)
            else:
                yield opened

    return first, find_all


def _as_json(raw: Any, document: Document) -> Opened | None:  # noqa: ANN401 -- JSON, or elements
    value = raw.text() if isinstance(raw, LexborNode) else raw
    if isinstance(value, str):
        try:
            value = read_embedded(value, document)
        except NotJSONError as error:
            return Unreadable("not_json", str(error))
        if value is None:
            return None
    return _part(json_within(document, value))


def _as_elements(raw: Any, document: Document) -> Opened | None:  # noqa: ANN401
    if isinstance(raw, LexborNode):
        if raw.tag == "template":  # its content is a document of its own, which CSS does not see
            raw = f"<div{html_of(raw).removeprefix('<template')}"
        elif raw.tag in _TEXTS:
            raw = raw.text()
        else:
            return Part(raw, document)
    return _as_markup(raw, document)


def _as_xml(raw: Any, document: Document) -> Opened | None:  # noqa: ANN401
    if isinstance(raw, str) and says_xml(raw):
        return _part(xml_within(document, raw))
    return _as_elements(raw, document)


def _as_markup(raw: Any, document: Document) -> Opened | None:  # noqa: ANN401
    text = html_of(raw) if isinstance(raw, LexborNode) else raw
    if not isinstance(text, str):
        return Unreadable("not_text", msgspec.json.encode(raw).decode())
    return _part(html_within(document, text))


def _as_text(raw: Any, document: Document) -> Opened | None:  # noqa: ANN401
    text = html_of(raw) if isinstance(raw, LexborNode) else raw
    if not isinstance(text, str):
        text = to_text(raw) or msgspec.json.encode(raw).decode()
    return _part(text_within(document, text))


def _part(inner: Document | None) -> Part | None:
    return None if inner is None else Part(inner.tree, inner)


_OPENERS: dict[str, Callable[[Any, Document], Opened | None]] = {
    "json": _as_json,
    "elements": _as_elements,
    "xml": _as_xml,
    "markup": _as_markup,
    "text": _as_text,
}

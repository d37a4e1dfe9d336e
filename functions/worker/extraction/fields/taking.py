"""From raw values to values of the type that a field has."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.srcset import one_url
from functions.worker.extraction.structured.statements import evidence_of
from functions.worker.extraction.values.conversion import Quick, conversion
from functions.worker.extraction.values.unread import Unread
from shared.extract_spec import FieldSpec

_SHORT = 200  # characters of a text that is read once for a page
_MAX_KNOWN = 2_000  # of these
Take = Callable[[Any, Document], Any]
"""Returns the value that a raw one stands for, or why it stands for none: an `Unread`."""


class Taking(NamedTuple):
    """What makes raw values of a source into values of the field's type."""

    quick: Quick | None
    """Returns a value that leaves no doubt, else None; by this call alone most are read."""
    full: Take

    def take(self, raw: Any, document: Document) -> Any:  # noqa: ANN401
        value = None if self.quick is None else self.quick(raw)
        return self.full(raw, document) if value is None else value


def taking(name: str, field: FieldSpec) -> Taking:
    if field.type == "url":
        return Taking(
            None,
            lambda raw, document: (
                (isinstance(raw, str) and (link := one_url(raw)) and document.resolve(link))
                or Unread.UNREADABLE
            ),
        )
    quick, full = conversion(field.type, field.locale)

    def take(raw: Any, document: Document) -> Any:  # noqa: ANN401
        if not isinstance(raw, str) or len(raw) > _SHORT or field.type == "json":
            return full(raw, evidence_of(document), partial(document.problem, name, "unreadable"))
        # Rows that nest have the same texts again and again.
        known = document.memo.setdefault(take, {})
        key = raw.__class__, raw  # what a program wrote is not read as what it looks like
        found = known.get(key)
        if found is None:
            found = full(raw, evidence_of(document), _note_nothing)
            if len(known) < _MAX_KNOWN:
                known[key] = found
        return found

    return Taking(quick, take)


def _note_nothing(_lost: object) -> None:
    """Say nothing: such values are lost as a whole, or not at all."""

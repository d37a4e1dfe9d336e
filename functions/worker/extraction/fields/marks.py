"""What the place of a raw value says of it: that a program wrote it, or in which currency it is."""

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.documents.srcset import best_candidate
from functions.worker.extraction.fields.finders import Finder
from functions.worker.extraction.fields.selectors import is_numeral
from functions.worker.extraction.values.amounts import Amount
from functions.worker.extraction.values.texts import JsonText, MachineText, PartedText
from shared.extract_spec import FieldSpec, SourceSpec

_MACHINE_ATTRIBUTES = {"content", "datetime"}
_MACHINE_STEPS = ("@content", "@datetime")
# imagesrcset, data-srcset-webp and data-bgset are such too, data-asset is none.
_LISTS_IMAGES = r"[\w.-]*(?:src|bg|background|img|image|picture)[_-]?set(?![^\W_])[\w.-]*"
_LISTING = re.compile(_LISTS_IMAGES, re.IGNORECASE)
# Behind it only what picks one, and the end of a function.
_LISTING_STEP = re.compile(rf"@{_LISTS_IMAGES}[\s)]*(?:\[[^\[\]]*\][\s)]*)*\Z", re.IGNORECASE)
_DECODED = 5  # times, since some templates encode what is encoded
# With its semicolon, so that what a URL has behind & stays what it is.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
Mark = Callable[[Any], Any]


def mark_of(source: SourceSpec, field: FieldSpec) -> Mark | None:
    """
    Return what marks the texts of a source that programs wrote, and not for people.

    Of a list of images it takes the one that is a URL; for a number, the text of several elements
    with its marks.
    """
    if field.type == "url":
        return _marker(best_candidate) if _lists_images(source) else None
    from_json = source.jsonld is not None or source.jmespath is not None
    if source.input is not None:
        # What the page says of how it writes numbers and days is nothing to the list.
        from_json = field.type == "json" or field.locale is None
    if field.type == "json":
        return _marker(JsonText) if from_json else None
    if (is_numeral(field) or field.type == "date") and (
        from_json or source.opengraph is not None or _is_for_machines(source)
    ):
        return _marker(MachineText)
    if is_numeral(field) and source.microdata is not None:
        return _marker(with_marks)
    return None


def with_marks(raw: Any) -> Any:  # noqa: ANN401
    """Return a text of several elements with the marks between its digits."""
    return raw.marked if isinstance(raw, PartedText) else raw


def _is_for_machines(source: SourceSpec) -> bool:
    """Tell whether a selector means an attribute that holds what programs read."""
    if source.xpath is not None:
        return source.xpath.rstrip().endswith(_MACHINE_STEPS)
    return source.attr in _MACHINE_ATTRIBUTES


def _lists_images(source: SourceSpec) -> bool:
    """Tell whether a source is a `srcset`: elsewhere only what has all sizes is taken for one."""
    if source.xpath is not None:
        return _LISTING_STEP.search(source.xpath) is not None
    return source.attr is not None and _LISTING.fullmatch(source.attr) is not None


def _marker(kind: Callable[[str], str]) -> Mark:
    def mark(raw: Any) -> Any:  # noqa: ANN401
        if isinstance(raw, str):
            return kind(raw)
        return raw._replace(value=mark(raw.value)) if type(raw) is Amount else raw

    return mark


def composed(one: Mark, other: Mark | None) -> Mark:
    return one if other is None else lambda raw: other(one(raw))


def with_currency(found: Finder, beside: Finder) -> Finder:
    first, find_all = found
    first_beside, all_beside = beside

    def first_amount(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        raw = first(scope, document)
        return None if raw is None else Amount(raw, first_beside(scope, document))

    def all_amounts(scope: Scope, document: Document) -> Iterator[Amount]:
        raws = list(find_all(scope, document))
        named = list(all_beside(scope, document))
        return map(Amount, raws, named if len(named) == len(raws) else [None] * len(raws))

    return first_amount, all_amounts


def has_entities(field: FieldSpec) -> bool:
    """Tell whether `&amp;` in a text of JSON-LD is to become what it stands for."""
    return field.entities == "decode" and field.type not in {"html", "json"}


def decode_entities(raw: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(raw, str):
        for _ in range(_DECODED):
            if "&" not in raw:
                break
            text = _ENTITY.sub(lambda found: html.unescape(found[0]), raw)
            if text == raw:
                break
            raw = text
    elif type(raw) is Amount:
        return raw._replace(value=decode_entities(raw.value))
    return raw

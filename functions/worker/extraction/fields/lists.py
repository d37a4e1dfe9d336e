"""Fields that want all values of a source and not one."""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.fields.checks import Check
from functions.worker.extraction.fields.context import FORMS, Context, path_in
from functions.worker.extraction.fields.data import each_place
from functions.worker.extraction.fields.finders import All, Read, Unreadable, is_some
from functions.worker.extraction.fields.given import Given
from functions.worker.extraction.fields.marks import (
    composed,
    decode_entities,
    has_entities,
    mark_of,
)
from functions.worker.extraction.fields.taking import Taking
from functions.worker.extraction.structured.objects import Either
from functions.worker.extraction.values.unread import Unread
from shared.extract_spec import FieldSpec, SourceSpec

MAX_MANY = 2_000
MAX_MANY_CHARACTERS = 500_000
_OFTEN = 32  # values between two looks at the clock
_TakeAll = Callable[[Iterable[Any], Document], "_Taken"]


class _Taken:
    """The values of a source, and what of it cannot be read."""

    __slots__ = ("has_value", "is_cut", "unreadable", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.unreadable: list[tuple[str, Any]] = []
        self.has_value = False
        self.is_cut = False


def join_alternatives(
    sources: tuple[SourceSpec, ...], finders: list[All], field: FieldSpec, context: Context
) -> list[All]:
    """
    Return `finders` with those as one that look into the same objects.

    A list may hold texts beside objects, so that of each element another alternative is right.
    """

    def place(number: int) -> tuple[str, str] | int:
        source = sources[number]
        for kind in FORMS:
            if getattr(source, kind) is not None and not (source.regex or source.then):
                return kind, path_in(source, kind)[0]
        return number

    joined: list[All] = []
    for where, group in groupby(range(len(sources)), key=place):
        numbers = list(group)
        if isinstance(where, int) or len(numbers) == 1:
            joined += [finders[number] for number in numbers]
        else:
            kind = where[0]
            paths = tuple(path_in(sources[number], kind) for number in numbers)
            mark = mark_of(sources[numbers[0]], field)
            if kind == "jsonld" and has_entities(field):
                mark = composed(decode_entities, mark)
            joined.append(each_place(kind, paths, field, context, mark))
    return joined


def read_many(
    name: str,
    finders: list[All],
    take: _TakeAll,
    check: Check | None,
    missing: list[Any],
    *,
    is_const: bool,
    required: bool,
) -> Read:
    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        best = _Taken()
        counts = False
        for find_all in finders:
            taken = take(find_all(scope, document), document)
            if taken.has_value or not (best.values or best.unreadable):
                best, counts = taken, not isinstance(find_all, Given)
            if taken.has_value:
                break
        for why, raw in best.unreadable:
            document.problem(name, why, raw)
        if not best.has_value and not best.unreadable:
            if required:
                document.problem(name, "missing")
            return missing or best.values
        document.found = document.found or counts
        if not best.values:
            return missing if is_const else []
        if best.is_cut:
            document.problem(name, "truncated", f"after {len(best.values)} values")
        if check is not None:
            _check_all(name, check, best.values, document)
        return best.values

    return read


def _check_all(name: str, check: Check, values: list[Any], document: Document) -> None:
    for value in filter(is_some, values):
        problem = check(value)
        if problem is not None:
            document.problem(name, problem, value)


def taker(taking: Taking | None, *, is_text: bool) -> _TakeAll:
    """Return what makes values of what a source finds."""
    quick, full = taking or (None, None)

    def take(raws: Iterable[Any], document: Document) -> _Taken:
        taken = _Taken()
        size = 0
        for number, raw in enumerate(raws, start=1):
            if not number % _OFTEN:
                document.hurry()
            if raw.__class__ is Unreadable:
                taken.unreadable.append(raw)
            elif type(raw) is Either:
                # Of each element the first alternative that has a value.
                each = [take(alternative, document) for alternative in raw]
                found = next((found for found in each if found.has_value), each[-1])
                taken.values += found.values
                taken.unreadable += found.unreadable
                taken.has_value = taken.has_value or found.has_value
                size += sum(map(_length, found.values))
            else:
                if raw is None or raw == "":
                    value = raw if is_text else None  # it keeps its place
                elif full is None:
                    value = raw
                else:
                    value = None if quick is None else quick(raw)
                    if value is None:
                        value = full(raw, document)
                if value.__class__ is Unread:
                    taken.unreadable.append((value, raw))
                    continue
                taken.values.append(value)
                if value is not None and value != "":
                    taken.has_value = True
                size += len(value) if isinstance(value, str) else 1
            if len(taken.values) > MAX_MANY or size > MAX_MANY_CHARACTERS:
                taken.is_cut = True
                del taken.values[min(MAX_MANY, len(taken.values) - 1) :]
                taken.has_value = any(map(is_some, taken.values))
                break
        return taken

    return take


def _length(value: Any) -> int:  # noqa: ANN401
    return len(value) if isinstance(value, str) else 1

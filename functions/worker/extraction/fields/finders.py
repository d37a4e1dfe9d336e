"""
What finds the raw values of a source: the first one that there is, or all.

Knows no source.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope

First = Callable[[Scope, Document], Any]
All = Callable[[Scope, Document], Iterable[Any]]
Finder = tuple[First, All]
"""What finds the first raw value, None where there is none, and what finds all."""


class Unreadable(NamedTuple):
    """In place of a raw value: what is found cannot be read as what a source wants of it."""

    problem: str
    """The name of the problem."""
    why: str


Read = Callable[[Scope, Document], Any]
"""Returns the value of a field for a row, and tells the document what is wrong with it."""


def as_all(first: First) -> All:
    def find_all(scope: Scope, document: Document) -> list[Any]:
        value = first(scope, document)
        return [] if value is None else [value]

    return find_all


def mapped(change: Callable[[Any], Any], found: Finder) -> Finder:
    first, find_all = found
    return (
        lambda scope, document: change(first(scope, document)),
        lambda scope, document: map(change, find_all(scope, document)),
    )


def page_wide(find: Callable[[Document], list[Any]]) -> Finder:
    """Read what is the same for all rows of a page, once."""

    def find_all(_scope: Scope, document: Document) -> list[Any]:
        found = document.memo.get(find)
        if found is None:
            found = document.memo[find] = find(document)
        return found

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return first_value(find_all(scope, document))

    return first, find_all


def in_row(find: Callable[[Document], list[Any]]) -> Finder:
    """Read what is of the object that is the row."""

    def find_all(_scope: Scope, document: Document) -> list[Any]:
        return find(document)

    def first(_scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return first_value(find(document))

    return first, find_all


def listed(found: Any, *, whole: bool) -> list[Any]:  # noqa: ANN401
    """Return what there is of JSON; a list is several values unless it is wanted `whole`."""
    if isinstance(found, list) and not whole:
        return found
    return [] if found is None or found == "" else [found]


def first_value(found: Iterable[Any]) -> Any:  # noqa: ANN401
    """Return the first that is not empty, None if there is none."""
    return next(filter(is_some, found), None)


def is_some(value: Any) -> bool:  # noqa: ANN401
    return value is not None and value != ""

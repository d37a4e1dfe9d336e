"""Raw values that are not of the page: what the list says about its URL, and parts of the URL."""

from collections.abc import Collection, Iterable
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.fields.finders import All, Finder, First, listed, page_wide
from shared.expressions import compile_regex


class Given:
    """Finds what is not of the page, and no sign of its being the right one."""

    def __init__(self, find: First | All) -> None:
        self._find = find

    def __call__(self, scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return self._find(scope, document)


def given_input(path: str, *, whole: bool) -> Finder:
    def find(document: Document) -> list[Any]:
        return listed(_at(document.page.input, path), whole=whole)

    return page_wide(find)


def part_of_url(pattern: str, path: str) -> Finder:
    regex = compile_regex(pattern, path)
    return page_wide(lambda document: regex.all(document.page.url))


def read_by(paths: Collection[str], given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return of what a list says what `paths` read of it; None where that is nothing."""
    read = {
        name: value
        for name, value in (given or {}).items()
        if any(path == name or path.startswith(f"{name}.") for path in paths)
    }
    return read or None


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 -- JSON
    """Return what `path` leads to; names may have dots in them, and lists are gone through."""
    if isinstance(value, list):
        found = (_at(one, path) for one in value)
        return [one for many in found for one in listed(many, whole=False)]
    if not isinstance(value, dict):
        return None
    if path in value:
        return value[path]
    for name, rest in _divided(path):
        if name in value:
            return _at(value[name], rest)
    return None


def _divided(path: str) -> Iterable[tuple[str, str]]:
    """Yield what is before each dot, the longest first, and what is behind it."""
    end = path.rfind(".")
    while end >= 0:
        yield path[:end], path[end + 1 :]
        end = path.rfind(".", 0, end)

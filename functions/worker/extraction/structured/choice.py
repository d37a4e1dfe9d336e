"""
Which element of a list the fields of a row are read from: two offers of a product are never mixed.

Knows paths and their order in a spec, and nothing of how an object has its properties.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from functions.worker.extraction.structured.nodes import Path


class Want(NamedTuple):
    """What a field wants one value of."""

    paths: tuple[Path, ...]
    """Its alternatives, the best first."""
    takes_objects: bool
    """Whether an object is a value of its type."""


class Wanted(NamedTuple):
    """The fields that want one value."""

    fields: tuple[Want, ...]
    paths: tuple[Path, ...]
    """Those of all fields."""


class Follow(Protocol):
    """As `Graph.follow`."""

    def __call__(
        self,
        places: list[Any],
        steps: Path,
        *,
        counted: bool,
        beside: Path = (),
        choose: Callable[[Path, list[Any]], list[Any]] | None = None,
    ) -> list[Any]: ...


class Choice:
    """
    What is chosen for one row.

    Args:
        wanted: The paths that are read by it.
        start: Returns the objects that a path begins at, of which the first counts, and the steps
            from there.
        follow: What finds values.
        counted: See `Graph.follow`.
    """

    def __init__(
        self,
        wanted: Wanted,
        start: Callable[[Path], tuple[list[Any], Path]],
        follow: Follow,
        *,
        counted: bool = False,
    ) -> None:
        self._wanted = wanted
        self._find_start = start
        self._follow = follow
        self._counted = counted
        self._starts: dict[Path, tuple[list[Any], Path]] = {}
        self._chosen: dict[tuple[int, Path], list[Any]] = {}

    def read(self, path: Path, beside: Path) -> list[Any]:
        """Return what `path` leads to; with `beside`, see `Graph.follow`."""
        places, steps = self._start(path)
        if not places:
            return []
        choose = partial(self._choose, places[0])
        return self._follow(places, steps, counted=self._counted, beside=beside, choose=choose)

    def _start(self, path: Path) -> tuple[list[Any], Path]:
        start = self._starts.get(path)
        if start is None:
            places, steps = self._find_start(path)
            start = self._starts[path] = places[:1], steps
        return start

    def _choose(self, origin: Any, steps: Path, elements: list[Any]) -> list[Any]:  # noqa: ANN401
        """Return the element that counts, or all of them where only one field asks."""
        key = id(origin), steps
        chosen = self._chosen.get(key)
        if chosen is None:
            chosen = self._chosen[key] = self._choose_anew(origin, steps, elements)
        return chosen

    def _choose_anew(self, origin: Any, steps: Path, elements: list[Any]) -> list[Any]:  # noqa: ANN401
        beyond: dict[int, list[Path]] = {}  # what each field wants of an element
        begun: dict[int, set[int]] = {}  # by the object that fields begin at, these
        for number, field in enumerate(self._wanted.fields):
            for path in field.paths:
                places, rest = self._start(path)
                if not places:
                    continue
                begun.setdefault(id(places[0]), set()).add(number)
                if places[0] is origin and rest[: len(steps)] == steps:
                    beyond.setdefault(number, []).append(rest[len(steps) :])
        for element in elements:  # what was chosen by its type is chosen here too
            if id(element) in begun and len(begun[id(element)] | beyond.keys()) > 1:
                return [element]
        if len(beyond) == 1:
            return elements
        best, best_merit = elements[0], (-1, 0, 0)
        for element in elements:
            merit = self._merit(element, beyond)
            if merit > best_merit:
                best, best_merit = element, merit
                if merit == (len(beyond), 0, 0):
                    break
        return [best]

    def _merit(self, element: Any, beyond: dict[int, list[Path]]) -> tuple[int, int, int]:  # noqa: ANN401
        """
        Return how many fields find something in `element`.

        And, negative, how many find an object that they cannot take, and how far from their first
        paths what they find is.
        """
        count = unread = distance = 0
        for number, paths in beyond.items():
            takes_objects = self._wanted.fields[number].takes_objects
            is_unread = False
            for rank, path in enumerate(paths):
                found = self._follow([element], path, counted=True)
                value = next((value for value in found if value != ""), None)
                if value is None:
                    continue
                if takes_objects or not isinstance(value, dict):
                    count += 1
                    distance -= rank
                    is_unread = False
                    break
                is_unread = True
            unread -= is_unread
        return count, unread, distance

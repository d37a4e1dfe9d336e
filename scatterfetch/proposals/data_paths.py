"""The paths to the values in objects of a page's data. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

SAMPLE = 40  # objects and values that are looked at
_COMMON = 0.8  # of the rows must have a field

Path = tuple[str, ...]


class Value(NamedTuple):
    """What a path leads to."""

    many: bool
    """Whether the path goes through a list."""
    sample: list[Any]
    objects: set[int]
    """The numbers of the objects that have it."""


def paths_of(
    roots: list[Any],
    depth: int,
    properties_of: Callable[[dict[str, Any]], Iterator[tuple[str, bool, list[Any]]]],
) -> dict[Path, Value]:
    """Return where the values in objects are, those that are less deep first."""
    found: dict[Path, Value] = {}
    places: list[tuple[Path, bool, list[tuple[int, Any]]]] = [((), False, list(enumerate(roots)))]
    for path, many, nodes in places:  # it grows
        inner: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        lists: set[str] = set()
        for number, node in nodes[:SAMPLE]:
            for step, is_list, values in properties_of(node):
                if is_list:
                    lists.add(step)
                inner[step] += [(number, value) for value in values[:SAMPLE]]
        for step, values in inner.items():
            whole = (*path, step)
            is_many = many or step in lists
            deeper = [pair for pair in values if isinstance(pair[1], dict)]
            plain = [
                (number, value)
                for number, value in values
                if isinstance(value, str | int | float) and value != ""
            ]
            # A text in the place of an object is found by what the object is called.
            if plain and not deeper:
                found[whole] = Value(
                    is_many, [value for _, value in plain], {number for number, _ in plain}
                )
            elif deeper and len(whole) < depth:
                places.append((whole, is_many, deeper))
    return found


def common_to(paths: dict[Path, Value], count: int) -> list[tuple[Path, Value]]:
    return [
        (path, value)
        for path, value in paths.items()
        if count == 1 or len(value.objects) >= _COMMON * count
    ]

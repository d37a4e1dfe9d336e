"""
The objects that a page describes in JSON-LD or microdata, and what paths find in them.

No two objects are mixed: all paths of a spec that name a type, and want one value of it, are read
from the same object, and of a list on their way from the same element.
"""

from collections import defaultdict
from typing import Any

from functions.worker.extraction.documents.document import VISIT, Document
from functions.worker.extraction.structured.bindings import Bindings
from functions.worker.extraction.structured.choice import Choice, Wanted
from functions.worker.extraction.structured.graph import Graph, ReadData, graph_of
from functions.worker.extraction.structured.nodes import ELSEWHERE, Node, Path, type_key, types_of


class Either(list[list[Any]]):
    """
    What alternative paths find in one element of a list, each a list.

    Where some of them have their next step in common, what these find is another `Either` for each
    element there.
    """


def objects_of(document: Document, read: ReadData) -> "Objects":
    """Return the objects of a page in the form that `read` reads."""
    key = (Objects, read)
    found: Objects | None = document.memo.get(key)
    if found is None:
        found = document.memo[key] = Objects(graph_of(document, read), document)
    return found


class Objects:
    """What paths find in the objects of a page, or of a row that is one of them."""

    def __init__(self, graph: Graph, document: Document) -> None:
        self._document = document
        self._graph = graph
        self._bindings = Bindings(graph, document)
        self._choice: Choice | None = None
        self._row: tuple[Any, Choice] | None = None

    def find(self, path: Path, wanted: Wanted, beside: Path = ()) -> list[Any]:
        """
        Return all that `path` leads to, in the order of the page.

        Args:
            path: Its first step is a type, wherever an object of it is; where no object is of that
                type, it is a property of the outermost ones. A list is gone through.
            wanted: What has the type of one of these paths is read from one object.
            beside: See `Graph.follow`.
        """
        places, steps = self._bindings.places(path, wanted)
        return self._graph.follow(places, steps, beside=beside)

    def find_one(self, path: Path, wanted: Wanted, beside: Path = ()) -> list[Any]:
        """Return the same for a path of `wanted`: of lists, from the element that all share."""
        if self._choice is None:
            self._choice = Choice(
                wanted, lambda path: self._bindings.places(path, wanted), self._graph.follow
            )
        return self._choice.read(path, beside)

    def find_each(self, paths: tuple[Path, ...], wanted: Wanted, beside: Path = ()) -> list[Either]:
        """
        Return what `paths` lead to, for each place that they have in common.

        They begin with the same type. So a list that holds texts beside objects can be read
        whole: from each of what it holds by the first path that finds something.
        """
        places, steps = self._bindings.places(paths[0], wanted)
        return self._each(places, len(paths[0]) - len(steps), paths, beside)

    def inside_each(
        self,
        row: Any,  # noqa: ANN401
        paths: tuple[Path, ...],
        beside: Path = (),
    ) -> list[Either]:
        """Return the same from `row`, an object, and from what is within it."""
        places, steps = self._row_places(row, paths[0])
        return self._each(places, len(paths[0]) - len(steps), paths, beside)

    def _each(
        self, places: list[Any], taken: int, paths: tuple[Path, ...], beside: Path
    ) -> list[Either]:
        common = _common(paths)
        found = self._graph.follow(places, paths[0][taken:common], counted=True)
        return [self._either(place, [path[common:] for path in paths], beside) for place in found]

    def _either(self, place: Any, paths: list[Path], beside: Path) -> Either:  # noqa: ANN401
        groups: dict[str | None, list[Path]] = defaultdict(list)
        for path in paths:
            groups[path[0] if path else None].append(path)
        found = Either()
        for step, group in groups.items():
            if step is None or len(group) == 1:
                found.append(self._graph.follow([place], group[0], counted=True, beside=beside))
            else:  # a list again, of whose elements some may be read by one and some by another
                rest = [path[1:] for path in group]
                inner = self._graph.follow([place], (step,), counted=True)
                found.append([self._either(element, rest, beside) for element in inner])
        return found

    def inside(self, row: Any, path: Path, beside: Path = ()) -> list[Any]:  # noqa: ANN401
        """Return all that `path` leads to from `row`, an object, and from what is within it."""
        places, steps = self._row_places(row, path)
        return self._graph.follow(places, steps, counted=True, beside=beside)

    def one_inside(
        self,
        row: Any,  # noqa: ANN401
        path: Path,
        wanted: Wanted,
        beside: Path = (),
    ) -> list[Any]:
        """Return the same for a path of `wanted`: of lists, from the element that all share."""
        if self._row is None or self._row[0] is not row:
            choice = Choice(
                wanted, lambda path: self._row_places(row, path), self._graph.follow, counted=True
            )
            self._row = row, choice
        return self._row[1].read(path, beside)

    def _row_places(self, row: Any, path: Path) -> tuple[list[Any], Path]:  # noqa: ANN401
        kind = path[0]
        if isinstance(row, dict) and kind[0].isupper():
            places = [row] if type_key(kind) in types_of(row) else self._within(row, type_key(kind))
            if places:
                return places, path[1:]
        return [row], path

    def _within(self, row: Node, kind: str) -> list[Node]:
        """Return the objects of a type in `row`, other rows in it left out."""
        found: list[Node] = []
        own = set(types_of(row))
        waiting: list[Any] = [row]
        visited = 0
        while waiting:
            value = waiting.pop()
            visited += 1
            if isinstance(value, list):
                waiting += value[::-1]
            elif isinstance(value, dict):
                types = types_of(value)
                if value is not row and not own.isdisjoint(types):
                    continue
                if kind in types:
                    found.append(self._graph.node(value))
                waiting += [value[key] for key in reversed(value) if key not in ELSEWHERE]
        return [] if self._document.exceeds(VISIT * visited) else found


def _common(paths: tuple[Path, ...]) -> int:
    """Return how many steps all `paths` begin with."""
    count = 0
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        count += 1
    return count

"""
Which object each type of a spec's paths is read from: no two objects are mixed.

Knows where paths begin, and nothing of what they find.
"""

from collections import defaultdict

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.choice import Wanted
from functions.worker.extraction.structured.graph import Graph
from functions.worker.extraction.structured.main_entity import Rank, ranks_of
from functions.worker.extraction.structured.nodes import (
    NAMES_ONLY,
    Node,
    Path,
    objects_in,
    type_key,
    types_of,
    value_of,
)


class Bindings:
    """What is chosen for a page; see the module."""

    def __init__(self, graph: Graph, document: Document) -> None:
        self._graph = graph
        self._document = document
        self._types: dict[str, list[Node]] = defaultdict(list)
        only_named: dict[str, list[Node]] = defaultdict(list)
        for node in graph.nodes:
            stands_for_more = not NAMES_ONLY.issuperset(node)
            for name in types_of(node):
                (self._types if stands_for_more else only_named)[name].append(node)
        for name, places in only_named.items():
            self._types.setdefault(name, places)
        self._kinds: dict[str, str] = {}
        self._bound: dict[str, Node | None] | None = None

    def places(self, path: Path, wanted: Wanted) -> tuple[list[Node], Path]:
        """Return where `path` begins, and the steps from there."""
        kind = self._kind(path)
        steps = path[1:] if kind else path
        if any(self._kind(other) == kind for other in wanted.paths):
            place = self._bindings(wanted.paths)[kind]
            return ([] if place is None else [place]), steps
        return (self._types[kind] if kind else self._graph.outermost), steps

    def _kind(self, path: Path) -> str:
        """Return the type that `path` begins with on this page, or nothing."""
        first = path[0]
        kind = self._kinds.get(first)
        if kind is None:
            kind = type_key(first)
            # A property, such as brand, may have the name of a type.
            if kind not in self._types or (
                first[0].islower()
                and any(value_of(node, first) is not None for node in self._graph.outermost)
            ):
                kind = ""
            self._kinds[first] = kind
        return kind

    def _bindings(self, bound: tuple[Path, ...]) -> dict[str, Node | None]:
        """Return for each type of `bound`, in this order, the one object that it is read from."""
        if self._bound is not None:
            return self._bound
        kinds = dict.fromkeys(map(self._kind, bound))
        if all(len(self._types[kind] if kind else self._graph.outermost) == 1 for kind in kinds):
            self._bound = {
                kind: (self._types[kind] if kind else self._graph.outermost)[0] for kind in kinds
            }
            return self._bound
        ranks = ranks_of(self._graph, self._document)
        within = self._graph.parts(
            [node for node in self._graph.nodes if ranks.get(id(node)) == Rank.HERE]
        )
        others: set[int] = set()
        passed: set[int] = (
            set()
        )  # on the way to these, since objects of a type may be in each other
        self._bound = {}
        for kind in kinds:
            if not kind:
                continue
            best: Node | None = None
            best_rank = Rank.ANYWHERE + 1
            for node in self._types[kind]:
                rank = ranks.get(id(node), Rank.INSIDE if id(node) in within else Rank.ANYWHERE)
                # What is a part of an object that was not chosen is none of this row's.
                if rank < best_rank and not (rank == Rank.ANYWHERE and id(node) in others):
                    best, best_rank = node, rank
            self._bound[kind] = best
            if best is not None and len(self._bound) < len(bound):
                within |= self._graph.parts([best])
                rest = [node for node in self._types[kind] if node is not best]
                others.update(id(self._graph.node(part)) for part in objects_in(rest, passed))
        steps = {path[0] for path in bound if not self._kind(path)}
        if steps:
            self._bound[""] = self._best_outermost(steps, ranks)
        return self._bound

    def _best_outermost(self, steps: set[str], ranks: dict[int, Rank]) -> Node | None:
        """Return the outermost object that has most of the properties in `steps`."""

        def merit(node: Node) -> tuple[int, int]:
            count = sum(value_of(node, step) is not None for step in steps)
            return count, -ranks.get(id(node), Rank.ANYWHERE)

        return max(self._graph.outermost, key=merit, default=None)

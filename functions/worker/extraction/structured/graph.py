"""
The objects of a page in one form of data, and what steps lead to from one to the other.

Objects with one `@id` are one object, where they do not contradict each other. All of it takes time
linear in what the page holds, whatever refers to what. Knows no field and chooses nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urljoin

from functions.worker.extraction.documents.document import VISIT, Document
from functions.worker.extraction.structured.nodes import (
    ADDRESS,
    ELSEWHERE,
    Merged,
    Node,
    Path,
    objects_in,
    stands_for,
    value_of,
)
from functions.worker.extraction.values.amounts import Amount

_MAX_VERSIONS = 10  # of what one @id stands for, where they contradict each other

ReadData = Callable[[Document], list[Any]]
"""Returns the data of a page in one form."""


def data_of(document: Document, read: ReadData) -> list[Any]:
    """Return what `read` returns for a page, which is read once."""
    data: list[Any] | None = document.memo.get(read)
    if data is None:
        data = document.memo[read] = read(document)
    return data


def graph_of(document: Document, read: ReadData) -> "Graph":
    """Return the objects of a page in the form that `read` reads."""
    key = (Graph, read)
    found: Graph | None = document.memo.get(key)
    if found is None:
        found = document.memo[key] = Graph(data_of(document, read), document)
    return found


class Graph:
    """
    The objects of a page in one form of data.

    An object is a dict with `@type` and `@id` as in JSON-LD. Of objects that are one, `node` gives
    the one that has the properties of all.
    """

    def __init__(self, data: list[Any], document: Document) -> None:
        self._document = document
        self._visits = 0
        self._same: dict[int, Node] = {}  # by the identity of a dict in `data`, which keeps them
        nodes, self._named = self._collect(data)
        for group in self._named.values():
            if len(group) > 1:
                self._merge(group)
        self.nodes = list({id(node): node for node in map(self.node, nodes)}.values())
        """All objects, each once."""
        self.outermost = list({id(node): node for node in self._tops(data)}.values())
        """Those that are in no other one."""

    def _collect(self, data: list[Any]) -> tuple[list[Node], dict[str, list[Node]]]:
        nodes: list[Node] = []
        named: dict[str, list[Node]] = defaultdict(list)
        for node in objects_in(data):
            nodes.append(node)
            name = node.get("@id")
            if isinstance(name, str):
                named[self.absolute(name)].append(node)
        return nodes, named

    def _merge(self, group: list[Node]) -> None:
        versions: list[Merged] = []
        for node in group:
            same = next((one for one in versions[:_MAX_VERSIONS] if one.agrees(node)), None)
            if same is None:
                same = Merged(node)
                versions.append(same)
            else:
                same.take(node)
            self._same[id(node)] = same.node
        for same in versions:
            same.finish()

    def node(self, node: Node) -> Node:
        """Return the object that `node` is, or refers to."""
        return self._same.get(id(node), node)

    def _tops(self, data: Iterable[Any]) -> Iterator[Node]:
        for node in self.values(data):
            if not isinstance(node, dict):
                continue
            graph = node.get("@graph")
            if graph is None or "@type" in node:
                yield node
            if isinstance(graph, list | dict):
                yield from self._tops([graph])

    def absolute(self, url: str) -> str:
        url = url.strip()
        if url.startswith(("http://", "https://", "_:", "urn:")):
            return url
        try:
            return urljoin(self._document.page.url, url)
        except ValueError:
            return url

    def parts(self, nodes: list[Node]) -> set[int]:
        """Return the identities of `nodes` and of all that is a part of them, by reference too."""
        parts: set[int] = set()
        waiting: list[Any] = list(nodes)
        while waiting:
            value = waiting.pop()
            if isinstance(value, list):
                waiting += value
            elif isinstance(value, dict):
                node = self.node(value)
                if id(node) not in parts:
                    parts.add(id(node))
                    waiting += [inner for key, inner in node.items() if key not in ELSEWHERE]
        return parts

    def follow(
        self,
        places: list[Any],
        steps: Path,
        *,
        counted: bool = False,
        beside: Path = (),
        choose: Callable[[Path, list[Any]], list[Any]] | None = None,
    ) -> list[Any]:
        """
        Return what `steps` lead to from `places`.

        Args:
            places: Objects, or what else a list of them holds.
            steps: Properties. Where a text is in the place of an object, it is its name or text,
                or else its @id.
            counted: Whether this is done again and again, which the document bounds, in size and
                in time: each time, references may lead to the same large list.
            beside: Properties. Each value that is found becomes an `Amount`, with the first of
                these that the same object has.
            choose: Returns those of several elements that count, by the steps that lead to them.
        """
        if counted:
            self._document.hurry()
            if self._document.exceeds(0):
                return []
        before = self._visits
        found: list[Any] = list(self.values(places))
        for number, step in enumerate(steps, start=1):
            taken: list[Any] = []
            for node in found:
                if isinstance(node, dict):
                    value = value_of(node, step)
                    if value is not None:
                        if beside and number == len(steps):
                            value = self._amounts(value, node, beside)
                        taken.append(value)
                elif isinstance(node, str):
                    value = self._of_text(node, step)
                    if value is not None:
                        taken.append(value)
            found = list(self.values(taken))
            if choose is not None and len(found) > 1:
                found = choose(steps[:number], found)
        visits = self._visits - before
        return [] if counted and self._document.exceeds(VISIT * visits) else found

    def _amounts(self, value: Any, node: Node, beside: Path) -> list[Any]:  # noqa: ANN401
        named = (self.follow([node], (name,)) for name in beside)
        currency = next((name for names in named for name in names if name), None)
        # What is empty is no amount, but keeps its place.
        return [one if one == "" else Amount(one, currency) for one in self.values([value])]

    def _of_text(self, text: str, step: str) -> Any:  # noqa: ANN401
        """Return what `step` leads to from a text that is in the place of an object."""
        # An address in full, since many a text is the name of something on this page.
        named = self._named.get(text) if text.startswith(ADDRESS) else None
        if named:
            return value_of(self.node(named[0]), step)
        return text if stands_for(text, step) else None

    def values(self, values: Iterable[Any]) -> Iterator[Any]:
        """Yield what `values` hold, through lists and references, each object once."""
        seen: set[int] = set()
        waiting = list(values)[::-1]
        while waiting:
            value = waiting.pop()
            self._visits += 1
            if isinstance(value, list):
                waiting += value[::-1]
            elif isinstance(value, dict):
                if "@value" in value:
                    waiting.append(value["@value"])
                elif "@list" in value or "@set" in value:
                    waiting.append(value.get("@list", value.get("@set")))
                else:
                    node = self._same.get(id(value))
                    if node is None:
                        yield value
                    elif id(node) not in seen:
                        seen.add(id(node))
                        yield node
            elif value is not None:
                yield value

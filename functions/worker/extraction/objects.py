"""
The objects that a page describes in JSON-LD or microdata, and what paths find in them.

No two objects are mixed: all paths of a spec that name a type, and want one value of it, are read
from the same object, and of a list on their way from the same element. Objects with one `@id` are
one object, where they do not contradict each other. All of it takes time linear in what the page
holds, whatever refers to what.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin

from functions.worker.extraction.choice import Choice, Path, Wanted
from functions.worker.extraction.document import Document
from functions.worker.extraction.values import Amount

_Node = dict[str, Any]

_NAMES_ONLY = frozenset(["@id", "@type", "@context"])
_PREFIXES = ("schema:", "https://schema.org/", "http://schema.org/")
# What is another object's and not a part of the one that has it.
_ELSEWHERE = frozenset(["isPartOf", "mainEntityOfPage", "isRelatedTo", "isSimilarTo", "@context"])
_MAX_VERSIONS = 10  # of what one @id stands for, where they contradict each other
_ADDRESS = ("http://", "https://", "/", "./", "../")
_TEXTS = frozenset(["name", "text"])
_ADDRESSES = frozenset(["url", "contentUrl"])
_SHORT = 100  # characters of a type that comes again and again
_VISIT = 40  # characters copied, as long as it takes to look at a value
_HERE, _OWN_URL, _INSIDE, _ANYWHERE = range(4)  # the first of the best rank counts

Read = Callable[[Document], list[Any]]
"""Returns the data of a page in one form."""


class Either(list[list[Any]]):
    """
    What alternative paths find in one element of a list, each a list.

    Where some of them have their next step in common, what these find is another `Either` for each
    element there.
    """


def data_of(document: Document, read: Read) -> list[Any]:
    """Return what `read` returns for a page, which is read once."""
    data: list[Any] | None = document.memo.get(read)
    if data is None:
        data = document.memo[read] = read(document)
    return data


def objects_of(document: Document, read: Read) -> "Objects":
    """Return the objects of a page in the form that `read` reads."""
    key = (Objects, read)
    found: Objects | None = document.memo.get(key)
    if found is None:
        found = document.memo[key] = Objects(data_of(document, read), document)
    return found


class Objects:
    """
    The objects of a page in one form of data.

    An object is a dict with `@type` and `@id` as in JSON-LD. Of objects that are one, `self.node`
    gives the one that has the properties of all.
    """

    def __init__(self, data: list[Any], document: Document) -> None:
        self._document = document
        self._visits = 0
        self._same: dict[int, _Node] = {}  # by the identity of a dict in `data`, which keeps them
        nodes, self._named = self._collect(data)
        for group in self._named.values():
            if len(group) > 1:
                self._merge(group)
        self._nodes = list({id(node): node for node in map(self.node, nodes)}.values())
        self._types: dict[str, list[_Node]] = defaultdict(list)
        only_named: dict[str, list[_Node]] = defaultdict(list)
        for node in self._nodes:
            stands_for_more = not _NAMES_ONLY.issuperset(node)
            for name in _types(node):
                (self._types if stands_for_more else only_named)[name].append(node)
        for name, places in only_named.items():
            self._types.setdefault(name, places)
        self._outermost = list({id(node): node for node in self._tops(data)}.values())
        self._kinds: dict[str, str] = {}
        self._ranks: dict[int, int] | None = None
        self._bound: dict[str, _Node | None] | None = None
        self._choice: Choice | None = None
        self._row: tuple[Any, Choice] | None = None

    # ---- which objects

    def find(self, path: Path, wanted: Wanted, beside: Path = ()) -> list[Any]:
        """
        Return all that `path` leads to, in the order of the page.

        Args:
            path: Its first step is a type, wherever an object of it is; where no object is of that
                type, it is a property of the outermost ones. A list is gone through.
            wanted: What has the type of one of these paths is read from one object.
            beside: See `follow`.
        """
        places, steps = self._places(path, wanted)
        return self.follow(places, steps, beside=beside)

    def find_one(self, path: Path, wanted: Wanted, beside: Path = ()) -> list[Any]:
        """Return the same for a path of `wanted`: of lists, from the element that all share."""
        if self._choice is None:
            self._choice = Choice(wanted, lambda path: self._places(path, wanted), self.follow)
        return self._choice.read(path, beside)

    def find_each(self, paths: tuple[Path, ...], wanted: Wanted, beside: Path = ()) -> list[Either]:
        """
        Return what `paths` lead to, for each place that they have in common.

        They begin with the same type. So a list that holds texts beside objects can be read
        whole: from each of what it holds by the first path that finds something.
        """
        places, steps = self._places(paths[0], wanted)
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
        found = self.follow(places, paths[0][taken:common], counted=True)
        return [self._either(place, [path[common:] for path in paths], beside) for place in found]

    def _either(self, place: Any, paths: list[Path], beside: Path) -> Either:  # noqa: ANN401
        groups: dict[str | None, list[Path]] = defaultdict(list)
        for path in paths:
            groups[path[0] if path else None].append(path)
        found = Either()
        for step, group in groups.items():
            if step is None or len(group) == 1:
                found.append(self.follow([place], group[0], counted=True, beside=beside))
            else:  # a list again, of whose elements some may be read by one and some by another
                rest = [path[1:] for path in group]
                inner = self.follow([place], (step,), counted=True)
                found.append([self._either(element, rest, beside) for element in inner])
        return found

    def inside(self, row: Any, path: Path, beside: Path = ()) -> list[Any]:  # noqa: ANN401
        """Return all that `path` leads to from `row`, an object, and from what is within it."""
        places, steps = self._row_places(row, path)
        return self.follow(places, steps, counted=True, beside=beside)

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
                wanted, lambda path: self._row_places(row, path), self.follow, counted=True
            )
            self._row = row, choice
        return self._row[1].read(path, beside)

    def _row_places(self, row: Any, path: Path) -> tuple[list[Any], Path]:  # noqa: ANN401
        kind = path[0]
        if isinstance(row, dict) and kind[0].isupper():
            places = [row] if _key(kind) in _types(row) else self._within(row, _key(kind))
            if places:
                return places, path[1:]
        return [row], path

    def _within(self, row: _Node, kind: str) -> list[_Node]:
        """Return the objects of a type in `row`, other rows in it left out."""
        found: list[_Node] = []
        own = set(_types(row))
        waiting: list[Any] = [row]
        visited = 0
        while waiting:
            value = waiting.pop()
            visited += 1
            if isinstance(value, list):
                waiting += value[::-1]
            elif isinstance(value, dict):
                types = _types(value)
                if value is not row and not own.isdisjoint(types):
                    continue
                if kind in types:
                    found.append(self.node(value))
                waiting += [value[key] for key in reversed(value) if key not in _ELSEWHERE]
        return [] if self._document.exceeds(_VISIT * visited) else found

    def _places(self, path: Path, wanted: Wanted) -> tuple[list[_Node], Path]:
        """Return where `path` begins, and the steps from there."""
        kind = self._kind(path)
        steps = path[1:] if kind else path
        if any(self._kind(other) == kind for other in wanted.paths):
            place = self._bindings(wanted.paths)[kind]
            return ([] if place is None else [place]), steps
        return (self._types[kind] if kind else self._outermost), steps

    def _kind(self, path: Path) -> str:
        """Return the type that `path` begins with on this page, or nothing."""
        first = path[0]
        kind = self._kinds.get(first)
        if kind is None:
            kind = _key(first)
            # A property, such as brand, may have the name of a type.
            if kind not in self._types or (
                first[0].islower()
                and any(_get(node, first) is not None for node in self._outermost)
            ):
                kind = ""
            self._kinds[first] = kind
        return kind

    def _bindings(self, bound: tuple[Path, ...]) -> dict[str, _Node | None]:
        """Return for each type of `bound`, in this order, the one object that it is read from."""
        if self._bound is not None:
            return self._bound
        kinds = dict.fromkeys(map(self._kind, bound))
        if all(len(self._types[kind] if kind else self._outermost) == 1 for kind in kinds):
            self._bound = {
                kind: (self._types[kind] if kind else self._outermost)[0] for kind in kinds
            }
            return self._bound
        ranks = self._rank()
        within = self._parts([node for node in self._nodes if ranks.get(id(node)) == _HERE])
        others: set[int] = set()
        self._bound = {}
        for kind in kinds:
            if not kind:
                continue
            best: _Node | None = None
            best_rank = _ANYWHERE + 1
            for node in self._types[kind]:
                rank = ranks.get(id(node), _INSIDE if id(node) in within else _ANYWHERE)
                # What is a part of an object that was not chosen is none of this row's.
                if rank < best_rank and not (rank == _ANYWHERE and id(node) in others):
                    best, best_rank = node, rank
            self._bound[kind] = best
            if best is not None and len(self._bound) < len(bound):
                within |= self._parts([best])
                rest = [node for node in self._types[kind] if node is not best]
                others.update(id(self.node(part)) for part in _objects(rest))
        steps = {path[0] for path in bound if not self._kind(path)}
        if steps:
            self._bound[""] = self._best_outermost(steps, ranks)
        return self._bound

    def _best_outermost(self, steps: set[str], ranks: dict[int, int]) -> _Node | None:
        """Return the outermost object that has most of the properties in `steps`."""

        def merit(node: _Node) -> tuple[int, int]:
            count = sum(_get(node, step) is not None for step in steps)
            return count, -ranks.get(id(node), _ANYWHERE)

        return max(self._outermost, key=merit, default=None)

    # ---- the main entity of the page

    def _rank(self) -> dict[int, int]:
        """Return which objects the page calls its own, by identity."""
        if self._ranks is not None:
            return self._ranks
        here = {self._place(self._document.page.url)}
        if self._document.canonical is not None:
            here.add(self._place(self._document.canonical))
        ranks = self._ranks = {}

        def is_here(node: _Node) -> bool:
            places = [self._place(url) for url in _urls(node)]
            return not places or not here.isdisjoint(places)

        for node in self._nodes:
            main = _get(node, "mainEntity")
            if main is not None and any(name.endswith("page") for name in _types(node)):
                rank = _HERE if is_here(node) else _INSIDE
                for entity in self._values([main]):
                    if isinstance(entity, dict):
                        ranks[id(entity)] = min(rank, ranks.get(id(entity), rank))
            page = _get(node, "mainEntityOfPage")
            for value in self._values([] if page is None else [page]):
                if (
                    is_here(value)
                    if isinstance(value, dict)
                    else str(value).lower() == "true"
                    or (isinstance(value, str) and self._place(value) in here)
                ):
                    ranks[id(node)] = _HERE
            own = [url for url in _urls(node) if "#" not in url]
            if id(node) not in ranks and not here.isdisjoint(map(self._place, own)):
                ranks[id(node)] = _OWN_URL
        return ranks

    def _place(self, url: str) -> str:
        """Return what two URLs of one page have in common."""
        place = self._absolute(url).partition("#")[0].partition("://")[2]
        return place.removeprefix("www.").rstrip("/")

    def _absolute(self, url: str) -> str:
        url = url.strip()
        if url.startswith(("http://", "https://", "_:", "urn:")):
            return url
        try:
            return urljoin(self._document.page.url, url)
        except ValueError:
            return url

    def _parts(self, nodes: list[_Node]) -> set[int]:
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
                    waiting += [inner for key, inner in node.items() if key not in _ELSEWHERE]
        return parts

    # ---- one object, described here and there

    def _collect(self, data: list[Any]) -> tuple[list[_Node], dict[str, list[_Node]]]:
        nodes: list[_Node] = []
        named: dict[str, list[_Node]] = defaultdict(list)
        for node in _objects(data):
            nodes.append(node)
            name = node.get("@id")
            if isinstance(name, str):
                named[self._absolute(name)].append(node)
        return nodes, named

    def _merge(self, group: list[_Node]) -> None:
        versions: list[_Node] = []
        for node in group:
            same = next((one for one in versions[:_MAX_VERSIONS] if _agree(one, node)), None)
            if same is None:
                same = node.copy()
                versions.append(same)
            else:
                kinds = dict.fromkeys((*_listed(same), *_listed(node)))
                for key, value in node.items():
                    same.setdefault(key, value)
                if len(kinds) > 1:
                    same["@type"] = list(kinds)
            self._same[id(node)] = same

    def node(self, node: _Node) -> _Node:
        """Return the object that `node` is, or refers to."""
        return self._same.get(id(node), node)

    def _tops(self, data: Iterable[Any]) -> Iterator[_Node]:
        for node in self._values(data):
            if not isinstance(node, dict):
                continue
            graph = node.get("@graph")
            if graph is None or "@type" in node:
                yield node
            if isinstance(graph, list | dict):
                yield from self._tops([graph])

    # ---- steps

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
            counted: Whether this is done again and again, which the document bounds: each time,
                references may lead to the same large list.
            beside: Properties. Each value that is found becomes an `Amount`, with the first of
                these that the same object has.
            choose: Returns those of several elements that count, by the steps that lead to them.
        """
        if counted and self._document.exceeds(0):
            return []
        before = self._visits
        found: list[Any] = list(self._values(places))
        for number, step in enumerate(steps, start=1):
            taken: list[Any] = []
            for node in found:
                if isinstance(node, dict):
                    value = _get(node, step)
                    if value is not None:
                        if beside and number == len(steps):
                            value = self._amounts(value, node, beside)
                        taken.append(value)
                elif isinstance(node, str):
                    value = self._of_text(node, step)
                    if value is not None:
                        taken.append(value)
            found = list(self._values(taken))
            if choose is not None and len(found) > 1:
                found = choose(steps[:number], found)
        visits = self._visits - before
        return [] if counted and self._document.exceeds(_VISIT * visits) else found

    def _amounts(self, value: Any, node: _Node, beside: Path) -> list[Any]:  # noqa: ANN401
        named = (self.follow([node], (name,)) for name in beside)
        currency = next((name for names in named for name in names if name), None)
        # What is empty is no amount, but keeps its place.
        return [one if one == "" else Amount(one, currency) for one in self._values([value])]

    def _of_text(self, text: str, step: str) -> Any:  # noqa: ANN401
        """Return what `step` leads to from a text that is in the place of an object."""
        # An address in full, since many a text is the name of something on this page.
        named = self._named.get(text) if text.startswith(_ADDRESS) else None
        if named:
            return _get(self.node(named[0]), step)
        return text if _is_itself(text, step) else None

    def _values(self, values: Iterable[Any]) -> Iterator[Any]:
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


def _objects(data: Iterable[Any]) -> Iterator[_Node]:
    """Yield all objects, each before those within it."""
    waiting = list(data)[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "@value" not in value:
                yield value
                waiting += [inner for inner in value.values() if isinstance(inner, dict | list)][
                    ::-1
                ]
        elif isinstance(value, list):
            waiting += value[::-1]


def _get(node: _Node, step: str) -> Any:  # noqa: ANN401 -- JSON
    value = node.get(step)
    if value is None and ":" not in step:
        for prefix in _PREFIXES:
            value = node.get(prefix + step)
            if value is not None:
                break
    return value


def _is_itself(text: str, step: str) -> bool:
    """Tell whether `text`, in the place of an object, is what `step` would find in it."""
    if step in _TEXTS:
        return not text.startswith(_ADDRESS)
    return step in _ADDRESSES and text.startswith(_ADDRESS)


def _listed(node: _Node) -> list[str]:
    types = node.get("@type")
    return [name for name in (types if isinstance(types, list) else [types]) if type(name) is str]


def _types(node: _Node) -> list[str]:
    return [_key(name) for name in _listed(node)]


def _key(name: str) -> str:
    """Return a type as it is compared, from `https://schema.org/Recipe/` and other forms of it."""
    return _short_key(name) if len(name) <= _SHORT else _whole_key(name)


def _whole_key(name: str) -> str:
    name = name.strip().rstrip("/#")
    return name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2].lower()


_short_key = lru_cache(maxsize=1_000)(_whole_key)


def _urls(node: _Node) -> list[str]:
    return [url for url in (node.get("url"), node.get("@id")) if isinstance(url, str) and url]


def _agree(one: _Node, other: _Node) -> bool:
    """Tell whether two descriptions can be of one object."""
    kinds = set(_types(one))
    more = _types(other)
    if kinds and more and kinds.isdisjoint(more):
        return False
    for key, value in other.items():
        known = one.get(key)
        if key[:1] != "@" and _is_plain(value) and _is_plain(known) and known != value:
            return False
    return True


def _is_plain(value: Any) -> bool:  # noqa: ANN401 -- JSON
    return isinstance(value, str | int | float)


def _common(paths: tuple[Path, ...]) -> int:
    """Return how many steps all `paths` begin with."""
    count = 0
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        count += 1
    return count

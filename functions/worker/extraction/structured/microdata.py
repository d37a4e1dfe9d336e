"""
The microdata of a page, in the form of JSON-LD, so that one kind of path leads into both.

As the HTML standard has it (section 5, Microdata), and lenient where its authors are.
"""

from typing import Any, NamedTuple

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import select
from functions.worker.extraction.documents.numeral_text import text_with_marks
from functions.worker.extraction.values.texts import MachineText
from shared.encodable import MAX_DEPTH

MAX_ITEMS = 2_000  # on one page
MAX_REFERENCES = 20_000  # properties that items have by itemref
MAX_BUILT = 10_000  # items, each as often as something refers to it
_MAX_NESTED = MAX_DEPTH // 2  # since the lists between items count as well
_URL_ATTRIBUTES = {
    **dict.fromkeys(["a", "area", "link"], "href"),
    **dict.fromkeys(["audio", "embed", "iframe", "img", "source", "track", "video"], "src"),
    "object": "data",
}
_VALUE_ATTRIBUTES = {"meta": "content", "data": "value", "meter": "value"}
_Item = dict[str, Any]


class _Property(NamedTuple):
    names: list[str]
    value: Any
    """A text, or the `mem_id` of an item."""


class _Named(NamedTuple):
    """An element that an itemref means."""

    properties: list[tuple[int, _Property]]
    inner: list[int]
    """The elements in it that an itemref means too, by `mem_id`."""


class _Items:
    """The items of a page and their properties, by `mem_id`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.items: dict[int, _Item] = {}
        self.own: dict[int, list[tuple[int, _Property]]] = {}
        """The properties of each item, and where in the page they are."""
        self.tops: list[int] = []
        """The items that are a property of none."""
        self._built: set[int] = set()
        self._left = MAX_BUILT
        self._owners: dict[int, int | None] = {}
        self._properties: dict[int, tuple[int, _Property]] = {}

    def read(self) -> None:
        references: list[tuple[int, list[str]]] = []
        for place, element in enumerate(select(self.document.tree, "[itemscope], [itemprop]")):
            attributes = element.attributes
            key = element.mem_id
            names = (attributes.get("itemprop") or "").split()
            value: Any = key
            if "itemscope" in attributes:
                if len(self.items) == MAX_ITEMS:
                    self.problem("truncated", f"after {MAX_ITEMS} items")
                    break
                self.items[key] = _head(attributes)
                self.own[key] = []
                if attributes.get("itemref"):
                    references.append((key, (attributes["itemref"] or "").split()))
            elif names:
                self.document.hurry()  # properties in each other have the same texts
                value = _property(element, attributes, names, self.document)
            owner = self._owner(element)
            if names:
                found = _Property(names, value)
                self._properties[key] = place, found
                if owner is not None:
                    self.own[owner].append((place, found))
            if key in self.items and (owner is None or not names):
                self.tops.append(key)
        if references:
            self._refer(references)

    def _owner(self, element: LexborNode) -> int | None:
        """Return the item that an element is in, remembered for all that are in between."""
        passed: list[int] = []
        place = element.parent
        owner: int | None = None
        while place is not None:
            key = place.mem_id
            if key in self.items:
                owner = key
                break
            if key in self._owners:
                owner = self._owners[key]
                break
            passed.append(key)
            place = place.parent
        self._owners.update(dict.fromkeys(passed, owner))
        return owner

    def _refer(self, references: list[tuple[int, list[str]]]) -> None:
        """Give items what is elsewhere in the page and they name by its id."""
        wanted = {name for _, names in references for name in names}
        by_id: dict[str, LexborNode] = {}
        for element in self.document.tree.css("[id]"):
            name = element.attributes.get("id") or ""
            if name in wanted:
                by_id.setdefault(name, element)
        named = self._named(list(by_id.values()))
        left = MAX_REFERENCES
        within: dict[str, list[tuple[int, _Property]]] = {}
        taken: set[int] = set()
        for item, names in references:
            known = {id(found) for _, found in self.own[item]}
            for name in dict.fromkeys(names):
                if name not in by_id:
                    continue
                if name not in within:
                    visited, within[name] = self._around(by_id[name].mem_id, named, left)
                    left -= visited
                left -= len(within[name]) + 1
                if left < 0:
                    self.problem("truncated", f"after {MAX_REFERENCES} properties by itemref")
                    return
                for place, found in within[name]:
                    if id(found) not in known:
                        known.add(id(found))
                        self.own[item].append((place, found))
                        if isinstance(found.value, int):
                            taken.add(found.value)
            self.own[item].sort(key=lambda pair: pair[0])
        self.tops = [key for key in self.tops if key not in taken]

    def _named(self, elements: list[LexborNode]) -> dict[int, _Named]:
        """
        Return what is in each of `elements`, and in no other of them and no item in it.

        In one go through the page, since they may be in each other.
        """
        named = {element.mem_id: _Named([], []) for element in elements}
        nearest: dict[int, int | None] = {}

        def around(element: LexborNode) -> int | None:
            passed: list[int] = []
            place = element.parent
            found: int | None = None
            while place is not None and (key := place.mem_id) not in self.items:
                if key in named or key in nearest:
                    found = key if key in named else nearest[key]
                    break
                passed.append(key)
                place = place.parent
            nearest.update(dict.fromkeys(passed, found))
            return found

        for element in elements:
            outer = around(element)
            if outer is not None:
                named[outer].inner.append(element.mem_id)
        for element in self.document.tree.css("[itemprop]"):
            known = self._properties.get(element.mem_id)
            outer = around(element) if known is not None else None
            if known is not None and outer is not None:
                named[outer].properties.append(known)
        return named

    def _around(
        self, key: int, named: dict[int, _Named], limit: int
    ) -> tuple[int, list[tuple[int, _Property]]]:
        """
        Return the property that an element is, and those in it that are of no item in it.

        In front of them, how many of the elements in `named` it has passed. It ends soon after
        `limit` of both.
        """
        found = [self._properties[key]] if key in self._properties else []
        waiting = [key]
        visited = 0
        while waiting and visited + len(found) <= limit:
            inside = named[waiting.pop()]
            visited += 1
            found += inside.properties
            waiting += inside.inner
        return visited, found

    def build(self) -> list[_Item]:
        """Return the items that are a property of none, with all that they hold."""
        found = [self._item(key, ()) for key in self.tops]
        # Those that refer to each other in a circle are no property of what is outside of it.
        found += [self._item(key, ()) for key in self.items if key not in self._built]
        if self._left <= 0:
            self.problem("truncated", f"after {MAX_BUILT} items")
        return found

    def _item(self, key: int, above: tuple[int, ...]) -> _Item:
        item = self.items[key].copy()
        self._built.add(key)
        self._left -= 1
        for _, (names, value) in self.own[key]:
            inner = value
            if isinstance(value, int):
                if value == key or value in above:
                    self.problem(
                        "bad_microdata", f"{item.get('@type')} refers to itself by itemref"
                    )
                    continue
                if len(above) >= _MAX_NESTED:
                    self._built.add(value)
                    self.problem("truncated", f"at {_MAX_NESTED} items in each other")
                    continue
                if self._left <= 0:
                    break
                inner = self._item(value, (*above, key))
            for name in names:
                _add(item, name, inner)
        return item

    def problem(self, problem: str, value: str) -> None:
        self.document.problem(None, problem, f"microdata: {value}")


def microdata(document: Document) -> list[_Item]:
    """
    Return the items of a page that are no property of another one.

    As JSON-LD would say it: `@type` is the last part of the item's type, a list where there are
    several. A property that is there more than once is a list.
    """
    items = _Items(document)
    items.read()
    return items.build()


def _head(attributes: dict[str, str | None]) -> _Item:
    item: _Item = {}
    types = (attributes.get("itemtype") or "").split()
    kinds = [kind.rstrip("/#").rpartition("/")[2].rpartition("#")[2] for kind in types]
    if kinds:
        item["@type"] = kinds if len(kinds) > 1 else kinds[0]
    if attributes.get("itemid"):
        item["@id"] = attributes["itemid"]
    return item


def _add(item: _Item, name: str, value: object) -> None:
    if name not in item:
        item[name] = value
    elif isinstance(item[name], list):
        item[name].append(value)
    else:
        item[name] = [item[name], value]


def _property(
    element: LexborNode, attributes: dict[str, str | None], names: list[str], document: Document
) -> str | dict[str, Any] | None:
    tag = element.tag or ""
    if tag in _URL_ATTRIBUTES:
        link = attributes.get(_URL_ATTRIBUTES[tag])
        return document.resolve(link) or link if link else None
    if tag in _VALUE_ATTRIBUTES and attributes.get(_VALUE_ATTRIBUTES[tag]) is not None:
        return MachineText(attributes[_VALUE_ATTRIBUTES[tag]])
    if attributes.get("content") is not None:  # not the standard's, but what people write
        return MachineText(attributes["content"])
    if tag == "time" and attributes.get("datetime"):
        return MachineText(attributes["datetime"])
    if names[0].endswith(("-input", "-output")):  # https://schema.org/docs/actions.html, part 4
        wanted: dict[str, Any] = {"valueRequired": True} if "required" in attributes else {}
        return wanted | ({"valueName": attributes["name"]} if attributes.get("name") else {})
    return text_with_marks(element, document)

"""
What a page says of itself in data: JSON-LD, microdata, and the properties of its meta elements.

Microdata is read into the form of JSON-LD, so that one kind of path leads into both.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from selectolax.lexbor import LexborNode

from functions.worker.document import Document, select, text_of
from functions.worker.values import MAX_DEPTH, is_deep

MAX_ITEMS = 2_000  # of microdata on one page
_URL_ATTRIBUTES = {
    **dict.fromkeys(["a", "area", "link"], "href"),
    **dict.fromkeys(["audio", "embed", "iframe", "img", "source", "track", "video"], "src"),
    "object": "data",
}
_VALUE_ATTRIBUTES = {"meta": "content", "data": "value", "meter": "value"}


def json_ld(document: Document) -> list[Any]:
    """Return what the JSON-LD scripts of a page hold, those left out that are no JSON."""
    found = []
    for script in document.about["script"]:
        if (script.attrs.get("type") or "").lower() != "application/ld+json":
            continue
        value = _lenient_json(script.text())
        if value is not None and not is_deep(value):
            found.append(value)
    return found


def _lenient_json(text: str) -> Any:  # noqa: ANN401
    """Read JSON with raw line ends in its texts, as many a template leaves them."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return json.loads(text.strip().removesuffix(";"), strict=False)
    except (ValueError, RecursionError):
        return None


def microdata(document: Document) -> list[dict[str, Any]]:
    """
    Return the items of a page that are not within another one.

    As JSON-LD would say it: `@type` is the last part of the item's type. A property that is there
    more than once is a list. `itemref` is not followed.
    """
    items: dict[int, dict[str, Any]] = {}
    top: list[dict[str, Any]] = []
    for element in select(document.tree, "[itemscope], [itemprop]"):
        attributes = element.attributes
        names = (attributes.get("itemprop") or "").split()
        value: Any
        if "itemscope" in attributes:
            if len(items) == MAX_ITEMS:
                document.problem("microdata", "truncated", MAX_ITEMS)
                break
            value = items[element.mem_id] = {}
            kinds = (attributes.get("itemtype") or "").split()
            if kinds:
                value["@type"] = kinds[0].rpartition("/")[2].rpartition("#")[2]
            if attributes.get("itemid"):
                value["@id"] = attributes["itemid"]
        else:
            value = _property(element, attributes, document)
        owner = _owner(element, items)
        if owner is None:
            if "itemscope" in attributes:
                top.append(value)
            continue
        for name in names:
            _add(owner, name, value)
    return top if not is_deep(top) else []


def _owner(element: LexborNode, items: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    place = element.parent
    for _ in range(MAX_DEPTH):
        if place is None:
            return None
        found = items.get(place.mem_id)
        if found is not None:
            return found
        place = place.parent
    return None


def _add(owner: dict[str, Any], name: str, value: object) -> None:
    if name not in owner:
        owner[name] = value
    elif isinstance(owner[name], list):
        owner[name].append(value)
    else:
        owner[name] = [owner[name], value]


def _property(
    element: LexborNode, attributes: dict[str, str | None], document: Document
) -> str | None:
    tag = element.tag or ""
    if tag in _URL_ATTRIBUTES:
        link = attributes.get(_URL_ATTRIBUTES[tag])
        return document.resolve(link) or link if link else None
    if tag in _VALUE_ATTRIBUTES and attributes.get(_VALUE_ATTRIBUTES[tag]) is not None:
        return attributes[_VALUE_ATTRIBUTES[tag]]
    if attributes.get("content") is not None:  # not the standard's, but what people write
        return attributes["content"]
    if tag == "time" and attributes.get("datetime"):
        return attributes["datetime"]
    return text_of(element, document)


def properties(document: Document) -> dict[str, list[str]]:
    """Return the contents of meta elements by `property`, or `name`, lower case."""
    found: dict[str, list[str]] = {}
    for element in document.about["meta"]:
        attributes = element.attrs
        name = attributes.get("property") or attributes.get("name")
        content = attributes.get("content")
        if name and content:
            found.setdefault(name.strip().lower(), []).append(content)
    return found


def follow(path: tuple[str, ...], data: Iterable[Any]) -> list[Any]:
    """
    Return what `path` leads to, in the order of the page.

    Its first step is a type, wherever an object of it is; where no object is of that type, it is a
    property of the outermost ones. A list is gone through.
    """
    kind, *steps = path
    places = [node for node in _objects(data) if _is_a(node, kind)]
    if not places:
        places, steps = list(_outermost(data)), list(path)
    found: list[Any] = places
    for step in steps:
        found = [node[step] for node in _flat(found) if isinstance(node, dict) and step in node]
    return [value for value in _flat(found) if value is not None]


def _objects(data: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Yield all objects, each before those within it."""
    waiting = list(data)[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += list(node.values())[::-1]
        elif isinstance(node, list):
            waiting += node[::-1]


def _outermost(data: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for node in _flat(data):
        if isinstance(node, dict):
            graph = node.get("@graph")
            yield from _outermost(graph) if isinstance(graph, list) else (node,)


def _flat(data: Iterable[Any]) -> Iterator[Any]:
    for node in data:
        if isinstance(node, list):
            yield from _flat(node)
        else:
            yield node


def _is_a(node: dict[str, Any], kind: str) -> bool:
    types = node.get("@type")
    names = types if isinstance(types, list) else [types]
    return any(
        isinstance(name, str) and name.rpartition("/")[2].rpartition(":")[2] == kind
        for name in names
    )

"""
One object of a page's data, as JSON-LD has it: its types, its properties, its names.

Pure. Knows no other object.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

Node = dict[str, Any]

Path = tuple[str, ...]
"""Names of properties, each a step from an object to what it has; the first may be a type."""

NAMES_ONLY = frozenset(["@id", "@type", "@context"])
# What is another object's and not a part of the one that has it.
ELSEWHERE = frozenset(["isPartOf", "mainEntityOfPage", "isRelatedTo", "isSimilarTo", "@context"])
_PREFIXES = ("schema:", "https://schema.org/", "http://schema.org/")
ADDRESS = ("http://", "https://", "/", "./", "../")
_TEXTS = frozenset(["name", "text"])
_ADDRESSES = frozenset(["url", "contentUrl"])
_SHORT = 100  # characters of a type that comes again and again


def objects_in(data: Iterable[Any]) -> Iterator[Node]:
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


def value_of(node: Node, step: str) -> Any:  # noqa: ANN401 -- JSON
    value = node.get(step)
    if value is None and ":" not in step:
        for prefix in _PREFIXES:
            value = node.get(prefix + step)
            if value is not None:
                break
    return value


def stands_for(text: str, step: str) -> bool:
    """Tell whether `text`, in the place of an object, is what `step` would find in it."""
    if step in _TEXTS:
        return not text.startswith(ADDRESS)
    return step in _ADDRESSES and text.startswith(ADDRESS)


def listed_types(node: Node) -> list[str]:
    types = node.get("@type")
    return [name for name in (types if isinstance(types, list) else [types]) if type(name) is str]


def types_of(node: Node) -> list[str]:
    return [type_key(name) for name in listed_types(node)]


def type_key(name: str) -> str:
    """Return a type as it is compared, from `https://schema.org/Recipe/` and other forms of it."""
    return _short_key(name) if len(name) <= _SHORT else _whole_key(name)


@lru_cache(maxsize=1_000)
def _short_key(name: str) -> str:
    return _whole_key(name)


def _whole_key(name: str) -> str:
    name = name.strip().rstrip("/#")
    return name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2].lower()


def urls_of(node: Node) -> list[str]:
    return [url for url in (node.get("url"), node.get("@id")) if isinstance(url, str) and url]


def agree(one: Node, other: Node) -> bool:
    """Tell whether two descriptions can be of one object."""
    kinds = set(types_of(one))
    more = types_of(other)
    if kinds and more and kinds.isdisjoint(more):
        return False
    for key, value in other.items():
        known = one.get(key)
        if key[:1] != "@" and _is_plain(value) and _is_plain(known) and known != value:
            return False
    return True


def _is_plain(value: Any) -> bool:  # noqa: ANN401 -- JSON
    return isinstance(value, str | int | float)

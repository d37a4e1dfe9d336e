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


def objects_in(data: Iterable[Any], seen: set[int] | None = None) -> Iterator[Node]:
    """
    Yield all objects, each before those within it.

    Args:
        data: What they are in.
        seen: The identities of those that are left out, with all within them. What is yielded is
            added.
    """
    waiting = list(data)[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if seen is not None:
                if id(value) in seen:
                    continue
                seen.add(id(value))
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


class Merged:
    """One object of which there are several descriptions, in time linear in all of them."""

    def __init__(self, first: Node) -> None:
        self.node = first.copy()
        self._types = dict.fromkeys(listed_types(first))
        self._kinds = set(types_of(first))

    def agrees(self, other: Node) -> bool:
        """Tell whether `other` can describe this object too."""
        more = types_of(other)
        if self._kinds and more and self._kinds.isdisjoint(more):
            return False
        for key, value in other.items():
            known = self.node.get(key)
            if key[:1] != "@" and _is_plain(value) and _is_plain(known) and known != value:
                return False
        return True

    def take(self, other: Node) -> None:
        for key, value in other.items():
            self.node.setdefault(key, value)
        self._types.update(dict.fromkeys(listed_types(other)))
        self._kinds.update(types_of(other))

    def finish(self) -> None:
        """Give the object all of its types."""
        if len(self._types) > 1:
            self.node["@type"] = list(self._types)


def _is_plain(value: Any) -> bool:  # noqa: ANN401 -- JSON
    return isinstance(value, str | int | float)

"""
What of a spec a release does not know, by the JSON Schema of its specs.

What travels in messages and manifests is read with unknown fields left out, so that two releases
understand each other. What people write is not: a key that nobody knows is named. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]


class Unknown(NamedTuple):
    """A key, or else a value of a list of values, that a schema does not have."""

    path: str
    """To what holds the key, or to the value itself, as in ``.extract.fields.price``."""
    name: str
    is_key: bool = True


def unknown_in(content: Any, schema: Schema) -> Iterator[Unknown]:  # noqa: ANN401 -- JSON
    """Yield what `schema` does not know of `content`, a spec as JSON or YAML holds it."""
    return _walk(content, schema, schema.get("$defs", {}), "")


def values_at(steps: Iterable[tuple[str, str]], schema: Schema) -> list[str]:
    """
    Return the values, of those that `schema` lists, of what `steps` lead to; none if any will do.

    Args:
        steps: As of `steps_of`: the name of a key, or the number of an item.
        schema: Of all of the content.
    """
    defined: Schema = schema.get("$defs", {})
    parts = [*_options(schema, defined)]
    for name, _ in steps:
        if name:
            below = [
                part.get("properties", {}).get(name, part.get("additionalProperties"))
                for part in parts
            ]
        else:
            below = [part.get("items") for part in parts]
        parts = [one for part in below if part for one in _options(part, defined)]
    return [value for part in parts for value in part.get("enum", ())]


def _options(part: Schema, defined: Schema) -> Iterator[Schema]:
    part = _resolved(part, defined)
    if "anyOf" not in part:
        yield part
    for option in part.get("anyOf", ()):
        yield from _options(option, defined)


def _walk(content: Any, part: Schema, defined: Schema, path: str) -> Iterator[Unknown]:  # noqa: ANN401
    part = _resolved(part, defined)
    if options := part.get("anyOf"):
        found = [
            list(_walk(content, option, defined, path))
            for option in options
            if _kind_of(content) in _kinds(_resolved(option, defined), defined)
        ]
        yield from min(found, key=len, default=[])
    elif isinstance(content, dict):
        known, rest = part.get("properties", {}), part.get("additionalProperties")
        for key, value in content.items():
            if key in known:
                yield from _walk(value, known[key], defined, f"{path}.{key}")
            elif isinstance(rest, dict):
                yield from _walk(value, rest, defined, f"{path}.{key}")
            elif known:
                yield Unknown(path, str(key))
    elif isinstance(content, (list, tuple)):
        items: Schema = part.get("items") or {}
        for number, value in enumerate(content):
            yield from _walk(value, items, defined, f"{path}[{number}]")
    elif isinstance(content, str) and content not in part.get("enum", (content,)):
        yield Unknown(path, content, is_key=False)


def _resolved(part: Schema, defined: Schema) -> Schema:
    reference = part.get("$ref")
    return part if reference is None else defined[reference.rpartition("/")[2]]


def _kind_of(content: Any) -> str:  # noqa: ANN401
    if isinstance(content, dict):
        return "object"
    return "array" if isinstance(content, (list, tuple)) else "scalar"


def _kinds(part: Schema, defined: Schema) -> set[str]:
    """Return which kinds of content `part` is about."""
    if options := part.get("anyOf"):
        return {kind for one in options for kind in _kinds(_resolved(one, defined), defined)}
    kind = part.get("type")
    return {kind if kind in {"object", "array"} else "scalar"}

"""
What stacks of earlier releases know: the JSON Schema of their specs, without its words.

A file here is written once, when a release is made: `python -m scatterfetch.releases RELEASE`.
Start reading at `check_known`, which `scatterfetch submit` asks.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from shared.errors import InvalidJobError
from shared.spec import Spec

RELEASE = "0.2"
"""This one; template.yaml has it as an output."""
FIRST = "0.1"  # its stacks have no output that names their release
_KEPT = ("$defs", "$ref", "additionalProperties", "anyOf", "enum", "items", "properties", "type")


def check_known(spec: Spec, release: str, stack: str) -> None:
    """
    Check that a stack of `release` knows all that `spec` says; what it does not would be lost.

    Raises:
        InvalidJobError: it does not; the message names each key and value.
    """
    from functions.dispatcher.specs import unknown_in  # noqa: PLC0415 -- YAML

    schema = _schema(release)
    if schema is None:
        return  # this release, or one that came later and knows all that this one does
    unknown = [
        f"{one.path}.{one.name}".lstrip(".")
        if one.is_key
        else f"{one.path.lstrip('.')}: {one.name}"
        for one in unknown_in(msgspec.to_builtins(spec), schema)
    ]
    if unknown:
        raise InvalidJobError(
            f"the stack {stack} is of release {release}, which does not know "
            f"{', '.join(unknown)}; deploy this release to it, or leave that out of the spec"
        )


@cache
def _schema(release: str) -> dict[str, Any] | None:
    file = files(__name__) / f"{release}.json"
    return json.loads(file.read_text()) if file.is_file() else None


def frozen_schema() -> str:
    """Return what a file of this folder holds: the JSON Schema of this release's specs."""
    return json.dumps(_frozen(msgspec.json.schema(Spec)), separators=(",", ":")) + "\n"


def _frozen(part: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(part, list):
        return [_frozen(one) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        key: {name: _frozen(one) for name, one in value.items()}
        if key in {"$defs", "properties"}
        else _frozen(value)
        for key, value in part.items()
        if key in _KEPT
    }

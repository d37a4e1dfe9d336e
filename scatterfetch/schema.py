"""
The JSON Schema of a spec, for editors: `scatterfetch spec schema`, and docs/spec.schema.json.

It is made of the structs that specs are read with, and what they say of their fields.
"""

import ast
import inspect
import json
import textwrap
from typing import Any

import msgspec
from msgspec import Struct

from shared.spec import Spec


def spec_schema() -> str:
    """Return the JSON Schema of a `spec.yaml`."""
    schema = msgspec.json.schema(Spec)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    for name, definition in schema["$defs"].items():
        described = _descriptions(_STRUCTS[name]) if name in _STRUCTS else {}
        if name in _STRUCTS:
            definition["additionalProperties"] = False  # see functions.dispatcher.specs
        for field, text in described.items():
            definition["properties"][field]["description"] = text
    return json.dumps(_for_editors(schema), indent=2, ensure_ascii=False) + "\n"


def _structs(kind: type[Struct]) -> dict[str, type[Struct]]:
    """Return `kind` and the structs that its fields are made of, by name."""
    found = {kind.__name__: kind}
    waiting: list[Any] = [msgspec.inspect.type_info(kind)]
    while waiting:
        match waiting.pop():
            case msgspec.inspect.StructType(cls=cls, fields=fields):
                if cls.__name__ in found and cls is not kind:
                    continue  # a source may hold another
                found[cls.__name__] = cls
                waiting += [field.type for field in fields]
            case msgspec.inspect.UnionType(types=types):
                waiting += types
            case msgspec.inspect.VarTupleType(item_type=item_type):
                waiting.append(item_type)
            case msgspec.inspect.DictType(value_type=value_type):
                waiting.append(value_type)
    return found


_STRUCTS = _structs(Spec)


def _descriptions(struct: type[Struct]) -> dict[str, str]:
    """Return what is written below the fields of a struct."""
    described = {}
    for kind in reversed(struct.__mro__):
        if kind is Struct or not issubclass(kind, Struct):
            continue
        [body] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
        assert isinstance(body, ast.ClassDef)
        for statement, following in zip(body.body, body.body[1:], strict=False):
            match statement, following:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    described[name] = inspect.cleandoc(text).replace("\n", " ")
    written = dict(zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True))
    return {written[name]: text for name, text in described.items()}


def _for_editors(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return `value` with patterns that JavaScript understands."""
    if isinstance(value, list):
        return [_for_editors(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item.replace(r"\A", "^").replace(r"\Z", "$")
        if key == "pattern" and isinstance(item, str)
        else _for_editors(item)
        for key, item in value.items()
    }

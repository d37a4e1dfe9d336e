"""
What is wrong with a value of a spec, for people who do not know Python.

Pure. Translates what msgspec says of a value, and guesses what a misspelt name was to be.
"""

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any, get_args

import msgspec

from functions.dispatcher.specs.paths import steps_of
from functions.dispatcher.specs.unknown import Schema, values_at
from shared.errors import InvalidSpecError
from shared.extract_spec import ExtractSpec, FieldSpec, Locale
from shared.spec import (
    ContentType,
    FetchSpec,
    ParserName,
    ProxySpec,
    SecretName,
    Spec,
    UserAgent,
)

_STRUCTS = (Spec, FetchSpec, ProxySpec, SecretName, ExtractSpec, FieldSpec)
_AT = re.compile(r"(?P<problem>.*?)(?: - at (?P<key>`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_NO_PATTERN = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_NO_VALUE = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_NO_TYPE = re.compile(r"Expected `([^`]*)`(?:, got `([^`]*)`)?")
_OUT_OF_BOUNDS = re.compile(r"Expected `(?:int|float)` (<=|>=) (.*)")
_NO_LENGTH = re.compile(r"Expected `(str|array|object)` of length (<=|>=) (\d+)")
_FIELD = re.compile(r"extract\.fields\.[^.\[]+(\.fields\.[^.\[]+)*")
_BOUNDS = {"<=": "at most", ">=": "at least"}
_TYPES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "names with values",
    "null": "empty",
}
_GIVEN = {**_TYPES, "float": "a number with a fraction"}
_ITEMS = {"str": "characters", "array": "items", "object": "names"}
_PATTERNS = {
    repr(meta.pattern): meta.description
    for patterned in (ContentType, Locale, ParserName, UserAgent)
    for meta in get_args(patterned)
    if isinstance(meta, msgspec.Meta)
}


def no_such_key(name: str) -> str:
    """Return what is wrong with a key that no part of a spec has, or not this one."""
    names = {name for struct in _STRUCTS for name in struct.__struct_fields__}
    return f"there is no {name} here{_meant(name, names)}"


def no_such_value(
    content: Any,  # noqa: ANN401
    error: msgspec.ValidationError,
    schema: Schema,
) -> InvalidSpecError:
    """Return, in words, what msgspec says of `content`, which is to be as `schema` says."""
    found = _AT.fullmatch(str(error))
    assert found is not None  # it matches everything
    problem = found["problem"]
    path = (found["path"] or "") + ("[...]" if found["key"] else "")
    path = _with_key(content, path, str(error))
    if found["key"]:
        problem = "a name is up to 64 letters, digits, _ and -, and begins with no digit"
    pattern = _NO_PATTERN.fullmatch(problem)
    if pattern and pattern[1] in _PATTERNS:
        problem = f"it must be {_PATTERNS[pattern[1]]}"
    path = path.removeprefix(".")
    values = values_at(steps_of(f".{path}"), schema)
    return InvalidSpecError(path, _in_words(problem, path, values))


def _in_words(problem: str, path: str, values: Sequence[str]) -> str:
    """
    Return what msgspec says of the value at `path`, for people who do not know Python.

    `values` are those that it may have, where they are few.
    """
    if value := _NO_VALUE.fullmatch(problem):
        return f"it must be one of {', '.join(values)}, not {value[1]!r}{_meant(value[1], values)}"
    if missing := _MISSING.fullmatch(problem):
        return f"{missing[1]} is missing"
    if bound := _OUT_OF_BOUNDS.fullmatch(problem):
        return f"it must be {_BOUNDS[bound[1]]} {float(bound[2]):,g}"
    if length := _NO_LENGTH.fullmatch(problem):
        return f"it must have {_BOUNDS[length[2]]} {int(length[3]):,} {_ITEMS[length[1]]}"
    if kinds := _NO_TYPE.fullmatch(problem):
        return _of_kind(kinds[1].split(" | "), kinds[2], path, values)
    return problem


def _of_kind(wanted: Sequence[str], given: str | None, path: str, values: Sequence[str]) -> str:
    if given == "str" and _FIELD.fullmatch(path):
        return "write where the value is: {css: h1} for a CSS selector"
    if values and given == "bool":
        one_of = ", ".join(values)
        return f"it must be one of {one_of}, and is true or false, as YAML reads on, off, yes, no"
    must = f"it must be {' or '.join(_TYPES.get(kind, kind) for kind in wanted)}"
    return f"{must}, and is {_GIVEN.get(given, given)}" if given else must


def _meant(name: str, names: Collection[str]) -> str:
    """Return a guess at which of `names` a misspelt one was to be."""
    close = get_close_matches(name, sorted({*names} - {name}), n=1)  # it may be right elsewhere
    return f"; did you mean {close[0]}?" if close else ""


def _with_key(content: Any, path: str, message: str) -> str:  # noqa: ANN401
    """Return `path`, with the key in place of the dots that msgspec puts for it."""
    before, dots, after = path.partition("[...]")
    if not dots:
        return path
    parent = content
    for name, index in steps_of(before):
        parent = parent[name or int(index)]
    for key, value in parent.items():
        whole = dict(parent)
        parent.clear()
        parent[key] = value
        try:
            msgspec.convert(content, Spec)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return f"{before}.{key}{after}"
        finally:
            parent.clear()
            parent.update(whole)
    return path

"""
What is wrong with a value of a spec, for people who do not know Python.

Pure. Knows what specs hold; how values are described, `shared.wording` knows.
"""

import re
from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from functions.dispatcher.specs.paths import steps_of
from functions.dispatcher.specs.unknown import Schema, values_at
from shared.crawl_spec import (
    CrawlSpec,
    Day,
    FollowSpec,
    KindName,
    PageKind,
    ParserName,
    RangeSpec,
    Relation,
)
from shared.errors import InvalidSpecError
from shared.extract_spec import ExtractSpec, FieldSpec, Locale
from shared.fetch_spec import (
    ContentType,
    FetchSpec,
    HostFetchSpec,
    KindFetchSpec,
    UserAgent,
)
from shared.keep_spec import KeepSpec
from shared.proxy_spec import ProxySpec
from shared.secret_spec import SecretName, SecretSpec
from shared.spec import Spec
from shared.start_spec import StartSpec
from shared.unwanted_spec import UnwantedSpec
from shared.wording import given_kind, in_words, meant, problem_of

_STRUCTS = (
    *(Spec, FetchSpec, UnwantedSpec, ProxySpec, SecretName, ExtractSpec, FieldSpec),
    *(PageKind, FollowSpec, RangeSpec, CrawlSpec, StartSpec, KindFetchSpec, HostFetchSpec),
    *(SecretSpec, KeepSpec),
)
_NO_PATTERN = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_FIELD = re.compile(
    r"(?:.+\.)?(?:extract\.fields\.[^.\[]+(?:\.fields\.[^.\[]+)*|(?:carry|with)\.[^.\[]+)"
)
_FOLLOWED = re.compile(r"(?:pages\.[^.\[]+\.)?follow\[\d+\]")
_OVERRIDES = re.compile(r"\.pages\.[^.]+\.fetch|\.fetch\.hosts\[\d+\]")
_PATTERNS = {
    repr(meta.pattern): meta.description
    for patterned in (ContentType, Day, KindName, Locale, ParserName, Relation, UserAgent)
    for meta in get_args(patterned)
    if isinstance(meta, msgspec.Meta)
}


def no_such_key(name: str, path: str = "") -> str:
    """Return what is wrong with a key that no part of a spec has, or not the one at `path`."""
    if path.endswith(".then") and name in FieldSpec.__struct_fields__:
        return f"{name} is of the field, and stands beside its first source, not in then"
    if _OVERRIDES.fullmatch(path) and name in FetchSpec.__struct_fields__:
        return f"{name} is the same for all pages, and stands in fetch alone"
    names = {name for struct in _STRUCTS for name in struct.__struct_encode_fields__}
    return f"there is no {name} here{meant(name, names)}"


def no_such_value(
    content: Any,  # noqa: ANN401
    error: msgspec.ValidationError,
    schema: Schema,
) -> InvalidSpecError:
    """Return, in words, what msgspec says of `content`, which is to be as `schema` says."""
    found = problem_of(error)
    problem, path = found.text, _with_key(content, found.path, str(error))
    if found.of_key:
        problem = "a name is up to 64 letters, digits, _ and -, and begins with no digit"
    pattern = _NO_PATTERN.fullmatch(problem)
    if pattern and pattern[1] in _PATTERNS:
        problem = f"it must be {_PATTERNS[pattern[1]]}"
    values = values_at(steps_of(f".{path}"), schema)
    return InvalidSpecError(path, _in_spec(problem, path, values))


def _in_spec(problem: str, path: str, values: Sequence[str]) -> str:
    """
    Return what msgspec says of the value at `path`, in words.

    `values` are those that it may have, where they are few.
    """
    given = given_kind(problem)
    if given == "str" and _FIELD.fullmatch(path):
        return "write where the value is: {css: h1} for a CSS selector"
    if given == "str" and _FOLLOWED.fullmatch(path):
        return "write where the links are: {css: a.next} for a CSS selector"
    if values and given == "bool":
        one_of = ", ".join(values)
        return f"it must be one of {one_of}, and is true or false, as YAML reads on, off, yes, no"
    return in_words(problem, values)


def _with_key(content: Any, path: str, message: str) -> str:  # noqa: ANN401
    """Return `path`, with the keys in place of the dots that msgspec puts for them."""
    before, dots, after = path.partition("[...]")
    if not dots:
        return path
    parent = content
    for name, index in steps_of(f".{before}"):
        parent = parent[name or int(index)]
    for key, value in parent.items():
        whole = dict(parent)
        parent.clear()
        parent[key] = value
        try:
            msgspec.convert(content, Spec)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return _with_key(content, f"{before}.{key}{after}".removeprefix("."), message)
        finally:
            parent.clear()
            parent.update(whole)
    return path

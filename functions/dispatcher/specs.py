"""From a `spec.yaml` to a `Spec`."""

import re
from collections.abc import Hashable, Sequence
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from shared.encodable import mend_text
from shared.errors import InvalidJobError, InvalidSpecError
from shared.expressions import check_extract
from shared.extract_spec import ExtractSpec, FieldSpec, Locale, ReadyMade
from shared.known import unknown_in
from shared.manifest import DEFAULT_SPEC
from shared.messages import Place
from shared.spec import (
    ContentType,
    FetchSpec,
    ParserName,
    ProxySpec,
    SecretName,
    Spec,
    UserAgent,
)
from shared.store import Bucket

MAX_SPEC_BYTES = 64 * 1024
MAX_VALUES = 50_000  # aliases counted for all that they stand for
MAX_DEPTH = 20
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
_HALF = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_VALUES = {
    *get_args(ReadyMade),
    *(value for struct in _STRUCTS for kind in get_type_hints(struct).values()
      if get_origin(kind) is Literal for value in get_args(kind)),
}  # fmt: skip
_PATTERNS = {
    repr(meta.pattern): meta.description
    for patterned in (ContentType, Locale, ParserName, UserAgent)
    for meta in get_args(patterned)
    if isinstance(meta, msgspec.Meta)
}
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")


class _Loader(yaml.SafeLoader):
    """Reads YAML without its dates, and names as texts: `2026-11-21`, and `no:`."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        names = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                raise ConstructorError(None, None, "a name must be a text", key.start_mark)
            if key.value in names:
                problem = f"{key.value[:60]!r} is there twice"
                raise ConstructorError(None, None, problem, key.start_mark)
            names.add(key.value)
            if key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_float(self, node: ScalarNode) -> float:
        number: float = super().construct_yaml_float(node)
        if not isfinite(number):  # the manifest, which is JSON, cannot hold it
            problem = f"{node.value} is no number; leave it out"
            raise ConstructorError(None, None, problem, node.start_mark)
        return number


_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_spec(name: str, text: bytes) -> Spec:
    """
    Return the spec in `text`.

    Args:
        name: Where it comes from, for the message.
        text: YAML, UTF-8. Empty means the default spec.

    Raises:
        InvalidJobError: it is no YAML or no spec, as in ``books/spec.yaml:7: fields.price.css:
            unexpected ')' at 14``.
    """
    if len(text) > MAX_SPEC_BYTES:
        raise InvalidJobError(
            f"{name}: {len(text):,} bytes; a spec may have {MAX_SPEC_BYTES:,}. "
            "Is this the URL list?"
        )
    try:
        loader = _Loader(text.decode("utf-8-sig"))
        root = loader.get_single_node()
        if root is None:
            return Spec()
        _count(root, {}, MAX_DEPTH)
        content = loader.construct_document(root)
    except UnicodeDecodeError as error:
        raise InvalidJobError(f"{name}: not UTF-8 text: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InvalidJobError(
            f"{name}{line}: not YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    except RecursionError as error:
        raise InvalidJobError(f"{name}: nested too deeply") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # PyYAML's own, about scalars such as !!bool x.
        raise InvalidJobError(f"{name}: not YAML: a value makes no sense: {error}") from error
    try:
        spec = _checked({} if content is None else content)
    except InvalidSpecError as error:
        place = _line(root, error.path)
        path = error.path.removeprefix("extract.")
        raise InvalidJobError(
            f"{name}:{place}: {path}: {error.problem}" if path else f"{name}: {error.problem}"
        ) from error
    return spec


def _count(node: Node, known: dict[int, int], depth: int) -> int:
    """
    Return how many values `node` stands for.

    Raises:
        ConstructorError: too many, or it stands for itself.
    """
    count = known.get(id(node))
    if count is None:
        if depth == 0:
            raise ConstructorError(None, None, "nested too deeply", node.start_mark)
        count = 1
        if isinstance(node, ScalarNode):
            _check_characters(node)
        if isinstance(node, SequenceNode):
            count += sum(_count(child, known, depth - 1) for child in node.value)
        elif isinstance(node, MappingNode):
            for pair in node.value:
                count += sum(_count(child, known, depth - 1) for child in pair)
        if count > MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values: aliases multiply"
            raise ConstructorError(None, None, problem, node.start_mark)
        known[id(node)] = count
    return count


def _check_characters(node: ScalarNode) -> None:
    """Join halves of characters, as JSON escapes them, and complain of one without the other."""
    if node.value.isprintable():
        return
    node.value = _PAIR.sub(lambda pair: mend_text(pair[0]), node.value)
    half = _HALF.search(node.value)
    if half is not None:
        problem = f"{half[0]!a} is half a character; write the character itself"
        raise ConstructorError(None, None, problem, node.start_mark)


def spec_in(content: dict[str, Any]) -> Spec:
    """
    Return the spec that came in a message.

    People have written it, their program, or the command line of another release, so this is as
    strict as `parse_spec`: a key that this release does not know would be lost without a word.

    Raises:
        InvalidJobError: it is none, as in ``the spec of the message: fetch.pauze: there is no
            pauze here; did you mean pause?``.
    """
    try:
        return _checked(content)
    except InvalidSpecError as error:
        raise InvalidJobError(
            ": ".join(filter(None, ("the spec of the message", error.path, error.problem)))
        ) from error


@cache
def _schema() -> dict[str, Any]:
    return msgspec.json.schema(Spec)


def _checked(content: Any) -> Spec:  # noqa: ANN401 -- whatever YAML and JSON hold
    """
    Return `content` as a spec.

    Raises:
        InvalidSpecError: it is none.
    """
    for unknown in unknown_in(content, _schema()):
        if unknown.is_key:
            names = {name for struct in _STRUCTS for name in struct.__struct_fields__}
            path = f"{unknown.path}.{unknown.name}".removeprefix(".")
            problem = f"there is no {unknown.name} here{_meant(unknown.name, names)}"
            raise InvalidSpecError(path, problem)
    spec = _convert(content)
    check_extract(spec.extract)
    return spec


def _convert(content: Any) -> Spec:  # noqa: ANN401
    try:
        return msgspec.convert(content, Spec)
    except msgspec.ValidationError as error:
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
        raise InvalidSpecError(path, _in_words(problem, path)) from error


def _in_words(problem: str, path: str) -> str:
    """Return what msgspec says of the value at `path`, for people who do not know Python."""
    if value := _NO_VALUE.fullmatch(problem):
        return f"{value[1]!r} is none of the values that it may have{_meant(value[1], _VALUES)}"
    if missing := _MISSING.fullmatch(problem):
        return f"{missing[1]} is missing"
    if bound := _OUT_OF_BOUNDS.fullmatch(problem):
        return f"it must be {_BOUNDS[bound[1]]} {float(bound[2]):,g}"
    if length := _NO_LENGTH.fullmatch(problem):
        return f"it must have {_BOUNDS[length[2]]} {int(length[3]):,} {_ITEMS[length[1]]}"
    if kinds := _NO_TYPE.fullmatch(problem):
        return _of_kind(kinds[1].split(" | "), kinds[2], path)
    return problem


def _of_kind(wanted: Sequence[str], given: str | None, path: str) -> str:
    if given == "str" and _FIELD.fullmatch(path):
        return "write where the value is: {css: h1} for a CSS selector"
    must = f"it must be {' or '.join(_TYPES.get(kind, kind) for kind in wanted)}"
    return f"{must}, and is {_GIVEN.get(given, given)}" if given else must


def _meant(name: str, names: set[str]) -> str:
    """Return a guess at which of `names` a misspelt one was to be."""
    close = get_close_matches(name, sorted(names - {name}), n=1)  # it may be right elsewhere
    return f"; did you mean {close[0]}?" if close else ""


def _with_key(content: Any, path: str, message: str) -> str:  # noqa: ANN401
    """Return `path`, with the key in place of the dots that msgspec puts for it."""
    before, dots, after = path.partition("[...]")
    if not dots:
        return path
    parent = content
    for name, index, _ in _STEP.findall(before):
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


def _line(root: Node, path: str) -> int:
    """Return the line, from 1, of what `path` leads to, or of the last step that is there."""
    node, line = root, root.start_mark.line
    for name, index, _ in _STEP.findall(f".{path}"):
        if isinstance(node, MappingNode):
            found = next(
                (pair for pair in node.value if getattr(pair[0], "value", None) == name), None
            )
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, SequenceNode) and index and int(index) < len(node.value):
            node = node.value[int(index)]
            line = node.start_mark.line
    return line + 1


def nearest_spec(place: Place) -> tuple[Spec, str]:
    """
    Return the spec of the list at `place`: the nearest `spec.yaml` up its folders, or the default.

    Also returns where it is, as `Manifest.spec_from` has it.

    Raises:
        InvalidJobError: there is one, and it is wrong.
    """
    bucket = Bucket(place.bucket)
    folder = place.key
    while folder:
        folder = folder.rpartition("/")[0]
        key = f"{folder}/spec.yaml" if folder else "spec.yaml"
        text = bucket.get(key)
        if text is not None:
            name = f"s3://{place.bucket}/{key}"
            return parse_spec(name, text), name
    return Spec(), DEFAULT_SPEC


def spec_at(place: Place) -> Spec:
    """
    Return the spec at `place`.

    Raises:
        InvalidJobError: there is none, or it is wrong.
    """
    text = Bucket(place.bucket).get(place.key)
    name = str(place)
    if text is None:
        raise InvalidJobError(f"there is no spec at {name}")
    return parse_spec(name, text)

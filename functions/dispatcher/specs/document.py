"""
The YAML of a spec: from text to names and values, and from a path back to its line.

Pure. Knows YAML and its traps (dates, aliases that multiply, half characters), and nothing of what
a spec may hold.
"""

import re
from collections.abc import Hashable
from math import isfinite
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from functions.dispatcher.specs.paths import steps_of
from shared.encodable import mend_text
from shared.errors import InvalidJobError

MAX_VALUES = 50_000  # aliases counted for all that they stand for
MAX_DEPTH = 20
_HALF = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class _SpecLoader(yaml.SafeLoader):
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


_SpecLoader.add_constructor("tag:yaml.org,2002:float", _SpecLoader.construct_yaml_float)
_SpecLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class SpecDocument:
    """
    A spec as it is written.

    Args:
        name: Where it comes from, for messages.
        text: YAML, UTF-8.

    Raises:
        InvalidJobError: it is no YAML, as in ``books/spec.yaml:7: not YAML: ...``.
    """

    def __init__(self, name: str, text: bytes) -> None:
        self._root: Node | None = None
        self.content: Any = None
        """Names and values; None where there are none."""
        try:
            loader = _SpecLoader(text.decode("utf-8-sig"))
            self._root = loader.get_single_node()
            if self._root is not None:
                _count(self._root, {}, MAX_DEPTH)
                self.content = loader.construct_document(self._root)
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

    def line_of(self, path: str) -> int:
        """Return the line, from 1, of what `path` leads to, or of the last step that is there."""
        node = self._root
        line = 0 if node is None else node.start_mark.line
        for name, index in steps_of(f".{path}"):
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

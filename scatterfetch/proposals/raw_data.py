"""What a page of JSON or XML holds, as columns. Pure."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from scatterfetch.proposals.columns import Columns, snake_case, type_of_data
from scatterfetch.proposals.data_paths import SAMPLE, Path, Value, common_to, paths_of

if TYPE_CHECKING:
    from lxml.etree import _Element

_Place = tuple[tuple[str, bool], ...]
"""The names from the root to an element, and of each whether it is in a namespace."""

_DEPTH = 3  # of paths into an object
_DEPTH_OF_TREE = 6
_ENVELOPE = re.compile(
    r"(?:count|total|page|per|next|prev|previous|limit|offset|size|has|status|success|ok|code|message"
    r"|error|cursor|took|version|type|timestamp|time)s?(?:_.*)?|.*_(?:count|pages?|results|total)"
)
_MARKUP = re.compile(r"\s*<[a-z][a-z0-9]*[\s>].*>\s*\Z", re.DOTALL)
_MAX_EXPRESSION = 300  # characters; longer ones nobody reads
_FEW_ALIKE = 3  # objects, by whose names somebody finds them
_FEW_NAMES = 2  # that they have in common
_ENTITY_NAMES = frozenset(["id", "name", "title", "slug"])


class ObjectList(NamedTuple):
    """A list of objects in JSON."""

    expression: str
    objects: list[dict[str, Any]]
    is_part: bool
    """Whether it belongs to an object that has a name, and so is none of the page's rows."""


def lists_of_objects(data: Any) -> list[ObjectList]:  # noqa: ANN401 -- JSON
    """Return the lists of objects in `data`, the largest ones first."""
    found: list[ObjectList] = []
    waiting: list[tuple[Path, Any, bool]] = [((), data, False)]
    for path, value, is_part in waiting:  # it grows
        if isinstance(value, list):
            objects = [element for element in value if isinstance(element, dict)]
            if len(objects) > 1 or (objects and not path):
                found.append(ObjectList(expression_of(path) or "@", objects, is_part))
        elif isinstance(value, dict) and _are_alike(list(value.values())):
            expression = f"{expression_of(path)}.*" if path else "*"
            found.append(ObjectList(expression, list(value.values()), is_part))
        elif isinstance(value, dict) and len(path) < _DEPTH_OF_TREE:
            plain = {
                name.lower()
                for name, inner in value.items()
                if isinstance(inner, str | int | float)
                and not _ENVELOPE.fullmatch(snake_case(name))
            }
            named = not _ENTITY_NAMES.isdisjoint(plain) and len(plain) > 2  # noqa: PLR2004
            waiting += [((*path, name), inner, is_part or named) for name, inner in value.items()][
                :SAMPLE
            ]
    return sorted(
        (one for one in found if len(one.expression) <= _MAX_EXPRESSION),
        key=lambda one: -(len(one.objects) ** 0.5) * len(_json_paths(one.objects[:SAMPLE])),
    )


def _are_alike(values: list[Any]) -> bool:
    """Tell whether all are objects of one kind, so that their names are ids."""
    if len(values) < _FEW_ALIKE or not all(isinstance(value, dict) for value in values):
        return False
    names = [set(value) for value in values[:SAMPLE]]
    common, all_names = set.intersection(*names), set.union(*names)
    return len(common) >= _FEW_NAMES and 2 * len(common) >= len(all_names)


def add_json(columns: Columns, roots: list[Any], *, as_rows: bool) -> None:
    """Add a field for each path into JSON: of objects that are rows, or of the page."""
    count = min(len(roots), SAMPLE) if as_rows else 1
    for path, value in common_to(_json_paths(roots[:SAMPLE]), count):
        kind = type_of_data(path[-1], value.sample)
        if kind == "price" and not all(isinstance(one, str) for one in value.sample):
            kind = "number"
        source: dict[str, Any] = {"jmespath": expression_of(path)}
        if kind is None and all(map(_is_markup, value.sample)):
            source["then"] = {"css": "body"}  # its text, without the tags
        source |= ({"type": kind} if kind else {}) | ({"many": True} if value.many else {})
        columns.add([step.removesuffix("[]") for step in path], source)


def _json_paths(roots: list[Any]) -> dict[Path, Value]:
    def properties_of(node: dict[str, Any]) -> Iterator[tuple[str, bool, list[Any]]]:
        for name, value in node.items():
            if isinstance(value, list):
                yield f"{name}[]", True, value
            else:
                yield name, False, [value]

    return paths_of(roots, _DEPTH, properties_of)


def _is_markup(value: Any) -> bool:  # noqa: ANN401 -- JSON
    return isinstance(value, str) and _MARKUP.match(value) is not None


def expression_of(path: Path) -> str:
    """Return the JMESPath expression for a path."""
    steps = []
    for number, step in enumerate(path, start=1):
        name = step.removesuffix("[]")
        quoted = name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) else json.dumps(name)
        steps.append(f"{quoted}[]" if name != step and number < len(path) else quoted)
    return ".".join(steps)


# ---- XML


def add_elements(columns: Columns, root: "_Element") -> None:
    """Add a field for each place of elements that hold a text, in XML of whatever kind."""
    found: dict[_Place, list[str]] = defaultdict(list)
    waiting: list[tuple[_Place, _Element]] = [((), root)]
    for above, element in waiting:  # it grows
        # XPath names a namespace by a prefix, and a spec has none.
        namespace, _, name = element.tag.rpartition("}")
        path = (*above, (name, bool(namespace)))
        children = list(element)
        if not children and element.text and element.text.strip():
            found[path].append(element.text)
        elif len(path) < _DEPTH_OF_TREE:
            waiting += [(path, child) for child in children if type(child.tag) is str]
    for path, texts in found.items():
        steps = [
            name if not is_elsewhere else f"*[local-name()='{name}']" for name, is_elsewhere in path
        ]
        names = [name for name, _ in path]
        kind = type_of_data(names[-1], texts[:SAMPLE])
        source: dict[str, Any] = {"xpath": "/" + "/".join(steps)}
        source |= ({"type": kind} if kind else {}) | ({"many": True} if len(texts) > 1 else {})
        columns.add(names[-2:], source)

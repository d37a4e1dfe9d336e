"""
Elements of a page that look alike, as rows: selectors, and what may be in each of them.

Pure guesswork over a parsed page. What comes of a guess is found out by running it; see `init`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import text_of
from scatterfetch.proposals.columns import Columns, Source, type_of_text
from scatterfetch.proposals.furniture import Furniture

_FEW = 3  # alike elements that may be rows
_SAMPLE = 40  # rows that are looked at
_COMMON = 0.8  # of the rows must have a field
_MAX_FIELDS = 20
_NEVER_ROWS = {"option", "br", "script", "style", "meta", "link", "path", "p", "span", "td", "th"}
_CELLS = {"td", "th", "dd", "dt"}
_ATTRIBUTES = {"href": "url", "src": "url", "title": "text", "datetime": "date"}
_LONG = 200  # characters of a text that is no value but prose
_CLASS = re.compile(r"[A-Za-z][A-Za-z_-]*")  # numbers are often different on the next page
_TAG = re.compile(r"[a-z][a-z0-9-]*")


class Rows(NamedTuple):
    """Elements that look like rows: a selector, and what may be in each of them."""

    css: str
    fields: dict[str, Source]


def row_candidates(document: Document, furniture: Furniture) -> list[Rows]:
    """Return the elements that look like rows, the most likely ones first."""
    scored = []
    for css in _repeated(document, furniture):
        elements = document.tree.css(css)
        if len(elements) < _FEW:
            continue
        fields = _row_fields(elements, document)
        if fields:
            scored.append((len(fields) * min(len(elements), _SAMPLE) ** 0.5, Rows(css, fields)))
    scored.sort(key=lambda entry: -entry[0])
    return [rows for _, rows in scored]


# ---- rows


def _repeated(document: Document, furniture: Furniture) -> list[str]:
    """Return selectors of elements that are there several times beside each other."""
    found: dict[str, None] = {}
    known: dict[str, bool] = {}
    for parent in document.tree.css("body, body *"):
        if furniture.has(parent):
            continue
        children: dict[str, list[LexborNode]] = defaultdict(list)
        for child in _children(parent):
            children[child.tag or ""].append(child)
        for tag, group in children.items():
            if len(group) >= _FEW and tag not in _NEVER_ROWS:
                for css in _selectors_of(_inside(group), parent):
                    if css not in known:
                        known[css] = not any(map(furniture.has, document.tree.css(css)))
                    if known[css]:
                        found[css] = None
                        break
    return list(found)


def _inside(group: list[LexborNode]) -> list[LexborNode]:
    """Return the elements that say more: <article class=book> of <li><article class=book>."""
    inner = [_children(element) for element in group]
    if all(len(children) == 1 for children in inner):
        only = [children[0] for children in inner]
        tags = {element.tag for element in only}
        if len(tags) == 1 and not tags & (_NEVER_ROWS | {"a"}) and _common_class(only):
            return only
    return group


def _selectors_of(group: list[LexborNode], parent: LexborNode) -> Iterator[str]:
    """Yield selectors of a group: by their own class, and by where they are."""
    tag = group[0].tag or ""
    if not _TAG.fullmatch(tag):
        return
    name = _common_class(group)
    if name:
        yield f"{tag}.{name}"
    anchor: LexborNode | None = parent
    steps: list[str] = []
    while anchor is not None and anchor.tag not in {"body", "html", None}:
        if not _TAG.fullmatch(anchor.tag or ""):
            return
        identity = anchor.attributes.get("id") or ""
        classes = _classes(anchor)
        if _CLASS.fullmatch(identity) or classes:
            mark = f"#{identity}" if _CLASS.fullmatch(identity) else f".{classes[0]}"
            yield " > ".join([f"{anchor.tag}{mark}", *reversed(steps), tag])
            return
        steps.append(str(anchor.tag))
        anchor = anchor.parent
    if tag not in {"div", "a"}:
        yield " > ".join([*reversed(steps[:1]), tag])


def _row_fields(rows: list[LexborNode], document: Document) -> dict[str, Source]:
    """Return what differs from row to row."""
    sample = rows[:_SAMPLE]
    names = Counter(css for row in sample for css in dict.fromkeys(_selectors(row)))
    values: dict[str, tuple[Source, list[str | None]]] = {}
    seen: set[tuple[str | None, ...]] = set()
    for css, count in names.items():
        if count < _COMMON * len(sample):
            continue
        elements = [row.css_first(css) for row in sample]
        for key, source, found in _readings(css, elements, document):
            there = [value for value in found if value]
            if len(there) < _COMMON * len(sample) or len(set(there)) < min(2, len(sample)):
                continue
            if tuple(found) not in seen:
                seen.add(tuple(found))
                values[key] = source, found
    columns = Columns()
    for source, found in list(_without_short(values).values())[:_MAX_FIELDS]:
        columns.add([_name_of(source)], _typed(source, found))
    return columns.fields


def _selectors(row: LexborNode) -> list[str]:
    """Return selectors of the elements in a row, in their order."""
    found = []
    drawings = {element.mem_id for element in row.css("svg *")}
    for element in row.css("*"):
        parent = element.parent
        if (
            element.mem_id == row.mem_id
            or parent is None
            or element.mem_id in drawings
            or not _TAG.fullmatch(f"{element.tag}")
            or not _TAG.fullmatch(f"{parent.tag}")
        ):
            continue
        classes = _classes(element)
        tag = element.tag or ""
        if classes:
            css = f"{tag}.{classes[0]}" if len(classes) == 1 else f".{classes[0]}"
        elif tag in _CELLS:
            place = [other.mem_id for other in _children(parent)].index(element.mem_id) + 1
            css = f"{tag}:nth-child({place})"
        elif parent.mem_id == row.mem_id:
            css = tag
        else:
            above = _classes(parent)
            css = f"{parent.tag}{'.' + above[0] if above else ''} {tag}"
        found.append(css)
    return found


def _readings(
    css: str, elements: list[LexborNode | None], document: Document
) -> Iterator[tuple[str, Source, list[str | None]]]:
    """Yield what can be read of the elements that a selector finds: text and attributes."""
    texts = [None if e is None else _own_text(e, document) for e in elements]
    if not any(text and len(text) > _LONG for text in texts):
        yield css, {"css": css}, texts
    for attribute in _ATTRIBUTES:
        found = [None if e is None else e.attributes.get(attribute) for e in elements]
        if any(value and value.startswith("data:") for value in found):
            continue
        yield f"{css}@{attribute}", {"css": css, "attr": attribute}, found
    last = [None if e is None else _odd_class(e, css) for e in elements]
    if all(last):
        name = css.rpartition(".")[2]
        source = {"css": css, "attr": "class", "regex": rf"{name}\s+([\w-]+)"}
        yield f"{css}@class", source, last


def _own_text(element: LexborNode, document: Document) -> str | None:
    """Return the text of an element that has some of its own, and not only inside of others."""
    if not any(
        child.is_text_node and (child.text_content or "").strip()
        for child in element.iter(include_text=True)
    ):
        return None
    return text_of(element, document) or None


def _odd_class(element: LexborNode, css: str) -> str | None:
    """Return `Three` of class="star-rating Three", where `css` names star-rating."""
    words = (element.attributes.get("class") or "").split()
    if len(words) != 2 or not css.endswith(f".{words[0]}"):  # noqa: PLR2004
        return None
    return words[1]


def _without_short(
    values: dict[str, tuple[Source, list[str | None]]],
) -> dict[str, tuple[Source, list[str | None]]]:
    """Leave out texts that are cut off, where the title attribute of the element has all."""
    kept = dict(values)
    for key, (source, found) in values.items():
        if source.get("attr") != "title" or source["css"] not in kept:
            continue
        texts = kept[source["css"]][1]
        if all(
            (text or "").rstrip(". …") == (whole or "")[: len((text or "").rstrip(". …"))]
            for text, whole in zip(texts, found, strict=True)
        ):
            kept = {k: v for k, v in kept.items() if k != source["css"]}
            kept[key] = source, found
    return kept


def _typed(source: Source, found: list[str | None]) -> Source:
    attribute = source.get("attr")
    if attribute in _ATTRIBUTES and _ATTRIBUTES[attribute] != "text":
        return source | {"type": _ATTRIBUTES[attribute]}
    kind = type_of_text(filter(None, found)) if attribute is None else None
    return source | {"type": kind} if kind else source


def _name_of(source: Source) -> str:
    attribute: str = source.get("attr", "")
    if attribute in _ATTRIBUTES:
        return {"href": "link", "src": "image", "datetime": "date"}.get(attribute, attribute)
    step: str = source["css"].split()[-1]
    tag, _, name = step.partition(".")
    if name:
        return name
    if re.fullmatch(r"h[1-6] ?.*", source["css"]):
        return "title"
    place = re.fullmatch(r"(?:td|th|dd|dt):nth-child\((\d+)\)", tag)
    return f"column_{place[1]}" if place else {"a": "name", "time": "date"}.get(tag, tag)


# ---- elements


def _children(element: LexborNode) -> list[LexborNode]:
    return [child for child in element.iter() if _TAG.fullmatch(child.tag or "")]


def _classes(element: LexborNode) -> list[str]:
    words = (element.attributes.get("class") or "").split()
    return [word for word in words if _CLASS.fullmatch(word)]


def _common_class(group: list[LexborNode]) -> str | None:
    common = set(_classes(group[0]))
    for element in group[1:]:
        common &= set(_classes(element))
    return next((name for name in _classes(group[0]) if name in common), None)

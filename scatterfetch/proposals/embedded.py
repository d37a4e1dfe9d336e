"""
Documents within a page, for a first spec: HTML in JSON, and JSON in scripts.

Pure guesswork, as all of a first spec; what comes of a guess is found out by running it.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.inner import html_within
from functions.worker.extraction.structured.embedded_json import NotJSONError, read_embedded
from scatterfetch.proposals.columns import Columns, Source
from scatterfetch.proposals.data_paths import Path
from scatterfetch.proposals.furniture import Furniture
from scatterfetch.proposals.lookalikes import row_candidates
from scatterfetch.proposals.raw_data import add_json, expression_of, lists_of_objects

_DEPTH = 4  # of HTML in JSON
_FEW_TAGS = 10  # of HTML in which rows are looked for
_FEW_OBJECTS = 3  # of a list that may be what the page is about
_CANDIDATES = 3
_MAX_SCRIPTS = 20
_TAG = re.compile(r"<[A-Za-z][^<>]*>")
_ID = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


class Inside(NamedTuple):
    """Rows within a document in the page."""

    rows: dict[str, Any]
    fields: dict[str, Source]


def rows_of_markup(document: Document) -> Iterator[Inside]:
    """Yield the elements that look alike in HTML that the JSON of a page holds."""
    for path, text in _markup_in(document.json):
        inner = html_within(document, text)
        if inner is not None:
            for rows in row_candidates(inner, Furniture())[:_CANDIDATES]:
                yield Inside(
                    {"jmespath": expression_of(path), "then": {"css": rows.css}}, rows.fields
                )


def _markup_in(data: Any) -> Iterator[tuple[Path, str]]:  # noqa: ANN401 -- JSON
    waiting: list[tuple[Path, Any]] = [((), data)]
    for path, value in waiting:  # it grows
        if isinstance(value, str) and len(_TAG.findall(value)) >= _FEW_TAGS:
            yield path, value
        elif isinstance(value, dict) and len(path) < _DEPTH:
            waiting += [((*path, name), inner) for name, inner in value.items()]


def rows_of_scripts(document: Document) -> Iterator[Inside]:
    """Yield the lists of objects in the scripts of a page that are JSON, the largest ones first."""
    found = [
        (len(listed.objects), css, listed)
        for css, data in _states(document)
        for listed in lists_of_objects(data)[:_CANDIDATES]
        if len(listed.objects) >= _FEW_OBJECTS
    ]
    for _, css, listed in sorted(found, key=lambda one: -one[0]):
        columns = Columns()
        add_json(columns, listed.objects, as_rows=True)
        yield Inside({"css": css, "then": {"jmespath": listed.expression}}, columns.fields)


def _states(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the data of scripts, and what selects each of them."""
    scripts = document.tree.css('script[type="application/json"]')
    for script in scripts[:_MAX_SCRIPTS]:
        css = _selector_of(script, alone=len(scripts) == 1)
        if css is None:
            continue
        try:
            yield css, read_embedded(script.text(), document)
        except NotJSONError:
            continue


def _selector_of(script: LexborNode, *, alone: bool) -> str | None:
    identity = script.attrs.get("id")
    if identity and _ID.fullmatch(identity):
        return f"script#{identity}"
    return 'script[type="application/json"]' if alone else None

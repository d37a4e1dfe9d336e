"""
What a page says of how it writes: its language, its text, the currencies that its data name.

Knows where that is, and not what follows from it; see `values.evidence`.
"""

from collections.abc import Iterator
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.graph import data_of
from functions.worker.extraction.structured.json_ld import json_ld
from functions.worker.extraction.structured.meta_elements import properties
from functions.worker.extraction.values.evidence import Evidence, Statements


def evidence_of(document: Document) -> Evidence:
    """Return what a page tells of how it writes, the same for all values of it."""
    found: Evidence | None = document.memo.get(Evidence)
    if found is None:
        found = document.memo[Evidence] = Evidence(
            Statements(
                languages=lambda: _languages(document),
                text=lambda: _text(document),
                currencies=lambda: _currencies(document),
                fetched_at=document.page.fetched_at,
            )
        )
    return found


def _languages(document: Document) -> Iterator[str | None]:
    """Yield what the root of a page, and else its meta elements, name."""
    root = document.tree.css_first("html[lang]")
    if root is not None:
        yield root.attrs.get("lang")
    for element in document.about["meta"]:
        attributes = element.attrs
        name = attributes.get("property") or attributes.get("http-equiv") or ""
        if name.lower() in {"og:locale", "content-language"}:
            yield attributes.get("content")


def _text(document: Document) -> str:
    body = document.tree.body
    return "" if body is None else body.text(separator=" ")


def _currencies(document: Document) -> Iterator[str]:
    for name, contents in properties(document).items():
        if name.endswith(":currency"):
            yield from contents
    for element in document.tree.css("[itemprop~=priceCurrency]"):
        yield element.attrs.get("content") or element.text()
    yield from _values_of("priceCurrency", data_of(document, json_ld))


def _values_of(name: str, data: list[Any]) -> Iterator[str]:
    waiting: list[Any] = list(data)
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            value = node.get(name)
            if isinstance(value, str):
                yield value

"""
What a page says of itself in data: JSON-LD, and the properties of its meta elements.

The third kind is `microdata`; what the paths of a spec find in such data is `objects`' business.
"""

from typing import Any

from functions.worker.extraction.document import Document
from functions.worker.extraction.lenient_json import MAX_LENIENT, read_lenient
from shared.encodable import MAX_DEPTH, encodable, is_deep


def json_ld(document: Document) -> list[Any]:
    """Return what the JSON-LD scripts of a page hold. What is no JSON is a problem of the page."""
    found: list[Any] = []
    number = 0
    left = MAX_LENIENT
    for script in document.about["script"]:
        kind = script.attrs.get("type") or ""
        if kind.partition(";")[0].strip().lower() != "application/ld+json":
            continue
        number += 1
        text = script.text()
        read = read_lenient(text, document.hurry, limit=left)
        if read.again:
            left -= len(text)
        problem = read.problem
        for value in read.values:
            inner = value
            if isinstance(value, str):  # JSON that was made into JSON once more
                [inner] = read_lenient(value, document.hurry, limit=0).values or [None]
            if is_deep(inner):
                problem = f"nested deeper than {MAX_DEPTH}"
                inner = encodable(inner, lambda _: None)
            if isinstance(inner, dict | list):
                found.append(inner)
            elif value is not None:
                problem = f"{str(value)[:50]!r} is no object"
        if problem is not None:
            document.problem(None, "bad_jsonld", f"script {number}, {problem}")
    return found


def properties(document: Document) -> dict[str, list[str]]:
    """
    Return the contents of meta elements, lower case names.

    What has a name by `property` goes before what has it by `name`.
    """
    by_property: dict[str, list[str]] = {}
    by_name: dict[str, list[str]] = {}
    for element in document.about["meta"]:
        attributes = element.attrs
        content = attributes.get("content")
        if not content:
            continue
        for attribute, found in (("property", by_property), ("name", by_name)):
            value = attributes.get(attribute)
            if value:
                for name in value.lower().split():
                    found.setdefault(name, []).append(content)
    return by_name | by_property

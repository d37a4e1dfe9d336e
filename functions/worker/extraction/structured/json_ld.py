"""The JSON-LD of a page."""

from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.lenient_json import MAX_LENIENT, read_lenient
from shared.encodable import MAX_DEPTH, encodable, is_deep


def json_ld(document: Document) -> list[Any]:
    """Return what the JSON-LD scripts of a page hold. What is no JSON is a problem of the page."""
    found: list[Any] = []
    number = 0
    notes = document.notes
    for script in document.about["script"]:
        kind = script.attrs.get("type") or ""
        if kind.partition(";")[0].strip().lower() != "application/ld+json":
            continue
        number += 1
        text = script.text()
        read = read_lenient(text, document.hurry, limit=MAX_LENIENT - notes.lenient)
        if read.again:
            notes.lenient += len(text)
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

"""From what a spec calls a row to what finds the rows of a page."""

from collections.abc import Callable
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope, select
from functions.worker.extraction.fields.context import FORMS
from functions.worker.extraction.fields.data import searching
from functions.worker.extraction.fields.finders import listed
from functions.worker.extraction.structured.choice import Wanted
from functions.worker.extraction.structured.objects import objects_of
from shared.expressions import compile_css, compile_jmespath, compile_path
from shared.extract_spec import ExtractSpec, RowsSpec

NOTHING_WANTED = Wanted((), ())


def compile_rows(spec: ExtractSpec) -> Callable[[Document], list[tuple[Scope, Any]]] | None:
    """
    Return what finds the rows of a page: what selectors search, and the object that a row is.

    Returns None where the page is the row.

    Raises:
        InvalidSpecError: the selector or path is none.
    """
    if spec.rows is None:
        return None
    if not isinstance(spec.rows, RowsSpec):
        css = compile_css(spec.rows, "extract.rows")
        return lambda document: [(element, None) for element in select(document.tree, css)]
    [(kind, expression)] = spec.rows.named
    if kind == "jmespath":
        search = searching(compile_jmespath(expression, "extract.rows.jmespath"))
        return lambda document: [
            (document.tree, row) for row in listed(search(document.json), whole=False)
        ]
    read, path = FORMS[kind], compile_path(expression, f"extract.rows.{kind}")
    return lambda document: [
        (document.tree, row)
        for row in objects_of(document, read).find(path, NOTHING_WANTED)
        if isinstance(row, dict)
    ]

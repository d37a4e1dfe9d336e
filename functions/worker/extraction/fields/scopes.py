"""From what a spec calls a row to what finds the rows of a page."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope, select
from functions.worker.extraction.fields.context import FORMS, Context
from functions.worker.extraction.fields.data import searching
from functions.worker.extraction.fields.finders import listed
from functions.worker.extraction.fields.sources import raw_source
from functions.worker.extraction.fields.steps import Part, Step
from functions.worker.extraction.structured.choice import Wanted
from functions.worker.extraction.structured.objects import objects_of
from shared.expressions import compile_css, compile_jmespath, compile_path
from shared.extract_spec import ExtractSpec, RowsSpec, SourceSpec

NOTHING_WANTED = Wanted((), ())
_NO_CONTEXT = Context(set(), dict.fromkeys(FORMS, NOTHING_WANTED), None)


Row = tuple[Scope, Any, Document]
"""What selectors search, the object that the row is, if it is one, and the document that it is in:
the page, or one within it. There are thousands on a page, so this is a plain tuple."""
Rows = Callable[[Scope, Document], Iterable[Row]]


def compile_rows(spec: ExtractSpec) -> Callable[[Document], Iterable[Row]]:
    """
    Return what finds the rows of a page, one after the other.

    Raises:
        InvalidSpecError: a selector or path is none.
    """
    if spec.rows is None:
        return lambda document: [(document.tree, None, document)]
    if isinstance(spec.rows, RowsSpec):
        find = _compile(spec.rows, "extract.rows")
    else:
        find = _elements(spec.rows, "extract.rows")
    if spec.row_kind == "css" or not isinstance(spec.rows, RowsSpec) or spec.rows.then is None:
        return lambda document: find(document.tree, document)
    # All but what is of the object is read from the page.
    return lambda document: (
        (document.tree, value, home) for _, value, home in find(document.tree, document)
    )


def _compile(source: SourceSpec, path: str) -> Rows:
    if source.then is not None:
        return _behind(source, source.then, path)
    if source.css is not None:
        return _elements(source.css, f"{path}.css")
    if source.jmespath is not None:
        search = searching(compile_jmespath(source.jmespath, f"{path}.jmespath"))
        return lambda scope, document: [
            (scope, value, document) for value in listed(search(document.json), whole=False)
        ]
    kind = "jsonld" if source.jsonld is not None else "microdata"
    read, steps = FORMS[kind], compile_path(getattr(source, kind), f"{path}.{kind}")
    return lambda scope, document: [
        (scope, value, document)
        for value in objects_of(document, read).find(steps, NOTHING_WANTED)
        if isinstance(value, dict)
    ]


def _elements(css: str, path: str) -> Rows:
    compile_css(css, path)
    return lambda scope, document: [(node, None, document) for node in select(scope, css)]


def _behind(source: SourceSpec, then: SourceSpec, path: str) -> Rows:
    """Return what finds rows in what `source` finds; an element is one row, wherever it is seen."""
    found = raw_source(source, then, path, _NO_CONTEXT, many=True)
    step = Step(found, source, then, of_row=False)
    inside = _compile(then, f"{path}.then")

    def find(scope: Scope, document: Document) -> Iterator[Row]:
        seen: set[int] = set()
        for opened in step.all(scope, document):
            if not isinstance(opened, Part):
                document.problem(None, *opened)
                continue
            for row in inside(*opened):
                node, _, home = row
                if isinstance(node, LexborNode) and home is document:
                    if node.mem_id in seen:
                        continue
                    seen.add(node.mem_id)
                yield row

    return find

"""From a source of a field, as a spec names it, to what finds its raw values."""

from collections.abc import Iterator

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.documents.numeral_text import with_mark
from functions.worker.extraction.fields.context import Context
from functions.worker.extraction.fields.data import jmespath, opengraph, searching, structured
from functions.worker.extraction.fields.finders import Finder, mapped
from functions.worker.extraction.fields.marks import (
    decode_entities,
    has_entities,
    mark_of,
    with_currency,
    with_marks,
)
from functions.worker.extraction.fields.selectors import (
    css,
    is_numeral,
    part_of,
    row_itself,
    xpath,
)
from functions.worker.extraction.values.conversion import to_text
from shared.expressions import compile_css, compile_jmespath, compile_path, compile_regex
from shared.extract_spec import FieldSpec, SourceSpec


def compile_source(source: SourceSpec, field: FieldSpec, path: str, context: Context) -> Finder:
    """Return what finds the first raw value, None if there is none, and what finds all."""
    first, find_all = _plain_source(source, field, path, context)
    if source.jsonld is not None and has_entities(field):
        first, find_all = mapped(decode_entities, (first, find_all))
    if source.regex is None:
        return _marked(source, field, (first, find_all))
    regex = compile_regex(source.regex, f"{path}.regex")
    if is_numeral(field):
        first, find_all = mapped(with_marks, (first, find_all))
    whole = with_mark if is_numeral(field) else lambda found, _text: found

    def first_match(scope: Scope, document: Document) -> str | None:
        raw = first(scope, document)
        text = raw if isinstance(raw, str) else to_text(raw)
        found = None if text is None else regex.first(text)
        return whole(found, text) if text and found else None

    def all_matches(scope: Scope, document: Document) -> Iterator[str]:
        for raw in find_all(scope, document):
            text = (raw if isinstance(raw, str) else to_text(raw)) or ""
            yield from (whole(found, text) for found in regex.all(text) if found)

    return first_match, all_matches


def _marked(
    source: SourceSpec,
    field: FieldSpec,
    found: Finder,
) -> Finder:
    """Return what finds the same, but marks what programs wrote, and adds currencies to prices."""
    mark = mark_of(source, field)
    if mark is not None:
        found = mapped(mark, found)
    if field.type == "price" and source.opengraph is not None:
        name = source.opengraph.removesuffix(":amount")
        return with_currency(found, opengraph(f"{name}:currency"))
    return found


def _plain_source(source: SourceSpec, field: FieldSpec, path: str, context: Context) -> Finder:
    if source.jsonld is not None:
        steps = compile_path(source.jsonld, f"{path}.jsonld")
        found = structured("jsonld", steps, source, field, context)
    elif source.microdata is not None:
        steps = compile_path(source.microdata, f"{path}.microdata")
        found = structured("microdata", steps, source, field, context)
    elif source.opengraph is not None:
        found = opengraph(source.opengraph)
    elif source.jmespath is not None:
        whole = field.type == "json" and not field.many
        search = searching(compile_jmespath(source.jmespath, f"{path}.jmespath"))
        found = jmespath(search, whole=whole, in_rows=context.rows == "jmespath")
    elif source.xpath is not None:
        found = xpath(source.xpath, f"{path}.xpath", source, field)
    elif source.css is not None:
        found = css(compile_css(source.css, f"{path}.css"), part_of(source, field), context.shared)
    else:
        found = row_itself(source, part_of(source, field))
    return found

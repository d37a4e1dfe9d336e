"""From a source of a field, as a spec names it, to what finds its raw values."""

from collections.abc import Iterator
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.documents.numeral_text import with_mark
from functions.worker.extraction.fields.context import Context, first_step
from functions.worker.extraction.fields.data import jmespath, opengraph, searching, structured
from functions.worker.extraction.fields.finders import Finder, mapped
from functions.worker.extraction.fields.given import Given, given_input, part_of_url
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
    raw_css,
    raw_part,
    raw_xpath,
    row_itself,
    xpath,
)
from functions.worker.extraction.fields.steps import Step, behind, form_of
from functions.worker.extraction.values.conversion import to_text
from shared.expressions import compile_css, compile_jmespath, compile_path, compile_regex
from shared.extract_spec import FieldSpec, SourceSpec


def compile_source(source: SourceSpec, field: FieldSpec, path: str, context: Context) -> Finder:
    """Return what finds the first raw value, None if there is none, and what finds all."""
    first, find_all = _compiled(source, field, path, context)
    return (first, find_all) if source.is_of_page else (Given(first), Given(find_all))


def _compiled(source: SourceSpec, field: FieldSpec, path: str, context: Context) -> Finder:
    if source.then is not None:
        step, inner = _step(source, source.then, path, context, many=field.many)
        return behind(step, compile_source(source.then, field, f"{path}.then", inner))
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


def _step(
    source: SourceSpec, then: SourceSpec, path: str, context: Context, *, many: bool
) -> tuple[Step, Context]:
    """Return what opens what `source` finds for `then`, and what those that read it must know."""
    key = first_step(source), form_of(then), many
    if key not in context.steps:
        found = raw_source(source, then, path, context, many=many)
        of_row = context.is_of_row(source)
        context.steps[key] = Step(found, source, then, of_row=of_row), context.behind(source)
    known: tuple[Step, Context] = context.steps[key]
    return known


def raw_source(
    source: SourceSpec, then: SourceSpec, path: str, context: Context, *, many: bool
) -> Finder:
    """
    Return what finds the values of a source, as they are, for `then` to read them.

    Those are elements, texts and values of JSON.
    """
    as_text = then.jmespath is not None or source.regex is not None
    if source.css is not None:
        compile_css(source.css, f"{path}.css")
        found = raw_css(source, as_text=as_text)
    elif source.xpath is not None:
        found = raw_xpath(source.xpath, f"{path}.xpath", as_markup=not as_text)
    elif source.is_of_elements:
        found = row_itself(source, raw_part(source, as_text=True))
    else:
        # Of a type whose values are neither marked nor whole.
        found = _plain_source(source, FieldSpec(css="*", type="html", many=many), path, context)
    if source.regex is None:
        return found
    first, find_all = found
    regex = compile_regex(source.regex, f"{path}.regex")

    def first_match(scope: Scope, document: Document) -> str | None:
        text = _as_it_is(first(scope, document))
        return None if text is None else regex.first(text) or None

    def all_matches(scope: Scope, document: Document) -> Iterator[str]:
        for raw in find_all(scope, document):
            yield from regex.all(_as_it_is(raw) or "")

    return first_match, all_matches


def _as_it_is(raw: Any) -> str | None:  # noqa: ANN401
    return raw if isinstance(raw, str) else to_text(raw)


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
    elif source.input is not None:
        found = given_input(source.input, whole=field.type == "json" and not field.many)
    elif source.url is not None:
        found = part_of_url(source.url, f"{path}.url")
    elif source.xpath is not None:
        found = xpath(source.xpath, f"{path}.xpath", source, field)
    elif source.css is not None:
        found = css(compile_css(source.css, f"{path}.css"), part_of(source, field), context.shared)
    else:
        found = row_itself(source, part_of(source, field))
    return found

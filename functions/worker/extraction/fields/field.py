"""From the fields of a spec to functions that read them."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import MAX_VALUE
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.fields.checks import compile_check
from functions.worker.extraction.fields.context import Context, context_of
from functions.worker.extraction.fields.finders import Finder, First, Read, Unreadable
from functions.worker.extraction.fields.given import Given
from functions.worker.extraction.fields.lists import join_alternatives, read_many, taker
from functions.worker.extraction.fields.sources import compile_source
from functions.worker.extraction.fields.taking import Taking, taking
from functions.worker.extraction.structured.statements import evidence_of
from functions.worker.extraction.values.amounts import Price
from functions.worker.extraction.values.unread import Unread
from shared.extract_spec import ExtractSpec, FieldSpec, SourceSpec


def compile_fields(spec: ExtractSpec) -> list[tuple[str, Read]]:
    """
    Return what reads each field of `spec`.

    Raises:
        InvalidSpecError: a selector, path or pattern is none.
    """
    context = context_of(spec)
    compiled: list[tuple[str, Read]] = []
    for name, written in spec.fields.items():
        # A row without its key cannot be told from the others.
        is_key = name in spec.key_columns and not written.required
        field = replace(written, required=True) if is_key else written
        read = _compile_field(name, field, context)
        compiled += _price(name, read) if field.type == "price" else [(name, read)]
    return compiled


def _compile_field(name: str, field: FieldSpec, context: Context) -> Read:
    path = f"extract.fields.{name}"
    sources, default, is_const = _sources(field)
    compiled = _compile_sources(sources, field, path, context)
    folded = field.type == "text" and all(_is_folded(source) for source in sources)
    taken = None if folded else taking(name, field)
    quick, full = taken or (None, None)
    is_text = field.type in {"text", "html"}
    check = compile_check(field, path)
    required = field.required
    if field.many:
        missing: Any = [] if default is None else list(_tuple(default))
        finders = join_alternatives(sources, [find_all for _, find_all in compiled], field, context)
        take_all = taker(taken, is_text=is_text)
        return read_many(
            name, finders, take_all, check, missing, is_const=is_const, required=required
        )
    alternatives = [first for first, _ in compiled]
    first = _first_of(alternatives, taken)
    counts = len(alternatives) == 1 and not isinstance(first, Given)
    chained = any(source.then is not None for source in sources)

    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        value = raw = first(scope, document)
        if raw is None:
            if required:
                document.problem(name, "missing")
            return default
        if counts:
            document.found = True
        if chained and raw.__class__ is Unreadable:
            document.problem(name, *raw)
            return default if is_const else None
        if full is not None:
            value = None if quick is None else quick(raw)
            if value is None:
                value = full(raw, document)
                if value.__class__ is Unread:
                    document.problem(name, value, raw)
                    return default if is_const else None
        if is_text and len(value) > MAX_VALUE:
            value = _cut(name, value, document)
        if check is not None and (problem := check(value)) is not None:
            document.problem(name, problem, value)
        return value

    return read


def _cut(name: str, value: str, document: Document) -> str:
    document.problem(name, "truncated", len(value))
    return value[:MAX_VALUE]


def _compile_sources(
    sources: tuple[SourceSpec, ...], field: FieldSpec, path: str, context: Context
) -> list[Finder]:
    return [
        compile_source(source, field, f"{path}.any[{n}]" if field.any else path, context)
        for n, source in enumerate(sources)
    ]


def _sources(field: FieldSpec) -> tuple[tuple[SourceSpec, ...], Any, bool]:
    """
    Return where to look for a field, and its value where that finds nothing.

    And whether that is a source too, which counts where no other has a value that can be read.
    """
    sources: tuple[SourceSpec, ...] = field.any or (field,)
    for number, source in enumerate(sources):
        if source.const is not UNSET:
            return sources[:number], source.const, True
    return sources, None if field.default is UNSET else field.default, False


def _first_of(alternatives: list[First], taken: Taking | None) -> First:
    """
    Return what finds the first value that is one, else the first that cannot be read.

    Of several alternatives it also notes whether that is found on the page.
    """
    if len(alternatives) == 1:
        return alternatives[0]

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        unreadable = None
        for alternative in alternatives:
            raw = value = alternative(scope, document)
            if raw is None:
                continue
            if taken is not None and raw.__class__ is not Unreadable:
                value = taken.take(raw, document)
            is_unread = value.__class__ is Unread or raw.__class__ is Unreadable
            if is_unread or value != "":
                document.found = document.found or not isinstance(alternative, Given)
                if not is_unread:
                    return raw
                unreadable = raw if unreadable is None else unreadable
        return unreadable

    return first


def _is_folded(source: SourceSpec) -> bool:
    """Tell whether the texts of a source have their white space folded already."""
    last = source.chain[-1]
    return last.css is not None and not (last.html or last.regex)


def _tuple(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _price(name: str, read: Read) -> list[tuple[str, Read]]:
    """Return what reads the number of a price, and behind it what reads its currency."""

    def read_number(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = document.prices[name] = read(scope, document)
        if isinstance(found, list):
            return [None if price is None else float(price) for price in found]
        return None if found is None else float(found)

    def read_currency(_scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = document.prices.pop(name, None)
        if isinstance(found, list):
            return [currency(price, document) for price in found]
        return currency(found, document)

    def currency(price: object, document: Document) -> str | None:
        if not isinstance(price, Price):  # the default, which is of none
            return None
        code = evidence_of(document).currency_of(price.sign, price.region)
        if isinstance(code, Unread):
            document.problem(f"{name}_currency", code, price.sign)
            return None
        return code

    return [(name, read_number), (f"{name}_currency", read_currency)]

"""Raw values of a page's data, to which paths lead: JSON-LD, microdata, Open Graph, and JSON."""

from collections.abc import Callable
from typing import Any

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.fields.context import FORMS, Context
from functions.worker.extraction.fields.finders import All, Finder, in_row, listed, page_wide
from functions.worker.extraction.fields.marks import Mark
from functions.worker.extraction.structured.meta_elements import properties
from functions.worker.extraction.structured.nodes import Path
from functions.worker.extraction.structured.objects import Either, objects_of
from shared.extract_spec import FieldSpec, SourceSpec

_CURRENCIES = ("priceCurrency", "currency")  # beside a price in JSON-LD and microdata


def structured(
    kind: str, path: Path, source: SourceSpec, field: FieldSpec, context: Context
) -> Finder:
    read, wanted = FORMS[kind], context.wanted[kind]
    beside = _CURRENCIES if field.type == "price" and source.regex is None else ()

    def find(document: Document) -> list[Any]:
        objects = objects_of(document, read)
        if field.many:
            return objects.find(path, wanted, beside)
        return objects.find_one(path, wanted, beside)

    def find_inside(document: Document) -> list[Any]:
        objects = objects_of(document.home or document, read)
        if field.many:
            return objects.inside(document.row, path, beside)
        return objects.one_inside(document.row, path, wanted, beside)

    return in_row(find_inside) if context.rows == kind else page_wide(find)


def each_place(
    kind: str,
    paths: tuple[Path, ...],
    field: FieldSpec,
    context: Context,
    mark: Mark | None,
) -> All:
    """Return what finds what one of `paths` leads to, for each element that all of them reach."""
    read, wanted = FORMS[kind], context.wanted[kind]
    beside = _CURRENCIES if field.type == "price" else ()

    def marked(value: Any) -> Any:  # noqa: ANN401
        if type(value) is Either:
            return Either(
                [marked(inner) for inner in listed(found, whole=False)] for found in value
            )
        return value if mark is None else mark(value)

    if context.rows == kind:
        return in_row(
            lambda document: list(
                map(
                    marked,
                    objects_of(document.home or document, read).inside_each(
                        document.row, paths, beside
                    ),
                )
            )
        )[1]
    return page_wide(
        lambda document: list(
            map(marked, objects_of(document, read).find_each(paths, wanted, beside))
        )
    )[1]


def opengraph(name: str) -> Finder:
    name = name.lower()
    names = [name] if ":" in name else [f"og:{name}", name]

    def find(document: Document) -> list[Any]:
        found = document.memo.get(properties)
        if found is None:
            found = document.memo[properties] = properties(document)
        return next((found[name] for name in names if name in found), [])

    return page_wide(find)


def searching(search: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `search`, which finds nothing where a function does not take what the page has."""

    def search_any(data: Any) -> Any:  # noqa: ANN401
        from jmespath.exceptions import JMESPathError  # noqa: PLC0415

        try:
            return search(data)
        except (JMESPathError, RecursionError, TypeError, ValueError):
            return None

    return search_any


def jmespath(search: Callable[[Any], Any], *, whole: bool, in_rows: bool) -> Finder:
    if in_rows:
        return in_row(lambda document: listed(search(document.row), whole=whole))
    return page_wide(lambda document: listed(search(document.json), whole=whole))

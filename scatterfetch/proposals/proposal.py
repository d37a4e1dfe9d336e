"""
What a first spec may take from a page: its rows and fields, the most likely ones first.

Pure guesswork. What comes of a guess is found out by running it; see `init`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.trees import is_feed
from functions.worker.extraction.readymade.feeds import feed, sitemap
from scatterfetch.proposals.columns import Columns, Source
from scatterfetch.proposals.described import (
    ARTICLE,
    PART,
    SITE,
    Entity,
    add_objects,
    add_properties,
    are_several,
    entities,
    is_of_one_thing,
)
from scatterfetch.proposals.embedded import rows_of_markup, rows_of_scripts
from scatterfetch.proposals.furniture import Furniture
from scatterfetch.proposals.lookalikes import row_candidates
from scatterfetch.proposals.raw_data import ObjectList, add_elements, add_json, lists_of_objects

_CANDIDATES = 5
PAGE = "one row for each page, of what the page says of itself"
ELEMENTS = "a row for each of the elements that look alike"
OBJECTS = "a row for each of the objects in its data"


class Proposal(NamedTuple):
    """An `extract` section. `about` says what its rows are."""

    about: str
    rows: str | dict[str, Any] | None
    fields: dict[str, Source]
    include: tuple[str, ...] = ()


def proposals(document: Document) -> list[Iterator[Proposal]]:
    """
    Return what may be proposed, for each kind of rows: the first section that works counts.

    The kind that comes first is the most likely one.
    """
    # Many a feed is sent as HTML.
    if document.is_html and not is_feed(document.page.body):
        scripts = (Proposal(OBJECTS, *inside) for inside in rows_of_scripts(document))
        return [*_of_html(document), scripts]
    if document.json is not None:
        return _of_json(document)
    if document.xml is not None:
        return [_of_xml(document)]
    return []


def _of_html(document: Document) -> list[Iterator[Proposal]]:
    furniture = Furniture()
    found = entities(document, furniture)
    main = found[0] if found and found[0].rank < SITE else None
    elements = (
        Proposal(ELEMENTS, rows.css, rows.fields)
        for rows in row_candidates(document, furniture)[:_CANDIDATES]
    )
    page = iter([Proposal(PAGE, None, _page_fields(document, found, furniture))])
    one = is_of_one_thing(document)
    if main is None or not are_several(main, document):
        about_one = one or (main is not None and main.rank != PART)
        return [page, elements] if about_one else [elements, page]
    columns = Columns()
    add_objects(columns, main, document, as_rows=True)
    objects = iter([Proposal(OBJECTS, {main.form: main.path}, columns.fields)])
    # Questions and offers may be on a page beside what it lists.
    if main.rank != PART:
        return [objects, elements, page]
    return [page, objects, elements] if one else [elements, objects, page]


def _page_fields(
    document: Document, found: list[Entity], furniture: Furniture
) -> dict[str, Source]:
    columns = Columns()
    if not any(entity.rank <= ARTICLE for entity in found):
        headline = _headline(document, furniture)
        if headline is not None:
            columns.add(["title"], {"css": headline})
        if not any(entity.rank < PART for entity in found):
            add_properties(columns, document)
    # A NewsArticle that is an Article as well is said once.
    articles = [entity for entity in found if entity.rank == ARTICLE][1:]
    for entity in found:
        if entity not in articles and (entity.rank < SITE or not columns.fields):
            add_objects(columns, entity, document, as_rows=False)
    return columns.fields


def _headline(document: Document, furniture: Furniture) -> str | None:
    """Return a selector of the first headline that is in the content."""
    for css in ("h1", "main h1", "article h1"):
        element = document.tree.css_first(css)
        if element is not None and not furniture.has(element):
            return css
    return None


def _of_json(document: Document) -> list[Iterator[Proposal]]:
    data = document.json
    columns = Columns()
    if isinstance(data, dict):
        add_json(columns, [data], as_rows=False)
    else:
        columns.add(["value"], {"jmespath": "@", "many": True})
    page = iter([Proposal(PAGE, None, columns.fields)])
    lists = lists_of_objects(data)
    rows = iter([_of_list(one) for one in lists[:_CANDIDATES]])
    elements = (Proposal(ELEMENTS, *inside) for inside in rows_of_markup(document))
    if not lists:
        return [elements, page]
    return [page, rows] if lists[0].is_part else [rows, page]


def _of_list(found: ObjectList) -> Proposal:
    columns = Columns()
    add_json(columns, found.objects, as_rows=True)
    return Proposal(OBJECTS, {"jmespath": found.expression}, columns.fields)


def _of_xml(document: Document) -> Iterator[Proposal]:
    for name, read in (("feed", feed), ("sitemap", sitemap)):
        row: dict[str, Any] = {}
        read(document, row, name)
        if any(entry["url"] for entry in row[name]):
            yield Proposal(PAGE, None, {}, (name,))
    if document.xml is not None:
        columns = Columns()
        add_elements(columns, document.xml)
        yield Proposal(PAGE, None, columns.fields)

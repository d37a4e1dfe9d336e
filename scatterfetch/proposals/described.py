"""
What an HTML page says of itself, as columns: in JSON-LD, microdata and meta elements.

Which objects a page is about, and which of the paths into them have values. Pure; whether the
engine finds the same is found out by running it, see `init`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.graph import Graph, data_of, graph_of
from functions.worker.extraction.structured.json_ld import json_ld
from functions.worker.extraction.structured.meta_elements import properties
from functions.worker.extraction.structured.microdata import microdata
from scatterfetch.proposals.columns import Columns, type_of_data
from scatterfetch.proposals.data_paths import SAMPLE, Path, Value, common_to, paths_of
from scatterfetch.proposals.furniture import Furniture

THING, ARTICLE, OTHER, PART, SITE = range(5)
"""How much objects of a type say of the page: the first ones are what it is about."""

_DEPTH = 3  # of paths into an object
_STEP = re.compile(r"[A-Za-z_][\w-]*")
_SCHEMA = re.compile(r"(?:schema:|https?://schema\.org/)")
_THINGS = re.compile(
    r"recipe|product(?:group|model)?|individualproduct|vehicle|car|book|movie|tvseries|tvepisode|game"
    r"|videogame|musicalbum|musicrecording|course|courseinstance|jobposting|softwareapplication"
    r"|mobileapplication|webapplication|howto|dataset|podcastepisode|.*event|.*listing|apartment|house"
)
_ARTICLES = re.compile(r".*article|.*posting|report|review(?:article)?news|claimreview")
_PARTS = re.compile(
    r"question|answer|review|aggregaterating|videoobject|audioobject|offer|aggregateoffer|howtostep"
    r"|comment|listitem|clip|quantitativevalue|propertyvalue|nutritioninformation|brand|place"
)
_SITE = re.compile(
    r".*page|website|.*organization|corporation|person|imageobject|breadcrumblist|itemlist|.*action"
    r"|sitenavigationelement|wp.*|webpageelement|offercatalog|thing|speakablespecification"
    r"|contactpoint|postaladdress|searchresultspage|blog|mediaobject"
)
_CONTAINERS = re.compile(r".*page|.*list|offercatalog|blog|webpageelement")
# Where objects of a site name what they are about, and lists what is in them.
_INTO = ("mainEntity", "itemListElement", "item", "blogPost", "blogPosts", "hasPart")
_NOT_ITS_OWN = frozenset([
    "breadcrumb", "isPartOf", "isRelatedTo", "isSimilarTo", "mainEntityOfPage", "potentialAction",
    "speakable",
])  # fmt: skip
_LIST_ITEM = "ListItem"
_SECTION, _ELEMENT = "itemListElement", "text"
_OPENGRAPH = re.compile(r"(?:og|article|book|music|product|profile|video)(?::\w+)+")
_SEVERAL = re.compile(r".*:(?:tag|author|actor)")


class Entity(NamedTuple):
    """The objects of one type."""

    form: str
    kind: str
    rank: int
    objects: list[dict[str, Any]]
    mains: list[dict[str, Any]]
    """Those of them that a page calls its main entity."""
    elsewhere: bool
    """Whether it is of the other form as well, where it is said already."""

    @property
    def path(self) -> str:
        """What leads to these objects, and to no others of their type: breadcrumbs have some."""
        return "ItemList.itemListElement" if self.kind == _LIST_ITEM else self.kind


# ---- objects


def entities(document: Document, furniture: Furniture) -> list[Entity]:
    """Return the objects that the page describes, by type; what it is about comes first."""
    found: dict[tuple[str, str], Entity] = {}
    forms: tuple[tuple[str, Callable[[Document], list[Any]]], ...] = (
        ("jsonld", json_ld),
        ("microdata", microdata),
    )
    for form, read in forms:
        graph = graph_of(document, read)
        aside = furniture.types(document) if form == "microdata" else frozenset()
        for node, is_main in _outermost(graph, data_of(document, read)):
            for kind in _kinds(node):
                rank = _rank(kind)
                if kind.lower() in aside:
                    continue
                if is_main and rank == SITE and not _CONTAINERS.fullmatch(kind.lower()):
                    rank = OTHER
                key = form, kind.lower()
                if key not in found:
                    twin = ("jsonld", kind.lower()) in found and form == "microdata"
                    found[key] = Entity(form, kind, rank, [], [], twin)
                if not is_main or all(node is not other for other in found[key].objects):
                    found[key].objects.append(node)
                if is_main:
                    found[key].mains.append(node)
                break
    return sorted(
        (entity for entity in found.values() if not entity.elsewhere),
        key=lambda entity: entity.rank,
    )


def _outermost(graph: Graph, data: Iterable[Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """
    Yield objects that are no property of another one, and what such objects are about.

    The latter with True, and again where they have been yielded before.
    """
    seen: set[int] = set()
    waiting = [(value, False) for value in _items(data)][::-1]
    while waiting:
        value, is_main = waiting.pop()
        node = graph.node(value)
        kinds = _kinds(node)
        if kinds and (is_main or id(node) not in seen):
            yield node, is_main
        if id(node) in seen:
            continue
        seen.add(id(node))
        if all(_rank(kind) == SITE or kind == _LIST_ITEM for kind in kinds):
            waiting += [
                (inner, step == "mainEntity")
                for step in _INTO
                if step in node and "breadcrumblist" not in map(str.lower, kinds)
                for inner in graph.follow([node], (step,))[::-1]
                if isinstance(inner, dict)
            ]


def _items(data: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for value in data:
        if isinstance(value, list):
            yield from _items(value)
        elif isinstance(value, dict):
            yield value
            graph = value.get("@graph")
            if isinstance(graph, list | dict):
                yield from _items([graph])


def _kinds(node: dict[str, Any]) -> list[str]:
    """Return the types of an object as a path may begin with them, the best one first."""
    types = node.get("@type")
    names = [
        re.split(r"[/#:]", name.strip().rstrip("/#"))[-1]
        for name in (types if isinstance(types, list) else [types])
        if isinstance(name, str)
    ]
    kinds = [name for name in names if _STEP.fullmatch(name)]
    return sorted(kinds, key=_rank) if set(node) - {"@id", "@type", "@context"} else []


def _rank(kind: str) -> int:
    kind = kind.lower()
    for rank, pattern in ((THING, _THINGS), (ARTICLE, _ARTICLES), (PART, _PARTS), (SITE, _SITE)):
        if pattern.fullmatch(kind):
            return rank
    return OTHER


def are_several(entity: Entity, document: Document) -> bool:
    """Tell whether the objects are several things, of which the page is about none alone."""
    names = {_name(node) for node in entity.objects}
    # Themes and plugins describe one thing twice.
    if len(names) == 1 or len({_name(node) for node in entity.mains}) == 1:
        return False
    here = {_place(document, document.page.url), _place(document, document.canonical or "")} - {""}
    for node in entity.objects:
        if str(node.get("mainEntityOfPage")).lower() == "true":
            return False
        own = [node.get("url"), node.get("@id"), node.get("mainEntityOfPage")]
        urls = [url.get("@id") if isinstance(url, dict) else url for url in own]
        if any(
            isinstance(url, str) and url and url[0] != "#" and _place(document, url) in here
            for url in urls
        ):
            return False
    return True


def _name(node: dict[str, Any]) -> str:
    named = (node.get(name) for name in ("name", "headline", "title", "url", "@id"))
    return str(next(filter(None, named), id(node)))


def _place(document: Document, url: str) -> str:
    resolved = document.resolve(url) or ""
    return resolved.partition("#")[0].partition("://")[2].removeprefix("www.").rstrip("/")


def add_objects(columns: Columns, entity: Entity, document: Document, *, as_rows: bool) -> None:
    """
    Add a field for each path into objects of a type.

    With `as_rows` each object is a row. Else they are one row of the page, and all fields are
    lists where there are several things.
    """
    graph = graph_of(document, json_ld if entity.form == "jsonld" else microdata)
    paths = paths_of(entity.objects[:SAMPLE], _DEPTH, _properties_of(graph))
    count = min(len(entity.objects), SAMPLE)
    start = entity.kind if as_rows else entity.path
    together = not as_rows and are_several(entity, document)
    for path, value in common_to(paths, count if as_rows else 1):
        kind = type_of_data(path[-1], value.sample)
        if path[-1] == "priceCurrency" and _has_price(path, paths):
            continue  # of the type price there is a column for it
        source: dict[str, Any] = {entity.form: ".".join([start, *path])}
        section = (*path[:-1], _SECTION, _ELEMENT)
        if path[-1] == _ELEMENT and section in paths:
            source = {"any": [{entity.form: ".".join([start, *section])}, source]}
        elif path[-2:] == section[-2:] and (*path[:-2], _ELEMENT) in paths:
            continue
        many = {"many": True} if value.many or together else {}
        typed = {"type": kind} if kind else {}
        columns.add(path, source | typed | many, entity.kind)


def _has_price(path: Path, paths: dict[Path, Value]) -> bool:
    return any(
        other[:-1] == path[:-1] and type_of_data(other[-1], value.sample) == "price"
        for other, value in paths.items()
    )


def _properties_of(graph: Graph) -> Callable[[dict[str, Any]], Iterator[tuple[str, bool, Any]]]:
    def properties_of(node: dict[str, Any]) -> Iterator[tuple[str, bool, Any]]:
        for name, value in graph.node(node).items():
            step = _SCHEMA.sub("", name)
            if _STEP.fullmatch(step) and step not in _NOT_ITS_OWN:
                is_list = isinstance(value, list) or (
                    isinstance(value, dict) and not {"@list", "@set"}.isdisjoint(value)
                )
                yield step, is_list, graph.follow([node], (step,))

    return properties_of


# ---- meta elements


def is_of_one_thing(document: Document) -> bool:
    """Tell whether Open Graph calls the page an article, a product or the like."""
    kinds = properties(document).get("og:type", [""])
    return kinds[0].strip().lower() not in {"", "website", "blog", "object"}


def add_properties(columns: Columns, document: Document) -> None:
    """Add a field for each property that a page has by Open Graph."""
    found = properties(document)
    for name, contents in found.items():
        if not _OPENGRAPH.fullmatch(name):
            continue
        if name.endswith(":currency") and f"{name.removesuffix(':currency')}:amount" in found:
            continue
        kind = type_of_data(name.rpartition(":")[2], contents[:1])
        if kind is None:
            kind = type_of_data(name, contents[:1])
        several = len(set(contents)) > 1 and _SEVERAL.fullmatch(name)
        source: dict[str, Any] = {"opengraph": name}
        source |= ({"type": kind} if kind else {}) | ({"many": True} if several else {})
        columns.add([name], source)

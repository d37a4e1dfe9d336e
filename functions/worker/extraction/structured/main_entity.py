"""
Which objects a page calls its own: its main entity, and what has its address.

Knows the address of the page and what objects say of theirs, and no path.
"""

from enum import IntEnum

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.graph import Graph
from functions.worker.extraction.structured.nodes import Node, types_of, urls_of, value_of


class Rank(IntEnum):
    """Whose an object is; of the lowest, the first counts."""

    HERE = 0
    """The page says that it is about this object."""
    OWN_URL = 1
    """The object has the address of the page."""
    INSIDE = 2
    """It is a part of an object of the page's, or of one that is about another page."""
    ANYWHERE = 3


def ranks_of(graph: Graph, document: Document) -> dict[int, Rank]:
    """Return which objects the page calls its own, by identity; without those `ANYWHERE`."""

    def place_of(url: str) -> str:
        """Return what two URLs of one page have in common."""
        place = graph.absolute(url).partition("#")[0].partition("://")[2]
        return place.removeprefix("www.").rstrip("/")

    here = {place_of(document.page.url)}
    if document.canonical is not None:
        here.add(place_of(document.canonical))
    ranks: dict[int, Rank] = {}

    def is_here(node: Node) -> bool:
        places = [place_of(url) for url in urls_of(node)]
        return not places or not here.isdisjoint(places)

    for node in graph.nodes:
        main = value_of(node, "mainEntity")
        if main is not None and any(name.endswith("page") for name in types_of(node)):
            rank = Rank.HERE if is_here(node) else Rank.INSIDE
            for entity in graph.values([main]):
                if isinstance(entity, dict):
                    ranks[id(entity)] = min(rank, ranks.get(id(entity), rank))
        page = value_of(node, "mainEntityOfPage")
        for value in graph.values([] if page is None else [page]):
            if (
                is_here(value)
                if isinstance(value, dict)
                else str(value).lower() == "true"
                or (isinstance(value, str) and place_of(value) in here)
            ):
                ranks[id(node)] = Rank.HERE
        own = [url for url in urls_of(node) if "#" not in url]
        if id(node) not in ranks and not here.isdisjoint(map(place_of, own)):
            ranks[id(node)] = Rank.OWN_URL
    return ranks

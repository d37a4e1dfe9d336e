"""What the head of a page says of it: its title, description, address, and meta elements."""

from typing import Any

from selectolax.lexbor import LexborHTMLParser

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.readymade.hyperlinks import link_urls
from functions.worker.extraction.readymade.titles import shortened
from functions.worker.extraction.structured.meta_elements import properties

MAX_PROPERTIES = 200
# The namespaces of https://ogp.me, and of Facebook, which has made it.
_KINDS = frozenset(["article", "book", "fb", "music", "product", "profile", "video"])


def page(document: Document, row: dict[str, Any], _name: str) -> None:
    """Put the default row's columns: title, description, canonical and links as URLs."""
    row["title"] = _title(document.tree)
    row["description"] = _description(document)
    row["canonical"] = document.canonical
    row["links"] = link_urls(document)


def _title(tree: LexborHTMLParser) -> str | None:
    title = tree.css_first("title")
    return shortened(title.text()) if title is not None else None


def _description(document: Document) -> str | None:
    for element in document.about["meta"]:
        attributes = element.attrs
        if (attributes.get("name") or "").lower() == "description":
            return shortened(attributes.get("content"))
    return None


def meta(document: Document, row: dict[str, Any], name: str) -> None:
    """Put what the head of a page says of it."""
    found = properties(document)
    root = document.tree.css_first("html[lang]")
    row[name] = {
        "title": _title(document.tree),
        "description": _description(document),
        "canonical": document.canonical,
        "language": shortened(root.attrs.get("lang")) if root is not None else None,
        "robots": shortened(", ".join(found.get("robots", ()))),
        "opengraph": _open_graph(found),
        "twitter": _prefixed("twitter:", found),
    }


def _open_graph(found: dict[str, list[str]]) -> dict[str, str | None]:
    """Return what is said of the page as an object, that of its kind (`article:author`) too."""
    of_kind = [name for name in found if name.partition(":")[0] in _KINDS and ":" in name]
    return _prefixed("og:", found) | {
        name: shortened(found[name][0]) for name in of_kind[:MAX_PROPERTIES]
    }


def _prefixed(prefix: str, found: dict[str, list[str]]) -> dict[str, str | None]:
    names = [name for name in found if name.startswith(prefix)][:MAX_PROPERTIES]
    return {name.removeprefix(prefix): shortened(found[name][0]) for name in names}

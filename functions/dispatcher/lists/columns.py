"""
What names of columns look like, and how they are told from what stands below them.

Pure. Knows no row and no delimiter.
"""

import re
from collections.abc import Iterable

from functions.dispatcher.lists.urltext import is_almost_url, looks_like_domain, says_nothing
from shared.urls import is_top_level_domain

# In this order, where several columns hold URLs.
URL_NAMES = (
    *("url", "urls", "link", "links", "href", "uri", "loc", "page_url", "page", "address"),
    *("website", "web_site", "site", "homepage", "source_url", "target_url", "landing_page"),
)
# lamps.site is a website, and item.url is the name of a column.
_NO_DOMAINS = frozenset(URL_NAMES) - {"link", "page", "site", "website"}
# What nobody has for a value beside a domain.
_OTHER_NAMES = {
    *("id", "_id", "index", "no", "nr", "key", "sku", "ean", "gtin", "isbn", "code", "label"),
    *("name", "names", "title", "titel", "titre", "titulo", "nom", "nombre", "nome", "text"),
    *("description", "price", "preis", "prix", "precio", "currency", "brand", "image", "images"),
    *("category", "categories", "tag", "tags", "type", "status", "status_code", "content_type"),
    *("date", "time", "created", "created_at", "updated", "updated_at", "lastmod", "count", "rank"),
    *("position", "clicks", "impressions", "visits", "lang", "language", "locale", "country"),
    *("city", "phone", "email"),
}
NUMBER = re.compile(r"[-+]?[0-9][0-9.,:/ %-]*")
_LAST_LABEL = re.compile(r"[.:]([^.:]*)$")
# What ends so was meant for a URL, and is no name.
_FILES = {
    *("html", "htm", "xhtml", "shtml", "php", "asp", "aspx", "jsp", "cgi", "xml", "json", "txt"),
    *("csv", "pdf", "js", "css", "jpg", "jpeg", "png", "gif", "webp", "svg", "avif", "mp4", "zip"),
}


def plain(cell: str) -> str:
    """Return a name as it is compared."""
    return "_".join(cell.lower().lstrip("#").replace("-", " ").split())


def is_name(cell: str, others: Iterable[tuple[str, list[str]]]) -> bool:
    """
    Tell whether the first cell of a column of URLs is its name, and nothing meant for a URL.

    Args:
        cell: That cell.
        others: The other cells of its row, each with what stands below it.
    """
    if not is_almost_url(cell):
        return True
    if _last_label(cell) in _NO_DOMAINS:
        return True
    if _is_dotted(cell) and not is_top_level_domain(_last_label(cell)):
        return True
    if not (says_nothing(cell) or may_be_domain(cell)):
        return False
    return any(_is_evident(other, below, beside=cell) for other, below in others)


def may_be_domain(cell: str) -> bool:
    """Tell whether `cell` is a domain, if it is no name: item.link is one, shop.link may be one."""
    return _is_dotted(cell) and is_top_level_domain(_last_label(cell))


def _last_label(cell: str) -> str:
    last = _LAST_LABEL.search(cell)
    return plain(last[1]) if last else ""


def _is_dotted(cell: str) -> bool:
    """Tell whether `cell` is words with points between them, and has neither www. nor a path."""
    if cell[:4].lower() == "www." or re.search(r"[/:?#]", cell):
        return False
    return looks_like_domain(cell) and _last_label(cell) not in _FILES


def _is_evident(cell: str, below: list[str], *, beside: str) -> bool:
    """Tell whether `cell` can be nothing but a name, by itself or by what is `below` it."""
    if not cell or cell in below or says_nothing(cell):
        return False
    if plain(cell) in _OTHER_NAMES or plain(cell) in URL_NAMES:
        return True
    if below and not NUMBER.fullmatch(cell) and all(map(NUMBER.fullmatch, below)):
        return True
    # As json_normalize of pandas has it: product.link, product.name
    family = cell.partition(".")[0] + "."
    if not beside.startswith(family) or (
        may_be_domain(cell) and _last_label(cell) not in _OTHER_NAMES
    ):
        return False
    return cell.startswith(family) and not any(map(is_almost_url, below))

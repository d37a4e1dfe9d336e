"""
What names of columns look like, and how they are told from what stands below them.

Pure. Knows no row and no delimiter.
"""

import re
from collections.abc import Iterable

from shared.url_text import is_almost_url, looks_like_domain, says_nothing
from shared.urls import is_top_level_domain

# In this order, where several columns hold URLs.
URL_NAMES = (
    *("url", "urls", "link", "links", "href", "uri", "loc", "page_url", "page", "address"),
    *("website", "web_site", "site", "homepage", "source_url", "target_url", "landing_page"),
)
# shop.site is a website, wiki.loc is one at home, and item.url is the name of a column.
_NO_DOMAINS = frozenset(URL_NAMES) - {"link", "loc", "page", "site", "website"}
# What nobody has for a value beside a domain.
_NO_VALUES = {
    *("_id", "unnamed:_0", "name", "names", "title", "titel", "titre", "titulo", "nom", "nombre"),
    *("nome", "description", "price", "preis", "prix", "precio", "sku", "status_code"),
    *("content_type", "created_at", "updated_at", "lastmod", "clicks", "impressions", "visits"),
}
# What somebody may have: image or text is a kind of page, id a country.
_OTHER_NAMES = _NO_VALUES | {
    *("id", "index", "nr", "key", "ean", "gtin", "isbn", "code", "label", "text", "currency"),
    *("brand", "image", "images", "category", "categories", "tag", "tags", "type", "status"),
    *("date", "time", "created", "updated", "count", "rank", "position", "lang", "language"),
    *("locale", "country", "city", "phone", "email", *URL_NAMES),
}
NUMBER = re.compile(r"[-+]?[0-9][0-9.,:/ %-]*")
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
    Tell whether the first cell of a column of URLs is its name for certain.

    Args:
        cell: That cell.
        others: The other cells of its row, each with what stands below it.
    """
    if not is_almost_url(cell):
        return True
    if _is_dotted(cell):
        last = _last_label(cell)
        if last in _NO_DOMAINS:
            return True
        if may_be_domain(cell) and last not in URL_NAMES:
            return False
    elif not says_nothing(cell):
        return False
    return any(_is_evident(other, below, beside=cell) for other, below in others)


def may_be_name(cell: str, others: Iterable[tuple[str, list[str]]]) -> bool:
    """
    Tell whether something speaks for a name, if it is none for certain; then nobody can know.

    Args:
        cell: As for `is_name`.
        others: As for `is_name`.
    """
    if not (_is_dotted(cell) or says_nothing(cell)):
        return False
    if _is_dotted(cell) and not may_be_domain(cell):
        return True
    return any(_is_hint(other, below) for other, below in others)


def may_be_domain(cell: str) -> bool:
    """Tell whether `cell` is a domain, if it is no name: item.link is one, shop.link may be one."""
    return _is_dotted(cell) and is_top_level_domain(_last_label(cell))


def doubt(cell: str) -> str:
    """Say what to do about a cell that may be a name, or may be a domain or nothing."""
    if says_nothing(cell):
        return (
            f"{cell!r} above the first URL may be the name of its column, or say that a row has "
            "none; call the column url, or take the row out"
        )
    return (
        f"{cell!r} above the first URL may be a domain or the name of its column; call the column "
        f"url, or write https://{cell}"
    )


def _last_label(cell: str) -> str:
    return plain(cell.rpartition(".")[2])


def _is_dotted(cell: str) -> bool:
    """Tell whether `cell` is words with points between them, and has neither www. nor a path."""
    if cell[:4].lower() == "www." or re.search(r"[/:?#]", cell):
        return False
    return looks_like_domain(cell) and _last_label(cell) not in _FILES


def _is_evident(cell: str, below: list[str], *, beside: str) -> bool:
    """Tell whether `cell` can be nothing but a name, by itself or by that `beside` it."""
    if any(plain(value) in _OTHER_NAMES for value in below):
        return False  # a column of such words
    if plain(cell) in _OTHER_NAMES:
        return plain(cell) in _NO_VALUES or _is_above_numbers(cell, below)
    # As json_normalize of pandas has it: product.link, product.name
    family = beside.partition(".")[0] + "."
    if not (below and _is_dotted(beside) and cell.startswith(family)):
        return False
    if may_be_domain(cell) and _last_label(cell) not in _NO_VALUES:
        return False
    return not any(map(is_almost_url, below))


def _is_hint(cell: str, below: list[str]) -> bool:
    if not cell or cell in below or says_nothing(cell):
        return False
    return plain(cell) in _OTHER_NAMES or _is_above_numbers(cell, below)


def _is_above_numbers(cell: str, below: list[str]) -> bool:
    return bool(below) and not NUMBER.fullmatch(cell) and all(map(NUMBER.fullmatch, below))

"""What a link to follow is, and what may become of a place where a link could be."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope

MAX_LINKS = 10_000
"""Links that are followed from one page."""
MAX_SITEMAP_LINKS = 50_000
"""The same of a sitemap, which may list as many (https://www.sitemaps.org/protocol.html)."""
MAX_LINKS_BYTES = 5_000_000
"""Bytes of one page's links together, with what they carry."""
MAX_SITEMAP_LINKS_BYTES = 20_000_000
"""The same of a sitemap that is a page of the kind of sitemaps."""
MAX_CARRY_BYTES = 10_000
"""Bytes of JSON that one link can carry."""


class Link(NamedTuple):
    """
    A link to follow: an absolute URL in the form of `shared.urls.Url`.

    `page` is the kind that the spec names for it, `carry` what goes along to its rows.
    """

    url: str
    page: str | None = None
    carry: dict[str, Any] | None = None


class Cut(Enum):
    """Why a link is not followed."""

    INVALID = "invalid"
    """It leads to no page: `mailto:`, `javascript:`, a text that is no URL."""
    NOFOLLOW = "nofollow"
    """The element has `rel=nofollow`."""
    TOO_OLD = "too_old"
    """The entry is dated before `since`."""
    TOO_MANY = "too_many"
    """The page has more links than are followed."""


Found = str | Cut | int
"""
What a place where a link could be has: an absolute URL, or why there is none to follow.

A number stands for so many links that are too many.
"""
FindLinks = Callable[[Scope, Document], Iterable[Found]]


def resolved(link: object, document: Document) -> Found:
    """Return what a link as a page has it leads to."""
    url = document.resolve(link) if isinstance(link, str) else None
    return Cut.INVALID if url is None else url


def is_nofollow(rel: str | None) -> bool:
    """Tell whether an attribute `rel` asks not to follow its link."""
    return rel is not None and "nofollow" in rel.lower().split()

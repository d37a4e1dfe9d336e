"""Values that a link carries to the rows of its page, where a redirect may have led elsewhere."""

from typing import Any
from urllib.parse import urlsplit

from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.rows import Extracted
from functions.worker.transport.page import FetchedPage
from shared.messages import Target


def carried(page: FetchedPage, target: Target, kinds: Kinds) -> dict[str, Any] | None:
    """Return the values for the rows of a page, unless a redirect has led to another kind."""
    if target.carry is None or page.url == target.url:
        return target.carry
    linked = kinds.kind_of(target.url, target.page)
    return target.carry if kinds.kind_of_page(page.url, target) == linked else None


def marked(
    extracted: Extracted, page: FetchedPage, target: Target, carry: dict[str, Any] | None
) -> Extracted:
    """Say of rows with values of a link that a redirect has led to another page of that kind."""
    if carry and extracted.rows and not _is_same_page(target.url, page.url):
        extracted.problems.append({"field": "carry", "problem": "redirected", "value": page.url})
    return extracted


def _is_same_page(url: str, other: str) -> bool:
    """Tell whether a redirect from `url` to `other` is about no more than how it is written."""
    one, two = urlsplit(url), urlsplit(other)
    if one.netloc.removeprefix("www.") != two.netloc.removeprefix("www."):
        return False
    if one.path.rstrip("/").lower() != two.path.rstrip("/").lower():
        return False
    return not (one.query and two.query) or one.query == two.query

"""Links by their relation: what a page says is next, or its canonical URL."""

import re
from collections.abc import Iterator

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.documents.links import Resolver
from functions.worker.extraction.following.link import Cut, FindLinks, Found, is_nofollow, resolved

_ELEMENTS = "link[href], a[href], area[href]"
# RFC 8288 §3: a target in angle brackets, and parameters behind semicolons.
_PARAMETER = r"""\s*;\s*[^;,="\s]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^;,"\s]*))?"""
_LINK = re.compile(rf"<([^<>]*)>((?:{_PARAMETER})*)")
_REL = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|([^;,"\s]*))""", re.IGNORECASE)
_MAX_HEADER = 20_000  # characters; a longer one is nobody's


def related_links(relation: str, *, nofollow: bool) -> FindLinks:
    """
    Return what finds the links of a relation: in headers `Link`, and in link, a and area.

    Args:
        relation: In lower case, such as `next`.
        nofollow: Whether `nofollow` beside it is obeyed.
    """

    def find(_scope: Scope, document: Document) -> Iterator[Found]:
        for link, rel in _in_headers(document):
            if relation in rel.lower().split():
                url = Resolver(document.page.url)(link)
                barred = nofollow and is_nofollow(rel)
                yield Cut.NOFOLLOW if barred else Cut.INVALID if url is None else url
        for element in document.tree.css(_ELEMENTS):
            attributes = element.attrs
            rel = attributes.get("rel") or ""
            if relation in rel.lower().split():
                barred = nofollow and is_nofollow(rel)
                yield Cut.NOFOLLOW if barred else resolved(attributes.get("href"), document)

    return find


def canonical_url(document: Document) -> str | None:
    """Return the address that a page calls its own, in a header `Link` or in its head."""
    for link, rel in _in_headers(document):
        if "canonical" in rel.lower().split():
            return Resolver(document.page.url)(link)
    return document.canonical if document.is_html else None


def _in_headers(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the links in headers, each with its relations; relative to the URL of the page."""
    for name, value in document.page.headers:
        if name.lower() == b"link" and len(value) <= _MAX_HEADER:
            for link, parameters in _LINK.findall(value.decode("utf-8", "replace")):
                rel = _REL.search(parameters)
                if rel is not None:
                    yield link, rel[1] or rel[2] or ""

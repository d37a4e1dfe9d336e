"""
Pages as lxml has them, for XPath and for feeds.

HTML is the tree of the browser, element by element as CSS sees it, and not a second parse: that
would move elements and end at a depth of 255. XML is read as it is where it is well-formed, and
mended where it is not.
"""

import re
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.complexity import is_for_want_of_memory
from shared.encodable import mend_references
from shared.lenient_xml import FORBIDDEN, XmlMender, needs_mending

if TYPE_CHECKING:
    from lxml.etree import _Element

_TEXT, _COMMENT = "-text", "-comment"
_FEED_BYTES = 65_536  # in which the root of a feed is looked for
# What may stand in front of it. Each alternative ends, or there is no match.
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?[^>]*>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>|(?=<))",
    re.DOTALL,
)
_FEED = re.compile(rb"<(?:rss|feed|urlset|sitemapindex|rdf:RDF)[\s>]")
_HYPHENS = re.compile("-(?=-)")
_NO_NAME = re.compile(r"[&<>\"'=/\s{}]")


def is_feed(body: bytes) -> bool:
    """Tell whether this is XML, though it may be sent as HTML. Takes linear time."""
    head = body[:_FEED_BYTES]
    start = 0
    while (found := _PROLOG.match(head, start)) is not None:
        if found.end() == start or head[found.end() - 1 : found.end()] != b">":
            return _FEED.match(head, found.end()) is not None
        start = found.end()
    return False


def html_elements(root: LexborNode) -> "dict[int, _Element]":
    """Return the elements of a page as lxml has them, by the `mem_id` that Lexbor gives them."""
    elements: dict[int, _Element] = {}
    html_tree(root, elements)
    # The last first, as they are let go of: lxml looks for what else is held above each of them.
    return dict(reversed(elements.items()))


def html_tree(
    root: LexborNode,
    elements: "dict[int, _Element] | None" = None,
    *,
    for_lxml_html: bool = False,
) -> "_Element":
    """
    Return a page as lxml has it.

    Args:
        root: Its outermost element.
        elements: Is filled with all of them by their `mem_id`, where it is wanted.
        for_lxml_html: Whether they are to be those of `lxml.html`, which take more time.

    Raises:
        MemoryError: it does not fit into the memory that this process may have.
    """
    from lxml import etree, html  # noqa: PLC0415

    # A document of HTML takes names of attributes that no XML would have, such as xlink:href.
    parser = html.HTMLParser() if for_lxml_html else etree.HTMLParser()
    place = top = parser.makeelement(root.tag or "", _attributes(root))
    if elements is not None:
        elements[root.mem_id] = top
    before: _Element | None = None  # the last child of `place`
    above: list[tuple[_Element, LexborNode]] = []
    child = root.first_child
    while True:
        if child is None:
            if not above:
                return top
            before = place
            place, child = above.pop()
            child = child.next
            continue
        tag = child.tag or ""
        if tag == _TEXT:
            text = _readable(child.text_content or "")
            if before is None:
                place.text = (place.text or "") + text
            else:
                before.tail = (before.tail or "") + text
        elif tag == _COMMENT:
            before = etree.Comment(_comment(child.comment_content or ""))
            place.append(before)
        elif not tag.startswith("-") and not _NO_NAME.search(tag):
            before = etree.SubElement(place, tag, _attributes(child))
            if elements is not None:
                elements[child.mem_id] = before
            inner = child.first_child
            if inner is not None:
                above.append((place, child))
                place, before, child = before, None, inner
                continue
        child = child.next


def _attributes(node: LexborNode) -> dict[str, str]:
    return {
        name: _readable(value or "")
        for name, value in node.attributes.items()
        if not _NO_NAME.search(name)
    }


def _comment(text: str) -> str:
    """Return the text of a comment with no two hyphens in a row, and none at its end."""
    return _HYPHENS.sub("- ", _readable(text)).removesuffix("-")


def _readable(text: str) -> str:
    """Return `text` as XML may hold it; a form feed is white space."""
    return FORBIDDEN.sub("", text.replace("\f", " "))


def xml_tree(data: str | bytes) -> "tuple[_Element | None, list[str]]":
    """
    Return the root of XML, None where there is none, and what was lost or guessed.

    Args:
        data: Text, or the bytes of it in UTF-8.

    Raises:
        MemoryError, lxml.etree.LxmlError: it does not fit into the memory that there is.
    """
    from lxml import etree  # noqa: PLC0415

    body = mend_references(data if isinstance(data, bytes) else data.encode("utf-8", "replace"))

    def parse(text: bytes) -> "_Element | None":
        # Whatever the declaration says, this is UTF-8 by now.
        parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, huge_tree=True
        )
        return etree.fromstring(text, parser)

    if not needs_mending(body):
        try:
            return parse(body), []
        except (etree.XMLSyntaxError, ValueError) as error:
            if is_for_want_of_memory(error):
                raise
    mender = XmlMender()
    text = mender.feed(body.decode("utf-8", "replace"), last=True)
    return (parse(text.encode()) if text else None), mender.losses

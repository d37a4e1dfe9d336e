"""The text of an element as a browser shows it."""

from collections.abc import Callable

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import VISIT, Document
from functions.worker.extraction.values.texts import fold, fold_numeral

MAX_VALUE = 100_000  # characters
_TEXT = "-text"
# What a browser begins a new line for, and what it does not show.
BREAKS = frozenset([
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hgroup", "hr", "li", "main", "nav", "ol", "option", "p", "pre",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
])  # fmt: skip
UNSEEN = frozenset(["script", "style", "template"])


TextOf = Callable[[LexborNode, Document], str]
"""Returns the text of an element, on one line."""


def reading_text(read_parts: TextOf, *, of_numbers: bool = False) -> TextOf:
    """
    Return what reads most elements at a glance, and by `read_parts` those of several nodes.

    Args:
        read_parts: Reads elements of several nodes.
        of_numbers: Whether to leave the white space that holds digits together.
    """

    def text_of(node: LexborNode, document: Document) -> str:
        child = node.first_child
        if child is None:
            return ""
        if child.next is None and child.is_text_node:
            text = child.text_content or ""
            if len(text) > MAX_VALUE and document.exceeds(len(text)):
                return ""
            if of_numbers and not text.isascii():
                return fold_numeral(text)
            return " ".join(text.split())  # as `fold`, without another call for each value
        return read_parts(node, document)

    return text_of


def text_of_parts(node: LexborNode, document: Document, *, of_numbers: bool = False) -> str:
    """Return what `text_of` does; for an element of several nodes."""
    text = "".join(pieces_of(node, document, " "))
    return fold_numeral(text) if of_numbers else fold(text)


text_of = reading_text(text_of_parts)
"""Returns the text of an element as a browser shows it, on one line."""


def pieces_of(
    node: LexborNode,
    document: Document,
    gap: str,
    border_of: Callable[[str], str] | None = None,
) -> list[str]:
    """
    Return the texts in an element.

    Args:
        node: The element.
        document: Of it.
        gap: Stands where a browser begins a new line.
        border_of: Returns what stands where an element begins, by its tag, and where one ends, by
            an empty one; None: nothing.
    """
    pieces: list[str] = []
    if document.exceeds(0):
        return pieces
    after: set[int] = set()  # what follows a block
    unseen = False
    visited = 0
    above: int | None = None  # the element of the last text
    for visited, inner in enumerate(node.traverse(include_text=True)):  # noqa: B007
        if after and inner.mem_id in after:
            pieces.append(gap)
        tag = inner.tag
        if tag == _TEXT:
            if border_of is not None:
                parent = inner.parent
                if parent is not None and parent.mem_id != above:
                    above = parent.mem_id
                    pieces.append(border_of(""))
            if not unseen:
                pieces.append(inner.text_content or "")
            unseen = False
        elif tag in BREAKS:
            pieces.append(gap)
            following = _next_after(inner, node)
            if following is not None:
                after.add(following.mem_id)
        else:
            unseen = tag in UNSEEN and inner.first_child is not None
        if border_of is not None and tag is not None and not tag.startswith("-"):
            pieces.append(border_of(tag))
    if document.exceeds(VISIT * visited + sum(map(len, pieces))):
        return []
    return pieces


def _next_after(block: LexborNode, end: LexborNode) -> LexborNode | None:
    """Return what comes after `block` within `end`, unless that follows another block too."""
    place: LexborNode | None = block
    while place is not None and place.mem_id != end.mem_id:
        if place.next is not None:
            return place.next
        place = place.parent
        if place is not None and place.tag in BREAKS:
            return None  # the end of that one is the same place
    return None

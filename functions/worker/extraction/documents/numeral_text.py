"""
The text of an element that has a number in it, with a mark where digits are not of one text.

A page may show 19 and 99 beside each other, in another size or with a gap that its style sheet
makes: cents, or a number and another one. No text says which, so that `^` stands between them.
"""

import re
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import (
    BREAKS,
    UNSEEN,
    TextOf,
    pieces_of,
    reading_text,
    text_of,
)
from functions.worker.extraction.values.texts import PartedText, fold, fold_numeral

if TYPE_CHECKING:
    from lxml.etree import _Element

# Where an element begins or ends, and where one does that stands above the line. No text has them.
BORDER, ABOVE = "\ufdd0", "\ufdd1"
_BEFORE_DIGITS = re.compile(rf"(?<![\s{BORDER}{ABOVE}])[\s{BORDER}{ABOVE}]++(?=\d(\d\d(?!\d))?)")
# What three digits more, behind a gap, would be one number with.
_BEGINS_GROUPS = re.compile(r"(?<![\d.,])\d{1,3}\Z|\s\d{3}\Z")
_NEAR = 5
# 12 and €99, or 12€99.
_BEFORE_SIGN = re.compile(rf"(?<=\d){BORDER}++(?=[€$£]\d\d(?![\d.,]))")
_IN_PARTS = re.compile(r"\d[\s€$£]*+\d")
_NO_BORDERS = str.maketrans("", "", BORDER + ABOVE)


def numeral_text_of_parts(node: LexborNode, document: Document, *, of_numbers: bool) -> str:
    """
    Return the text of an element of several nodes.

    Args:
        node: The element.
        document: Of it.
        of_numbers: Whether to leave the white space that holds digits together.
    """
    return _joined(pieces_of(node, document, " ", border_of), of_numbers=of_numbers)


def _reading(*, of_numbers: bool) -> TextOf:
    def read_parts(node: LexborNode, document: Document) -> str:
        return numeral_text_of_parts(node, document, of_numbers=of_numbers)

    return reading_text(read_parts, of_numbers=of_numbers)


numeral_text = _reading(of_numbers=True)
"""Returns the text of an element, on one line."""
numeral_text_of_words = _reading(of_numbers=False)
"""Returns the same with blanks for all white space, as a regular expression searches it."""


def text_with_marks(node: LexborNode, document: Document) -> str:
    """Return the text of an element as others read it, a `PartedText` if that has no number."""
    text = text_of(node, document)
    if _IN_PARTS.search(text) is not None:
        marked = numeral_text(node, document)
        if marked.count("^") > text.count("^"):
            parted = PartedText(text)
            parted.marked = marked
            return parted
    return text


def numeral_text_of_xml(element: "_Element", *, of_numbers: bool) -> str:
    """Return the text of an element that lxml has."""
    from lxml import etree  # noqa: PLC0415

    pieces: list[str] = []
    unseen: _Element | None = None
    for event, inner in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        is_top = inner is element
        if event in {"start", "end"} and not is_top:
            tag = str(inner.tag)
            pieces.append(" " if tag in BREAKS else "")
            pieces.append(border_of(tag) if event == "start" or tag == "wbr" else BORDER)
            if tag in UNSEEN and unseen is None and event == "start":
                unseen = inner
            elif inner is unseen and event == "end":
                unseen = None
        if unseen is None:
            pieces.append(
                (inner.text if event == "start" else None if is_top else inner.tail) or ""
            )
    return _joined(pieces, of_numbers=of_numbers)


def with_mark(found: str, text: str) -> str:
    """Return a part of `text` with the mark that touches it, so that a part of digits is none."""
    if "^" in text:
        part = re.escape(found)
        touching = re.search(rf"{part} ?\^\d|\d ?\^{part}", text)
        if touching is not None:
            return touching[0]
    return found


def border_of(tag: str) -> str:
    """Return what stands where an element begins; that of no name is where one ends."""
    if tag == "sup":
        return ABOVE
    return "" if tag == "wbr" else BORDER


def _joined(pieces: list[str], *, of_numbers: bool) -> str:
    text = "".join(pieces)
    if BORDER in text or ABOVE in text:
        text = _BEFORE_DIGITS.sub(_mark, _BEFORE_SIGN.sub("^", text)).translate(_NO_BORDERS)
    return fold_numeral(text) if of_numbers else fold(text)


def _mark(gap: re.Match[str]) -> str:
    """Return what stands before digits: ``^`` where they may be a part of the number before."""
    white_space = gap[0].translate(_NO_BORDERS)
    before = gap.string[max(0, gap.start() - _NEAR) : gap.start()]
    is_above, last = ABOVE in gap[0], before[-1:]
    if white_space == gap[0] or last in {".", ","}:
        return white_space
    if last.isdecimal():  # with white space, only three of them are read as one number with those
        is_group = gap[1] is not None and _BEGINS_GROUPS.search(before) is not None
        return f"{white_space}^" if is_above or is_group or not white_space else white_space
    return f"{white_space}^" if is_above else white_space

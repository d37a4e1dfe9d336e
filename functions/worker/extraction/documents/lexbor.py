"""Pages and elements as Lexbor has them, the parser of HTML that CSS selectors search."""

from functools import cache

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from functions.worker.extraction.documents.complexity import TooComplexError

Scope = LexborHTMLParser | LexborNode
"""What a selector searches: a page or a row."""


def parse_html(text: str | bytes) -> LexborHTMLParser:
    """
    Return the tree of `text`.

    Raises:
        TooComplexError: it does not fit into the memory that this process may have.
    """
    try:
        return LexborHTMLParser(text)
    except (SelectolaxError, MemoryError) as error:
        raise TooComplexError from error


@cache
def empty_tree() -> LexborHTMLParser:
    return LexborHTMLParser("")


def html_of(node: Scope) -> str:
    """
    Return a page or an element as HTML.

    Raises:
        TooComplexError: it does not fit into memory.
    """
    text = node.html
    if text is None:  # all that Lexbor says
        raise TooComplexError
    return text


def select(scope: Scope, css: str) -> list[LexborNode]:
    """Return the elements that match, each once: one can match several selectors of a list."""
    found = scope.css(css)
    return found if "," not in css else list({node.mem_id: node for node in found}.values())

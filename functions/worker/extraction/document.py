"""
A page as what it is read as: a tree, JSON, XML, one parse each and only where it is asked for.

In bounded memory and time: of a page of 36 KB the standard's algorithm can make a tree of 3 GB,
because an unclosed <b> is opened anew in each paragraph that follows. The parsers have no limit of
their own, but give up when the system refuses them memory. Nor can they be interrupted, and the
time of HTML's is quadratic in how deeply elements are nested and in the attributes of one tag.
"""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from functions.worker.extraction.charset import decode_in, decode_page, page_encoding
from functions.worker.extraction.evidence import Evidence
from functions.worker.extraction.links import Resolver
from functions.worker.extraction.trees import (
    html_elements,
    html_tree,
    is_feed,
    is_for_want_of_memory,
    xml_tree,
)
from functions.worker.extraction.values import fold, read_json
from functions.worker.transport.media_types import is_html, is_xml
from functions.worker.transport.page import FetchedPage
from shared.encodable import mend_text

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_TAGS = 10_000  # nested in each other they take 0.1 s
MAX_VALUE = 100_000  # characters
MAX_COPIED = 50_000_000  # characters of a page that are copied, again and again where rows nest
_VISIT = 40  # of these, as long as it takes to look at a node
MAX_PROBLEMS = 100
_STRETCH = 8_192  # bytes; attributes enough to fill two take 0.1 s
_FEW_WORDS = 100
_STATM = "/proc/self/statm"
_TEXT = "-text"
_ABOUT = "base, meta, link, script"
# What a browser begins a new line for, and what it does not show.
_BREAKS = frozenset([
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
    "h4", "h5", "h6", "header", "hgroup", "hr", "li", "main", "nav", "ol", "option", "p", "pre",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
])  # fmt: skip
_UNSEEN = frozenset(["script", "style", "template"])

Scope = LexborHTMLParser | LexborNode
"""What a selector searches: a page or a row."""


class Document:
    """
    A page that is being read.

    Takes note of what is wrong with it. `tree` is that of a page that is HTML, and an empty one
    otherwise.

    Raises:
        TooComplexError: what it is read as does not fit into memory; also later, where XML is.
    """

    def __init__(self, page: FetchedPage, hurry: Callable[[], None] = lambda: None) -> None:
        self.page = page
        self.hurry = hurry
        """Called from loops over what a page holds; raises TooComplexError when it takes long."""
        self.problems: list[dict[str, Any]] = []
        self.problem_count = 0
        self.row_problem_count = 0
        """Of these, those of a field."""
        self.found = False
        """Whether any field has found a value."""
        self.copied = 0
        self.elements: dict[str, LexborNode | None] = {}
        """Those of the current row that more than one field wants, by selector."""
        self.prices: dict[str, Any] = {}
        """Those of the current row, with their currencies, by field."""
        self.memo: dict[Any, Any] = {}
        """What is the same for all rows, by the function that found it."""
        self.row: Any = None
        """The object that is the current row, where rows are objects and no elements."""
        self._row: tuple[int, _Element | None] | None = None
        self.is_html = is_html(page.content_type, page.body)
        self._encoding = "utf-8"
        if self.is_html:
            self._encoding, start = page_encoding(page, "html")
            self.tree = parse_html(decode_in(page, self._encoding, start))
        else:
            self.tree = empty_tree()

    def problem(self, field: str | None, problem: str, value: object = None) -> None:
        """Take note of a problem; `value` is what has it. One without a field is the page's."""
        self.problem_count += 1
        self.row_problem_count += field is not None
        if len(self.problems) < MAX_PROBLEMS:
            text = None if value is None else mend_text(str(value)[:200])
            self.problems.append({"field": field, "problem": problem, "value": text})

    def exceeds(self, size: int) -> bool:
        """Take note of `size` characters to be copied; tell whether that is too much by now."""
        self.copied += size
        return self.copied > MAX_COPIED

    @cached_property
    def about(self) -> dict[str, list[LexborNode]]:
        """
        What tells of the page, by tag: base, meta, link and script, wherever in it they are.

        In one go, since each walk through a tree takes its time, whatever is looked for.
        """
        found: dict[str, list[LexborNode]] = {"base": [], "meta": [], "link": [], "script": []}
        for element in self.tree.css(_ABOUT):
            found[element.tag or ""].append(element)
        return found

    @cached_property
    def evidence(self) -> Evidence:
        """What the page says of how it writes numbers and dates."""
        return Evidence(self)

    @cached_property
    def resolve(self) -> Resolver:
        """Makes links absolute, by the <base> of the page or else its URL."""
        resolve = Resolver(self.page.url, self._encoding)
        # Wherever it is: what is in the wrong place makes a browser begin the body.
        hrefs = (element.attrs.get("href") for element in self.about["base"])
        href = next((href for href in hrefs if href is not None), None)
        absolute = resolve(href) if href else None
        return resolve if absolute is None else Resolver(absolute, self._encoding)

    @cached_property
    def canonical(self) -> str | None:
        """The address that the page calls its own."""
        for element in self.about["link"]:
            attributes = element.attrs
            if "canonical" in (attributes.get("rel") or "").lower().split():
                href = attributes.get("href")
                return self.resolve(href) if href is not None else None
        return None

    def robots(self, token: str) -> list[str]:
        """Return what robots meta elements ask of all, and of `token`."""
        found = []
        for element in self.about["meta"]:
            attributes = element.attrs
            if (attributes.get("name") or "").lower() in {"robots", token}:
                found.append(attributes.get("content"))
        return [content for content in found if content]

    @cached_property
    def source(self) -> str:
        """The page as text, whatever it is."""
        text = decode_page(self.page)
        return text if isinstance(text, str) else text.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:  # noqa: ANN401 -- whatever it holds
        """What the page stands for, None where it is no JSON; headers are often wrong on that."""
        if self.page.body.lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n\0")[:1] not in {b"{", b"["}:
            return None
        text = decode_page(self.page, "text")
        return read_json(text if isinstance(text, str) else text.decode("utf-8", "replace"))

    @cached_property
    def xml(self) -> "_Element | None":
        """The page as lxml has it: as XML where it says that it is."""
        from lxml import etree  # noqa: PLC0415

        page = self.page
        if not is_feed(page.body):
            if self.is_html:
                return html_tree(self._root)
            if not is_xml(page.content_type, page.body):
                return None
        try:
            root, losses = xml_tree(decode_page(page, "xml"))
        except etree.LxmlError as error:
            check_memory(error)
            return None
        if losses:
            self.problem(None, "not_well_formed", "; ".join(losses))
        return root

    @property
    def _root(self) -> LexborNode:
        root = self.tree.root
        assert root is not None, "HTML has an element html, if nothing else"
        return root

    @cached_property
    def _html_elements(self) -> "dict[int, _Element]":
        return html_elements(self._root)

    def row_xml(self, row: LexborNode) -> "_Element | None":
        """Return a row as the root of a document of its own; the same for all fields of it."""
        if self._row is None or self._row[0] != row.mem_id:
            if self.exceeds(len(html_of(row))):
                return None
            element = deepcopy(self._html_elements.get(row.mem_id))
            if element is not None:
                element.tail = None
            self._row = row.mem_id, element
        return self._row[1]


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


def check_memory(error: Exception) -> None:
    """
    Tell a page that is wrong from one for which the memory does not suffice.

    Raises:
        TooComplexError: `error`, whatever it is called, is for want of memory. lxml knows only by
            its log; Lexbor, whose selectors are compiled before, has no other reason.
    """
    if isinstance(error, SelectolaxError) or is_for_want_of_memory(error):
        raise TooComplexError from error


def select(scope: Scope, css: str) -> list[LexborNode]:
    """Return the elements that match, each once: one can match several selectors of a list."""
    found = scope.css(css)
    return found if "," not in css else list({node.mem_id: node for node in found}.values())


def text_of(node: LexborNode, document: Document) -> str:
    """Return the text of an element as a browser shows it, on one line."""
    child = node.first_child
    if child is None:
        return ""
    if child.next is None and child.is_text_node:
        text = child.text_content or ""
        if len(text) > MAX_VALUE and document.exceeds(len(text)):
            return ""
        return fold(text)
    return fold("".join(pieces_of(node, document, " ")))


def pieces_of(node: LexborNode, document: Document, gap: str) -> list[str]:
    """Return the texts in an element, with `gap` where a browser begins a new line."""
    pieces: list[str] = []
    if document.exceeds(0):
        return pieces
    after: set[int] = set()  # what follows a block
    unseen = False
    visited = 0
    for visited, inner in enumerate(node.traverse(include_text=True)):  # noqa: B007
        if after and inner.mem_id in after:
            pieces.append(gap)
        tag = inner.tag
        if tag == _TEXT:
            if not unseen:
                pieces.append(inner.text_content or "")
            unseen = False
        elif tag in _BREAKS:
            pieces.append(gap)
            following = _next_after(inner, node)
            if following is not None:
                after.add(following.mem_id)
        else:
            unseen = tag in _UNSEEN and inner.first_child is not None
    if document.exceeds(_VISIT * visited + sum(map(len, pieces))):
        return []
    return pieces


def _next_after(block: LexborNode, end: LexborNode) -> LexborNode | None:
    """Return what comes after `block` within `end`, unless that follows another block too."""
    place: LexborNode | None = block
    while place is not None and place.mem_id != end.mem_id:
        if place.next is not None:
            return place.next
        place = place.parent
        if place is not None and place.tag in _BREAKS:
            return None  # the end of that one is the same place
    return None


@cache
def empty_tree() -> LexborHTMLParser:
    return LexborHTMLParser("")


class TooComplexError(Exception):
    """A page takes more memory than there is for it."""


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


def may_take_long(body: bytes) -> bool:
    """
    Tell whether the parser may take more than some 0.1 s for `body`, at a glance.

    A page can be written so that this does not notice it: it is for what is out there, and a
    batch that was delivered again trusts no page.
    """
    # A tag has three bytes at least.
    return (
        (len(body) > 3 * MAX_TAGS and body.count(b"<") > MAX_TAGS)
        or any(
            body.find(b">", start, start + _STRETCH) < 0
            and body.rfind(b"<", 0, start) > body.rfind(b">", 0, start)  # inside a tag
            and len(body[start : start + _STRETCH].split(None, _FEW_WORDS)) > _FEW_WORDS
            for start in range(0, len(body) - _STRETCH, _STRETCH)
        )
    )


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """Let this process grow by `more` bytes at most, where the system tells how large it is."""
    size = memory_used(0)
    if size is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def memory_used(column: int) -> int | None:
    """Return the bytes of this process; column 0 of its address space, 1 of the memory in use."""
    try:
        with open(_STATM, "rb", buffering=0) as statm:  # noqa: PTH123 -- for each page: half the time
            return int(statm.read(100).split()[column]) * resource.getpagesize()
    except OSError:  # not Linux
        return None

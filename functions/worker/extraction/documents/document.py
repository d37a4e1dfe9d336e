"""
A page as what it is read as: a tree, JSON, XML, one parse each and only where it is asked for.

In bounded memory and time; see `complexity`.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.charset import decode_in, decode_page, page_encoding
from functions.worker.extraction.documents.complexity import TooComplexError, check_memory
from functions.worker.extraction.documents.lexbor import empty_tree, html_of, parse_html
from functions.worker.extraction.documents.links import Resolver
from functions.worker.extraction.documents.trees import html_elements, html_tree, is_feed, xml_tree
from functions.worker.extraction.values.json_text import read_json
from functions.worker.transport.media_types import is_html, is_xml
from functions.worker.transport.page import FetchedPage
from shared.encodable import mend_text

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_COPIED = 50_000_000  # characters of a page that are copied, again and again where rows nest
VISIT = 40  # of these, as long as it takes to look at a node or a value
MAX_PROBLEMS = 100
_ABOUT = "base, meta, link, script"


def no_hurry() -> None:
    """Let everything take its time."""


class Notes:
    """What is noted while a page is read, and all that is within it: problems, and its costs."""

    def __init__(self) -> None:
        self.problems: list[dict[str, Any]] = []
        self.count = 0
        """Of the problems, those that were too many included."""
        self.row_count = 0
        """Of these, those of a field."""
        self.copied = 0
        self.lenient = 0
        """Characters of JSON that had to be read a second time."""

    def problem(self, field: str | None, problem: str, value: object = None) -> None:
        """Take note of a problem; `value` is what has it. One without a field is the page's."""
        self.count += 1
        self.row_count += field is not None
        if len(self.problems) < MAX_PROBLEMS:
            text = None if value is None else mend_text(str(value)[:200])
            self.problems.append({"field": field, "problem": problem, "value": text})

    def exceeds(self, size: int) -> bool:
        """Take note of `size` characters to be copied; tell whether that is too much by now."""
        self.copied += size
        return self.copied > MAX_COPIED


class Document:
    """
    A page that is being read, or a document within it (HTML in JSON, JSON in an attribute).

    Takes note of what is wrong with it. `tree` is that of a page that is HTML, and an empty one
    otherwise.

    Args:
        page: The page.
        hurry: Called from loops over what it holds; raises TooComplexError when that takes long.
        notes: Of the page that this is a part of. A part knows nothing else of the page: no circle
            may hold a tree.

    Raises:
        TooComplexError: what it is read as does not fit into memory; also later, where XML is.
    """

    def __init__(
        self,
        page: FetchedPage,
        hurry: Callable[[], None] = no_hurry,
        notes: Notes | None = None,
    ) -> None:
        self.page = page
        self.hurry = hurry
        self.notes = Notes() if notes is None else notes
        self.problem = self.notes.problem
        self.exceeds = self.notes.exceeds
        self.found = False
        """Whether any field has found a value."""
        self.elements: dict[str, LexborNode | None] = {}
        """Those of the current row that more than one field wants, by selector."""
        self.prices: dict[str, Any] = {}
        """Those of the current row, with their currencies, by field."""
        self.memo: dict[Any, Any] = {}
        """What is the same for all rows, by what found it."""
        self.row_memo: dict[Any, Any] = {}
        """What is the same for all fields of the current row, likewise."""
        self.row: Any = None
        """The object that is the current row, where rows are objects and no elements."""
        self.home: Document | None = None
        """The document within this one that the current row is in; None: it is in this one."""
        self._row: tuple[int, _Element | None] | None = None
        self.is_html = is_html(page.content_type, page.body)
        self._encoding = "utf-8"
        if self.is_html:
            self._encoding, start = page_encoding(page, "html")
            self.tree = parse_html(decode_in(page, self._encoding, start))
        else:
            self.tree = empty_tree()

    def take_time(self) -> None:
        """
        Begin what may take long, and cannot be interrupted.

        Raises:
            TooComplexError: nothing may take long here; a process of its own, which is killed where
                it takes too long, is in no hurry.
        """
        if self.hurry is not no_hurry:
            raise TooComplexError

    @property
    def problems(self) -> list[dict[str, Any]]:
        """What is wrong with the page, as far as it is noted."""
        return self.notes.problems

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
    def is_xml_of_html(self) -> bool:
        """Whether `xml` is the tree of HTML."""
        return self.is_html and not is_feed(self.page.body)

    @cached_property
    def xml(self) -> "_Element | None":
        """The page as lxml has it: as XML where it says that it is."""
        from lxml import etree  # noqa: PLC0415

        page = self.page
        if self.is_xml_of_html:
            return html_tree(self._root)
        if not is_feed(page.body) and not is_xml(page.content_type, page.body):
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
        """
        Return a row, or an element that is read like one, as the root of a document of its own.

        The same for all fields of it.
        """
        if self.home is not None and self.home.is_html and self.row is None:
            return self.home.row_xml(row)
        if self._row is None or self._row[0] != row.mem_id:
            if self.exceeds(len(html_of(row))):
                return None
            element = deepcopy(self._html_elements.get(row.mem_id))
            if element is not None:
                element.tail = None
            self._row = row.mem_id, element
        return self._row[1]

"""Links of elements, which CSS or XPath selects."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.complexity import check_memory
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope, select
from functions.worker.extraction.following.link import Cut, FindLinks, Found, is_nofollow, resolved
from shared.crawl_spec import FollowSpec
from shared.expressions import compile_css, compile_regex, compile_xpath

if TYPE_CHECKING:
    from lxml.etree import _Element

_LINKS = "a[href], area[href]"
_OFTEN = 32  # elements between two looks at the clock


class ElementLinks:
    """
    Finds the links of the elements that a selector finds.

    The link of an element is its `attr`, or its `href`. An element without `href` stands for the
    links within it; with a `regex`, and in XML, it stands for its text.

    Args:
        follow: With `css` or `xpath`.
        path: Of `follow` in the spec.
        nofollow: Whether `rel=nofollow` of an element is obeyed.

    Raises:
        InvalidSpecError: the selector or the regex is none.
    """

    def __init__(self, follow: FollowSpec, path: str, *, nofollow: bool) -> None:
        self._attr = follow.attr
        self._texts = None
        if follow.regex is not None:
            self._texts = compile_regex(follow.regex, f"{path}.regex").all
        self._nofollow = nofollow
        self.find: FindLinks
        if follow.css is not None:
            self._css = compile_css(follow.css, f"{path}.css")
            self.find = self._in_html
        else:
            # An attribute that is found knows its element.
            self._xpath = compile_xpath(follow.xpath or "", f"{path}.xpath", parents=True)
            self.find = self._in_tree

    def _in_html(self, scope: Scope, document: Document) -> Iterator[Found]:
        name, texts, resolve = self._attr or "href", self._texts, document.resolve
        for number, element in enumerate(select(scope, self._css)):
            if not number % _OFTEN:
                document.hurry()
            attributes = element.attrs
            link = attributes.get(name)
            if link is not None:
                rel = attributes.get("rel")
                if texts is None and rel is None:  # most links
                    yield resolve(link) or Cut.INVALID
                else:
                    yield from self._read(link, rel, document)
            elif self._attr is None and texts is not None:
                yield from self._read(element.text(), None, document)
            elif self._attr is None:
                for inner in element.css(_LINKS):
                    attributes = inner.attrs
                    yield from self._read(attributes.get("href"), attributes.get("rel"), document)

    def _in_tree(self, scope: Scope, document: Document) -> Iterator[Found]:
        from lxml import etree  # noqa: PLC0415 -- for those who use it

        tree = document.row_xml(scope) if isinstance(scope, LexborNode) else document.xml
        if tree is None:
            return
        try:
            found = self._xpath(tree)
        except etree.XPathError as error:
            check_memory(error)
            return  # a function that does not take what the page has there
        for result in found if isinstance(found, list) else [found]:
            document.hurry()
            if isinstance(result, str):
                parent = result.getparent() if hasattr(result, "getparent") else None
                rel = None if parent is None else parent.get("rel")
                yield from self._read(str(result), rel, document)
            elif isinstance(result, etree._Element):  # noqa: SLF001 -- lxml's own name for it
                yield from self._of_element(result, document)

    def _of_element(self, element: "_Element", document: Document) -> Iterator[Found]:
        link = element.get("href")
        if link is not None:
            yield from self._read(link, element.get("rel"), document)
        elif self._texts is not None or not document.is_html:
            yield from self._read("".join(map(str, element.itertext())), None, document)
        else:
            for inner in element.iter("a", "area"):
                if inner.get("href") is not None:
                    yield from self._read(inner.get("href"), inner.get("rel"), document)

    def _read(self, link: str | None, rel: str | None, document: Document) -> Iterator[Found]:
        is_barred = self._nofollow and is_nofollow(rel)
        for text in [link] if self._texts is None else self._texts(link or ""):
            yield Cut.NOFOLLOW if is_barred else resolved(text, document)

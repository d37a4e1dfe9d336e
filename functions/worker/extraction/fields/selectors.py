"""Raw values of elements, which CSS or XPath selects: their text, HTML or an attribute."""

from collections.abc import Callable, Iterator
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.complexity import check_memory
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import text_of
from functions.worker.extraction.documents.lexbor import Scope, html_of, select
from functions.worker.extraction.documents.numeral_text import (
    numeral_text,
    numeral_text_of_words,
    numeral_text_of_xml,
)
from functions.worker.extraction.fields.finders import Finder, as_all, first_value
from functions.worker.extraction.values.texts import fold, fold_numeral
from shared.expressions import compile_xpath
from shared.extract_spec import FieldSpec, SourceSpec

if TYPE_CHECKING:
    from lxml.etree import XPath, _Element


def wants_html(source: SourceSpec, field: FieldSpec) -> bool:
    return source.html or (field.type == "html" and source.attr is None)


def part_of(source: SourceSpec, field: FieldSpec) -> Callable[[LexborNode, Document], str | None]:
    """Return what takes from an element the part that `source` means."""
    attr = source.attr
    if attr is not None:
        return _attribute(attr, field.type)
    if wants_html(source, field):

        def html(node: LexborNode, document: Document) -> str | None:
            text = node.inner_html
            return text if not text or not document.exceeds(len(text)) else None

        return html
    if field.type == "json":
        return lambda node, _: node.text()  # of a script too, and as it is
    if not is_numeral(field):
        return text_of
    return numeral_text if source.regex is None else numeral_text_of_words


def is_numeral(field: FieldSpec) -> bool:
    """Tell whether the values of a field are made of a text with a number in it."""
    return field.type in {"number", "integer", "price"}


def _attribute(attr: str, kind: str) -> Callable[[LexborNode, Document], str | None]:
    if kind == "boolean":
        # What HTML writes without a value, such as `disabled`, is true.
        return lambda node, _: node.attrs.get(attr, "false") or "true"
    if kind in {"html", "url"}:
        return lambda node, _: node.attrs.get(attr)

    def attribute(node: LexborNode, _document: Document) -> str | None:
        value = node.attrs.get(attr)
        return " ".join(value.split()) if value else value

    return attribute


def css(css: str, take: Callable[[LexborNode, Document], str | None], shared: set[str]) -> Finder:
    if css in shared:

        def first(scope: Scope, document: Document) -> str | None:
            elements = document.elements
            if css in elements:
                node = elements[css]
            else:
                node = elements[css] = scope.css_first(css)
            return None if node is None else take(node, document) or None
    else:

        def first(scope: Scope, document: Document) -> str | None:
            node = scope.css_first(css)
            return None if node is None else take(node, document) or None

    def find_all(scope: Scope, document: Document) -> Iterator[str]:
        return (text for node in select(scope, css) if (text := take(node, document)) is not None)

    return first, find_all


def row_itself(source: SourceSpec, take: Callable[[LexborNode, Document], str | None]) -> Finder:
    """Read an attribute of the row's element, or its HTML for a regex to search."""

    def first(scope: Scope, document: Document) -> str | None:
        if source.attr is not None:
            node = scope if isinstance(scope, LexborNode) else scope.root
            return (take(node, document) or None) if node is not None else None
        text = html_of(scope) if isinstance(scope, LexborNode) else document.source
        return None if not text or document.exceeds(len(text)) else text

    return first, as_all(first)


def xpath(expression: str, path: str, source: SourceSpec, field: FieldSpec) -> Finder:
    return _xpath(compile_xpath(expression, path), _xpath_taker(source, field))


def _xpath(compiled: "XPath", take: Callable[[Any, Document], Any]) -> Finder:
    def find_all(scope: Scope, document: Document) -> Iterator[Any]:
        from lxml import etree  # noqa: PLC0415

        tree = document.row_xml(scope) if isinstance(scope, LexborNode) else document.xml
        if tree is None:
            return
        try:
            found = compiled(tree)
        except etree.XPathError as error:
            check_memory(error)
            return  # a function that does not take what the page has there
        for result in found if isinstance(found, list) else [found]:
            # White space between elements is a text, and nobody means it.
            if not (isinstance(result, str) and result.isspace()):
                value = take(result, document)
                if value is not None:
                    yield value

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return first_value(find_all(scope, document))

    return first, find_all


def finds(expression: str, path: str) -> Callable[[Document], bool]:
    """Return what tells whether an expression finds something on a page."""
    compiled = compile_xpath(expression, path)

    def find(document: Document) -> bool:
        from lxml import etree  # noqa: PLC0415

        try:
            found = None if document.xml is None else compiled(document.xml)
        except etree.XPathError as error:
            check_memory(error)
            return False
        return bool(found) and found == found  # noqa: PLR0124 -- a number that is none

    return find


def raw_css(source: SourceSpec, *, as_text: bool) -> Finder:
    """Find elements, or what `source` means of them, as it is."""
    assert source.css is not None
    return css(source.css, raw_part(source, as_text=as_text), set())


def raw_part(source: SourceSpec, *, as_text: bool) -> Callable[[LexborNode, Document], Any]:
    """Return what takes what `source` means from an element, as it is; the element, if that is."""
    attr = source.attr
    if attr is not None:
        return lambda node, _: node.attrs.get(attr)
    if source.html:
        return lambda node, _: node.inner_html
    return (lambda node, _: node.text()) if as_text else lambda node, _: node


def raw_xpath(expression: str, path: str, *, as_markup: bool) -> Finder:
    """Find texts, as they are, and of elements their text, or what is between their tags."""
    take = _markup_of_xml if as_markup else _whole_text_of_xml

    def take_raw(result: Any, document: Document) -> str | None:  # noqa: ANN401
        if isinstance(result, str):
            return result
        from lxml import etree  # noqa: PLC0415

        if not isinstance(result, etree._Element):  # noqa: SLF001
            return None if isinstance(result, float) and not isfinite(result) else str(result)
        text = take(result, document)
        return None if document.exceeds(len(text)) else text

    return _xpath(compile_xpath(expression, path), take_raw)


def _xpath_taker(source: SourceSpec, field: FieldSpec) -> Callable[[Any, Document], Any]:
    """Return what takes the part that `source` means from what an expression finds."""
    of_numbers = is_numeral(field) and source.regex is None
    fold_text = fold_numeral if of_numbers else fold
    if wants_html(source, field):
        text_of_element = _inner_html_of_xml
    elif is_numeral(field):
        text_of_element = partial(numeral_text_of_xml, of_numbers=of_numbers)
    else:
        text_of_element = _text_of_xml

    def take(result: Any, document: Document) -> Any:  # noqa: ANN401
        from lxml import etree  # noqa: PLC0415

        if not isinstance(result, etree._Element):  # noqa: SLF001 -- lxml's own name for it
            if isinstance(result, float):
                return result if isfinite(result) else None
            return fold_text(result) if isinstance(result, str) else result
        if document.exceeds(0):
            return None
        text = text_of_element(result)
        return None if document.exceeds(len(text)) else text

    return take


def _whole_text_of_xml(element: "_Element", _document: Document) -> str:
    return "".join(map(str, element.itertext()))


def _markup_of_xml(element: "_Element", document: Document) -> str:
    """Return an element of HTML with what is in it; of XML its text, which is HTML in feeds."""
    from lxml import etree  # noqa: PLC0415

    if not document.is_xml_of_html and not len(element):
        return element.text or ""
    return etree.tostring(element, encoding="unicode", method="html", with_tail=False)


def _text_of_xml(element: "_Element") -> str:
    return fold("".join(map(str, element.itertext())))


def _inner_html_of_xml(element: "_Element") -> str:
    from lxml import etree  # noqa: PLC0415

    return (element.text or "") + "".join(
        etree.tostring(child, encoding="unicode", method="html") for child in element
    )

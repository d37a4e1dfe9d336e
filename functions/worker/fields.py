"""
From the field of a spec to a function that reads it.

All that can be decided once is decided here, so that what runs for each value is as short as if
somebody had written it for the page.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from typing import Any

from msgspec import UNSET
from selectolax.lexbor import LexborNode

from functions.worker.document import (
    MAX_VALUE,
    Document,
    Scope,
    check_memory,
    html_of,
    select,
    text_of,
)
from functions.worker.structured import follow, json_ld, microdata, properties
from functions.worker.values import Convert, converter, fold, to_text
from shared.expressions import (
    compile_css,
    compile_jmespath,
    compile_path,
    compile_regex,
    compile_xpath,
)
from shared.extract_spec import ExtractSpec, FieldSpec, SourceSpec

MAX_MANY = 2_000
MAX_MANY_CHARACTERS = 500_000

Read = Callable[[Scope, Document], Any]
"""Returns the value of a field for a row, and tells the document what is wrong with it."""
_First = Callable[[Scope, Document], Any]
_All = Callable[[Scope, Document], Iterable[Any]]
_Check = Callable[[Any], str | None]


def compile_fields(spec: ExtractSpec) -> list[tuple[str, Read]]:
    """
    Return what reads each field of `spec`.

    Raises:
        InvalidSpecError: a selector, path or pattern is none.
    """
    uses = Counter(source.css for _, source in spec.alternatives if source.css)
    shared = {css for css, count in uses.items() if count > 1}
    return [(name, _compile_field(name, field, shared)) for name, field in spec.fields.items()]


def _compile_field(name: str, field: FieldSpec, shared: set[str]) -> Read:
    path = f"extract.fields.{name}"
    sources, default = _sources(field)
    compiled = [
        _compile_source(source, field, f"{path}.any[{n}]" if field.any else path, shared)
        for n, source in enumerate(sources)
    ]
    folded = field.type == "text" and all(_is_folded(source) for source in sources)
    convert = None if folded else converter(field.type, field.locale)
    is_url = field.type == "url"
    check = _check(field, path)
    if field.many:
        missing: Any = [] if default is None else list(_tuple(default))
        finders = [find_all for _, find_all in compiled]
        return _read_many(
            name, finders, convert, check, missing, is_url=is_url, required=field.required
        )
    first = _first_of([first for first, _ in compiled])
    required = field.required
    is_text = field.type in {"text", "html"}

    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        value = raw = first(scope, document)
        if raw is None:
            if required:
                document.problem(name, "missing")
            return default
        document.found = True
        if is_url:
            value = document.resolve(raw) if isinstance(raw, str) else None
        elif convert is not None:
            value = convert(raw)
        if value is None:
            document.problem(name, "unreadable", raw)
            return None
        if is_text and len(value) > MAX_VALUE:
            document.problem(name, "truncated", len(value))
            value = value[:MAX_VALUE]
        if check is not None:
            problem = check(value)
            if problem is not None:
                document.problem(name, problem, value)
        return value

    return read


def _sources(field: FieldSpec) -> tuple[tuple[SourceSpec, ...], Any]:
    """Return where to look for a field, and its value where that finds nothing."""
    sources: tuple[SourceSpec, ...] = field.any or (field,)
    for number, source in enumerate(sources):
        if source.const is not UNSET:  # a default, in other words
            return sources[:number], source.const
    return sources, None if field.default is UNSET else field.default


def _first_of(alternatives: list[_First]) -> _First:
    if len(alternatives) == 1:
        return alternatives[0]

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        for alternative in alternatives:
            raw = alternative(scope, document)
            if raw is not None:
                return raw
        return None

    return first


def _tuple(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _read_many(
    name: str,
    finders: list[_All],
    convert: Convert | None,
    check: _Check | None,
    missing: list[Any],
    *,
    is_url: bool,
    required: bool,
) -> Read:
    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        values: list[Any] = []
        seen = size = 0
        value: Any
        for find_all in finders:
            for raw in find_all(scope, document):
                seen += 1
                if is_url:
                    value = document.resolve(raw) if isinstance(raw, str) else None
                else:
                    value = raw if convert is None else convert(raw)
                if value is None:
                    document.problem(name, "unreadable", raw)
                    continue
                size += len(value) if isinstance(value, str) else 1
                if len(values) == MAX_MANY or size > MAX_MANY_CHARACTERS:
                    document.problem(name, "truncated", f"after {len(values)} values")
                    break
                values.append(value)
                problem = check(value) if check is not None else None
                if problem is not None:
                    document.problem(name, problem, value)
            if seen:
                document.found = True
                return values
        if required:
            document.problem(name, "missing")
        return missing

    return read


# ---- values


def _is_folded(source: SourceSpec) -> bool:
    """Tell whether the texts of a source have their white space folded already."""
    return source.css is not None and not (source.attr or source.html or source.regex)


def _check(field: FieldSpec, path: str) -> _Check | None:
    checks: list[tuple[str, Callable[[Any], bool]]] = []
    smallest, largest = field.min, field.max
    if smallest is not None:
        checks.append(("min", lambda value: _comparable(value, smallest) >= smallest))
    if largest is not None:
        checks.append(("max", lambda value: _comparable(value, largest) <= largest))
    if field.pattern is not None:
        matches = compile_regex(field.pattern, f"{path}.pattern")
        checks.append(("pattern", matches.fits))
    if field.enum:
        checks.append(("enum", lambda value: value in field.enum))
    if not checks:
        return None

    def check(value: Any) -> str | None:  # noqa: ANN401
        for name, holds in checks:
            if not holds(value):
                return name
        return None

    return check


def _comparable(value: Any, bound: float | str) -> Any:  # noqa: ANN401
    # Of a date with its time, the day counts.
    return value[:10] if isinstance(bound, str) else value


# ---- sources


def _compile_source(
    source: SourceSpec, field: FieldSpec, path: str, shared: set[str]
) -> tuple[_First, _All]:
    """Return what finds the first raw value, None if there is none, and what finds all."""
    first, find_all = _plain_source(source, field, path, shared)
    if source.regex is None:
        return first, find_all
    regex = compile_regex(source.regex, f"{path}.regex")

    def first_match(scope: Scope, document: Document) -> str | None:
        raw = first(scope, document)
        text = raw if isinstance(raw, str) else to_text(raw)
        return None if text is None else regex.first(text) or None

    def all_matches(scope: Scope, document: Document) -> Iterator[str]:
        for raw in find_all(scope, document):
            text = raw if isinstance(raw, str) else to_text(raw)
            yield from (found for found in regex.all(text or "") if found)

    return first_match, all_matches


def _plain_source(
    source: SourceSpec, field: FieldSpec, path: str, shared: set[str]
) -> tuple[_First, _All]:
    if source.jsonld is not None:
        found = _structured(json_ld, compile_path(source.jsonld, f"{path}.jsonld"))
    elif source.microdata is not None:
        found = _structured(microdata, compile_path(source.microdata, f"{path}.microdata"))
    elif source.opengraph is not None:
        found = _opengraph(source.opengraph)
    elif source.jmespath is not None:
        whole = field.type == "json" and not field.many
        found = _jmespath(source.jmespath, f"{path}.jmespath", whole=whole)
    elif source.xpath is not None:
        found = _xpath(source.xpath, f"{path}.xpath", html=_wants_html(source, field))
    elif source.css is not None:
        found = _css(compile_css(source.css, f"{path}.css"), _part(source, field), shared)
    else:
        found = _row_itself(source, _part(source, field))
    return found


def _wants_html(source: SourceSpec, field: FieldSpec) -> bool:
    return source.html or (field.type == "html" and source.attr is None)


def _part(source: SourceSpec, field: FieldSpec) -> Callable[[LexborNode, Document], str | None]:
    """Return what takes from an element the part that `source` means."""
    attr = source.attr
    if attr is not None and field.type == "boolean":
        # What HTML writes without a value, such as `disabled`, is true.
        return lambda node, _: node.attrs.get(attr, "false") or "true"
    if attr is not None and field.type in {"html", "url"}:
        return lambda node, _: node.attrs.get(attr)
    if attr is not None:

        def attribute(node: LexborNode, _document: Document) -> str | None:
            value = node.attrs.get(attr)
            return fold(value) if value else None

        return attribute
    if _wants_html(source, field):

        def html(node: LexborNode, document: Document) -> str | None:
            text = node.inner_html
            return None if not text or document.exceeds(len(text)) else text

        return html
    if field.type == "json":
        return lambda node, _: node.text()  # of a script too, and as it is
    return text_of


def _css(
    css: str, take: Callable[[LexborNode, Document], str | None], shared: set[str]
) -> tuple[_First, _All]:
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
        return filter(None, (take(node, document) for node in select(scope, css)))

    return first, find_all


def _row_itself(
    source: SourceSpec, take: Callable[[LexborNode, Document], str | None]
) -> tuple[_First, _All]:
    """Read an attribute of the row's element, or its HTML for a regex to search."""

    def first(scope: Scope, document: Document) -> str | None:
        if source.attr is not None:
            node = scope if isinstance(scope, LexborNode) else scope.root
            return (take(node, document) or None) if node is not None else None
        text = html_of(scope) if isinstance(scope, LexborNode) else document.source
        return None if not text or document.exceeds(len(text)) else text

    return first, _as_all(first)


def _as_all(first: _First) -> _All:
    def find_all(scope: Scope, document: Document) -> list[Any]:
        value = first(scope, document)
        return [] if value is None else [value]

    return find_all


def _values(found: Any, *, whole: bool) -> list[Any]:  # noqa: ANN401
    """Return what there is of JSON; a list is several values unless it is wanted `whole`."""
    values = found if isinstance(found, list) and not whole else [found]
    return [value for value in values if value is not None and value != ""]


def _page_wide(find: Callable[[Document], list[Any]]) -> tuple[_First, _All]:
    """Read what is the same for all rows of a page, once."""

    def find_all(_scope: Scope, document: Document) -> list[Any]:
        found = document.memo.get(find)
        if found is None:
            found = document.memo[find] = find(document)
        return found

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = find_all(scope, document)
        return found[0] if found else None

    return first, find_all


def _structured(
    read: Callable[[Document], list[Any]], path: tuple[str, ...]
) -> tuple[_First, _All]:
    def find(document: Document) -> list[Any]:
        data = document.memo.get(read)
        if data is None:
            data = document.memo[read] = read(document)
        return _values(follow(path, data), whole=False)

    return _page_wide(find)


def _opengraph(name: str) -> tuple[_First, _All]:
    names = [name.lower(), f"og:{name.lower()}"]

    def find(document: Document) -> list[Any]:
        found = document.memo.get(properties)
        if found is None:
            found = document.memo[properties] = properties(document)
        return next((found[name] for name in names if name in found), [])

    return _page_wide(find)


def _jmespath(expression: str, path: str, *, whole: bool) -> tuple[_First, _All]:
    search = compile_jmespath(expression, path)

    def find(document: Document) -> list[Any]:
        from jmespath.exceptions import JMESPathError  # noqa: PLC0415

        try:
            return _values(search(document.json), whole=whole)
        except (JMESPathError, RecursionError, TypeError, ValueError):
            return []  # a function that does not take what the page has there

    return _page_wide(find)


def _xpath(expression: str, path: str, *, html: bool) -> tuple[_First, _All]:
    compiled = compile_xpath(expression, path)

    def find_all(scope: Scope, document: Document) -> list[Any]:
        from lxml import etree  # noqa: PLC0415

        tree = document.row_xml(scope) if isinstance(scope, LexborNode) else document.xml
        if tree is None:
            return []
        try:
            found = compiled(tree)
        except etree.XPathError as error:
            check_memory(error)
            return []  # a function that does not take what the page has there
        results = found if isinstance(found, list) else [found]
        values = (_xpath_value(result, document, html=html) for result in results)
        return [value for value in values if value is not None and value != ""]

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = find_all(scope, document)
        return found[0] if found else None

    return first, find_all


def _xpath_value(result: Any, document: Document, *, html: bool) -> Any:  # noqa: ANN401
    from lxml import etree  # noqa: PLC0415

    if not isinstance(result, etree._Element):  # noqa: SLF001 -- lxml's own name for it
        if isinstance(result, float):
            return result if isfinite(result) else None
        return fold(result) if isinstance(result, str) else result
    if document.exceeds(0):
        return None
    if html:
        text = (result.text or "") + "".join(
            etree.tostring(child, encoding="unicode", method="html") for child in result
        )
    else:
        text = fold("".join(map(str, result.itertext())))
    return None if document.exceeds(len(text)) else text

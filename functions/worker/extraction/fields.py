"""
From the field of a spec to a function that reads it.

All that can be decided once is decided here, so that what runs for each value is as short as if
somebody had written it for the page.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from math import isfinite
from typing import Any, NamedTuple

from msgspec import UNSET
from selectolax.lexbor import LexborNode

from functions.worker.extraction.choice import Path, Wanted
from functions.worker.extraction.document import (
    MAX_VALUE,
    Document,
    Scope,
    check_memory,
    html_of,
    parse_html,
    select,
    text_of,
)
from functions.worker.extraction.links import best_candidate
from functions.worker.extraction.microdata import microdata
from functions.worker.extraction.numerals import Unread
from functions.worker.extraction.objects import Either, objects_of
from functions.worker.extraction.structured import json_ld, properties
from functions.worker.extraction.values import (
    Amount,
    JsonText,
    MachineText,
    Price,
    conversion,
    fold,
    to_text,
)
from shared.expressions import (
    compile_css,
    compile_jmespath,
    compile_path,
    compile_regex,
    compile_xpath,
)
from shared.extract_spec import ExtractSpec, FieldSpec, RowsSpec, SourceSpec

MAX_MANY = 2_000
MAX_MANY_CHARACTERS = 500_000
_SHORT = 200  # characters of a text that is read once for a page
_OFTEN = 32  # values between two looks at the clock
_SUPERSCRIPT = re.compile(r"(<sup\b[^>]*>)\s*(?=\d)", re.IGNORECASE)
_MACHINE_ATTRIBUTES = {"content", "datetime"}
_MACHINE_STEPS = ("@content", "@datetime")
# Of imagesrcset and data-srcset too; behind it only what picks one, and the end of a function.
_SRCSET_STEP = re.compile(r"@[\w.-]*srcset[\s)]*(?:\[[^\[\]]*\][\s)]*)*\Z", re.IGNORECASE)
_DATA: dict[str, Callable[[Document], list[Any]]] = {"jsonld": json_ld, "microdata": microdata}
# With its semicolon, so that what a URL has behind & stays what it is.
_NOTHING_WANTED = Wanted((), ())
_CURRENCIES = ("priceCurrency", "currency")  # beside a price in JSON-LD and microdata
_DECODED = 5  # times, since some templates encode what is encoded
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")

Read = Callable[[Scope, Document], Any]
"""Returns the value of a field for a row, and tells the document what is wrong with it."""
_First = Callable[[Scope, Document], Any]
_All = Callable[[Scope, Document], Iterable[Any]]
_Take = Callable[[Any, Document], Any]
"""Returns the value that a raw one stands for, or why it stands for none: an `Unread`."""
_Mark = Callable[[Any], Any]
_Check = Callable[[Any], str | None]


def compile_fields(spec: ExtractSpec) -> list[tuple[str, Read]]:
    """
    Return what reads each field of `spec`.

    Raises:
        InvalidSpecError: a selector, path or pattern is none.
    """
    uses = Counter(source.css for _, source in spec.alternatives if source.css)
    shared = {css for css, count in uses.items() if count > 1}
    rows = spec.rows.named[0][0] if isinstance(spec.rows, RowsSpec) else None
    context = _Context(shared, {kind: _wanted(spec, kind) for kind in _DATA}, rows)
    compiled: list[tuple[str, Read]] = []
    for name, field in spec.fields.items():
        read = _compile_field(name, field, context)
        compiled += _price(name, read) if field.type == "price" else [(name, read)]
    return compiled


def _wanted(spec: ExtractSpec, kind: str) -> Wanted:
    alternatives = [field.any or (field,) for field in spec.fields.values() if not field.many]
    fields = [
        tuple(_path(source, kind) for source in sources if getattr(source, kind) is not None)
        for sources in alternatives
    ]
    return Wanted(tuple(filter(None, fields)), tuple(path for paths in fields for path in paths))


def compile_rows(spec: ExtractSpec) -> Callable[[Document], list[tuple[Scope, Any]]] | None:
    """
    Return what finds the rows of a page: what selectors search, and the object that a row is.

    Returns None where the page is the row.

    Raises:
        InvalidSpecError: the selector or path is none.
    """
    if spec.rows is None:
        return None
    if not isinstance(spec.rows, RowsSpec):
        css = compile_css(spec.rows, "extract.rows")
        return lambda document: [(element, None) for element in select(document.tree, css)]
    [(kind, expression)] = spec.rows.named
    if kind == "jmespath":
        search = _search(compile_jmespath(expression, "extract.rows.jmespath"))
        return lambda document: [
            (document.tree, row) for row in _values(search(document.json), whole=False)
        ]
    read, path = _DATA[kind], compile_path(expression, f"extract.rows.{kind}")
    return lambda document: [
        (document.tree, row)
        for row in objects_of(document, read).find(path, _NOTHING_WANTED)
        if isinstance(row, dict)
    ]


class _Context(NamedTuple):
    """What a field must know of the others."""

    shared: set[str]
    """The selectors that more than one of them uses."""
    wanted: dict[str, Wanted]
    """The paths of those that want one value, by the kind of data."""
    rows: str | None
    """The kind of data whose objects are the rows; None: rows are elements or pages."""


def _path(source: SourceSpec, kind: str) -> Path:
    return compile_path(getattr(source, kind), f"extract.fields.{kind}")


def _compile_field(name: str, field: FieldSpec, context: _Context) -> Read:
    path = f"extract.fields.{name}"
    sources, default, is_const = _sources(field)
    compiled = [
        _compile_source(source, field, f"{path}.any[{n}]" if field.any else path, context)
        for n, source in enumerate(sources)
    ]
    folded = field.type == "text" and all(_is_folded(source) for source in sources)
    take = None if folded else _taking(name, field)
    is_text = field.type in {"text", "html"}
    check = _check(field, path)
    required = field.required
    if field.many:
        missing: Any = [] if default is None else list(_tuple(default))
        finders = _joined(sources, [find_all for _, find_all in compiled], field, context)
        take_all = _taker(take, is_text=is_text)
        return _read_many(
            name, finders, take_all, check, missing, is_const=is_const, required=required
        )
    first = _first_of([first for first, _ in compiled], take)

    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        value = raw = first(scope, document)
        if raw is None:
            if required:
                document.problem(name, "missing")
            return default
        document.found = True
        if take is not None:
            value = take(raw, document)
            if value.__class__ is Unread:
                document.problem(name, value, raw)
                return default if is_const else None
        if is_text and len(value) > MAX_VALUE:
            document.problem(name, "truncated", len(value))
            value = value[:MAX_VALUE]
        if check is not None:
            _note(name, check(value), value, document)
        return value

    return read


def _taking(name: str, field: FieldSpec) -> _Take:
    """Return what makes raw values of a source into values of the field's type."""
    if field.type == "url":
        return lambda raw, document: (
            (isinstance(raw, str) and document.resolve(raw)) or Unread.UNREADABLE
        )
    quick, full = conversion(field.type, field.locale)

    def take(raw: Any, document: Document) -> Any:  # noqa: ANN401
        value = quick(raw)
        if value is not None:
            return value
        if not isinstance(raw, str) or len(raw) > _SHORT or field.type == "json":
            return full(raw, document.evidence, partial(document.problem, name, "unreadable"))
        # Rows that nest have the same texts again and again.
        known = document.memo.setdefault(take, {})
        key = raw.__class__, raw  # what a program wrote is not read as what it looks like
        found = known.get(key)
        if found is None:
            found = full(raw, document.evidence, _note_nothing)
            if len(known) < MAX_MANY:
                known[key] = found
        return found

    return take


def _note_nothing(_lost: object) -> None:
    """Say nothing: such values are lost as a whole, or not at all."""


def _price(name: str, read: Read) -> list[tuple[str, Read]]:
    """Return what reads the number of a price, and behind it what reads its currency."""

    def read_number(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = document.prices[name] = read(scope, document)
        if isinstance(found, list):
            return [None if price is None else float(price) for price in found]
        return None if found is None else float(found)

    def read_currency(_scope: Scope, document: Document) -> Any:  # noqa: ANN401
        found = document.prices.pop(name, None)
        if isinstance(found, list):
            return [currency(price, document) for price in found]
        return currency(found, document)

    def currency(price: object, document: Document) -> str | None:
        if not isinstance(price, Price):  # the default, which is of none
            return None
        code = document.evidence.currency_of(price.sign)
        if isinstance(code, Unread):
            document.problem(f"{name}_currency", code, price.sign)
            return None
        return code

    return [(name, read_number), (f"{name}_currency", read_currency)]


def _first_of(alternatives: list[_First], take: _Take | None) -> _First:
    """Return what finds the first value that is one, else the first that cannot be read."""
    if len(alternatives) == 1:
        return alternatives[0]

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        unreadable = None
        for alternative in alternatives:
            raw = value = alternative(scope, document)
            if raw is None:
                continue
            if take is not None:
                value = take(raw, document)
            if value.__class__ is Unread:
                unreadable = raw if unreadable is None else unreadable
            elif value != "":
                return raw
        return unreadable

    return first


def _sources(field: FieldSpec) -> tuple[tuple[SourceSpec, ...], Any, bool]:
    """
    Return where to look for a field, and its value where that finds nothing.

    And whether that is a source too, which counts where no other has a value that can be read.
    """
    sources: tuple[SourceSpec, ...] = field.any or (field,)
    for number, source in enumerate(sources):
        if source.const is not UNSET:
            return sources[:number], source.const, True
    return sources, None if field.default is UNSET else field.default, False


def _joined(
    sources: tuple[SourceSpec, ...], finders: list[_All], field: FieldSpec, context: _Context
) -> list[_All]:
    """
    Return `finders` with those as one that look into the same objects.

    A list may hold texts beside objects, so that of each element another alternative is right.
    """

    def place(number: int) -> tuple[str, str] | int:
        source = sources[number]
        for kind in _DATA:
            if getattr(source, kind) is not None and source.regex is None:
                return kind, _path(source, kind)[0]
        return number

    joined: list[_All] = []
    for where, group in groupby(range(len(sources)), key=place):
        numbers = list(group)
        if isinstance(where, int) or len(numbers) == 1:
            joined += [finders[number] for number in numbers]
        else:
            kind = where[0]
            paths = tuple(_path(sources[number], kind) for number in numbers)
            mark = _mark_of(sources[numbers[0]], field)
            if kind == "jsonld" and _has_entities(field):
                mark = _composed(_decode, mark)
            joined.append(_each(kind, paths, field, context, mark))
    return joined


def _tuple(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _read_many(
    name: str,
    finders: list[_All],
    take: "_TakeAll",
    check: _Check | None,
    missing: list[Any],
    *,
    is_const: bool,
    required: bool,
) -> Read:
    def read(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        best = _Taken()
        for find_all in finders:
            taken = take(find_all(scope, document), document)
            if _any_value(taken):
                best = taken
                break
            if not best.values and not best.unreadable:
                best = taken
        for why, raw in best.unreadable:
            document.problem(name, why, raw)
        if _first_value(best.values) is None and not best.unreadable:
            if required:
                document.problem(name, "missing")
            return missing or best.values
        document.found = True
        if not best.values:
            return missing if is_const else []
        if best.is_cut:
            document.problem(name, "truncated", f"after {len(best.values)} values")
        if check is not None:
            for value in filter(_is_some, best.values):
                _note(name, check(value), value, document)
        return best.values

    return read


def _note(name: str, problem: str | None, value: Any, document: Document) -> None:  # noqa: ANN401
    if problem is not None:
        document.problem(name, problem, value)


class _Taken:
    """The values of a source, and what of it cannot be read."""

    __slots__ = ("is_cut", "unreadable", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.unreadable: list[tuple[Unread, Any]] = []
        self.is_cut = False


def _any_value(taken: _Taken) -> bool:
    return any(map(_is_some, taken.values))


_TakeAll = Callable[[Iterable[Any], Document], _Taken]


def _taker(take_one: _Take | None, *, is_text: bool) -> _TakeAll:
    """Return what makes values of what a source finds."""

    def take(raws: Iterable[Any], document: Document) -> _Taken:
        taken = _Taken()
        size = 0
        for number, raw in enumerate(raws, start=1):
            if not number % _OFTEN:
                document.hurry()
            if type(raw) is Either:
                # Of each element the first alternative that has a value.
                each = [take(alternative, document) for alternative in raw]
                found = next((found for found in each if _any_value(found)), each[-1])
                taken.values += found.values
                taken.unreadable += found.unreadable
                size += sum(map(_length, found.values))
            else:
                if raw is None or raw == "":
                    value = raw if is_text else None  # it keeps its place
                else:
                    value = raw if take_one is None else take_one(raw, document)
                if value.__class__ is Unread:
                    taken.unreadable.append((value, raw))
                    continue
                taken.values.append(value)
                size += _length(value)
            if len(taken.values) > MAX_MANY or size > MAX_MANY_CHARACTERS:
                taken.is_cut = True
                del taken.values[min(MAX_MANY, len(taken.values) - 1) :]
                break
        return taken

    return take


def _length(value: Any) -> int:  # noqa: ANN401
    return len(value) if isinstance(value, str) else 1


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
    source: SourceSpec, field: FieldSpec, path: str, context: _Context
) -> tuple[_First, _All]:
    """Return what finds the first raw value, None if there is none, and what finds all."""
    first, find_all = _plain_source(source, field, path, context)
    if source.jsonld is not None and _has_entities(field):
        first, find_all = _mapped(_decode, (first, find_all))
    if source.regex is None:
        return _marked(source, field, (first, find_all))
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


def _mark_of(source: SourceSpec, field: FieldSpec) -> _Mark | None:
    """
    Return what marks the texts of a source that programs wrote, and not for people.

    Of a list of images it takes the one that is a URL.
    """
    if field.type == "url":
        return _marker(best_candidate) if _lists_images(source) else None
    from_json = source.jsonld is not None or source.jmespath is not None
    if field.type == "json":
        return _marker(JsonText) if from_json else None
    if field.type in {"number", "integer", "price", "date"} and (
        from_json or source.opengraph is not None or _is_for_machines(source)
    ):
        return _marker(MachineText)
    return None


def _is_for_machines(source: SourceSpec) -> bool:
    """Tell whether a selector means an attribute that holds what programs read."""
    if source.xpath is not None:
        return source.xpath.rstrip().endswith(_MACHINE_STEPS)
    return source.attr in _MACHINE_ATTRIBUTES


def _lists_images(source: SourceSpec) -> bool:
    """Tell whether a source is a `srcset`: elsewhere a comma or a blank is a part of the URL."""
    if source.xpath is not None:
        return _SRCSET_STEP.search(source.xpath) is not None
    return source.attr is not None and source.attr.lower().endswith("srcset")


def _marker(kind: Callable[[str], str]) -> _Mark:
    def mark(raw: Any) -> Any:  # noqa: ANN401
        if isinstance(raw, str):
            return kind(raw)
        return raw._replace(value=mark(raw.value)) if type(raw) is Amount else raw

    return mark


def _composed(one: _Mark, other: _Mark | None) -> _Mark:
    return one if other is None else lambda raw: other(one(raw))


def _marked(
    source: SourceSpec,
    field: FieldSpec,
    found: tuple[_First, _All],
) -> tuple[_First, _All]:
    """Return what finds the same, but marks what programs wrote, and adds currencies to prices."""
    mark = _mark_of(source, field)
    if mark is not None:
        found = _mapped(mark, found)
    if field.type == "price" and source.opengraph is not None:
        name = source.opengraph.removesuffix(":amount")
        return _with_currency(found, _opengraph(f"{name}:currency"))
    return found


def _mapped(mark: _Mark, found: tuple[_First, _All]) -> tuple[_First, _All]:
    first, find_all = found
    return (
        lambda scope, document: mark(first(scope, document)),
        lambda scope, document: map(mark, find_all(scope, document)),
    )


def _with_currency(found: tuple[_First, _All], beside: tuple[_First, _All]) -> tuple[_First, _All]:
    first, find_all = found
    first_beside, all_beside = beside

    def first_amount(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        raw = first(scope, document)
        return None if raw is None else Amount(raw, first_beside(scope, document))

    def all_amounts(scope: Scope, document: Document) -> Iterator[Amount]:
        raws = list(find_all(scope, document))
        named = list(all_beside(scope, document))
        return map(Amount, raws, named if len(named) == len(raws) else [None] * len(raws))

    return first_amount, all_amounts


def _plain_source(
    source: SourceSpec, field: FieldSpec, path: str, context: _Context
) -> tuple[_First, _All]:
    if source.jsonld is not None:
        steps = compile_path(source.jsonld, f"{path}.jsonld")
        found = _structured("jsonld", steps, source, field, context)
    elif source.microdata is not None:
        steps = compile_path(source.microdata, f"{path}.microdata")
        found = _structured("microdata", steps, source, field, context)
    elif source.opengraph is not None:
        found = _opengraph(source.opengraph)
    elif source.jmespath is not None:
        whole = field.type == "json" and not field.many
        search = _search(compile_jmespath(source.jmespath, f"{path}.jmespath"))
        found = _jmespath(search, whole=whole, in_rows=context.rows == "jmespath")
    elif source.xpath is not None:
        found = _xpath(source.xpath, f"{path}.xpath", html=_wants_html(source, field))
    elif source.css is not None:
        found = _css(compile_css(source.css, f"{path}.css"), _part(source, field), context.shared)
    else:
        found = _row_itself(source, _part(source, field))
    return found


def _wants_html(source: SourceSpec, field: FieldSpec) -> bool:
    return source.html or (field.type == "html" and source.attr is None)


def _part(source: SourceSpec, field: FieldSpec) -> Callable[[LexborNode, Document], str | None]:
    """Return what takes from an element the part that `source` means."""
    attr = source.attr
    if attr is not None:
        return _attribute(attr, field.type)
    if _wants_html(source, field):

        def html(node: LexborNode, document: Document) -> str | None:
            text = node.inner_html
            return text if not text or not document.exceeds(len(text)) else None

        return html
    if field.type == "json":
        return lambda node, _: node.text()  # of a script too, and as it is
    return _numeral_text if field.type in {"number", "integer", "price"} else text_of


def _numeral_text(node: LexborNode, document: Document) -> str:
    """Return the text of an element, with a mark where digits stand above the line: 19^99."""
    child = node.first_child
    if child is None or (child.next is None and child.is_text_node):
        return text_of(node, document)
    if node.css_first("sup") is not None:
        marked = _SUPERSCRIPT.sub(r"^\1", html_of(node))
        return text_of(parse_html(marked).body or node, document)
    return text_of(node, document)


def _attribute(attr: str, kind: str) -> Callable[[LexborNode, Document], str | None]:
    if kind == "boolean":
        # What HTML writes without a value, such as `disabled`, is true.
        return lambda node, _: node.attrs.get(attr, "false") or "true"
    if kind in {"html", "url"}:
        return lambda node, _: node.attrs.get(attr)

    def attribute(node: LexborNode, _document: Document) -> str | None:
        value = node.attrs.get(attr)
        return fold(value) if value else value

    return attribute


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
        found = (take(node, document) for node in select(scope, css))
        return (text for text in found if text is not None)

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
    if isinstance(found, list) and not whole:
        return found
    return [] if found is None or found == "" else [found]


def _first_value(found: Iterable[Any]) -> Any:  # noqa: ANN401
    """Return the first that is not empty, None if there is none."""
    return next(filter(_is_some, found), None)


def _is_some(value: Any) -> bool:  # noqa: ANN401
    return value is not None and value != ""


def _page_wide(find: Callable[[Document], list[Any]]) -> tuple[_First, _All]:
    """Read what is the same for all rows of a page, once."""

    def find_all(_scope: Scope, document: Document) -> list[Any]:
        found = document.memo.get(find)
        if found is None:
            found = document.memo[find] = find(document)
        return found

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return _first_value(find_all(scope, document))

    return first, find_all


def _in_row(find: Callable[[Document], list[Any]]) -> tuple[_First, _All]:
    """Read what is of the object that is the row."""

    def find_all(_scope: Scope, document: Document) -> list[Any]:
        return find(document)

    def first(_scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return _first_value(find(document))

    return first, find_all


def _structured(
    kind: str, path: Path, source: SourceSpec, field: FieldSpec, context: _Context
) -> tuple[_First, _All]:
    read, wanted = _DATA[kind], context.wanted[kind]
    beside = _CURRENCIES if field.type == "price" and source.regex is None else ()

    def find(document: Document) -> list[Any]:
        objects = objects_of(document, read)
        if field.many:
            return objects.find(path, wanted, beside)
        return objects.find_one(path, wanted, beside)

    def find_inside(document: Document) -> list[Any]:
        objects = objects_of(document, read)
        if field.many:
            return objects.inside(document.row, path, beside)
        return objects.one_inside(document.row, path, wanted, beside)

    return _in_row(find_inside) if context.rows == kind else _page_wide(find)


def _each(
    kind: str,
    paths: tuple[Path, ...],
    field: FieldSpec,
    context: _Context,
    mark: _Mark | None,
) -> _All:
    """Return what finds what one of `paths` leads to, for each element that all of them reach."""
    read, wanted = _DATA[kind], context.wanted[kind]
    beside = _CURRENCIES if field.type == "price" else ()

    def marked(value: Any) -> Any:  # noqa: ANN401
        if type(value) is Either:
            return Either(
                [marked(inner) for inner in _values(found, whole=False)] for found in value
            )
        return value if mark is None else mark(value)

    if context.rows == kind:
        return _in_row(
            lambda document: list(
                map(marked, objects_of(document, read).inside_each(document.row, paths, beside))
            )
        )[1]
    return _page_wide(
        lambda document: list(
            map(marked, objects_of(document, read).find_each(paths, wanted, beside))
        )
    )[1]


def _has_entities(field: FieldSpec) -> bool:
    """Tell whether `&amp;` in a text of JSON-LD is to become what it stands for."""
    return field.entities == "decode" and field.type not in {"html", "json"}


def _decode(raw: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(raw, str):
        for _ in range(_DECODED):
            if "&" not in raw:
                break
            text = _ENTITY.sub(lambda found: html.unescape(found[0]), raw)
            if text == raw:
                break
            raw = text
    elif type(raw) is Amount:
        return raw._replace(value=_decode(raw.value))
    return raw


def _opengraph(name: str) -> tuple[_First, _All]:
    name = name.lower()
    names = [name] if ":" in name else [f"og:{name}", name]

    def find(document: Document) -> list[Any]:
        found = document.memo.get(properties)
        if found is None:
            found = document.memo[properties] = properties(document)
        return next((found[name] for name in names if name in found), [])

    return _page_wide(find)


def _search(search: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `search`, which finds nothing where a function does not take what the page has."""

    def search_any(data: Any) -> Any:  # noqa: ANN401
        from jmespath.exceptions import JMESPathError  # noqa: PLC0415

        try:
            return search(data)
        except (JMESPathError, RecursionError, TypeError, ValueError):
            return None

    return search_any


def _jmespath(search: Callable[[Any], Any], *, whole: bool, in_rows: bool) -> tuple[_First, _All]:
    if in_rows:
        return _in_row(lambda document: _values(search(document.row), whole=whole))
    return _page_wide(lambda document: _values(search(document.json), whole=whole))


def _xpath(expression: str, path: str, *, html: bool) -> tuple[_First, _All]:
    compiled = compile_xpath(expression, path)

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
                value = _xpath_value(result, document, html=html)
                if value is not None:
                    yield value

    def first(scope: Scope, document: Document) -> Any:  # noqa: ANN401
        return _first_value(find_all(scope, document))

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

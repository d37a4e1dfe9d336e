"""
Selectors, paths and patterns of a spec, compiled by the engines that run them.

What the dispatcher refuses and what the worker runs is thus the same. An engine is imported where
a spec uses it: most use one or two of the five.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import UNSET

from shared.errors import InvalidSpecError
from shared.extract_spec import CONTENT, ExtractSpec, FieldSpec, RowsSpec, SourceSpec
from shared.spec import Spec
from shared.unwanted_spec import UnwantedSpec

if TYPE_CHECKING:
    from lxml.etree import XPath


class Regex(NamedTuple):
    """A compiled pattern. Of each match the first group counts, or all of it without groups."""

    first: Callable[[str], str | None]
    all: Callable[[str], list[str]]
    fits: Callable[[str], bool]
    """Tells whether all of a text matches."""


_PATH = re.compile(r"[^\s.\[\]]+(?:\.[^\s.\[\]]+)*")
_SHORT = 200  # characters
_CSS_AT = re.compile(r" at (\d+)\b")
_FITS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "price": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "json": (str, int, float, bool),
}


def check_extract(spec: ExtractSpec) -> None:
    """
    Check what the form of `spec` alone does not tell.

    Raises:
        InvalidSpecError: a selector, path or pattern is none, or a value does not fit its type.
    """
    if isinstance(spec.rows, RowsSpec):
        _check_source(spec.rows, "extract.rows")
    elif spec.rows is not None:
        compile_css(spec.rows, "extract.rows")
    for path, source in spec.alternatives:
        _check_source(source, f"extract.{path}")
    for name, field in spec.fields.items():
        _check_values(field, f"extract.fields.{name}")
    for number, name in enumerate(spec.include):
        if name in CONTENT and find_spec("trafilatura") is None:
            raise InvalidSpecError(
                f"extract.include[{number}]",
                f"{name} needs the package trafilatura, which is not installed here; "
                "see docs/spec.md, or include page_text",
            )


def check_retry_when(spec: Spec) -> None:
    """
    Check what the form of `fetch.retry_when` alone does not tell.

    Raises:
        InvalidSpecError: a selector is none, or nothing is looked for on the pages.
    """
    looks = bool(spec.parsers) or any(one.looks_for_something for one in spec.extracts)
    _check_conditions(spec.fetch.retry_when, "fetch", looks=looks)
    for name, kind in spec.pages.items():
        if kind.fetch is not None:
            extract = kind.extracts
            finds = kind.parser is not None or bool(extract and extract.looks_for_something)
            _check_conditions(kind.fetch.retry_when or (), f"pages.{name}.fetch", looks=finds)


def _check_conditions(retry_when: tuple[UnwantedSpec, ...], below: str, *, looks: bool) -> None:
    for number, condition in enumerate(retry_when):
        path = f"{below}.retry_when[{number}]"
        if condition.css is not None:
            compile_css(condition.css, f"{path}.css")
        if condition.xpath is not None:
            compile_xpath(condition.xpath, f"{path}.xpath")
        if condition.no_match and not looks:
            raise InvalidSpecError(
                f"{path}.no_match", "it needs fields or a parser, which can find nothing"
            )


def compile_css(css: str, path: str) -> str:
    """
    Return `css`, once the parser has understood it.

    Raises:
        InvalidSpecError: it has not.
    """
    from selectolax.lexbor import SelectolaxError  # noqa: PLC0415

    try:
        _nothing().css(css)
    except SelectolaxError:
        raise InvalidSpecError(path, _css_problem(css)) from None
    except UnicodeEncodeError as error:
        raise InvalidSpecError(path, "half a character") from error
    return css


def compile_xpath(xpath: str, path: str, *, parents: bool = False) -> "XPath":
    """
    Return a compiled XPath expression.

    Args:
        xpath: The expression.
        path: Where it stands in the spec.
        parents: Whether texts and attributes that it finds know their elements.

    Raises:
        InvalidSpecError: it is none.
    """
    from lxml import etree  # noqa: PLC0415

    try:
        compiled = etree.XPath(xpath, regexp=False, smart_strings=parents)
        compiled(etree.Element("html"))  # unknown functions and prefixes show only here
    except (etree.XPathError, ValueError) as error:
        raise InvalidSpecError(path, f"no XPath 1.0: {str(error).lower()}") from error
    return compiled


def compile_regex(pattern: str, path: str) -> Regex:
    """
    Return what searches texts, in time linear in their length. `pattern` is in RE2's syntax.

    Raises:
        InvalidSpecError: it is no pattern, or one that RE2 does not have, such as a look-ahead.
    """
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.log_errors = False
    try:
        # Bytes, because from those of a text to its characters RE2 has to count.
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        raise InvalidSpecError(path, _regex_problem(pattern, error)) from None
    except UnicodeEncodeError as error:
        raise InvalidSpecError(path, "half a character") from error
    group = min(1, compiled.groups)

    def search(text: str) -> str | None:
        match = compiled.search(text.encode("utf-8", "replace"))
        found = None if match is None else match.group(group)
        return None if found is None else found.decode("utf-8", "replace")

    known = lru_cache(maxsize=1_000)(search)

    def first(text: str) -> str | None:
        # Ratings, sizes and the like come again and again, and RE2 takes microseconds for each.
        return known(text) if len(text) <= _SHORT else search(text)

    def find_all(text: str) -> list[str]:
        matches = compiled.finditer(text.encode("utf-8", "replace"))
        groups = (match.group(group) for match in matches)
        return [found.decode("utf-8", "replace") for found in groups if found is not None]

    def fits(text: str) -> bool:
        return compiled.fullmatch(text.encode("utf-8", "replace")) is not None

    return Regex(first, find_all, fits)


def compile_jmespath(expression: str, path: str) -> Callable[[Any], Any]:
    """
    Return what searches decoded JSON; it may raise `jmespath.exceptions.JMESPathError`.

    Raises:
        InvalidSpecError: it is no JMESPath expression.
    """
    import jmespath  # noqa: PLC0415
    from jmespath.exceptions import JMESPathError, ParseError  # noqa: PLC0415

    try:
        compiled = jmespath.compile(expression)
        _check_functions(compiled.parsed, path)
    except ParseError as error:
        if not error.token_value:
            problem = "it ends too early"
        else:
            problem = f"unexpected {error.token_value!r} at {error.lex_position + 1}"
        raise InvalidSpecError(path, f"no JMESPath: {problem}") from None
    except JMESPathError as error:
        raise InvalidSpecError(path, f"no JMESPath: {error}".replace("\n", " ")) from None
    except RecursionError:
        raise InvalidSpecError(path, "nested too deeply") from None
    search: Callable[[Any], Any] = compiled.search
    return search


def compile_path(text: str, path: str) -> tuple[str, ...]:
    """
    Return the steps of a path such as ``Product.offers.price``.

    Raises:
        InvalidSpecError: it is none.
    """
    if not _PATH.fullmatch(text):
        raise InvalidSpecError(path, "write a path as in Product.offers.price")
    return tuple(text.split("."))


@cache
def _nothing() -> Any:  # noqa: ANN401 -- a LexborHTMLParser, which is imported late
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415

    return LexborHTMLParser("")


def _css_problem(css: str) -> str:
    """Return what is wrong with a selector that Lexbor refuses without a word."""
    if "::" in css:
        return f"unexpected '::' at {css.index('::') + 1}; text is the default, else use attr"
    if ":contains(" in css:
        return f"unknown :contains() at {css.index(':contains(') + 1}; use :lexbor-contains()"
    from cssselect import SelectorSyntaxError, parse  # noqa: PLC0415

    try:
        parse(css)
    except SelectorSyntaxError as error:
        position = _CSS_AT.search(str(error))
        if position is None or int(position[1]) >= len(css.rstrip()):
            return "the selector ends too early"
        return f"unexpected {css[int(position[1])]!r} at {int(position[1]) + 1}"
    except RecursionError:
        return "nested too deeply"
    unknown = re.search(r":[\w-]+", css)
    return f"the CSS engine does not know {unknown[0] if unknown else 'it'}"


def _regex_problem(pattern: str, error: Exception) -> str:
    [message] = error.args
    problem, _, fragment = message.decode("utf-8", "replace").partition(": ")
    position = pattern.find(fragment)
    hint = "; RE2 has no look-around" if fragment in {"(?=", "(?!", "(?<"} else ""
    return f"{problem}: {fragment!r} at {position + 1}{hint}"


def _check_functions(node: Any, path: str) -> None:  # noqa: ANN401
    from jmespath.functions import Functions  # noqa: PLC0415

    if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
        raise InvalidSpecError(path, f"JMESPath has no function {node['value']}()")
    for child in node["children"]:
        if isinstance(child, dict):
            _check_functions(child, path)


def _check_source(source: SourceSpec, path: str) -> None:
    if source.css is not None:
        compile_css(source.css, f"{path}.css")
    if source.xpath is not None:
        compile_xpath(source.xpath, f"{path}.xpath")
    if source.jmespath is not None:
        compile_jmespath(source.jmespath, f"{path}.jmespath")
    if source.jsonld is not None:
        compile_path(source.jsonld, f"{path}.jsonld")
    if source.microdata is not None:
        compile_path(source.microdata, f"{path}.microdata")
    if source.regex is not None:
        compile_regex(source.regex, f"{path}.regex")
    if source.url is not None:
        compile_regex(source.url, f"{path}.url")
    if source.then is not None:
        _check_source(source.then, f"{path}.then")


def _check_values(field: FieldSpec, path: str) -> None:
    if field.pattern is not None:
        compile_regex(field.pattern, f"{path}.pattern")
    for name in ("min", "max"):
        value = getattr(field, name)
        if value is not None:
            _check_bound(field.type, value, f"{path}.{name}")
    for number, value in enumerate(field.enum):
        _check_fits(field.type, value, f"{path}.enum[{number}]")
    if field.default is UNSET:
        return
    if isinstance(field.default, tuple) and not field.many:
        raise InvalidSpecError(f"{path}.default", "a list is for fields with many: true")
    values = field.default if isinstance(field.default, tuple) else (field.default,)
    for value in values:
        _check_fits(field.type, value, f"{path}.default")


def _check_fits(kind: str, value: object, path: str) -> None:
    fits = _FITS.get(kind, (str,))
    if not isinstance(value, fits) or (isinstance(value, bool) and bool not in fits):
        raise InvalidSpecError(path, f"{value!r} is no {kind}")


def _check_bound(kind: str, value: float | str, path: str) -> None:
    if kind != "date":
        _check_fits("number", value, path)
        return
    try:
        date.fromisoformat(str(value))
    except ValueError:
        raise InvalidSpecError(path, f"{value!r} is no date; write YYYY-MM-DD") from None

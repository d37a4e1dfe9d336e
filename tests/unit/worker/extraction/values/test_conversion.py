from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.statements import evidence_of
from functions.worker.extraction.values.conversion import conversion
from functions.worker.extraction.values.texts import JsonText, MachineText
from functions.worker.extraction.values.unread import Unread
from functions.worker.transport.page import FetchedPage
from shared.encodable import MAX_DEPTH, is_deep
from shared.extract_spec import Type

# on a page that says nothing, with a decimal comma, with a decimal point; None: none, ...: two
NUMBERS: list[tuple[str, Any, float | None, float | None]] = [
    ("51.77", 51.77, 51.77, 51.77),
    ("51,77", 51.77, 51.77, 51.77),
    ("£51.77", 51.77, 51.77, 51.77),
    ("£1,051.77", 1051.77, 1051.77, 1051.77),
    ("1.051,77 €", 1051.77, 1051.77, 1051.77),
    ("1 051,77", 1051.77, 1051.77, 1051.77),
    ("1\N{NO-BREAK SPACE}051\N{NARROW NO-BREAK SPACE}000,5 zł", 1051000.5, 1051000.5, 1051000.5),
    ("1'051.77", 1051.77, 1051.77, 1051.77),
    ("CHF 1\N{RIGHT SINGLE QUOTATION MARK}234.50", 1234.5, 1234.5, 1234.5),
    ("1,051", ..., 1.051, 1051),
    ("1.051", ..., 1051, 1.051),
    ("0,999", 0.999, 0.999, 0.999),
    ("0.999", 0.999, 0.999, 0.999),
    ("1,234,567", 1234567, 1234567, 1234567),
    ("1.234.567", 1234567, 1234567, 1234567),
    ("₹ 1,05,177.50", 105177.5, 105177.5, 105177.5),
    ("1234567.89", 1234567.89, 1234567.89, 1234567.89),
    ("$.99", 0.99, 0.99, 0.99),
    ("No.5", 5, 5, 5),
    ("-5", -5, -5, -5),
    ("\N{MINUS SIGN}5.5", -5.5, -5.5, -5.5),
    ("-£5", -5, -5, -5),
    ("£-5", -5, -5, -5),
    ("from £5 to £9", 5, 5, 5),
    ("10-20", 10, 10, 10),
    ("A-5", 5, 5, 5),
    ("In stock (22 available)", 22, 22, 22),
    ("50 %", 50, 50, 50),
    ("5.-", 5, 5, 5),
    ("\N{ARABIC-INDIC DIGIT THREE}\N{ARABIC DECIMAL SEPARATOR}\N{ARABIC-INDIC DIGIT FIVE}",
     3.5, 3.5, 3.5),
    ("1,2,3", None, None, None),
    ("1.2.3", None, None, None),
    ("1,234,56", None, None, None),
    ("1.234,567,890", None, None, None),
    ("9" * 50, None, None, None),
    ("free", None, None, None),
    ("nan", None, None, None),
    ("inf", None, None, None),
    ("", None, None, None),
]  # fmt: skip


def convert(kind: Type, raw: Any, locale: str | None = None, html: str = "") -> Any:
    """Return a value, None where there is none, and ... where there could be two."""
    quick, full = conversion(kind, locale)
    value = None if quick is None else quick(raw)
    if value is None:
        page = FetchedPage("http://a.example/", 200, "text/html", None, html.encode())
        value = full(raw, evidence_of(Document(page)), lambda _: None)
    return {Unread.UNREADABLE: None, Unread.AMBIGUOUS: ...}.get(value, value) if isinstance(
        value, Unread
    ) else value  # fmt: skip


@pytest.mark.parametrize(("text", "no_locale", "comma", "point"), NUMBERS)
def test_numbers(text: str, no_locale: Any, comma: float | None, point: float | None) -> None:
    assert convert("number", text) == no_locale
    assert convert("number", text, "de") == comma
    assert convert("number", text, "en-US") == point


@pytest.mark.parametrize(("text", "no_locale", "comma", "point"), NUMBERS)
def test_integers_are_the_whole_ones_of_the_numbers(
    text: str, no_locale: Any, comma: float | None, point: float | None
) -> None:
    for locale, number in ((None, no_locale), ("de", comma), ("en-US", point)):
        whole = not isinstance(number, float) or number.is_integer()
        assert convert("integer", text, locale) == (number if whole else None), locale


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.sampled_from(["en", "de", "fr"])
)
def test_a_number_is_read_as_it_was_written(number: Any, locale: str) -> None:
    text = f"{number:,.2f}"
    marks = {"en": ",.", "de": ".,", "fr": "\N{NARROW NO-BREAK SPACE},"}[locale]
    text = text.translate({ord(","): marks[0], ord("."): marks[1]})

    assert convert("number", f"{text} €", locale) == float(number)


@given(st.text())
def test_no_text_trips_the_converters(text: str) -> None:
    kinds: tuple[Type, ...] = (
        "text", "number", "integer", "price", "boolean", "date", "html", "json"
    )  # fmt: skip
    for kind in kinds:
        for raw in (text, MachineText(text), JsonText(text)):
            convert(kind, raw)


@pytest.mark.parametrize(
    "unit", ["a", "a.", "\u00e9 ", "1", "1 ", "1.", "111'", "$", "\u00a0", "("]
)
def test_a_text_takes_time_that_is_linear_in_its_length(unit: str) -> None:
    """A pattern that is quadratic in it would take a quarter of an hour here."""
    run = unit * (200_000 // len(unit))
    kinds: tuple[Type, ...] = ("number", "integer", "price", "date")
    for kind in kinds:
        for text in (f"{run}! 1 299", f"5 {run}!", f"$ {run} 5"):
            convert(kind, text, "fr")


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("number", 5, 5.0),
        ("number", 5.5, 5.5),
        ("number", True, None),
        ("number", float("inf"), None),
        ("number", 10**400, None),
        ("number", {"value": 5}, None),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", 5.5, None),
        ("integer", True, None),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", 2**63, None),
        ("integer", "9223372036854775808", None),
        ("integer", "5.00", 5),
        *(
            ("integer", f"9 {word}", None)
            for word in (
                "billion",
                "bn users",
                "thousand",
                "lakh",
                "crores",
                "trillion",
                "tys",
                "dozen",
                "mn",
            )
        ),
        *(("integer", f"9 {word}", 9) for word in ("bins", "boxes", "minutes", "crowns", "t")),
        ("text", " a \n b ", "a b"),
        ("text", 5, "5"),
        ("text", 5.5, "5.5"),
        ("text", True, "true"),
        ("text", {"name": "x"}, None),
        ("text", ["x"], None),
        ("html", "<b> x</b> ", "<b> x</b> "),
        ("html", 5, None),
        ("boolean", True, True),
        ("boolean", "Yes", True),
        ("boolean", " off ", False),
        ("boolean", 0, False),
        ("boolean", "In stock", None),
        ("boolean", [], None),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "{a: 1}", None),
        ("json", {"a": 1}, {"a": 1}),
        ("json", JsonText('{"a": 1}'), '{"a": 1}'),
        ("json", JsonText("n/a"), "n/a"),
        ("json", JsonText("12"), "12"),
        ("json", MachineText("12"), 12),
        ("json", "[" * 100_000, None),
        ("date", 20261121, "2026-11-21"),
        ("date", 1704110400, "2024-01-01T12:00:00+00:00"),
        ("date", 1704110400123.0, "2024-01-01T12:00:00.123+00:00"),
        ("date", True, None),
        ("date", float("nan"), None),
        ("number", 2**53 + 1, None),  # a double has no such number
        ("number", "9007199254740993", None),
        ("number", JsonText("1.299"), 1.299),
        ("number", MachineText("1e3"), 1000.0),
        ("number", MachineText("1.299,00"), 1299.0),
        ("number", MachineText("1,299"), ...),
        ("integer", MachineText("1.299"), None),
        ("date", MachineText("3/4/2026"), ...),
        ("date", MachineText("4 March 2026"), "2026-03-04"),
    ],
)
def test_values_of_json_and_text(kind: Type, raw: Any, value: Any) -> None:
    for locale in (None, "de"):
        found = convert(kind, raw, locale, '<html lang="de">')
        assert found == value
        assert type(found) is type(value)


def test_depth_is_counted_in_objects_and_lists() -> None:
    value: Any = 1
    for level in range(MAX_DEPTH):
        value = [1, value] if level % 2 else {"a": value}

    assert not is_deep(value)
    assert is_deep([value])

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.values import MAX_DEPTH, converter, is_deep, to_date, to_integer, to_number

# as it looks, with a decimal comma, with a decimal point
NUMBERS: list[tuple[str, float | None, float | None, float | None]] = [
    ("51.77", 51.77, 51.77, 51.77),
    ("51,77", 51.77, 51.77, 51.77),
    ("£51.77", 51.77, 51.77, 51.77),
    ("£1,051.77", 1051.77, 1051.77, 1051.77),
    ("1.051,77 €", 1051.77, 1051.77, 1051.77),
    ("1 051,77", 1051.77, 1051.77, 1051.77),
    ("1\N{NO-BREAK SPACE}051\N{NARROW NO-BREAK SPACE}000,5 zł", 1051000.5, 1051000.5, 1051000.5),
    ("1'051.77", 1051.77, 1051.77, 1051.77),
    ("CHF 1\N{RIGHT SINGLE QUOTATION MARK}234.50", 1234.5, 1234.5, 1234.5),
    ("1,051", 1051, 1.051, 1051),
    ("1.051", 1.051, 1051, 1.051),
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


@pytest.mark.parametrize(("text", "any_locale", "comma", "point"), NUMBERS)
def test_numbers(
    text: str, any_locale: float | None, comma: float | None, point: float | None
) -> None:
    assert to_number(text, comma=None) == any_locale
    assert to_number(text, comma=True) == comma
    assert to_number(text, comma=False) == point


@pytest.mark.parametrize(("text", "any_locale", "comma", "point"), NUMBERS)
def test_integers_are_the_whole_ones_of_the_numbers(
    text: str, any_locale: float | None, comma: float | None, point: float | None
) -> None:
    for mark, number in ((None, any_locale), (True, comma), (False, point)):
        whole = number is not None and number == int(number)
        assert to_integer(text, comma=mark) == (number if whole else None), mark


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=2), st.sampled_from(["en", "de", "fr"])
)
def test_a_number_is_read_as_it_was_written(number: Any, locale: str) -> None:
    text = f"{number:,.2f}"
    marks = {"en": ",.", "de": ".,", "fr": "\N{NARROW NO-BREAK SPACE},"}[locale]
    text = text.translate({ord(","): marks[0], ord("."): marks[1]})

    convert = converter("number", locale)
    assert convert is not None
    assert convert(f"{text} €") == float(number)


@given(st.text())
def test_no_text_trips_the_converters(text: str) -> None:
    for kind in ("text", "number", "integer", "boolean", "date", "html", "json"):
        convert = converter(kind, None)
        assert convert is not None
        convert(text)


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
        ("json", "[" * 200 + "]" * 200, None),
        ("json", "[" * 100_000, None),
        ("date", 20261121, None),
    ],
)
def test_values_of_json_and_text(kind: str, raw: Any, value: Any) -> None:
    convert = converter(kind, None)

    assert convert is not None
    found = convert(raw)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-11-21", "2026-11-21"),
        ("20261121", "2026-11-21"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00+01:00"),
        ("2026-11-21 10:00", "2026-11-21T10:00:00"),
        ("2026-11-21 10:00 EST", "2026-11-21T10:00:00-05:00"),
        ("2026-11-21 10:00 XYZ", None),
        ("Sat, 21 Nov 2026 10:00:00 GMT", "2026-11-21T10:00:00+00:00"),
        ("21 November 2026", "2026-11-21"),
        ("Nov 21, 2026", "2026-11-21"),
        ("November 21st, 2026 at 5pm", "2026-11-21T17:00:00"),
        ("21/11/2026", "2026-11-21"),
        ("21.11.2026", "2026-11-21"),
        ("November 2026", None),
        ("21 November", None),
        ("Saturday", None),
        ("10:30", None),
        ("2026", None),
        ("yesterday", None),
        ("2026-02-30", None),
        ("99999999999999999999", None),
        ("a" * 10_000, None),
        ("", None),
    ],
)  # fmt: skip
def test_dates(text: str, date: str | None) -> None:
    assert to_date(text, day_first=None) == date


def test_a_date_that_can_be_two_needs_a_locale() -> None:
    assert to_date("3/4/2026", day_first=None) is None
    assert to_date("3/4/2026", day_first=True) == "2026-04-03"
    assert to_date("3/4/2026", day_first=False) == "2026-03-04"
    assert to_date("4/4/2026", day_first=None) == "2026-04-04"


def test_depth_is_counted_in_objects_and_lists() -> None:
    value: Any = 1
    for level in range(MAX_DEPTH):
        value = [1, value] if level % 2 else {"a": value}

    assert not is_deep(value)
    assert is_deep([value])

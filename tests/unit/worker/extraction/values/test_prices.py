"""Prices as shops of many countries write them: the number, and what is paid with."""

from functools import cache
from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import Extraction, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

AMBIGUOUS = "ambiguous"
UNREADABLE = "unreadable"
PRICED = '<script type="application/ld+json">{"@type": "Offer", "priceCurrency": "%s"}</script>'


@cache
def extraction(kind: str) -> Extraction:
    fields = {"price": {"css": "i", "type": kind}}
    return compile_extraction(msgspec.convert({"extract": {"fields": fields}}, Spec))


def read(text: str, language: str, *, kind: str = "price", more: str = "") -> tuple[Any, Any]:
    """Return a value and its currency, each of them the name of its problem if there is one."""
    html = f'<html lang="{language}">{more}<i>{text}</i>'
    page = FetchedPage("http://a.example/", 200, "text/html", None, html.encode())
    found = extraction(kind).extract(page, token="bot")
    [row] = found.rows
    problems = {problem["field"]: problem["problem"] for problem in found.problems}
    values = [
        problems.get(name) if row.get(name) is None else row[name]
        for name in ("price", "price_currency")
    ]
    return values[0], values[1]


@pytest.mark.parametrize(
    ("language", "text", "currency"),
    [
        *(("en-US", "Austin, TX 78701 or Fresno, CA $1,900", AMBIGUOUS),),
        *(("en-US", "$89.99 MX Keys", AMBIGUOUS), ("en-US", "$14.50 CA Merlot", AMBIGUOUS)),
        *(("en-US", "$2.99 Canada Goose", "USD"), ("en-US", "$11 Mexican Salad", "USD")),
        *(("en-AU", "$89 Australian Wool", "AUD"), ("en-AU", "$135 US 9", AMBIGUOUS)),
        *(("en-CA", "Made in USA $9", AMBIGUOUS), ("en-US", "Made in USA $9", "USD")),
        *(("en-CA", "$9 US", "USD"), ("en-CA", "$9 US/month", "USD"), ("en", "US $9.40", "USD")),
        *(("en", "C $9.40", "CAD"), ("en-US", "Vitamin C $9.40", "USD")),
        *(("en", "Price: AU $9.40", "AUD"), ("en", "$9 (NZ)", "NZD"), ("en", "$9 Canadian", "CAD")),
    ],
)
def test_a_region_says_what_a_sign_stands_for_where_it_can_be_nothing_else(
    language: str, text: str, currency: str
) -> None:
    assert read(text, language)[1] == currency


def test_a_region_that_contradicts_the_data_of_a_page_is_not_believed() -> None:
    assert read("$89.99 MX Keys", "en", more=PRICED % "USD") == (89.99, "USD")
    assert read("Fresno, CA $1,900", "en", more=PRICED % "USD") == (1900, "USD")
    assert read("$14 CA", "en", more=PRICED % "USD") == (14, AMBIGUOUS)


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("de", "20 \u201335 €", AMBIGUOUS), ("pl", "Lampa \u201375 zł", AMBIGUOUS)),
        *(
            ("de", "Lampe (neu) -75 €", AMBIGUOUS),
            ("de", "\u2013,75 €", 0.75),
            ("de", "€ -,75", 0.75),
        ),
        *(("de-CH", "CHF \u2013.75", 0.75), ("de-CH", "-.75", 0.75), ("en-US", "$-.75", AMBIGUOUS)),
        *(("en-US", "-$.75", -0.75), ("de", "-75 €", -75), ("de", "EUR -75", -75)),
        *(("de", "Gutschrift: \u201375 €", -75), ("en-US", "$-75", -75)),
    ],
)
def test_a_dash_is_a_minus_only_where_it_can_be_nothing_else(
    language: str, text: str, value: Any
) -> None:
    assert read(text, language)[0] == value


@pytest.mark.parametrize(
    "text", ["20-35 €", "20\u201335 €", "20 - 35 €", "$20-35", "ab 20\u201335 €"]
)
def test_of_a_range_it_is_the_first_number_wherever_the_currency_stands(text: str) -> None:
    assert read(text, "en-US")[0] == 20


@pytest.mark.parametrize("text", ["2026-35 €", "A4-35 €", "Pixel 9 - 799 €", "von 20 bis 35 €"])
def test_what_may_be_no_range_is_ambiguous(text: str) -> None:
    assert read(text, "de")[0] == AMBIGUOUS


@pytest.mark.parametrize("mark", ["'", "\u2019", "\u00b4", "\u2032"])
def test_an_apostrophe_before_two_digits_of_money_is_a_decimal_mark(mark: str) -> None:
    assert read(f"17{mark}45 €", "es") == (17.45, "EUR")
    assert read(f"2.350{mark}45€", "ca") == (2350.45, "EUR")
    assert read(f"CHF 2{mark}350.45", "de-CH") == (2350.45, "CHF")
    assert read(f"17{mark}4 €", "es")[0] == AMBIGUOUS
    assert read(f"5{mark}11", "en-US", kind="number")[0] == AMBIGUOUS
    assert read(f"2{mark}350", "de-CH", kind="number")[0] == 2350


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("ar-DZ", "17.350 دج", 17350), ("ar-TN", "17,350 DT", 17.35)),
        *(("ar-TN", "17,350", AMBIGUOUS), ("ar-MA", "2.350 DH", 2350)),
        *(("ar-LB", "17.350", AMBIGUOUS), ("en", "17.350 dollars", AMBIGUOUS)),
        *(("de", "2,350", AMBIGUOUS), ("de", "2.350", 2350), ("en-US", "2.350", AMBIGUOUS)),
    ],
)  # fmt: skip
def test_a_price_has_no_three_digits_behind_the_mark_though_its_currency_is_not_known(
    language: str, text: str, value: Any
) -> None:
    assert read(text, language)[0] == value


@pytest.mark.parametrize(
    ("language", "text", "currency"),
    [
        *(
            ("zh-TW", "NT$2,350元", "TWD"),
            ("zh-TW", "$2,350元", "TWD"),
            ("zh-TW", "2,350元", "TWD"),
        ),
        *(("zh-HK", "HK$2,350元", "HKD"), ("zh-HK", "2,350元", "HKD"), ("zh-CN", "2,350元", "CNY")),
        *(
            ("zh", "2,350元", "CNY"),
            ("zh-Hant", "2,350元", AMBIGUOUS),
            ("en", "2,350元", AMBIGUOUS),
        ),
        *(("zh-MO", "2,350元", "MOP"), ("sv-FI", "75 kr", AMBIGUOUS)),
        *(("en-US", "SALE$9", "USD"), ("en-US", "DVD$9", "USD"), ("en-US", "QZ$9", UNREADABLE)),
        *(("en", "SG$9", "SGD"), ("en", "MOP$9", "MOP")),
    ],
)
def test_a_sign_stands_for_what_people_use_it_for(language: str, text: str, currency: str) -> None:
    assert read(text, language)[1] == currency

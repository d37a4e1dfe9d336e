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
        *(
            ("en-US", "SALE$9", "USD"),
            ("en-US", "DVD$9", UNREADABLE),
            ("en-US", "QZ$9", UNREADABLE),
        ),
        *(("en", "SG$9", "SGD"), ("en", "MOP$9", "MOP")),
    ],
)
def test_a_sign_stands_for_what_people_use_it_for(language: str, text: str, currency: str) -> None:
    assert read(text, language)[1] == currency


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("en-ZA", "R 2 350.00", 2350), ("nb", "Før 2 350,-", 2350)),
        ("sv", "Nypris 2 350 kr", 2350),
        *(("fi", "Nettohinta 2 350 €", 2350), ("pl", "Cena netto 2 350 zł", 2350)),
        *(("fr", "Prix HT 2 350 €", 2350), ("hu", "most 23 500 Ft", AMBIGUOUS)),
        *(("de-CH", "Fr. 2 350.-", 2350), ("es", "Galaxia 350 000 €", 350000)),
        *(("fr", "Galaxy 26 899 €", AMBIGUOUS), ("pl", "Samsung S26 1 299 zł", AMBIGUOUS)),
        *(("fr", "Pixel® 9 899 €", AMBIGUOUS), ("fr", "lampe (mod. 2) 1 299 €", AMBIGUOUS)),
        *(("sv", "pixel 15 499 kr", AMBIGUOUS), ("fr", "pointure 37 149 €", AMBIGUOUS)),
        *(("pl", "rozmiar 37 149 zł", AMBIGUOUS), ("cs", "velikost 37 849 Kč", AMBIGUOUS)),
        *(("sv", "storlek 37 849 kr", AMBIGUOUS), ("da", "sæt 10 249 kr", AMBIGUOUS)),
        *(("ru", "размер 37 849 ₽", AMBIGUOUS), ("sv", "Storlek: 37 849 kr", AMBIGUOUS)),
        *(("fr", "Lot de 6 149 €", AMBIGUOUS), ("en", "set of 4 149 €", AMBIGUOUS)),
        *(("en", "Air Max 90 149 €", AMBIGUOUS), ("no", "TOP 10 249 kr", AMBIGUOUS)),
        *(("fr", "pixel 9 899€90", AMBIGUOUS), ("sv", "Galaxy A54 849 kr", AMBIGUOUS)),
        *(("sv", "pixel-15 499 kr", AMBIGUOUS), ("sv", "Skor EUR 37 849 kr", AMBIGUOUS)),
        *(("fr", "Parfum n° 5 149 €", AMBIGUOUS), ("fr", "N°15 849 €", AMBIGUOUS)),
        *(("en", "#15 849 €", AMBIGUOUS), ("ru", "№ 15 849 ₽", AMBIGUOUS)),
        *(("fr", "À partir de 1 349 €", 1349), ("fr", "au prix de 1 349 €", 1349)),
        *(("fr", "plus de 1 349 €", 1349), ("fr", "De 1 349 €", 1349), ("fr", "HT 1 349 €", 1349)),
        *(("fr", "Prix : 1 349€90", 1349.9), ("sv", "Prix de vente : 1 349 €", 1349)),
        *(("pl", "Najniższa cena z 30 dni: 1 349 zł", 1349), ("sv", "endast 1 349 kr", 1349)),
        *(("sv", "Månadsavgift: 4 349 kr", 4349), ("en-ZA", "R2 350.00", 2350)),
        *(("sv", "kr 2 350", 2350), ("sv", "SEK2 350", 2350), ("sv", "500-1 349 kr", 500)),
    ],
)  # fmt: skip
def test_a_word_before_spaced_digits_claims_the_first_of_them_unless_it_announces_a_number(
    language: str, text: str, value: Any
) -> None:
    assert read(text, language)[0] == value


def test_what_a_colon_follows_has_the_number_unless_that_is_money() -> None:
    assert read("Antal omdömen: 12 349", "sv", kind="number")[0] == 12349
    assert read("Antal omdömen: 12 349 kr", "sv", kind="number")[0] == AMBIGUOUS


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2009"])
@pytest.mark.parametrize("kind", ["price", "number", "integer"])
def test_a_space_that_no_line_breaks_at_holds_a_number_together(space: str, kind: str) -> None:
    for text in (f"Pixel 2{space}350{space}€", f"<b>Pixel</b> <u>2{space}350</u> €"):
        assert read(text, "fr", kind=kind)[0] == 2350

    fields = {"price": {"xpath": "//i", "type": kind}}
    spec = msgspec.convert({"extract": {"fields": fields}}, Spec)
    html = f"<i>Pixel 2{space}350 €</i>"
    page = FetchedPage("http://a.example/", 200, "text/html", None, html.encode())
    assert compile_extraction(spec).extract(page, token="bot").rows[0]["price"] == 2350


def test_what_a_regular_expression_searches_has_blanks_alone() -> None:
    fields = {"price": {"css": "i", "type": "price", "regex": r"(\d+ \d+) €"}}
    spec = msgspec.convert({"extract": {"fields": fields}}, Spec)
    page = FetchedPage("http://a.example/", 200, "text/html", None, "<i>2\u00a0350 €".encode())

    assert compile_extraction(spec).extract(page, token="bot").rows[0]["price"] == 2350


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        *(("nl", "€ 720 p.m.", 720), ("nl", "€ 49 p.p.", 49), ("en-GB", "£720 p.c.m.", 720)),
        *(("en-GB", "£9 P&amp;P", 9), ("es-MX", "$35 c/u", 35)),
        ("pt-BR", "R$ 35 c/ juros", AMBIGUOUS),
        *(("en-US", "$35 11/07/2026", 35), ("ja", "¥700 12個", 700), ("ko", "700원 12개", 700)),
        *(("en-GB", "£35p", AMBIGUOUS), ("en-GB", "£35p.", AMBIGUOUS)),
        ("en-GB", "£3 49", AMBIGUOUS),
        *(("es-MX", "$249 M.N.", 249), ("es-MX", "$249.00 mn", UNREADABLE)),
        ("nl", "€ 275.000 k.k.", 275000),
        *(("ja", "7,000円 千代田区", 7000), ("ko", "7,000원 만화", 7000), ("zh", "¥249 百合", 249)),
        *(("en-US", "Memphis, TN $1,450", 1450), ("en-US", "Recycling bin $35", UNREADABLE)),
        *(("en-US", "$24.50 M, L", 24.5), ("en-US", "$24.50 T Shirt", UNREADABLE)),
        *(("en-US", "$35 Dozen Eggs", 35), ("de", "35 € Mia Farrow", UNREADABLE)),
        ("en", "$35 Bill Bryson", UNREADABLE),
        *(("fr", "9 € mille-feuille", UNREADABLE), ("en", "$3 Million Homes", UNREADABLE)),
        *(("en-IN", "₹2.5 Cr Onwards", UNREADABLE), ("ja", "7 万円", UNREADABLE)),
        *(("ko", "7만 원", UNREADABLE), ("zh", "¥7万", UNREADABLE), ("de", "7 € Mio.", UNREADABLE)),
        *(("da", "7 md. kr", UNREADABLE), ("en", "USD bn 7", UNREADABLE)),
        ("en", "$7.5M.", UNREADABLE),
    ],
)  # fmt: skip
def test_what_stands_beside_a_price_makes_another_of_it_if_it_can(
    language: str, text: str, value: Any
) -> None:
    assert read(text, language)[0] == value


@pytest.mark.parametrize("kind", ["number", "integer", "price"])
@pytest.mark.parametrize(
    "text",
    [
        *("20 de mii de abonati", "7 de milioane", "minus 9 degrees", "Million 7"),
        "about million 7",
        *("3.4 M followers", "7 crores", "17 mil seguidores", "5-6 million", "9+ million"),
        "7 thousand",
    ],
)  # fmt: skip
def test_a_part_of_a_number_is_not_taken_for_it_whatever_the_type(text: str, kind: str) -> None:
    assert read(text, "ro", kind=kind)[0] in {AMBIGUOUS, UNREADABLE}


@pytest.mark.parametrize(
    "text", ["$7", "$ 7.25", "7,25 \u20ac", "7.5\u00a3", "\u00a5725", "725", "7,2"]
)
@pytest.mark.parametrize("language", ["en-US", "de", "ja"])
def test_a_price_that_stands_alone_is_what_it_is_among_words(text: str, language: str) -> None:
    assert read(text, language) == read(f"Price: {text} today", language)


def test_a_currency_that_the_data_leaves_empty_is_that_of_the_text() -> None:
    data = '{"@type": "Offer", "price": "%s", "priceCurrency": ""}'
    spec = {"extract": {"fields": {"price": {"jsonld": "Offer.price", "type": "price"}}}}
    for price in ("7.25 \u20ac", "from 7.25 \u20ac"):
        html = f'<script type="application/ld+json">{data % price}</script>'
        page = FetchedPage("http://a.example/", 200, "text/html", None, html.encode())
        found = compile_extraction(msgspec.convert(spec, Spec)).extract(page, token="bot")
        assert found.rows == [{"price": 7.25, "price_currency": "EUR"}]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("iPhone 5-299 €", AMBIGUOUS),
        ("Kamera 20-250 €", AMBIGUOUS),
        ("Top 5\u201399 €", AMBIGUOUS),
        ("Größe 38-49 €", AMBIGUOUS),
        ("taille 38-49 €", AMBIGUOUS),
        ("Größe: 38-49 €", AMBIGUOUS),
        ("Unser Preis inkl. MwSt.: 38-49 €", 38),
        ("ab 10-15 €", 10),
        ("Preis 10\u201315 €", 10),
        ("Preis: 10\u201315 €", 10),
        ("10-15 €", 10),
    ],
)
def test_a_range_begins_behind_nothing_that_its_first_number_may_belong_to(
    text: str, price: object
) -> None:
    assert read(text, "de")[0] == price


@pytest.mark.parametrize("text", ["Size: C $12.00", "Cup: C $25", "(C $9)", "Grade: C $199"])
def test_a_lone_letter_behind_a_colon_is_no_country(text: str) -> None:
    assert read(text, "en-US")[1] != "CAD"


def test_a_lone_letter_at_the_beginning_is_a_country() -> None:
    assert read("C $12.00", "en-US") == (12, "CAD")

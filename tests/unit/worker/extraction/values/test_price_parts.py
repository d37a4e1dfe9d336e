"""Prices in several elements, or with a blank in them: all of the number, or none of it."""

from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec
from tests.unit.worker.extraction.values.test_prices import AMBIGUOUS, UNREADABLE, read

SOURCES = [{"css": "i"}, {"xpath": "//i"}, {"microdata": "Offer.price"}]


def read_from(source: dict[str, str], inner: str, language: str, kind: str) -> Any:
    fields = {"price": {**source, "type": kind}}
    html = (
        f'<html lang="{language}"><div itemscope itemtype="http://schema.org/Offer">'
        f'<i itemprop="price">{inner}</i>'
    )
    page = FetchedPage("http://a.example/", 200, "text/html", None, html.encode())
    found = compile_extraction(msgspec.convert({"extract": {"fields": fields}}, Spec)).extract(
        page, token="bot"
    )
    [row] = found.rows
    if row["price"] is None:
        return next(problem["problem"] for problem in found.problems if problem["field"] == "price")
    return row["price"]


@pytest.mark.parametrize("kind", ["price", "number"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("language", "inner"),
    [
        # Cents above the line.
        *(
            ("de", "19<sup>99</sup> €"),
            ("de", "1.299 <sup>00</sup> €"),
            ("nl", "€ 19<sup>99</sup>"),
        ),
        *(("sv", "249 <sup>00</sup> kr"), ("pl", "4 <sup>99</sup> zł"), ("fr", "4 <sup>99</sup>€")),
        *(("en-US", "$19 <sup>99</sup>"), ("pt-BR", "R$ 19 <sup>90</sup>")),
        *(("de", "<b>19</b> <sup>99</sup> €"), ("de", "<b>19</b> <sup>99 €</sup>")),
        *(("de", "19<sup>99 €</sup>"), ("en-US", "<sup>$</sup>19<sup>99</sup>")),
        *(("en-US", "<sup>$</sup> 19 <sup>99</sup>"), ("pl", "1 299 <sup>00</sup> zł")),
        *(("ru", "5 999 <sup>90</sup> ₽"), ("de", "19 <sup> 99</sup> €")),
        *(("fr", "12 € <sup>99</sup>"), ("da", "12 kr <sup>50</sup>"), ("pl", "12zł<sup>99</sup>")),
        *(("fr", "12€<sup>99</sup>"), ("de", "<div>19</div><sup>99</sup> €")),
        # A number above the line that may be a note.
        *(("de", "1299<sup>1</sup> €"), ("de", "19,99 <sup>1</sup> €")),
        ("de", "Preis<sup>1</sup> 299 €"),
        # Cents beside the others, in another size.
        *(("de", "<b>19</b><span>99</span> €"), ("de", "19<span>99</span> €")),
        *(("de", "<b>19</b><sub>99</sub> €"), ("en-US", "$<b>19</b><small>99</small>")),
        *(("fr", "12<span>€99</span>"), ("de", "19<small></small>99 €")),
        # Or another number.
        *(("de", "<span>iPhone 5</span><span>299 €</span>"), ("de", "<b>2</b><b>15 €</b>")),
        *(("de", "<b>5.0</b><b>19,99 €</b>"), ("fr", "<span>3</span><span>€15</span>")),
        *(("de", "<div>2</div><div>299 €</div>"), ("de", "2<br>299 €")),
        *(("de", "<span>2</span> <span>299 €</span>"), ("fr", "<b>1 299</b> <b>500 €</b>")),
        # Cents with their mark.
        *(("de", "<b>19</b> <span>,99 €</span>"), ("de", "<span>1.299</span> <span>,00 €</span>")),
        *(("en-GB", "£12 <small>.50</small>"), ("pt-BR", "R$ <b>1.299</b> <span>,90</span>")),
        *(("en-US", "<b>$119</b> <sup>.95</sup>"), ("en-US", "<b>119</b> <sup>.95</sup> $")),
        ("fr", "<span>1 299</span> <span>,00 €</span>"),
    ],
)
def test_digits_of_several_elements_are_no_number(
    language: str, inner: str, source: dict[str, str], kind: str
) -> None:
    assert read_from(source, inner, language, kind) in {AMBIGUOUS, UNREADABLE}


@pytest.mark.parametrize("source", [{"css": "i"}, {"xpath": "//i"}])
@pytest.mark.parametrize("inner", ["19<div>,99 €</div>", "<div>19</div><div>,99 €</div>"])
def test_cents_on_a_line_of_their_own_are_no_price(inner: str, source: dict[str, str]) -> None:
    assert read_from(source, inner, "de", "price") == AMBIGUOUS


@pytest.mark.parametrize("kind", ["price", "number"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("language", "inner", "value"),
    [
        *(("de", "<b>19</b><sup>,99</sup> €", 19.99), ("de", "<b>19,</b><sup>99</sup> €", 19.99)),
        *(("en-US", "$<b>19</b>.<b>99</b>", 19.99), ("fr", "12€<span>99</span>", 12.99)),
        *(("fr", "12<span>€</span>99", 12.99), ("de", "<b>1</b><b>.299 €</b>", 1299)),
        *(("de", "<b>1.299</b> <span>€</span>", 1299), ("de", "1<!-- 5 -->9,50 €", 19.5)),
        *(("fr", "1&nbsp;299 <b>€</b>", 1299), ("de", "19,99 €<sup>1</sup>", 19.99)),
        *(("de", "19,99 € <sup>12)</sup>", 19.99), ("de", "<sup>1</sup> 19,99 €", 19.99)),
        *(("de", "<b>4,5</b> <b>299 €</b>", 299), ("de", "<td>5</td> <td>19,99 €</td>", 19.99)),
        *(("de", "5<div>1299 €</div>", 1299), ("de", "<b>(12)</b> <b>299 €</b>", 299)),
        ("de", "1<wbr>299 €", 1299),
    ],
)  # fmt: skip
def test_what_says_where_a_number_ends_lets_it_be_read(
    language: str, inner: str, value: float, source: dict[str, str], kind: str
) -> None:
    assert read_from(source, inner, language, kind) == value


def test_a_text_in_several_elements_is_what_a_browser_shows() -> None:
    for source in SOURCES:
        assert read_from(source, "19<sup>99</sup> €", "de", "text") == "1999 €"


@pytest.mark.parametrize("kind", ["price", "number"])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("en-US", "119 .95 $"), ("en-US", "1,299 .00 $"), ("en-US", "1 ,299 $")),
        *(("de", "19 , 99 €"), ("de", "19 . 99 €"), ("de", "19, 99 €"), ("de", "19 99 €")),
        *(("en-GB", "£12 .50"), ("pt-BR", "R$ 1.299 ,90"), ("nl", "€ 19 ,99"), ("en", "12 .50 €")),
        *(("en-US", "$ 8 .94"), ("de", "1 299 ,00 €"), ("de", "12 € ,50"), ("en-US", "12 $ .50")),
    ],
)
def test_a_blank_beside_a_mark_is_no_part_of_a_number(language: str, text: str, kind: str) -> None:
    if (text, kind) != ("19 99 €", "number"):
        assert read(text, language, kind=kind)[0] == AMBIGUOUS


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("inner", "regex", "value"),
    [
        *(("<b>19</b><sup>99</sup> €", r"[\d.,]+", UNREADABLE),),
        ("<b>5</b><b>299 €</b>", r"\d+ €", UNREADABLE),
        *(("<b>5</b><b>299 €</b>", r"\d+", UNREADABLE),),
        *(("<b>19</b> <b>299</b> €", r"\d+", UNREADABLE),),
        *(("<b>19</b><sup>,99</sup> €", r"[\d.,]+", 19.99), ("2 <s>3</s> 5 €", r"(\d+) €", 5)),
        *(("19^2 oder 5 €", r"(\d+) €", 5), ("Preis<sup>1</sup> 19,99 €", r"[\d,]+ €", 19.99)),
    ],
)  # fmt: skip
def test_a_regular_expression_finds_no_part_of_digits(
    inner: str, regex: str, value: Any, source: dict[str, str]
) -> None:
    assert read_from({**source, "regex": regex}, inner, "de", "price") == value

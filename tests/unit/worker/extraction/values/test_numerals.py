"""Which number a text is about, and which mark in it is the decimal one."""

import re
from typing import Any

import msgspec
import pytest
from babel import Locale

from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.extraction.values.numerals import Numeral, read_numeral
from functions.worker.extraction.values.unread import Unread
from functions.worker.transport.page import FetchedPage
from shared.extract_spec import DECIMAL_COMMA, DECIMAL_POINT
from shared.spec import Spec


@pytest.mark.parametrize(
    ("text", "digits", "currency"),
    [
        ("4 Hefte für nur 19,95 EUR", "19.95", "EUR"),
        ("Pack of 3 from $24", "24", "$"),
        ("5 litres: was £80.00, now £40.00", "80.00", "£"),
        ("6 pcs 12.99€", "12.99", "€"),
        ("12.99€ 6 pcs", "12.99", "€"),
        ("Size 10: $20", "20", "$"),
        ("4K TV $499", "499", "$"),
        ("EUR 10 EUR 20", "10", "EUR"),
        ("10 EUR 20 EUR", "10", "EUR"),
        ("2 for £5", "5", "£"),
        ("from 5 to 9", "5", None),
        ("24€90", "24.90", "€"),
        ("1 024€90", "1024.90", "€"),
        ("AU$ 12.50", "12.50", "AU$"),
        ("12,50EUR/kg", "12.50", "EUR"),
        ("Rs.500", "500", "Rs."),
        ("KR 90", "90", "KR"),
        ("TRY 20", "20", "TRY"),
        ("ALL 3 for 9", "3", None),
        ("-20 % 79 €", "79", "€"),
        ("50 - $2.00 100 - $2.75", "2.00", "$"),
        ("-$2.50", "-2.50", "$"),
        ("12.99€ 50", "12.99", "€"),
    ],
)
def test_beside_a_currency_is_the_number_that_counts(
    text: str, digits: str, currency: str | None
) -> None:
    assert read_numeral(text, lambda _currency, _mark: None) == Numeral(digits, currency)


@pytest.mark.parametrize(
    "text",
    [
        *("10 EUR 20", "Size 10 EUR 20", "12 € 90 pieces", "35€ 99", "118, 99 TL", "36. 24"),
        *("1.837, 32 €", "$..75", "- $5"),
    ],
)
def test_what_can_be_one_number_or_two_is_ambiguous(text: str) -> None:
    assert read_numeral(text, lambda _currency, _mark: None) is Unread.AMBIGUOUS


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("\uff12\uff0c\uff15\uff16\uff10.\uff15", "2560.5"),
        ("\uffe5\uff14\uff19\uff18\uff0c\uff10\uff10\uff10\uff0c\uff10\uff10\uff10", "498000000"),
        ("\uff0d\uff15", "-5"),
        ("\u0661\u066c\u0662\u0663\u0664\u066b\u0665", "1234.5"),
        ("\u06f1\u06f2\u060c\u06f3\u06f4\u06f5", "12345"),
        ("1\u00b4299.50", "1299.50"),
        ("1\u200b2", "12"),
        ("\u200e\u2066$\u206912\u200f", "12"),
        ("1.299,-", "1299"),
        ("1.299,\u2014 kr", "1299"),
        ("CHF 2'450.\u2013", "2450"),
    ],
)
def test_characters_that_stand_for_others(text: str, digits: str) -> None:
    found = read_numeral(text, lambda _currency, _mark: None)

    assert isinstance(found, Numeral)
    assert float(found.digits) == float(digits)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "5½",
            "5 ½ cups",
            "19⁹⁹ €",
            "10²",
            "3万",
            "12億円",
            "1.2K",
            "$1.5M",
            "3 million",
            "4,5 Mio",
            ".75,333",
            "$.750.30",
        ),
        *("2 lakh", "5 тыс.", "1e5", "19·99", "1_000", "12.5,-", "1,2,3 €", "2 milliards"),
    ],
)
def test_what_makes_another_number_of_the_digits_is_not_overlooked(text: str) -> None:
    assert read_numeral(text, lambda _currency, _mark: None) is Unread.UNREADABLE


@pytest.mark.parametrize("is_price", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        *("3.4 M followers", "$7.5 B", "$480 K", "$9 mn", "$9m", "Rs 8 Cr", "7 crores", "5 grand"),
        *("480 k€", "9 M€", "3,4 k", "480 TEUR", "9 Mkr", "17 Tsd.", "9 dozen eggs"),
        *("17 mil seguidores", "R$ 480 mil", "Rp 3,4 jt", "Rp480rb", "3,4 bin TL", "3,4 tỷ"),
        *("17만원", "4억", "9 ล้านบาท", "7 مليون", "8 लाख", "17 हज़ार", "4 هزار", "17 אלף"),
        *("17 tis.", "9 ezer Ft", "9 mila", "4 tuhatta", "9 tys.", "17 χιλ.", "9 тисяч", "17 хил."),
        *("5-6 million", "5 to 6 million", "10-20k", "$1-2 million", "9 EUR million", "9+ million"),
        *("US$ million 9", "€m 5.2", "3 rooms 480 Mio €", "3.4 x 10^6", "3.4 \u00d7 10\u2076"),
        *("89¢", "¢89", "17:50", "1 299:50", "3\u20444", "1 3\u20444 cups"),
    ],
)
def test_a_part_of_a_number_is_never_taken_for_it(text: str, is_price: bool) -> None:
    assert read_numeral(text, lambda _currency, _mark: None, is_price=is_price) in {
        Unread.UNREADABLE, Unread.AMBIGUOUS
    }  # fmt: skip


def test_the_magnitudes_of_each_language_of_a_locale_are_known() -> None:
    """But for those of one letter, and the thousand of Azerbaijan, which are minutes elsewhere."""
    for language in sorted(DECIMAL_COMMA | DECIMAL_POINT):
        forms = Locale.parse(language).compact_decimal_formats.get("long", {})
        for form in {pattern.pattern for plural in forms.values() for pattern in plural.values()}:
            word = re.sub(r"[0\u00a0'.\u200e\u200f]+", " ", form).strip()
            if len(word) < 2 or word == "min" or not form.startswith("0"):
                continue
            found = read_numeral(f"12 {word}", lambda _currency, _mark: None)
            assert found is Unread.UNREADABLE, (language, word)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        *(("5 minutes", "5"), ("5 m", "5"), ("5 mm", "5"), ("5 miles", "5"), ("16 GB", "16")),
        *(("2700 K", "2700"), ("5 military men", "5"), ("12 Bio-Eier", "12")),
        *(("$20 T-Shirt", "20"), ("20 €/Monat", "20"), ("12 € / 100 ml", "12"), ("4.5/5", "4.5")),
        *(("£1.50p", "1.50"), ("5 € 10 €", "5"), ("10 000 avis", "10000"), ("$20 25% off", "20")),
    ],
)
def test_units_are_no_magnitudes(text: str, digits: str) -> None:
    found = read_numeral(text, lambda _currency, _mark: None)

    assert isinstance(found, Numeral)
    assert found.digits == digits


@pytest.mark.parametrize(
    "text",
    [
        *("Pixel 9 799 €", "Xbox 4 449 €", "Kit 3 159,00 €", "Pixel 9 128 GB", "NES3 1 149 €"),
        *("Pixel\u00a09\u00a0799 €", "Pixel (neu) 9 799 €", "17 49 zł", "£3 49", "$3 49 each"),
        *("17 kr 50", "£49p", "1 3/4 cups", "3/4", "7/10", "1/3 €", "minus 7 °C", "\u2014 7 €"),
    ],
)
def test_digits_of_two_numbers_or_of_one_are_ambiguous(text: str) -> None:
    assert read_numeral(text, lambda _currency, _mark: None) is Unread.AMBIGUOUS


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        *(("Prix 1 459 €", "1459"), ("Cena: 1 459 zł", "1459"), ("от 1 459 ₽", "1459")),
        *(("SEK 1 459", "1459"), ("Pixel 1\u202f459 €", "1459"), ("Pixel - 1 459 €", "1459")),
        *(("1\u00a0459\u00a0000 €", "1459000"), ("1\u202f024€90", "1024.90")),
    ],
)
def test_groups_of_digits_that_nothing_else_can_claim_are_one_number(
    text: str, digits: str
) -> None:
    found = read_numeral(text, lambda _currency, _mark: None)

    assert isinstance(found, Numeral)
    assert found.digits == digits


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2012", "\u2013", "\u2212", "-"])
def test_a_dash_before_a_number_is_its_sign(dash: str) -> None:
    for text in (f"{dash}7,3 °C", f"Lowest: {dash}7,3", f"{dash}$7,3"):
        found = read_numeral(text, lambda _currency, _mark: None)
        assert isinstance(found, Numeral)
        assert found.digits == "-7.3"
    assert read_numeral(f"6{dash}9", lambda _currency, _mark: None) == Numeral("6")


# ---- what the page says


def extract(body: str, **field: Any) -> Extracted:
    spec = msgspec.convert({"extract": {"fields": {"price": field}}}, Spec)
    page = FetchedPage("http://a.example/", 200, "text/html", None, body.encode())
    return compile_extraction(spec).extract(page, token="bot")


AMBIGUOUS = "ambiguous"


@pytest.mark.parametrize(
    ("page", "text", "value"),
    [
        # Nothing but the text itself.
        ("", "1.299", AMBIGUOUS),
        ("", "1,299", AMBIGUOUS),
        ("", "1.299 €", 1299.0),
        ("", "$1,299", 1299.0),
        ("", "$1.299", AMBIGUOUS),  # petrol, or Chile
        ("", "1,299 €", AMBIGUOUS),
        ("", "KWD 1.299", 1.299),
        ("", "423.923 KD", 423.923),
        ("", "880,000 ₫", 880000.0),
        ("", "3.990 Ft", 3990.0),
        ("", "\uffe512\uff0c345", 12345.0),
        # The language.
        ('<html lang="de">', "1.299", 1299.0),
        ('<html lang="de">', "1,299", 1.299),
        ('<html lang="en-GB">', "1,299", 1299.0),
        ('<html lang="en">', "€1,299", 1299.0),
        ('<html lang="en">', "€1.299", AMBIGUOUS),
        ('<html lang="de-CH">', "1.299", 1.299),
        ('<html lang="es">', "1.299", AMBIGUOUS),
        ('<html lang="es-MX">', "1,299", 1299.0),
        ('<html lang="en"><meta property="og:locale" content="de_DE">', "1.299", AMBIGUOUS),
        ('<meta property="og:locale" content="pl_PL">', "1.299", 1299.0),
        ('<html lang="x-klingon">', "1.299", AMBIGUOUS),
        # Its other numbers, which go before the language.
        ("<p>12,50 €", "1.299", 1299.0),
        ('<html lang="en"><p>nur 9,99 €</p>', "1.299 €", 1299.0),
        ("<p>was 1,450.00", "1.299", 1.299),
        ("<p>1.450.000 Einwohner", "1.299", 1299.0),
        ('<html lang="de"><p>9,99 €</p><p>$9.99</p>', "1.299", AMBIGUOUS),
        ("<p>Version 3.11", "1.299", AMBIGUOUS),
        ("<p>on 12.11.2026 at 10.30", "1.299", AMBIGUOUS),
    ],
)
def test_the_page_says_which_mark_is_the_decimal_one(page: str, text: str, value: Any) -> None:
    found = extract(f"{page}<b>{text}</b>", css="b", type="number")

    if value == AMBIGUOUS:
        problem = {"field": "price", "problem": "ambiguous", "value": text}
        assert (found.rows, found.problems) == ([{"price": None}], [problem])
    else:
        assert (found.rows, found.problems) == ([{"price": value}], [])


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ('<script type="application/ld+json">{"@type": "Offer", "price": "1.299"}</script>',
         {"jsonld": "Offer.price"}),
        ('<meta property="product:price:amount" content="1.299">',
         {"opengraph": "product:price:amount"}),
        ('<p itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="1.299">',
         {"microdata": "Offer.price"}),
        ('<b itemprop="price" content="1.299">1,30</b>', {"css": "b", "attr": "content"}),
        ('<b itemprop="price" content="1.299">1,30</b>', {"xpath": "//b/@content"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("locale", [{}, {"locale": "de"}])
@pytest.mark.parametrize("kind", ["number", "price"])
def test_no_locale_applies_to_what_programs_write(
    body: str, source: dict[str, str], locale: dict[str, str], kind: str
) -> None:
    html = f'<html lang="de"><p>12,50 €</p>{body}'

    found = extract(html, **source, **locale, type=kind)

    assert (found.rows[0]["price"], found.problems) == (1.299, [])


def test_a_locale_applies_to_the_text_of_microdata() -> None:
    html = '<p itemscope itemtype="http://schema.org/Offer"><b itemprop="price">1.299</b>'

    assert extract(html, microdata="Offer.price", type="number", locale="de").rows == [
        {"price": 1299.0}
    ]


@pytest.mark.parametrize(
    ("html", "value"),
    [
        ("$19<sup>99</sup>", None),
        ("<i>25<sup> 1</sup></i> pieces", None),
        ("19.99<sup>€</sup>", 19.99),
        ("<i>19</i>.<i>99</i>", 19.99),
        ("4<sup>th</sup> of 9", 4.0),
    ],
)
def test_digits_above_the_line_are_not_glued_to_those_before(html: str, value: Any) -> None:
    found = extract(f"<b>{html}</b>", css="b", type="number")

    assert found.rows == [{"price": value}]
    assert [problem["problem"] for problem in found.problems] == ["unreadable"] * (value is None)


# ---- prices


PRICED = '<script type="application/ld+json">{"@type": "Offer", "priceCurrency": "%s"}</script>'


@pytest.mark.parametrize(
    ("page", "text", "price", "currency"),
    [
        ("", "1.299,00 €", 1299.0, "EUR"),
        ("", "US$ 12", 12.0, "USD"),
        ("", "CHF 12.50", 12.5, "CHF"),
        ("", "zł 3", 3.0, "PLN"),
        ("", "12.50", 12.5, None),
        ("", "$12", 12.0, AMBIGUOUS),
        ("", "99 kr", 99.0, AMBIGUOUS),
        ('<html lang="en-CA">', "$12", 12.0, "CAD"),
        ('<html lang="en">', "$12", 12.0, AMBIGUOUS),
        ('<html lang="sv">', "99 kr", 99.0, "SEK"),
        ('<html lang="ja">', "¥99", 99.0, "JPY"),
        (PRICED % "AUD", "$12", 12.0, "AUD"),
        (PRICED % "AUD", "12", 12.0, "AUD"),
        (PRICED % "EUR", "$12", 12.0, AMBIGUOUS),
        (PRICED % "CLP", "$1.299", 1299.0, "CLP"),
        (PRICED % "USD" + PRICED % "EUR", "12", 12.0, None),
        ('<meta property="og:price:currency" content="nok">', "99 kr", 99.0, "NOK"),
        ('<b itemprop="priceCurrency" content="DKK"></b>', "99 kr", 99.0, "DKK"),
    ],
)
def test_a_price_is_two_columns(page: str, text: str, price: float, currency: str | None) -> None:
    found = extract(f"{page}<i>{text}</i>", css="i", type="price")

    is_ambiguous = currency == AMBIGUOUS
    assert list(found.rows[0].items()) == [
        ("price", price), ("price_currency", None if is_ambiguous else currency)
    ]  # fmt: skip
    assert [(found["field"], found["problem"]) for found in found.problems] == (
        [("price_currency", "ambiguous")] if is_ambiguous else []
    )


@pytest.mark.parametrize(
    ("language", "text", "currency"),
    [
        *(("en-US", "AUD $7.00", "AUD"), ("en-US", "$7.00 AUD", "AUD"), ("en-US", "$7 CAD", "CAD")),
        *(("en-US", "Now CAD $1,459", "CAD"), ("en-US", "MXN $1,459.00", "MXN")),
        *(("en-US", "HKD $700", "HKD"), ("es-MX", "$7 USD", "USD"), ("en-CA", "$7 US", "USD")),
        *(("en-US", "$7 (CAD)", "CAD"), ("en-US", "$7 Canadian", "CAD"), ("fr", "7 $ CA", "CAD")),
        *(("en-US", "$US 7", "USD"), ("en-US", "JMD $7", "JMD"), ("en-US", "J$700", "JMD")),
        *(("da", "79 kr SEK", "SEK"), ("ja", "RMB ¥79", "CNY"), ("en-US", "$7 $9 CAD", "USD")),
        *(("en-US", "$7 €8.50", "USD"), ("en-US", "$7 TOP deal", "USD"), ("en-US", "Now$7", "USD")),
        *(("en-US", "EUR $7", "ambiguous"), ("en-GB", "EGP £70", "ambiguous")),
        ("en-US", "QX$700", "unreadable"),
    ],
)
def test_a_code_that_touches_a_sign_says_what_it_stands_for(
    language: str, text: str, currency: str
) -> None:
    found = extract(f'<html lang="{language}"><i>{text}</i>', css="i", type="price")

    [row] = found.rows
    assert row["price"] in {7.0, 70.0, 79.0, 700.0, 1459.0}
    assert [row["price_currency"] or found.problems[0]["problem"]] == [currency]


@pytest.mark.parametrize("text", ["89 cents", "50p", "50 ct", "99 öre", "5 %", "50 pence"])
def test_cents_are_no_price(text: str) -> None:
    for page in ('<html lang="en-US">', PRICED % "GBP"):
        found = extract(f"{page}<i>{text}</i>", css="i", type="price")
        assert found.rows == [{"price": None, "price_currency": None}]


OFFERS = """<script type="application/ld+json">{"@type": "Product", "offers": [
 {"@type": "Offer", "price": 12.5, "priceCurrency": "SEK"},
 {"@type": "Offer", "price": "1450.00", "priceCurrency": "EUR"}]}</script>"""


def test_data_names_the_currency_beside_the_price() -> None:
    found = extract(OFFERS, jsonld="Product.offers.price", type="price")
    assert found.rows == [{"price": 12.5, "price_currency": "SEK"}]

    found = extract(OFFERS, jsonld="Product.offers.price", type="price", many=True)
    assert found.rows == [{"price": [12.5, 1450.0], "price_currency": ["SEK", "EUR"]}]

    meta = '<meta property="og:price:%s" content="%s">'
    found = extract(
        meta % ("amount", 5) + meta % ("currency", "PLN"), opengraph="og:price:amount", type="price"
    )
    assert found.rows == [{"price": 5.0, "price_currency": "PLN"}]
    assert found.problems == []


def test_a_price_has_bounds_defaults_and_problems_as_a_number_has() -> None:
    found = extract("<b>12 €</b>", css="b", type="price", max=10)
    assert found.rows == [{"price": 12.0, "price_currency": "EUR"}]
    assert [problem["problem"] for problem in found.problems] == ["max"]

    found = extract("<b>12 €</b>", css="i", type="price", default=0)
    assert found.rows == [{"price": 0.0, "price_currency": None}]

    for text in ("sold out", "40 % off"):
        found = extract(f"<b>{text}</b>", css="b", type="price")
        assert found.rows == [{"price": None, "price_currency": None}]
        assert [problem["problem"] for problem in found.problems] == ["unreadable"]

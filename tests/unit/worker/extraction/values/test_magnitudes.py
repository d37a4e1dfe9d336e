"""What makes another number of the digits, wherever it stands, and the shapes that never do."""

import pytest

from tests.unit.worker.extraction.values.test_prices import UNREADABLE, read

KINDS = ["price", "number", "integer"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(
            ("zh", "US$40 億美元"),
            ("zh", "¥ 7 万元起"),
            ("zh", "¥135 万元左右"),
            ("zh", "40 億港元"),
        ),
        *(("ko", "₩ 7 만원부터"), ("ko", "₩ 7 만원대"), ("ko", "₩ 7 천원"), ("ko", "35여만 원")),
        *(
            ("ja", "¥ 7 万円から"),
            ("ja", "¥ 7 万円台"),
            ("ja", "$4 十億ドル"),
            ("zh", "35多亿美元"),
        ),
        *(("ja", "(単位:百万円) 7,300"), ("ko", "(단위: 억원) 7,300"), ("zh", "亿美元 7.3")),
    ],
)
def test_a_numeral_of_china_makes_another_number_whatever_follows(
    language: str, text: str, kind: str
) -> None:
    assert read(text, language, kind=kind)[0] == UNREADABLE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("en", "7.3 USD Million in 2025"), ("en", "7.3 USD Billion revenue")),
        *(("en-IN", "7 INR Lakh Onwards"), ("en-IN", "7 INR Crore Only")),
        *(("de", "7,3 EUR Mio Umsatz"), ("de", "CHF 7 Mia Umsatz"), ("de", "7 Mia Franken")),
        *(("de", "7 Mill Euro"), ("nb", "NOK 7 Mill Kroner"), ("de", "4 Mia Einwohner")),
        *(("de", "CHF 30 Mio-Kredit"), ("de", "30 Mio-Projekt"), ("de", "4 Mrd-Loch")),
        *(("sv", "7 kr Miljarder i omsättning"), ("fr", "7 € Milliards Investis")),
        *(
            ("en", "$7.3 USD million"),
            ("fr", "7,3 $ US millions"),
            ("en", "$7 US million"),
            ("en", "$3-7 USD mln"),
            ("en", "$7.3 (in millions)"),
        ),
        *(("es", "US$700 mn"), ("es", "700 mn €"), ("fr", "68 mn d'habitants"), ("en", "1.7 tn")),
        *(("en", "$7\u2013million"), ("en", "$7 *million*"), ("en", "$7 (USD) million")),
        *(("en", "£7 thou"), ("en", "$7-M deal"), ("en", "$7 [million]")),
        *(("de", "700 bin"), ("tr", "700 bin TL"), ("hu", "340 MFt"), ("sv", "17 mil")),
    ],
)
def test_a_word_makes_another_number_though_it_has_a_capital_or_means_something_else_too(
    language: str, text: str, kind: str
) -> None:
    assert read(text, language, kind=kind)[0] == UNREADABLE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        *("$7 M, 2025", "$14 M, 30% up", "$30 M, Series A", "$1.4 T Apple", "$4 B, M&amp;A"),
        *("Raised $7M. A year later", "$340K. I was", "$4M-$7M", "$140K-plus", "$7 M/year"),
        *("$7 M, L of it", "$24 M, L, 7", "$24 B, M, L", "7.3 €m", "7.3 USD m", "7.3 $bn", "7 € K"),
        *("$7 M\u2019s worth", "7 EUR T", "340к ₽", "$7 MM ARR", "7 MM USD", "R$ 7 mi", "R$ 7 bi"),
        *(
            "R$ 3,4 tri",
            "₹7 L",
            "₹7L",
            "Rs. 7.3 L onwards",
            "₹7 LPA",
            "¥7.3w",
            "¥7k起",
            "7 \u0442.\u0440.",
        ),
        *(
            "7 \u0442. \u0440\u0443\u0431.",
            "7 e Ft",
            "$'000 340",
            "€000s 340",
            "7.3 € ('000)",
            "Rp 7 ribuan",
        ),
    ],
)
def test_a_letter_makes_another_amount_of_money_whatever_follows(text: str, kind: str) -> None:
    assert read(text, "en", kind=kind)[0] == UNREADABLE


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize("text", ["7.3w人", "7w+次", "7.3K人", "7 mi de pessoas", "(000s) 340"])
def test_a_letter_makes_another_number_before_a_script_without_blanks(text: str, kind: str) -> None:
    assert read(text, "zh", kind=kind)[0] == UNREADABLE


@pytest.mark.parametrize("text", ["60W", "7 mi", "7 mm", "7 L"])
def test_a_unit_is_no_letter_of_a_magnitude(text: str) -> None:
    assert read(text, "en", kind="number")[0] in {7, 60}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("de", "Mrd. € 4,1"), ("de", "Umsatz in Mio. € 7,3"), ("it", "Ricavi mln € 7,3")),
        *(("pl", "mln 7,3 zł"), ("de", "Umsatz in Mio. EUR 7,3"), ("de", "Umsatz (Mio. €): 7,3")),
        *(("de", "Umsatz in Mio. US$ 7,3"), ("fr", "CA M€ 7,3"), ("de", "TEUR 340")),
        *(("sv", "Mkr 7"), ("en", "Revenue (€m) 7.3"), ("en", "USD m 7"), ("nl", "mln. EUR 7")),
        *(("fr", "en millions d'euros : 7,3"), ("it", "in milioni di euro 7,3")),
        *(("vi", "tỷ đồng 340"), ("zh", "亿元人民币 340"), ("en", "million of $ 340")),
        *(("en", "Revenue, £m, 7.3"), ("en", "£'m 7.3"), ("en", "$MM 7.3"), ("hu", "M Ft 340")),
        *(("de", "Umsatz in Mio EUR 7"), ("da", "mio. kr. 7,3"), ("ru", "млн ₽ 7,3")),
    ],
)
def test_a_magnitude_before_a_number_counts_though_a_currency_is_between(
    language: str, text: str, kind: str
) -> None:
    assert read(text, language, kind=kind)[0] == UNREADABLE


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3000 K", 3000), ("3000 K, 800 lm", 3000), ("3000 K - 6500 K", 3000)),
        *(("1300 K followers", UNREADABLE), ("1,300 K", UNREADABLE), ("1.700 K", UNREADABLE)),
        *(("25 700 K views", UNREADABLE), ("340 K", UNREADABLE)),
        *(("1.3T", UNREADABLE), ("4,000 K", UNREADABLE), ("1300 tr/min", 1300)),
        *(("1300 tr", UNREADABLE), ("Rockville, MD 20850", 20850), ("Revenue, MN 5.2", UNREADABLE)),
    ],
)
def test_only_four_digits_that_nothing_follows_are_kelvins(text: str, value: object) -> None:
    assert read(text, "en-US", kind="number")[0] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("75p/100g", UNREADABLE), ("79p/kg", UNREADABLE), ("30p / kWh", UNREADABLE)),
        *(("14 c / kg", UNREADABLE), ("30p. A year", UNREADABLE), ("30p &amp; up", UNREADABLE)),
        *(("75p &amp; p", UNREADABLE), ("75 c/l", UNREADABLE), ("75p P. Smith", UNREADABLE)),
        *(("720 p.m.", 720), ("£720p.m.", 720), ("€ 49 p. P.", 49), ("£9 p&amp;p", 9)),
        *(("€ 7 p.st.", 7), ("$35c/u", 35), ("35 c/u", 35)),
    ],
)
def test_a_letter_of_cents_is_none_only_in_a_few_abbreviations(text: str, value: object) -> None:
    assert read(text, "en-GB")[0] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("Thousand Island Dressing $4", 4), ("3 million sold, now $35", 35)),
        *(("$24.50 M, L", 24.5), ("$24.50 M/L/XL", 24.5), ("$24.50 M | XXL", 24.5)),
        *(("$24.50 T-Shirt", 24.5), ("24,50 € T.T.C.", 24.5), ("€ 275.000 k.k.", 275000)),
        *(("24,50 €/Monat", 24.5), ("24,50 € / m", 24.5), ("$249 m.n.", 249)),
        *(("$24.50 L", 24.5), ("24,50 € L, XL", 24.5), ("€ 1,25/l", 1.25)),
        *(("千葉 7,000円", 7000), ("¥ 7,000 千葉県", 7000), ("7,000円 百貨店", 7000)),
        *(("7,000원 조명", 7000), ("조명 7,000원", 7000), ("Nashville, TN $1,450", 1450)),
    ],
)
def test_a_few_shapes_leave_no_doubt_of_a_price(text: str, value: float) -> None:
    assert read(text, "en-US", more="<p>12,50 €" if "€" in text else "")[0] == value

"""Letters beside a number or a sign that may be a currency: that one, or none."""

import pytest
from babel import Locale
from babel.localedata import locale_identifiers

from functions.worker.extraction.values.currencies import currencies
from functions.worker.extraction.values.texts import tidy
from tests.unit.worker.extraction.values.test_prices import AMBIGUOUS, PRICED, UNREADABLE, read


@pytest.mark.parametrize("data", ["", PRICED % "GBP"])
@pytest.mark.parametrize(
    "text",
    [
        *("LE£ 45", "SY£45", "IR£45", "CY£45", "FK£45", "GI£45", "A£45", "NZ£45", "L.E.£45"),
        *("S£ 45", "SH£ 45", "45 £E", "45 £IR", "IR.£45"),
    ],
)  # fmt: skip
def test_unknown_letters_that_touch_a_pound_make_another_of_it(text: str, data: str) -> None:
    assert read(text, "en-GB", more=data) == (45, UNREADABLE)


@pytest.mark.parametrize(
    ("language", "text", "currency"),
    [
        *(("en-GB", "E£ 45", "EGP"), ("en-GB", "EG£45", "EGP"), ("en-GB", "UK£45", "GBP")),
        *(("en-US", "Mex$45", "MXN"), ("en-US", "MEX$45", "MXN"), ("en-US", "BDS$45", "BBD")),
        *(("en-US", "ARG$45", UNREADABLE), ("en-US", "Arg.$45", UNREADABLE)),
        *(("en-AU", "us$45", UNREADABLE), ("en-US", "CUC$45", UNREADABLE)),
        *(("en-GB", "N¥45", UNREADABLE), ("en-GB", "CN¥45", "CNY"), ("en-GB", "GH₵45", "GHS")),
        *(("en-US", "$AR45", UNREADABLE), ("en-US", "45 $AR", UNREADABLE)),
        # What touches a sign and is no currency.
        *(("en-US", "Now$45", "USD"), ("en-US", "SALE$45", "USD"), ("en-US", "Shipping$45", "USD")),
        *(("en-US", "U.S.$45", "USD"), ("en-US", "USA$45", "USD"), ("fr", "Prix€45", "EUR")),
        *(("en-GB", "RRP£45", "GBP"), ("en-GB", "45£ TTC", "GBP"), ("en-IN", "MRP₹45", "INR")),
    ],
)
def test_letters_that_touch_a_sign_are_a_currency_or_announce_it(
    language: str, text: str, currency: str
) -> None:
    assert read(text, language) == (45, currency)


@pytest.mark.parametrize("named", ["EUR", "USD"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("R273.00", 273), ("R 8499.00", 8499), ("DEM 170000", 170000), ("45 nzd", 45)),
        *(("94000 تومان", 94000), ("45 E.L.", 45), ("₤45", 45), ("45 ₶", 45), ("0.5 BTC", 0.5)),
        *(("L45", 45), ("45 Lek", 45), ("45 KM", 45), ("TSh 45", 45), ("45 рублей", 45)),
        *(("45 د.إ", 45), ("45ብር", 45), ("Esc. 45", 45), ("TRY 45 each", 45), ("(R45)", 45)),
        *(("5000 FCFA", 5000), ("Dhs 55.00", 55), ("6300 \u0420", 6300), ("45 F CFA", 45)),
    ],
)
def test_what_may_be_a_currency_casts_doubt_on_the_one_that_the_data_name(
    text: str, value: float, named: str
) -> None:
    assert read(text, "en", more=PRICED % named) == (value, AMBIGUOUS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("19.90 SFr", (19.9, "CHF")), ("KSh 45", (45, "KES")), ("2963 yen", (2963, "JPY"))),
        *(("45/- PKR", (45, "PKR")), ("45 ευρώ", (45, "EUR"))),
        *(("850000 ریال", (850000, "IRR")), ("2000 zl", (2000, "PLN"))),
    ],
)
def test_a_known_currency_is_that_of_the_price_whatever_the_data_name(
    text: str, found: tuple[float, str]
) -> None:
    assert read(text, "en", more=PRICED % "EUR") == found


@pytest.mark.parametrize(
    ("language", "named", "text", "currency"),
    [
        *(("en", "ZAR", "R273.00", "ZAR"), ("en-ZA", None, "R273.00", "ZAR")),
        *(("en", "AED", "45 د.إ", "AED"), ("en", "XOF", "45 FCFA", "XOF")),
        *(("en", "ALL", "45 Lekë", "ALL"), ("es-GT", None, "Q45", "GTQ")),
        ("ru", "RUB", "45 \u0440.", "RUB"),
        *(("en", "IRR", "45 تومان", AMBIGUOUS), ("en-US", None, "R273.00", UNREADABLE)),
        *(("en-ZA", "USD", "R273.00", AMBIGUOUS), ("en-GB", None, "45 FCFA", AMBIGUOUS)),
    ],
)  # fmt: skip
def test_what_is_a_currency_somewhere_is_one_where_the_page_says_so(
    language: str, named: str | None, text: str, currency: str
) -> None:
    more = PRICED % named if named else ""
    assert read(text, language, more=more)[1] == currency


@pytest.mark.parametrize(
    "text",
    [
        *("45", "Price 45", "from 45", "ab 45", "45 each", "45 per kg", "45 incl. VAT", "RRP 45"),
        *("45 TTC", "UVP 45", "Total: 45", "(45)", "Shipping 45", "45/KG", "45, XL", "цена 45"),
    ],
)
def test_other_words_beside_a_number_are_no_currency(text: str) -> None:
    assert read(text, "en", more=PRICED % "EUR") == (45, "EUR")


@pytest.mark.parametrize("kind", ["price", "number"])
@pytest.mark.parametrize("data", ["", PRICED % "GBP"])
@pytest.mark.parametrize("text", ["250 GBp", "250 GBX", "GBp 250", "GBX250", "250GBp", "ZAc 250"])
def test_a_code_of_hundredths_is_no_price(text: str, data: str, kind: str) -> None:
    assert read(text, "en-GB", more=data, kind=kind)[0] == UNREADABLE


def test_what_cldr_writes_for_a_currency_is_known() -> None:
    known = currencies()
    missing = set()
    for name in locale_identifiers():
        for code, symbol in Locale.parse(name).currency_symbols.items():
            sign = tidy(symbol)
            if sign and code in known.codes and " " not in sign and not known.candidates(sign):
                plain = sign.strip(".")
                if not known.candidates(plain) and code not in known.of_letters(plain):
                    missing.add((code, sign))

    assert missing == set()

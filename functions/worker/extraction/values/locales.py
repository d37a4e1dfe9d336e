"""
How people write numbers and dates by their language and region, and what they pay with.

Pure.
"""

from shared.extract_spec import COMMA_REGIONS, DECIMAL_COMMA, DECIMAL_POINT, POINT_REGIONS

_MONTH_FIRST = frozenset(["US", "PH", "PR", "GU", "VI", "AS", "MP", "FM", "MH", "PW", "UM"])
_EITHER_ORDER = frozenset({"en", "en-CA", "fr-CA", "ja", "ko", "zh"})
_REGION_CURRENCY = {
    "US": "USD", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "SG": "SGD", "HK": "HKD", "TW": "TWD",
    "MX": "MXN", "AR": "ARS", "CL": "CLP", "CO": "COP", "UY": "UYU", "SE": "SEK", "NO": "NOK",
    "DK": "DKK", "IS": "ISK", "JP": "JPY", "CN": "CNY", "IN": "INR", "PK": "PKR", "LK": "LKR",
    "NP": "NPR", "RO": "RON", "MD": "MDL", "MO": "MOP", "ZA": "ZAR", "ZM": "ZMW", "PG": "PGK",
    "GT": "GTQ", "HN": "HNL", "BW": "BWP", "ET": "ETB", "BY": "BYN", "RU": "RUB", "AE": "AED",
    "MA": "MAD", "SN": "XOF", "CI": "XOF", "CM": "XAF", "SA": "SAR", "QA": "QAR", "OM": "OMR",
    "YE": "YER", "IR": "IRR", "EG": "EGP", "SD": "SDG",
}  # fmt: skip
_LANGUAGE_CURRENCY = {
    "sv": "SEK", "nb": "NOK", "nn": "NOK", "no": "NOK", "da": "DKK", "is": "ISK", "ja": "JPY",
    "zh": "CNY", "hi": "INR", "ro": "RON",
}  # fmt: skip


def decimal_comma(locale: str) -> bool | None:
    """Return whether a comma is the decimal mark in a locale, such as `de` or `en-US`."""
    if locale in COMMA_REGIONS or locale in POINT_REGIONS:
        return locale in COMMA_REGIONS
    language = locale[:2]
    if language == "no":
        language = "nb"
    return language in DECIMAL_COMMA if language in DECIMAL_COMMA | DECIMAL_POINT else None


def day_first(locale: str) -> bool | None:
    """Return whether the day stands before the month in 3/4/2026; None where people write both."""
    language, _, region = locale.partition("-")
    if region in _MONTH_FIRST or language == "tl":
        return False
    if locale in _EITHER_ORDER or (language in _EITHER_ORDER and language != "en"):
        return None
    return True


def currency_of_place(language: str, region: str | None) -> str | None:
    """Return what people pay with whose currencies share a sign, such as `$`, with others."""
    return _REGION_CURRENCY.get(region) if region else _LANGUAGE_CURRENCY.get(language)

"""
From what a page says to a value of a type.

Pure, and never raises on what a website sent. A value is read at a glance where it leaves no
doubt; else `Conversion.full` reads it by what the spec and the page say, or tells why it cannot.
"""

import re
from collections.abc import Callable
from functools import partial
from math import isfinite
from typing import Any, NamedTuple

from functions.worker.extraction.values.amounts import Amount, Price
from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.dates import read_date, read_iso
from functions.worker.extraction.values.doubts import is_doubtful
from functions.worker.extraction.values.evidence import Evidence
from functions.worker.extraction.values.json_text import read_json
from functions.worker.extraction.values.locales import day_first, decimal_comma
from functions.worker.extraction.values.numerals import Numeral, read_machine, read_numeral
from functions.worker.extraction.values.texts import JsonText, MachineText, fold
from functions.worker.extraction.values.unread import Unread
from shared.encodable import Note, as_json
from shared.extract_spec import Type

_BIGINT = 1 << 63
Quick = Callable[[Any], Any]
Full = Callable[[Any, Evidence, Note], Any]
# The most frequent form. A point before one or two digits is a decimal point everywhere.
_PLAIN = re.compile(r"[$£€¥]?\s?(\d{1,15}(?:\.\d\d?)?)\s?[$£€¥%]?")
# The most frequent prices: digits, at most two of them behind a mark, and one sign at most.
_PLAIN_PRICE = re.compile(r"([$£€¥])?\s?(\d{1,15}(?:[.,]\d\d?)?)(?:(?(1)(?!)|\s?([$£€¥])))?")
_NEAR = 40  # characters beside a number that are looked at
# One whole number among words that say nothing else of it, such as another number or a currency.
_WHOLE = re.compile(
    r"([A-Za-z ]*[ (])?(\d{1,15})(?: ((?:[a-jln-z]|mi?n)[a-z]*(?: [a-z]+)?)(?: [a-z ]*)?)?\)?",
    re.ASCII,
)
_TRUE = frozenset(["true", "yes", "on", "1"])
_FALSE = frozenset(["false", "no", "off", "0"])


class Conversion(NamedTuple):
    """How raw values, texts or values of JSON, become values of a type."""

    quick: Quick | None
    """Returns a value that leaves no doubt, else None. None: there is none at a glance."""
    full: Full
    """Returns a value, or `Unread`. Tells of what was lost within a value."""


def conversion(kind: Type, locale: str | None) -> Conversion:
    """
    Return what makes values of a type; of `url`, which a page resolves, texts.

    Args:
        kind: The type.
        locale: As in the spec; None: the page says how it writes.
    """
    kinds: dict[str, tuple[Quick | None, Full]] = {
        "text": (to_text, _unread),
        "url": (to_text, _unread),
        "html": (to_html, _unread),
        "boolean": (to_boolean, _unread),
        "number": (_quick_number, partial(_of_numeral, _number, locale)),
        "integer": (_quick_integer, partial(_of_numeral, _integer, locale)),
        "price": (None, partial(_full_price, locale)),
        "date": (read_iso, partial(_full_date, locale)),
        "json": (None, _full_json),
    }
    return Conversion(*kinds[kind])


def _unread(_raw: object, _evidence: Evidence, _note: Note) -> Unread:
    return Unread.UNREADABLE


def to_text(raw: Any) -> str | None:  # noqa: ANN401 -- whatever JSON holds, here and below
    if isinstance(raw, str):
        return fold(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and not isfinite(raw):
        return None
    return str(raw) if isinstance(raw, int | float) else None


def to_html(raw: Any) -> str | None:  # noqa: ANN401
    return str(raw) if isinstance(raw, str) else None


def to_boolean(raw: Any) -> bool | None:  # noqa: ANN401
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def _quick_number(raw: Any) -> float | None:  # noqa: ANN401
    if isinstance(raw, str):
        plain = _PLAIN.fullmatch(raw)
        return float(plain[1]) if plain is not None else None
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _as_float(raw)
    return None


def _quick_integer(raw: Any) -> int | None:  # noqa: ANN401
    if isinstance(raw, str):
        plain = _WHOLE.fullmatch(raw)
        if plain is None:
            return None
        before, digits, behind = plain.groups("")
        if (before or behind) and is_doubtful(before[-_NEAR:], behind[:_NEAR]):
            return None
        return int(digits)
    if isinstance(raw, bool) or (isinstance(raw, float) and not raw.is_integer()):
        return None
    if isinstance(raw, int | float):
        number = int(raw)
        return number if -_BIGINT <= number < _BIGINT else None
    return None


def _of_numeral(
    read: Callable[[str], float | None],
    locale: str | None,
    raw: Any,  # noqa: ANN401
    evidence: Evidence,
    _note: Note,
) -> float | Unread:
    """Return what `read` makes of the digits that a text is about."""
    numeral = _numeral(raw, locale, evidence, is_price=False)
    number = numeral if isinstance(numeral, Unread) else read(numeral.digits)
    return Unread.UNREADABLE if number is None else number


def _number(digits: str) -> float | None:
    return _as_float(int(digits) if digits.lstrip("-").isdecimal() else float(digits))


def _integer(digits: str) -> int | None:
    whole, _, fraction = digits.partition(".")
    if fraction.strip("0") or not whole.lstrip("+-").isdecimal():
        return None
    number = int(whole)
    return number if -_BIGINT <= number < _BIGINT else None


def _as_float(number: float) -> float | None:
    """Return `number`, unless it is none, or would lose digits."""
    try:
        found = float(number)
    except OverflowError:
        return None
    if not isfinite(found) or (isinstance(number, int) and int(found) != number):
        return None
    return found


def _numeral(
    raw: Any,  # noqa: ANN401
    locale: str | None,
    evidence: Evidence,
    *,
    is_price: bool,
) -> Numeral | Unread:
    if not isinstance(raw, str):
        return Unread.UNREADABLE
    if isinstance(raw, MachineText):
        digits = read_machine(raw.strip())
        if digits is not None:
            return Numeral(digits)
        return read_numeral(raw, lambda _currency, _mark: None, is_price=is_price)
    if locale is not None:
        mark = "," if decimal_comma(locale) else "."
        return read_numeral(raw, lambda _currency, _mark: mark, is_price=is_price)
    decide = partial(evidence.decimal_mark, is_price=is_price)
    return read_numeral(raw, decide, is_price=is_price)


def _full_price(
    locale: str | None,
    raw: Any,  # noqa: ANN401
    evidence: Evidence,
    _note: Note,
) -> Price | Unread:
    sign: str | None = None
    region = None
    if isinstance(raw, Amount):
        raw, named = raw
        sign = fold(named) if isinstance(named, str) else None
    plain = _PLAIN_PRICE.fullmatch(raw) if isinstance(raw, str) else None
    if plain is not None:
        sign = sign or plain[1] or plain[3]
        number = _number(plain[2].replace(",", "."))
    elif isinstance(raw, str):
        numeral = _numeral(raw, locale, evidence, is_price=True)
        if isinstance(numeral, Unread):
            return numeral
        if not sign:
            sign, region = numeral.currency, numeral.region
        number = _number(numeral.digits)
    else:
        number = _quick_number(raw)
    if number is None:
        return Unread.UNREADABLE
    price = Price(number)
    price.sign, price.region = sign, region
    return price


def _full_date(
    locale: str | None,
    raw: Any,  # noqa: ANN401
    evidence: Evidence,
    _note: Note,
) -> str | Unread:
    def decide_day_first() -> bool | None:
        if isinstance(raw, MachineText):
            return None
        return evidence.day_first if locale is None else day_first(locale)

    def language() -> str | None:
        return evidence.language if locale is None else locale[:2]

    return read_date(raw, Conventions(decide_day_first, language, evidence.now))


def _full_json(raw: Any, _evidence: Evidence, note: Note) -> Any:  # noqa: ANN401
    """Return what JSON in a text stands for; what comes from JSON is a value already."""
    if isinstance(raw, JsonText):
        return str(raw)
    value = read_json(raw) if isinstance(raw, str) else raw
    if value is None:
        return Unread.UNREADABLE
    fitting, _ = as_json(value, note)
    return Unread.UNREADABLE if fitting is None else fitting

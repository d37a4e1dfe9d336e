"""
How currencies are written, and how numbers are where people pay with them.

The table beside this module has the codes of ISO 4217 that are in use, and signs.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_TABLE = "currencies.json"
_DOLLARS = "$"
REGIONS: Final = r"US|USA|U\.S\.(?:A\.)?|CA|CAN|CDN|AU|AUS|NZ|HK|SG|MX|TW"
"""How people name the region of a sign beside it."""
_UNPARTED = re.compile(r"[\u0e00-\u0eff\u1100-\u11ff\u3040-\u9fff\uac00-\ud7af]")  # Thai to Hangul


class _CurrencyTable(Struct):
    """Codes have white space between them."""

    codes: str
    words: str
    """Codes that are words, too: ALL SIZES, TOP 10."""
    signs: dict[str, str]
    """What a sign can stand for; those of small letters may also be written with large ones."""
    letters: dict[str, str]
    """What letters stand for where the page says so; elsewhere they are a size, or a grade."""
    regions: dict[str, str]
    """How the regions beside a sign begin, in large letters, and what people pay with there."""
    comma: str
    """Where the decimal mark is a comma."""
    either: str
    """Where some write a comma, and some a point."""
    whole: str
    """Without cents."""
    mills: str
    """With three digits behind the decimal mark."""


class Currencies:
    """Looks currencies up; see `currencies`."""

    def __init__(self, table: _CurrencyTable) -> None:
        self.codes = frozenset(table.codes.split())
        self.words = frozenset(table.words.split())
        self.regions = table.regions
        self._comma = frozenset(table.comma.split())
        self._either = frozenset(table.either.split())
        self._whole = frozenset(table.whole.split())
        self._mills = frozenset(table.mills.split())
        self._letters = {letters: tuple(codes.split()) for letters, codes in table.letters.items()}
        self._signs: dict[str, tuple[str, ...]] = {}
        for sign, codes in table.signs.items():
            forms = {sign, sign.capitalize(), sign.upper()} if sign.islower() else {sign}
            self._signs |= dict.fromkeys(forms, tuple(codes.split()))
        longest_first = sorted(self._signs, key=lambda sign: (-len(sign), sign))
        letters = [re.escape(sign) for sign in longest_first if sign[0].isalpha()]
        others = [re.escape(sign) for sign in longest_first if not sign[0].isalpha()]
        # Signs of letters stand beside a number, and not in a word; where people write no blanks
        # between words, another one may follow them.
        unparted = [sign for sign in letters if _UNPARTED.match(sign)]
        self.pattern = re.compile(
            rf"(?<![^\W\d])(?:{'|'.join([*letters, *sorted(self.codes)])})(?![^\W\d])"
            rf"|(?:(?<=\d)|(?<=\d\s))(?:{'|'.join(unparted)})"
            rf"|{'|'.join(others)}"
        )
        """Finds a sign or code in a text."""

    def candidates(self, sign: str) -> tuple[str, ...]:
        """Return the codes that a sign or code can stand for."""
        return (sign,) if sign in self.codes else self._signs.get(sign, ())

    def of_letters(self, letters: str) -> tuple[str, ...]:
        """Return what letters can stand for that are a currency only where the page says so."""
        return self._letters.get(letters, ())

    def decimal_marks(self, sign: str) -> set[str]:
        """Return how numbers are written where people pay so; empty: it differs."""
        if sign == _DOLLARS:  # in the south of America a comma, but most dollars are not from there
            return {"."}
        codes = self.candidates(sign)
        marks = {"," if code in self._comma else "." for code in codes if code not in self._either}
        return marks if len(marks) == 1 else set()

    def is_whole(self, sign: str) -> bool:
        """Tell whether people pay without cents, as with the yen."""
        codes = self.candidates(sign)
        return bool(codes) and self._whole.issuperset(codes)

    def has_mills(self, sign: str) -> bool:
        """Tell whether three digits behind the mark are usual, as with the dinar."""
        return not self._mills.isdisjoint(self.candidates(sign))


@cache
def currencies() -> Currencies:
    """Return the currencies, which are read from their table when the first price needs them."""
    text = Path(__file__).with_name(_TABLE).read_bytes()
    return Currencies(msgspec.json.decode(text, type=_CurrencyTable))

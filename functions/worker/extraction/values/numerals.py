"""
From a text with a number in it to the number, and the currency beside it.

Pure. Where a mark can be a decimal mark or stand between thousands, somebody else decides, by what
the page says; nothing is guessed here.
"""

import re
from typing import NamedTuple

from functions.worker.extraction.values.amounts import Letters, Region
from functions.worker.extraction.values.currencies import currencies
from functions.worker.extraction.values.currency_letters import letters_at_number
from functions.worker.extraction.values.currency_signs import MAX_TEXT, beside_currency
from functions.worker.extraction.values.digits import (
    NO_GROUPS,
    NUMBER,
    DecideMark,
    decimal_mark,
    without_apostrophe,
)
from functions.worker.extraction.values.doubts import doubt_of, is_announced, may_be_two
from functions.worker.extraction.values.ranges import UP_TO, is_joined
from functions.worker.extraction.values.texts import FIXED_SPACES, tidy
from functions.worker.extraction.values.unread import Unread

_MAX_DIGITS = 40
_NEAR = 60  # characters before a number that are looked at
_DASHES = "-\u2010\u2011\u2012\u2013"
# A dash with a space behind it is none: 50 - $2.00.
_SIGN = re.compile(r"(?<![\w.,)\]])[-\u2010-\u2013](?:[^\w\s.,()-]{1,3}\s?)?\Z")
# What a dash that follows may belong to as well: Lamp -20 €.
_WORD_BEFORE = re.compile(r"[\w.,)\]]\s\Z")
_MINUS_AT_POINT = frozenset(["$", "£"])  # where nobody writes -.95 for 0.95
_MACHINE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NO_CENTS = re.compile(r"[.,]\s?(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\u2015|=)")
_SIGN_AS_MARK = re.compile(r"(?<![\d.,])(\d{1,3}(?:[ ']\d{3}){1,4}|\d{1,6})([€$£])(\d\d)(?![\d.,])")
# Cents that stand off: 118, 99 TL and 35€ 99.
_APART = re.compile(r"[.,] \d\d(?!\d)|[€$£] \d\d\Z")
# 12:50; 1 1/2, of which 4.5/5 is none.
_RATIO = re.compile(r":\d|(?: \d{1,3})?[\u2044\u2215]\d")
# Spaces that hold the groups of a number together, and no more than that.
_FIXED_GROUPS = re.compile(rf"(?<![\d{FIXED_SPACES}])\d{{1,3}}(?:[{FIXED_SPACES}]\d{{3}})+(?!\d)")
_FIXED_SPACES = str.maketrans(dict.fromkeys(FIXED_SPACES, "'"))


class Numeral(NamedTuple):
    """A number in Python's notation, and the sign or code of the currency beside it."""

    digits: str
    currency: str | None = None
    region: Region | None = None
    """What is beside that, too."""


def read_machine(text: str) -> str | None:
    """Return a number that a program wrote, with a point and nothing else; None if it is not so."""
    return text if _MACHINE.fullmatch(text) else None


def read_numeral(text: str, decide: DecideMark, *, is_price: bool = False) -> Numeral | Unread:
    """
    Return the number that a text is about.

    Beside a sign or code of a currency it is that number, else the first one; which is no price
    where it is a percentage.
    """
    if not text.isascii():
        text = _FIXED_GROUPS.sub(lambda groups: groups[0].translate(_FIXED_SPACES), text)
    text = tidy(text)
    first = NUMBER.search(text)
    if first is None:
        return Unread.UNREADABLE
    euros = _SIGN_AS_MARK.search(text, 0, MAX_TEXT)
    if euros is not None:
        if may_be_two(text, euros.start(), euros[1], None, of_money=True):
            return Unread.AMBIGUOUS
        return Numeral(f"{euros[1].translate(NO_GROUPS)}.{euros[3]}", euros[2])
    found, sign, currency, region = first, None, None, None
    if currencies().pattern.search(text, 0, MAX_TEXT):
        beside = beside_currency(text)
        if isinstance(beside, Unread):
            return beside
        found, sign, currency, region = beside or (first, None, None, None)
    doubt = doubt_of(text, found, sign, is_price=is_price)
    if doubt is not None:
        return doubt
    if is_price and sign is None:
        letters = letters_at_number(text, found)
        currency = None if letters is None else Letters(letters)
    money = _Money(currency, sign, of_money=is_price or sign is not None)
    digits = _digits(text, found, money, decide)
    if not isinstance(digits, Unread) and sign is not None:
        if found.end() <= sign.start():
            digits = _lowest(text, found, digits, money, decide)
        elif is_joined(text, sign.start(), is_behind=False):
            digits = Unread.AMBIGUOUS
    return digits if isinstance(digits, Unread) else Numeral(digits, currency, region)


class _Money(NamedTuple):
    """What is known of a number's currency, and where that stands."""

    currency: str | None
    sign: re.Match[str] | None
    of_money: bool


def _lowest(
    text: str, found: re.Match[str], highest: str, money: _Money, decide: DecideMark
) -> str | Unread:
    """Return the first number of a range whose last one has the currency: 10 of 10-15 €."""
    start = max(0, found.start() - _NEAR)
    up_to = UP_TO.search(text, start, found.start())
    if up_to is None:
        is_last = is_joined(text, found.start(), is_behind=True)
        return Unread.AMBIGUOUS if is_last else highest
    first = max(NUMBER.finditer(text, start, up_to.start()), key=re.Match.start)
    is_spaced = bool(up_to[1] or up_to[2])
    begins = first.start()
    is_apart = text[begins - 1 : begins] == " " and begins > start and not is_spaced
    if begins and not (is_apart and is_announced(text, begins)):  # iPhone 5-299 €
        return Unread.AMBIGUOUS
    lowest = _digits(text, first, money, decide)
    if isinstance(lowest, Unread) or float(lowest) < float(highest):
        return lowest
    return Unread.AMBIGUOUS


def _digits(text: str, found: re.Match[str], money: _Money, decide: DecideMark) -> str | Unread:
    end = found.end()
    digits = found[0]
    following = text[end : end + 2].lstrip()[:1]
    if following.isalpha():  # a numeral of China that begins the next word
        following = text[end : end + 1]
    if (
        len(digits) > _MAX_DIGITS
        or _RATIO.match(text, end)
        or (following.isnumeric() and not following.isdecimal())  # half, squared, ten thousand
    ):
        return Unread.UNREADABLE
    if _APART.match(text, end) and "." not in digits and "," not in digits[:-4]:
        return Unread.AMBIGUOUS
    with_point = without_apostrophe(digits, of_money=money.of_money)
    if isinstance(with_point, Unread):
        return with_point
    digits = with_point.translate(NO_GROUPS)
    if "." in digits or "," in digits:
        whole = _NO_CENTS.match(text, end) is not None
        mark = decimal_mark(digits, money.currency, decide, whole=whole)
        if isinstance(mark, Unread):
            return mark
        digits = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
        if digits.startswith("."):
            digits = "0" + digits
    sign = _sign(text, found, money)
    return sign if isinstance(sign, Unread) else f"{sign}{digits}"


def _sign(text: str, found: re.Match[str], money: _Money) -> str | Unread:
    """Return the minus before a number, if it has one."""
    start = found.start()
    minus = _SIGN.search(text, max(0, start - _NEAR), start)
    if minus is None:
        return ""
    if not money.of_money:
        return "-"
    if found[0][0] in ".," and text[start - 1] in _DASHES:  # no francs: -.95
        return Unread.AMBIGUOUS if money.currency in _MINUS_AT_POINT else ""
    end = 0 if money.sign is None else money.sign.end()
    is_beside = 0 < end <= minus.start() and not text[end : minus.start()].strip()
    if not is_beside and _WORD_BEFORE.search(text, max(0, minus.start() - 2), minus.start()):
        return Unread.AMBIGUOUS
    return "-"

"""
From a text with a number in it to the number, and the currency beside it.

Pure. Where a mark can be a decimal mark or stand between thousands, somebody else decides, by what
the page says; nothing is guessed here.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from functions.worker.currencies import currencies

_MAX_DIGITS = 40
_MAX_TEXT = 2_000  # characters that are searched for a currency
_MAX_TOKENS = 50


class Unread(StrEnum):
    """Why there is no value: the name of the problem."""

    UNREADABLE = "unreadable"
    AMBIGUOUS = "ambiguous"


class Numeral(NamedTuple):
    """A number in Python's notation, and the sign or code of the currency beside it."""

    digits: str
    currency: str | None = None


Decide = Callable[[str | None, str], str | None]
"""
Returns the decimal mark, ``.`` or ``,``, of a number such as 1.299; None if that is not known.

It is given the currency beside the number, and the mark in question.
"""

# What people in Japan, China, Iran or Switzerland type for what stands on the other side.
_FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_LOOK_ALIKE = str.maketrans(
    "\uffe1\uffe5\u2212\ufe63\u00b4\u02b9\u02bc\u2032`\u060c\u066b\ufe50\ufe52\uff61",
    "£¥--'''''\u066c.,..",
    # Marks of direction and width, which nobody sees.
    "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\ufeff",
)
_TIDY = _FULL_WIDTH | _LOOK_ALIKE
# Digits with a white space or an apostrophe before each three, or without; then points and commas.
_NUMBER = re.compile(
    r"(?:\d{1,3}(?:[ '\u2019\u066c]\d{3}(?!\d))+|\d+)(?:[.,]\d+)*|(?<![\w.,])[.,]\d+(?:[.,]\d+)*"
)
_GROUPS = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
# A dash with a space behind it is none: 50 - $2.00.
_SIGN = re.compile(r"(?<![\w.,)\]])-(?:[^\w\s.,()-]{1,3}\s?)?\Z")
_MACHINE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NO_CENTS = re.compile(r"[.,]\s?(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\u2015|=)")
# What makes another number of the digits before it: 1.2K, 3 million, 1e5, 19·99.
_GOES_ON = re.compile(
    r"[·⋅˙_^]\d|[eE][+-]?\d|[kKMB](?!\w)|\s?(?:"
    r"mio\b|mrd\b|mi?ll?i[oaóõ]\w*|mi?ll?i?ard\w*|b[iy]lli?[oó]n\w*|trilli?[oó]n\w*|mln\b|mld\b|bn\b"
    r"|thousand|tausend|tysi|tys\b|lakhs?\b|lacs?\b|crores?\b|тыс|тис|млн|млрд)",
    re.IGNORECASE,
)
_SIGN_AS_MARK = re.compile(r"(?<![\d.,])(\d{1,3}(?: \d{3})+|\d{1,6})([€$£])(\d\d)(?![\d.,])")
# Cents that stand off: 118, 99 TL and 35€ 99.
_APART = re.compile(r"[.,] \d\d(?!\d)|[€$£] \d\d\Z")
_APART_BEFORE = re.compile(r"\d[.,] \Z|[.,]{2}\Z|\A- [^\w\s]? ?\Z")
_BETWEEN = re.compile(r"[\s:.,\u2010-\u2015=-]{0,3}")


def tidy(text: str) -> str:
    """Return `text` with white space folded, and marks and signs as ASCII has them."""
    return " ".join((text if text.isascii() else text.translate(_TIDY)).split())


def read_machine(text: str) -> str | None:
    """Return a number that a program wrote, with a point and nothing else; None if it is not so."""
    return text if _MACHINE.fullmatch(text) else None


def read_numeral(text: str, decide: Decide, *, is_price: bool = False) -> Numeral | Unread:
    """
    Return the number that a text is about.

    Beside a sign or code of a currency it is that number, else the first one; which is no price
    where it is a percentage.
    """
    text = tidy(text)
    first = _NUMBER.search(text)
    if first is None:
        return Unread.UNREADABLE
    euros = _SIGN_AS_MARK.search(text, 0, _MAX_TEXT)
    if euros is not None:
        return Numeral(f"{euros[1].replace(' ', '')}.{euros[3]}", euros[2])
    found, currency = first, None
    if currencies().pattern.search(text, 0, _MAX_TEXT):
        beside = _beside_currency(text)
        if isinstance(beside, Unread):
            return beside
        found, currency = beside or (first, None)
    if is_price and currency is None and text[found.end() :].lstrip().startswith("%"):
        return Unread.UNREADABLE
    digits = _digits(text, found, currency, decide)
    return digits if isinstance(digits, Unread) else Numeral(digits, currency)


def _beside_currency(text: str) -> tuple[re.Match[str], str] | Unread | None:
    """Return the first number that a currency belongs to, and that; None if there is none."""
    text = text[:_MAX_TEXT]
    known = currencies()
    found = islice(known.pattern.finditer(text), _MAX_TOKENS)
    signs = [sign for sign in found if sign[0] not in known.words or _is_alone(sign)]
    numbers = list(islice(_NUMBER.finditer(text), _MAX_TOKENS))
    first: tuple[re.Match[str], str] | None = None
    for sign in signs:
        number = _number_of(sign, signs, numbers, text)
        if isinstance(number, Unread):
            return number if first is None else first
        if number is not None and (first is None or number.start() < first[0].start()):
            first = number, sign[0]
    return first


def _is_alone(sign: re.Match[str]) -> bool:
    """Tell whether a text has no other letters: ``TRY 1.299``, and not ``TOP 10 FILMS``."""
    beside = sign.string[: sign.start()] + sign.string[sign.end() :]
    return not any(character.isalpha() for character in beside)


def _number_of(
    sign: re.Match[str], signs: list[re.Match[str]], numbers: list[re.Match[str]], text: str
) -> re.Match[str] | Unread | None:
    """Return the number that a sign belongs to, if it is near."""
    left = next((n for n in reversed(numbers) if n.end() <= sign.start()), None)
    right = next((n for n in numbers if n.start() >= sign.end()), None)
    if left is not None and not _BETWEEN.fullmatch(text, left.end(), sign.start()):
        left = None
    if right is not None and not _BETWEEN.fullmatch(text, sign.end(), right.start()):
        right = None
    if left is None or right is None:
        return left or right
    gaps = sign.start() - left.end(), right.start() - sign.end()
    if gaps[0] != gaps[1]:
        return left if gaps[0] < gaps[1] else right
    if signs[0].start() < numbers[0].start():  # EUR 10 EUR 20
        return right
    if signs[-1].start() > numbers[-1].start():  # 10 EUR 20 EUR
        return left
    return Unread.AMBIGUOUS


def _digits(text: str, found: re.Match[str], currency: str | None, decide: Decide) -> str | Unread:
    end = found.end()
    digits = found[0]
    following = text[end : end + 2].lstrip()[:1]
    if (
        len(digits) > _MAX_DIGITS
        or _GOES_ON.match(text, end)
        or (following.isnumeric() and not following.isdecimal())  # half, squared, ten thousand
    ):
        return Unread.UNREADABLE
    if _APART.match(text, end) and "." not in digits and "," not in digits[:-4]:
        return Unread.AMBIGUOUS
    if _APART_BEFORE.search(text, 0, found.start()):
        return Unread.AMBIGUOUS
    digits = re.sub("[ '\u2019\u066c]", "", digits)
    if "." in digits or "," in digits:
        whole = _NO_CENTS.match(text, end) is not None
        mark = _decimal_mark(digits, currency, decide, whole=whole)
        if isinstance(mark, Unread):
            return mark
        digits = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
        if digits.startswith("."):
            digits = "0" + digits
    sign = "-" if _SIGN.search(text, 0, found.start()) else ""
    return f"{sign}{digits}"


def _decimal_mark(
    digits: str, currency: str | None, decide: Decide, *, whole: bool
) -> str | Unread:
    """
    Return the decimal mark, even if `digits` does not have it.

    Args:
        digits: With a point or comma in them.
        currency: The one beside them.
        decide: What to do in doubt.
        whole: Whether the text says that there are no cents.
    """
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        mark, other = (".", ",") if digits.rindex(".") > digits.rindex(",") else (",", ".")
        before = digits.partition(mark)[0]
        fits = not whole and digits.count(mark) == 1 and _is_grouped(before) and other in before
        return mark if fits else Unread.UNREADABLE
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1 or whole:
        return other if _is_grouped(digits) else Unread.UNREADABLE
    before, _, rest = digits.partition(mark)
    if len(rest) != 3 or not 0 < len(before) <= 3 or before[0] == "0":  # noqa: PLR2004
        return mark
    return decide(currency, mark) or Unread.AMBIGUOUS


def _is_grouped(digits: str) -> bool:
    return _GROUPS.fullmatch(digits) is not None

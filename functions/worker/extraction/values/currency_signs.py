"""
Which currency stands beside which number of a text.

Pure. Knows how signs and codes are placed, and nothing of what the digits come to.
"""

import re
from itertools import islice
from typing import NamedTuple

from functions.worker.extraction.values.amounts import Region
from functions.worker.extraction.values.currencies import REGIONS, currencies
from functions.worker.extraction.values.currency_letters import letters_at_sign
from functions.worker.extraction.values.digits import NUMBER
from functions.worker.extraction.values.magnitudes import stands_at
from functions.worker.extraction.values.unread import Unread

MAX_TEXT = 2_000  # characters that are searched for a currency
_MAX_TOKENS = 50
_NEAR = 16  # characters between a number and the currency behind its magnitude
_TOUCHES = re.compile(r"\s?\(?")
_PEOPLE = r"[Cc]anad(?:ian|iens?)|[Aa]ustralian|[Mm][eé]xican[oa]?s?"
# With an end behind them they are of the price. In $9 MX Master and San Diego, CA $9 they may be.
# A lone C is one at the beginning alone: Size: C $9.
_REGION_BEHIND = re.compile(
    rf"(?:(?:(?P<near>\(?)| \(?)(?P<region>{REGIONS})(?!\w)|\s(?P<people>{_PEOPLE})(?=\s?\Z))"
    r"(?P<end>\)|\s?(?:\Z|/))?"
)
_REGION_BEFORE = re.compile(
    rf"(?P<end>\A|[:(]\s?)(?P<region>{REGIONS}|(?<=\A)C)\s?\Z|(?<!\w)(?P<other>{REGIONS})\s\Z"
)
_NEAR_REGION = 8
_BETWEEN = re.compile(r"(?:/[-=])?[\s:.,\u2010-\u2015=-]{0,3}")


class Beside(NamedTuple):
    """A number that a currency belongs to."""

    number: re.Match[str]
    sign: re.Match[str]
    currency: str
    region: Region | None


def beside_currency(text: str) -> Beside | Unread | None:
    """Return the first number that a currency belongs to, its sign, and the currency."""
    text = text[:MAX_TEXT]
    known = currencies()
    found = list(islice(known.pattern.finditer(text), _MAX_TOKENS))
    signs = [sign for sign in found if sign[0] not in known.words or _is_alone(sign)]
    numbers = list(islice(NUMBER.finditer(text), _MAX_TOKENS))
    first: tuple[re.Match[str], re.Match[str]] | None = None
    for sign in signs:
        number = _number_of(sign, signs, numbers, text)
        if isinstance(number, Unread):
            if first is None:
                return number
            break
        if number is not None and (first is None or number.start() < first[0].start()):
            first = number, sign
    if first is None:
        return None
    number, sign = first
    others = [
        other
        for other in found
        if other is not sign and _number_of(other, signs, numbers, text) in {None, number}
    ]
    currency = _named(number, sign, others, text)
    return Beside(number, sign, currency, _region(number, sign, currency, text))


def _named(
    number: re.Match[str], sign: re.Match[str], others: list[re.Match[str]], text: str
) -> str:
    """
    Return the currency that a sign stands for, with the codes that touch it or its number.

    That is AUD of AUD $5 and $5 AUD; both, a space between them, if they contradict each other.
    """
    known = currencies()
    start, end = min(number.start(), sign.start()), max(number.end(), sign.end())
    named = sign[0]
    unknown = letters_at_sign(text, sign)
    if unknown is not None:
        return unknown
    codes = set(known.candidates(named))
    for other in others:
        if not (_TOUCHES.fullmatch(text, other.end(), start)
                or _TOUCHES.fullmatch(text, end, other.start())):  # fmt: skip
            continue
        common = codes.intersection(known.candidates(other[0]))
        if common:
            codes = common
        elif other[0] not in known.words:
            return f"{named} {other[0]}"
    return codes.pop() if len(codes) == 1 and len(known.candidates(named)) > 1 else named


def _region(number: re.Match[str], sign: re.Match[str], currency: str, text: str) -> Region | None:
    """Return the region that touches a number or the sign of its currency."""
    known = currencies()
    if len(known.candidates(currency)) <= 1:
        return None
    start, end = min(number.start(), sign.start()), max(number.end(), sign.end())
    found: list[Region] = []
    behind = _REGION_BEHIND.match(text, end)
    if behind is not None:
        name = behind["region"] or behind["people"]
        is_certain = behind["end"] is not None or behind["near"] is not None
        found.append(Region(known.regions[name[:2].upper()], is_certain))
    before = _REGION_BEFORE.search(text[max(0, start - _NEAR_REGION) : start])
    if before is not None and (start <= _NEAR_REGION or before["end"] != ""):
        name = before["region"] or before["other"]
        found.append(Region(known.regions[name[:2].upper()], before["region"] is not None))
    return max(found, key=lambda region: region.is_certain, default=None)


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
    if left is not None and not (
        _BETWEEN.fullmatch(text, left.end(), sign.start())
        or (sign.start() - left.end() < _NEAR and stands_at(text, left.end(), has_sign=True))
    ):
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

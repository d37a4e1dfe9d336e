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

from functions.worker.extraction.currencies import currencies
from functions.worker.extraction.magnitudes import goes_on, stands_at, stands_before

_MAX_DIGITS = 40
_MAX_TEXT = 2_000  # characters that are searched for a currency
_MAX_TOKENS = 50
_NEAR = 16  # characters between a number and the currency behind its magnitude


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
_SIGN = re.compile(r"(?<![\w.,)\]])[-\u2010-\u2013](?:[^\w\s.,()-]{1,3}\s?)?\Z")
_MACHINE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NO_CENTS = re.compile(r"[.,]\s?(?:-|\u2010|\u2011|\u2012|\u2013|\u2014|\u2015|=)")
_SIGN_AS_MARK = re.compile(r"(?<![\d.,])(\d{1,3}(?:[ ']\d{3})+|\d{1,6})([€$£])(\d\d)(?![\d.,])")
# Cents that stand off: 118, 99 TL and 35€ 99.
_APART = re.compile(r"[.,] \d\d(?!\d)|[€$£] \d\d\Z")
_APART_BEFORE = re.compile(
    r"\d[.,] \Z|[.,]{2}\Z|\A[-\u2010-\u2014] [^\w\s]? ?\Z|\A\u2014\Z|\d[/:]\Z"
)
_TWO_MORE = re.compile(r" \d\d(?![\d.,:]|\s?%)")  # 12 99, unless they are a price of their own
_AND_MORE = re.compile(r"\d \Z")
_MINUS = re.compile(
    r"(?<![^\W\d_])(?:minus|moins|menos|meno|miinus|минус|мінус)\s\Z", re.IGNORECASE
)
# 12:50; 1 1/2, of which 4.5/5 is none.
_RATIO = re.compile(r":\d|(?: \d{1,3})?[\u2044\u2215]\d")
_FRACTION = re.compile(r"(?: \d{1,3})?/\d")
_CENT_SIGN = re.compile(r"\s?[¢\uffe0]")
_CENTS = re.compile(
    r"\s?(?:p|c|cts?|cents?|pence|penny|öre|øre|gr|grosz[ey]?|коп|копе\w*|bani|fillér|kuruş|krş"
    r"|c[eé]nt(?:imes?|imos?|avos?|esimi))(?!\w)",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\s?(?:[-\u2010-\u2015~\u301c]|to|bis|or|do|до)\s?[^\w\s]?\s?\d+(?:[.,]\d+)*", re.IGNORECASE
)
# Spaces that hold the groups of a number together, and no more than that.
_FIXED_GROUPS = re.compile(
    r"(?<![\d\u00a0\u2007\u2009\u202f])\d{1,3}(?:[\u00a0\u2007\u2009\u202f]\d{3})+(?!\d)"
)
_FIXED_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", "'"))
_NO_GROUPS = str.maketrans("", "", " '\u2019\u066c")
# What stands right before 15 799: iPhone 15, or a word that belongs to no number.
_BEFORE_GROUPS = re.compile(r"(\w+)[.)\]\"'\u00ae\u2122]*\s\Z")
_ANNOUNCING = """
    a à ab about all and approx at av avg bis by c ca cca circa de des do dès från for fra from für
    i in is it just max min more newly now nu nur of od ok om on only or over per pour pro rrp save
    sale since still than that to total totals til till up uvp von vor was were with za
    ár ára art cena cenu ceny cenie coste costo costs coût custa desde dopo
    einzelpreis fiyat hind hinta
    kaina kosten kostet kostar kostaa koster msrp omkring ordinarie pvp pret preț preis preise preço
    precio prezzo price prices prijs pris prix promo regular samt solo seulement soit subtotal
    sum summa somme tarif totale totalt verkaufspreis view views vanaf voor värde worth yht
    environ etwa rund plus über moins près jusqu hasta unter weniger mehr avec sur à
    population populace einwohner befolkning obyvatel ludność
    von только от до цена цене цены всего за около более стоимость ціна від за всього ціною
"""
_ANNOUNCES = frozenset(_ANNOUNCING.split())
_TOUCHES = re.compile(r"\s?\(?")
_LETTERS_OF_DOLLARS = re.compile(r"(?<![^\W_])[A-Z]{1,3}\Z")
_REGIONS = (
    r"US|USA|U\.S\.(?:A\.)?|CA|CAN|CDN|[Cc]anad\w+|AU|AUS|[Aa]ustralia\w*"
    r"|NZ|HK|SG|MX|[Mm]e[xj]ic\w+|TW"
)
_REGION_BEHIND = re.compile(rf"\s?\(?({_REGIONS})(?!\w)")
_REGION_BEFORE = re.compile(rf"(?<!\w)({_REGIONS})\s?\Z")
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
    if not text.isascii():
        text = _FIXED_GROUPS.sub(lambda groups: groups[0].translate(_FIXED_SPACES), text)
    text = tidy(text)
    first = _NUMBER.search(text)
    if first is None:
        return Unread.UNREADABLE
    euros = _SIGN_AS_MARK.search(text, 0, _MAX_TEXT)
    if euros is not None:
        return Numeral(f"{euros[1].translate(_NO_GROUPS)}.{euros[3]}", euros[2])
    found, sign, currency = first, None, None
    if currencies().pattern.search(text, 0, _MAX_TEXT):
        beside = _beside_currency(text)
        if isinstance(beside, Unread):
            return beside
        found, sign, currency = beside or (first, None, None)
    doubt = _doubt(text, found, sign, is_price=is_price)
    if doubt is not None:
        return doubt
    digits = _digits(text, found, currency, decide)
    return digits if isinstance(digits, Unread) else Numeral(digits, currency)


def _doubt(
    text: str, found: re.Match[str], sign: re.Match[str] | None, *, is_price: bool
) -> Unread | None:
    """Return why the digits are not all that a text says of its number; None if they are."""
    is_bare = is_price and sign is None
    if (
        (is_bare and text[found.end() : found.end() + 2].lstrip().startswith("%"))
        or _is_in_cents(text, found, is_price=is_bare)
        or _is_partial(text, found, sign)
    ):
        return Unread.UNREADABLE
    if (is_price or sign is not None) and _has_more(text, found, sign):
        return Unread.AMBIGUOUS
    return _doubt_before(text, found)


def _doubt_before(text: str, found: re.Match[str]) -> Unread | None:
    """Return what is in doubt by the text before a number, or by a fraction that it begins."""
    start, digits = found.start(), found[0]
    if _APART_BEFORE.search(text, 0, start) or _MINUS.search(text, 0, start):
        return Unread.AMBIGUOUS
    if _FRACTION.match(text, found.end()) and "." not in digits and "," not in digits:
        return Unread.AMBIGUOUS
    if " " in digits and _is_two(_BEFORE_GROUPS.search(text, 0, start)):
        return Unread.AMBIGUOUS
    return None


def _is_in_cents(text: str, found: re.Match[str], *, is_price: bool) -> bool:
    """Tell whether a number counts hundredths: 99¢, and of money without a sign 50p."""
    if _CENT_SIGN.match(text, found.end()) or text[: found.start()].rstrip().endswith("\u00a2"):
        return True
    return is_price and _CENTS.match(text, found.end()) is not None


def _has_more(text: str, found: re.Match[str], sign: re.Match[str] | None) -> bool:
    """Tell whether two digits beside a price may be its cents: £1 50, 12 99 zł."""
    if "." in found[0] or "," in found[0]:
        return False
    if len(found[0]) == 2 and _AND_MORE.search(text, 0, found.start()):  # noqa: PLR2004
        return sign is None or sign.start() >= found.end()
    if sign is not None and _CENTS.match(text, found.end()):  # £50p
        return True
    end = found.end()
    if sign is not None and end <= sign.start() <= end + 1:
        end = sign.end()
    more = _TWO_MORE.match(text, end)
    if more is None:
        return False
    return not currencies().pattern.match(text[more.end() : more.end() + 8].lstrip())


def _is_partial(text: str, found: re.Match[str], sign: re.Match[str] | None) -> bool:
    """Tell whether a number is a part of one: 1.2 K, 5-6 million, US$ million 5."""
    of_money = sign is not None
    if goes_on(text, found.end(), of_money=of_money) or stands_before(text, found.start()):
        return True
    if sign is not None and found.end() <= sign.start() and stands_at(text, sign.end()):
        return True
    other = _RANGE.match(text, found.end())
    return other is not None and goes_on(text, other.end(), of_money=of_money)


def _beside_currency(text: str) -> tuple[re.Match[str], re.Match[str], str] | Unread | None:
    """Return the first number that a currency belongs to, its sign, and the currency."""
    text = text[:_MAX_TEXT]
    known = currencies()
    found = list(islice(known.pattern.finditer(text), _MAX_TOKENS))
    signs = [sign for sign in found if sign[0] not in known.words or _is_alone(sign)]
    numbers = list(islice(_NUMBER.finditer(text), _MAX_TOKENS))
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
    return number, sign, _named(number, sign, others, text)


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
    unknown = _LETTERS_OF_DOLLARS.search(text, 0, sign.start())
    if unknown is not None and sign[0] == "$" and unknown[0] not in known.codes:
        return f"{unknown[0]}$"
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
    if len(codes) > 1:
        regions = _REGION_BEHIND.match(text, end), _REGION_BEFORE.search(text, 0, start)
        for region in filter(None, regions):
            codes = codes.intersection(known.regions[region[1][:2].upper()].split())
        if not codes:
            return f"{named} ?"
    return codes.pop() if len(codes) == 1 and len(known.candidates(named)) > 1 else named


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
        or (sign.start() - left.end() < _NEAR and stands_at(text, left.end()))
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


def _digits(text: str, found: re.Match[str], currency: str | None, decide: Decide) -> str | Unread:
    end = found.end()
    digits = found[0]
    following = text[end : end + 2].lstrip()[:1]
    if (
        len(digits) > _MAX_DIGITS
        or _RATIO.match(text, end)
        or (following.isnumeric() and not following.isdecimal())  # half, squared, ten thousand
    ):
        return Unread.UNREADABLE
    if _APART.match(text, end) and "." not in digits and "," not in digits[:-4]:
        return Unread.AMBIGUOUS
    digits = digits.translate(_NO_GROUPS)
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


def _is_two(word: re.Match[str] | None) -> bool:
    """Tell whether the first of spaced digits can belong to the word before: iPhone 15 799."""
    if word is None or word[1].casefold() in _ANNOUNCES:
        return False
    return not currencies().candidates(word[1])


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

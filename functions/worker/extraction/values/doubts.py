"""
What around a number says that its digits are not all there is to it: 1.2 K, 12 99, 99¢, 1 1/2.

Pure, and guesses nothing: what may be another number is none.
"""

import re
from functools import lru_cache

from functions.worker.extraction.values.currencies import currencies
from functions.worker.extraction.values.magnitudes import goes_on, is_magnitude, stands_before
from functions.worker.extraction.values.unread import Unread

_NEAR = 60  # characters before a number that are looked at
_CODE = re.compile(r"\s?[A-Z]{2,3}(?![^\W\d_])")  # of $5 US million
_APART_BEFORE = re.compile(
    r"\d[.,] \Z|[.,]{2}\Z|\A[-\u2010-\u2014] [^\w\s]? ?\Z|\A\u2014\Z|\d[/:]\Z"
)
# 12 99, unless they are a price of their own, a date, or a number of things.
_TWO_MORE = re.compile(r" \d\d(?![\d.,:/]|\s?%|[^\W\d_a-zA-Z])")
_AND_MORE = re.compile(r"\d \Z")
_MINUS_WORDS = frozenset(["minus", "moins", "menos", "meno", "miinus", "минус", "мінус"])
_MINUS = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(sorted(_MINUS_WORDS))})\s\Z", re.IGNORECASE)
_FRACTION = re.compile(r" \d{1,3}/\d+(?![\d/])|/\d")
_CENT_SIGN = re.compile(r"\s?[¢\uffe0]")
_CENTS = re.compile(
    r"\s?(?:[pc]|cts?|cents?|pence|penny|öre|øre|gr|grosz[ey]?|коп|копе\w*|bani|fillér|kuruş|krş"
    r"|c[eé]nt(?:imes?|imos?|avos?|esimi))(?!\w)",
    re.IGNORECASE,
)
# Per month, person, year or week; postage and packing; cada uno.
_NO_CENTS = re.compile(
    r"\s?p\.(?:[ampw]|c\.m|st)\.| p\. (?:[ampw]|c\. m)\.| p&p(?!\w)|\s?c/u(?!\w)", re.IGNORECASE
)
_RANGE = re.compile(
    r"\s?(?:[-\u2010-\u2015~\u301c]|to|bis|or|do|до)\s?[^\w\s]?\s?\d+(?:[.,]\d+)*", re.IGNORECASE
)
# What stands right before 15 799: iPhone 15, or a word that belongs to no number.
_BEFORE_GROUPS = re.compile(r"(\w+)([.)\]\"'\u00ae\u2122]*)\s\Z")
# Words that announce a number and may have a large letter, as names do.
_ANNOUNCING = """
    a à ab about all and approx at av avg avis by c ca cca circa de des desde do dès dopo environ
    etwa from fra från for för fra für før hasta hyra i in is it just jusqu max mehr min moins more
    msrp newly now nu nur nyt nå od ok om only or over per plus por pour pro pvp rrp rund près save
    sale samt since solde soldes soit solo somme spar still sur than that to tot total totals totalt
    til till unter up uvp von vor voor was were weniger with worth za vanaf views view yht
    seulement subtotal sum summa fiyat koster kostet kostar kostaa przebieg population populace
    einwohner befolkning obyvatel ludność
    alv dph ht moms mva ttc tva vat ндс
    всего до за итого около от пробег только ціною
"""
_PRICES = (
    "ár", "ára", "cen", "cena", "cenu", "ceny", "cenie", "coste", "costo", "cost", "costs", "coût",
    "hind", "hinta", "kaina", "kosten", "preis", "preise", "precio", "preço", "prezzo", "preț",
    "preis", "pret", "price", "prices", "prijs", "pris", "prix", "цена", "цене", "цену", "цены",
    "стоимость", "ціна",
)  # fmt: skip
_ANNOUNCES = frozenset(_ANNOUNCING.split())


def doubt_of(
    text: str, found: re.Match[str], sign: re.Match[str] | None, *, is_price: bool
) -> Unread | None:
    """Return why the digits are not all that a text says of its number; None if they are."""
    is_bare = is_price and sign is None
    if (
        (is_bare and text[found.end() : found.end() + 2].lstrip().startswith("%"))
        or _is_in_cents(text, found, is_price=is_bare)
        or _is_partial(text, found, sign, is_price=is_price)
    ):
        return Unread.UNREADABLE
    if (is_price or sign is not None) and _has_more(text, found, sign):
        return Unread.AMBIGUOUS
    return _doubt_before(text, found)


def _before(text: str, found: re.Match[str]) -> str:
    """Return what is near before a number: a pattern may look at each place of it anew."""
    return text[max(0, found.start() - _NEAR) : found.start()]


def _doubt_before(text: str, found: re.Match[str]) -> Unread | None:
    """Return what is in doubt by the text before a number, or by a fraction that it begins."""
    digits, before = found[0], _before(text, found)
    if _APART_BEFORE.search(before) or _MINUS.search(before):
        return Unread.AMBIGUOUS
    if _FRACTION.match(text, found.end()) and "." not in digits and "," not in digits:
        return Unread.AMBIGUOUS
    if " " in digits and _is_two(_BEFORE_GROUPS.search(before), digits):
        return Unread.AMBIGUOUS
    return None


def is_announced(text: str, start: int) -> bool:
    """Tell whether a number stands alone, or behind a word that no number belongs to: ab 10."""
    before = _BEFORE_GROUPS.search(text[max(0, start - _NEAR) : start])
    return before is None or _announces(before[1])


def _announces(word: str) -> bool:
    folded = word.casefold()
    return folded in _ANNOUNCES or folded.endswith(_PRICES)


def _is_two(before: re.Match[str] | None, digits: str) -> bool:
    """
    Tell whether the first of spaced digits can belong to the word before: iPhone 15 799.

    Not if the others are no number of their own, nor if the word is written as names are not.
    """
    if before is None or digits.partition(" ")[2].startswith("0"):
        return False
    word, end = before.groups()
    if (word.islower() and not end) or _announces(word):
        return any(character.isdecimal() for character in word)
    if word == "R" and before.start() == 0:  # of South Africa
        return False
    return not (currencies().candidates(word) or currencies().candidates(word + end))


@lru_cache(maxsize=1_000)  # the numbers of a website have the same few words beside them
def is_doubtful(before: str, behind: str) -> bool:
    """Tell whether the words right before a number, or two behind it, may say more of it."""
    last = before.rstrip(" (").rpartition(" ")[2]
    return (
        any(word in {"de", "in", "na"} or is_magnitude(word) for word in behind.split())
        or stands_before(before, len(before))
        or last.casefold() in _MINUS_WORDS
    )


def _is_in_cents(text: str, found: re.Match[str], *, is_price: bool) -> bool:
    """Tell whether a number counts hundredths: 99¢, and of money without a sign 50p."""
    if _CENT_SIGN.match(text, found.end()) or _before(text, found).rstrip().endswith("\u00a2"):
        return True
    return is_price and _counts_cents(text, found.end())


def _counts_cents(text: str, end: int) -> bool:
    return _CENTS.match(text, end) is not None and _NO_CENTS.match(text, end) is None


def _has_more(text: str, found: re.Match[str], sign: re.Match[str] | None) -> bool:
    """Tell whether two digits beside a price may be its cents: £1 50, 12 99 zł."""
    if "." in found[0] or "," in found[0]:
        return False
    if len(found[0]) == 2 and _AND_MORE.search(_before(text, found)):  # noqa: PLR2004
        return sign is None or sign.start() >= found.end()
    if sign is not None and _counts_cents(text, found.end()):  # £50p
        return True
    end = found.end()
    if sign is not None and end <= sign.start() <= end + 1:
        end = sign.end()
    more = _TWO_MORE.match(text, end)
    if more is None:
        return False
    return not currencies().pattern.match(text[more.end() : more.end() + 8].lstrip())


def _is_partial(
    text: str, found: re.Match[str], sign: re.Match[str] | None, *, is_price: bool
) -> bool:
    """Tell whether a number is a part of one: 1.2 K, 5-6 million, 5 USD million, Mio. € 5."""
    if stands_before(text, found.start()):
        return True
    ends = [found.end()]
    other = _RANGE.match(text, found.end())
    if other is not None:
        ends.append(other.end())
    has_sign = sign is not None
    if sign is not None:
        ends += [sign.end()] * (sign.start() >= found.end())
        ends += [code.end() for code in (_CODE.match(text, end) for end in ends) if code]
    return any(goes_on(text, end, of_money=is_price or has_sign, has_sign=has_sign) for end in ends)

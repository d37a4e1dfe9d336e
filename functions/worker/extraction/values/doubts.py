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
_CODE = re.compile(r"\s?\(?[A-Z]{2,3}(?![^\W\d_])\)?")  # of $5 US million
# Before a number: a mark that stands off on one side, as in 19 ,99 and 118, 99.
_APART_BEFORE = re.compile(
    r"\d(?:[.,] | [.,] ?)\Z|[.,]{2}\Z|\A[-\u2010-\u2014] [^\w\s]? ?\Z|\A\u2014\Z|\d[/:]\Z"
)
# 12 99, unless they are a price of their own, a date, or a number of things.
_TWO_MORE = re.compile(r"(?: [.,]?| ?\^)\d\d(?![\d.,:/]|\s?%|[^\W\d_a-zA-Z])")
_AND_MORE = re.compile(r"\d \Z")
# What is no text with the digits beside it: 19^99, as it is written here where 99 are above.
_JOINED_BEFORE = re.compile(r"\d ?\^[€$£]?\Z")
_JOINED_BEHIND = re.compile(r" ?\^[€$£]?\d")
# A part with a mark of its own: 19 ,99 and 19 . 99.
_PART_BEHIND = re.compile(r" [.,](?:\d| \d\d(?!\d))")
_MINUS_WORDS = frozenset(["minus", "moins", "menos", "meno", "miinus", "минус", "мінус"])
_MINUS = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(sorted(_MINUS_WORDS))})\s\Z", re.IGNORECASE)
_FRACTION = re.compile(r" \d{1,3}/\d+(?![\d/])|/\d")
_CENT_SIGN = re.compile(r"\s?(?:[¢\uffe0]|(?:GB[pX]|ZAc)(?!\w))")
_CENT_SIGN_BEFORE = re.compile(r"(?:[¢\uffe0]|(?<!\w)(?:GB[pX]|ZAc))\s*\Z")
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
# The words right before 15 799.
_BEFORE_GROUPS = re.compile(
    r"(?:(\w+)\s)?(\w+)[.)\]\"'*+\u00ae\u00b0\u2122]*"
    r"(?:\s|\s?(?P<colon>:)\s?|(?<!\d)[/#\u2010-\u2013-]?)\Z"
)
_LABEL = re.compile(r"[^:;|]*(?=:\s?\Z)")
_LETTERS = re.compile(r"\w+")
# Words that no number belongs to but what follows.
_ANNOUNCING = """
    ab about approx avg ca cca circa desde dès environ etwa fra from från før hasta jusqu just moins
    msrp now nu nur nyt nå od only over près pvp rrp rund sale save soit somme spar unter under uvp
    vanaf views was were weniger worth yht över über endast bara kun tylko jen pouze csak vain
    slechts seulement solde soldes subtotal sum summa total totals totalt
    koster kostet kostar kostaa cen cena cenu ceny cenie cost coste costo costs coût hind kaina
    precio preço prezzo preț pret price prices prix ár ára fiyat
    przebieg population populace einwohner befolkning obyvatel ludność
    всего итого около от пробег только цена цене цену цены стоимость ціна ціною
"""
_PRICES = (
    "preis", "preise", "pris", "prijs", "hinta", "kosten", "kostnad", "avgift", "gebühr", "hyra",
    "miete",
)  # fmt: skip
_ANNOUNCES = frozenset(_ANNOUNCING.split())
# Words that announce what the word before them does: Prix de 1 299, Lot de 6; Cena netto 1 299.
_BETWEEN_LIST = "de des da di of von van av alv brutto dph ht moms mva netto ttc tva vat ндс"
_BETWEEN = frozenset(_BETWEEN_LIST.split())
_NUMBERS = ("#", "\u2116")
_WITH_OF = frozenset(["lieu", "más", "mais", "partir", "partire", "plus", "più"])


def doubt_of(
    text: str, found: re.Match[str], sign: re.Match[str] | None, *, is_price: bool
) -> Unread | None:
    """Return why the digits are not all that a text says of its number; None if they are."""
    is_bare = is_price and sign is None
    if (
        (is_bare and text[found.end() : found.end() + 2].lstrip().startswith("%"))
        or _is_in_cents(text, found, is_price=is_bare)
        or _is_partial(text, found, sign, is_price=is_price)
        or _JOINED_BEFORE.search(_before(text, found))
        or _JOINED_BEHIND.match(text, found.end())
    ):
        return Unread.UNREADABLE
    if (is_price or sign is not None) and _has_more(text, found, sign):
        return Unread.AMBIGUOUS
    if may_be_two(text, found.start(), found[0], sign, of_money=is_price or sign is not None):
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
    if _PART_BEHIND.match(text, found.end()) or (digits[0] in ".," and _AND_MORE.search(before)):
        return Unread.AMBIGUOUS
    if _FRACTION.match(text, found.end()) and "." not in digits and "," not in digits:
        return Unread.AMBIGUOUS
    return None


def is_announced(text: str, start: int) -> bool:
    """Tell whether a number stands alone, or behind a word that no number belongs to: ab 10."""
    near = text[max(0, start - _NEAR) : start]
    before = _BEFORE_GROUPS.search(near)
    if before is None:
        return True
    if before["colon"]:
        label = _LABEL.search(near)
        return label is not None and any(_announces(word) for word in _LETTERS.findall(label[0]))
    word, last = before.group(1, 2)
    if last.casefold() in _BETWEEN:
        return word is None or word.casefold() in _WITH_OF or _announces(word)
    return _announces(last)


def _announces(word: str) -> bool:
    folded = word.casefold()
    return folded in _ANNOUNCES or folded.endswith(_PRICES)


def may_be_two(
    text: str, start: int, digits: str, sign: re.Match[str] | None, *, of_money: bool
) -> bool:
    """
    Tell whether the first of spaced digits can belong to the word before: iPhone 15 799.

    It cannot if the others are no number of their own, or the word is their currency or announces
    a number. What a colon follows has a number, which of money is rather the size: Size: 38 999 kr.
    """
    if " " not in digits or digits.partition(" ")[2].startswith("0"):
        return False
    before = text[max(0, start - 3) : start]
    if before.rstrip().endswith(_NUMBERS):
        return True
    if (":" in before and not of_money) or text[:start].strip() == "R":  # of South Africa
        return False
    if sign is not None and sign.end() <= start and not text[sign.end() : start].strip():
        return currencies().pattern.match(text[start + len(digits) :].lstrip()[:8]) is not None
    return not is_announced(text, start)


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
    if _CENT_SIGN.match(text, found.end()) or _CENT_SIGN_BEFORE.search(_before(text, found)):
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


def is_announcing(word: str) -> bool:
    """Tell whether a word announces a number, and belongs to none."""
    return _announces(word) or word.casefold() in _BETWEEN

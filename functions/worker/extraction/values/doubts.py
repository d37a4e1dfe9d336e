"""
What around a number says that its digits are not all there is to it: 1.2 K, 12 99, 99¢, 1 1/2.

Pure, and guesses nothing: what may be another number is none.
"""

import re

from functions.worker.extraction.values.currencies import currencies
from functions.worker.extraction.values.magnitudes import goes_on, stands_at, stands_before
from functions.worker.extraction.values.unread import Unread

_NEAR = 60  # characters before a number that are looked at
_APART_BEFORE = re.compile(
    r"\d[.,] \Z|[.,]{2}\Z|\A[-\u2010-\u2014] [^\w\s]? ?\Z|\A\u2014\Z|\d[/:]\Z"
)
_TWO_MORE = re.compile(r" \d\d(?![\d.,:]|\s?%)")  # 12 99, unless they are a price of their own
_AND_MORE = re.compile(r"\d \Z")
_MINUS = re.compile(
    r"(?<![^\W\d_])(?:minus|moins|menos|meno|miinus|минус|мінус)\s\Z", re.IGNORECASE
)
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


def doubt_of(
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
    if " " in digits and _is_two(_BEFORE_GROUPS.search(before)):
        return Unread.AMBIGUOUS
    return None


def _is_two(word: re.Match[str] | None) -> bool:
    """Tell whether the first of spaced digits can belong to the word before: iPhone 15 799."""
    if word is None or word[1].casefold() in _ANNOUNCES:
        return False
    return not currencies().candidates(word[1])


def _is_in_cents(text: str, found: re.Match[str], *, is_price: bool) -> bool:
    """Tell whether a number counts hundredths: 99¢, and of money without a sign 50p."""
    if _CENT_SIGN.match(text, found.end()) or _before(text, found).rstrip().endswith("\u00a2"):
        return True
    return is_price and _CENTS.match(text, found.end()) is not None


def _has_more(text: str, found: re.Match[str], sign: re.Match[str] | None) -> bool:
    """Tell whether two digits beside a price may be its cents: £1 50, 12 99 zł."""
    if "." in found[0] or "," in found[0]:
        return False
    if len(found[0]) == 2 and _AND_MORE.search(_before(text, found)):  # noqa: PLR2004
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

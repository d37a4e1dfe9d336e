"""
Digits as people write a number: where they are in a text, and what the marks in them mean.

Pure. Where a mark can be a decimal mark or stand between thousands, somebody else decides.
"""

import re
from collections.abc import Callable

from functions.worker.extraction.values.unread import Unread

# Digits with a white space or an apostrophe before each three, or without; then points and commas,
# or the apostrophe that some write for a decimal mark.
NUMBER = re.compile(
    r"(?:\d{1,3}(?:[ '\u2019\u066c]\d{3}(?!\d))+|\d+)(?:[.,]\d+)*(?:['\u2019]\d+)?"
    r"|(?<![\w.,])[.,]\d+(?:[.,]\d+)*"
)
NO_GROUPS = str.maketrans("", "", " '\u2019\u066c")
_APOSTROPHE_CENTS = re.compile(r"(\d+|\d{1,3}(?:([ .,])\d{3})(?:\2\d{3})*)['\u2019](\d\d)")
_NO_GROUP = re.compile(r"(?:[.,]\d*|\d{4})['\u2019]|['\u2019](?!\d{3}(?!\d))")
_GROUPS = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
DecideMark = Callable[[str | None, str], str | None]
"""
Returns the decimal mark, ``.`` or ``,``, of a number such as 1.299; None if that is not known.

It is given the currency beside the number, and the mark in question.
"""


def decimal_mark(
    digits: str, currency: str | None, decide: DecideMark, *, whole: bool
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


def without_apostrophe(digits: str, *, of_money: bool) -> str | Unread:
    """
    Return `digits` with a point for an apostrophe that is a decimal mark, as in 12'99 €.

    Where it is no money, it may be one of feet, or of minutes.
    """
    if "'" not in digits and "\u2019" not in digits:
        return digits
    cents = _APOSTROPHE_CENTS.fullmatch(digits)
    if cents is not None and of_money:
        return f"{cents[1].replace(cents[2] or ' ', '')}.{cents[3]}"
    return Unread.AMBIGUOUS if _NO_GROUP.search(digits) else digits


def _is_grouped(digits: str) -> bool:
    return _GROUPS.fullmatch(digits) is not None

"""
What stands between two numbers, the last of which has the currency: 10-15 €, de 10 a 15 €.

Pure. No list of words tells a range from two numbers in every language, so that only a few joints
are certain; any other short one may join two prices, unless it is written as those are not.
"""

import re
import unicodedata

UP_TO = re.compile(r"(?<=\d)(?:(\s?)[-\u2010-\u2015~\u301c]\s?|(\s)(?:to|bis|or|do|до)\s)\Z")
"""Finds what makes a range of two numbers, at the end of the text before the last of them."""
_WORD_UP_TO = re.compile(r"\d\s(?:to|bis|or|do|до)\s\Z")
_NEAR = 20
# A word or two with blanks around them, or without any; of marks one to three.
_WORDS = re.compile(
    r"\d(?:[.,]-)?(?:\s(?P<apart>[^\W\d_]{1,6}(?:'[^\W\d_]{1,2})?|[^\W\d_]{1,4} [^\W\d_]{1,2})\s"
    r"|(?P<near>[^\W\d_]{1,6}))\Z"
)
_MARKS = re.compile(
    r"\d(?P<space>\s?)(?P<marks>[^\w\s.,:=*\u00d7()\[\]%°\"']{1,3}|\.{2,3})(?P=space)\Z"
)
# Of Han, Thai and the like, some of which have no blanks between words.
_OTHER_WORDS = re.compile(r"\d\s?(?P<words>[^\W\d_][^\s\d]{0,5})\s?\Z")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK")
_VOWELS = frozenset("aeiouyæœø\u0131ə аеиоуыэюяєі αεηιουω") - {" "}


def is_joined(text: str, start: int, *, is_behind: bool) -> bool:
    """
    Tell whether the number at `start` may be the last one of several prices.

    Args:
        text: Tidy.
        start: Where that number begins, or the sign of the currency before it.
        is_behind: Whether the currency is behind the number. People write $10 to $15, so that two
            numbers of which the last has a sign before it are prices only by a word for it.
    """
    before = text[max(0, start - _NEAR) : start]
    if not is_behind:
        return _WORD_UP_TO.search(before) is not None
    if _MARKS.search(before):
        return True
    words = _WORDS.search(before)
    if words is not None:
        word = words["apart"] or words["near"]
        if _script_of(word) in _SCRIPTS:
            return _joins(word, text)
    other = _OTHER_WORDS.search(before)
    return other is not None and _script_of(other["words"]) not in _SCRIPTS


def _joins(words: str, text: str) -> bool:
    """
    Tell whether words may join two prices, as those in small letters that people can speak.

    `kg`, `pcs` and `x` have no vowel, and GB or Stück a large letter where others have none.
    """
    if words != words.lower() and text != text.upper():
        return False
    letters = unicodedata.normalize("NFD", words.casefold())
    return not any(map(_VOWELS.isdisjoint, letters.split()))


def _script_of(word: str) -> str:
    return unicodedata.name(word[0], "").partition(" ")[0]

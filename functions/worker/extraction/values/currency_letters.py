"""
Letters beside a number that may be a currency that nobody here knows: SFr 19.90, 5000 FCFA, E£ 45.

Pure. What they stand for is not told, only that they are there, so that no other currency is taken
for the one that a page shows.
"""

import re
import unicodedata

from functions.worker.extraction.values.currencies import REGIONS, currencies
from functions.worker.extraction.values.doubts import is_announcing

_NEAR = 16
# What is neither white space nor a digit nor a mark of ASCII; a dollar sign is none.
_LETTER = r"[^\s\d!-#%-/:-@\[-`{-~]"
_WORD = rf"({_LETTER}(?:\.?{_LETTER}){{0,7}})"
_BEFORE = re.compile(rf"(?<![\d/])(?<!{_LETTER}){_WORD}\.?\s?\Z")
_BEHIND = re.compile(rf"\s?{_WORD}(?!{_LETTER})")
_SHARED = frozenset("$£¥")  # signs that letters beside them make other currencies of
_BEFORE_SIGN = re.compile(r"(?<![^\W_])(?:[^\W\d_]{1,4}\.?|(?:[^\W\d_]\.){2,3})\Z")
_BEHIND_SIGN = re.compile(r"[A-Z]{1,3}(?![^\W\d_])")
_REGION = re.compile(REGIONS)
_LONGEST, _LONGEST_ELSEWHERE = 5, 7  # letters; in other scripts there are endings to words


def letters_at_sign(text: str, sign: re.Match[str]) -> str | None:
    """Return the sign with unknown letters that touch it, as in Q$9 and E£ 45; NOW$5 has none."""
    if sign[0] not in _SHARED:
        return None
    before = _BEFORE_SIGN.search(text, max(0, sign.start() - _NEAR), sign.start())
    is_region = sign[0] == "$" and before is not None and _REGION.fullmatch(before[0])
    if before is not None and not is_region and _is_unknown(before[0]):
        return before[0] + sign[0]
    behind = _BEHIND_SIGN.match(text, sign.end())
    return sign[0] + behind[0] if behind is not None and _is_unknown(behind[0]) else None


def letters_at_number(text: str, number: re.Match[str]) -> str | None:
    """Return what beside a number may be a currency, where there is no known one."""
    start = number.start()
    before = _BEFORE.search(text[max(0, start - _NEAR) : start])
    if before is not None and _may_be_currency(before[1]):
        return before[1]
    behind = _BEHIND.match(text, number.end())
    return behind[1] if behind is not None and _may_be_currency(behind[1]) else None


def _is_unknown(letters: str) -> bool:
    """Tell whether letters are no currency, and no word that announces a number."""
    plain = letters.replace(".", "")
    return not (currencies().candidates(plain) or (len(plain) > 1 and is_announcing(plain)))


def _may_be_currency(word: str) -> bool:
    """
    Tell whether a word is written as currencies are.

    These are signs, codes, short words with a large letter, and short ones in other scripts, where
    they may have small letters alone.
    """
    if any(unicodedata.category(character) == "Sc" for character in word):
        return True
    if not word[0].isalpha() or is_announcing(word):
        return False
    known, plain = currencies(), word.replace(".", "")
    is_latin = unicodedata.name(word[0], "").startswith("LATIN")
    if word.islower() and (is_latin or len(plain) == 1):
        return plain.upper() in known.codes - known.words
    return len(plain) <= (_LONGEST if is_latin else _LONGEST_ELSEWHERE)

"""
Which years can be of our calendar, by the language of a page and the script of a text.

Knows nothing of how dates are written.
"""

import re

# Languages of people that count other years as well: in Iran it is 1405, in Thailand 2569.
_OTHERS = frozenset(["ar", "ckb", "fa", "he", "km", "ku", "lo", "my", "ps", "th", "ur"])
_SHORTENED = (_OTHERS - {"he"}) | {"bn", "ne"}  # Hebrew years have letters for digits
_BEHIND = frozenset(["am", "ti"])
_AHEAD = frozenset(["ne"])
# Their letters and digits, whatever the page says its language is.
_SCRIPTS = re.compile("[\u0600-\u06ff\u0e00-\u0eff\u1000-\u109f\u1200-\u137f\u1780-\u17ff]")
# In Nepal months of our calendar have years of it.
_DEVANAGARI = re.compile("[\u0966-\u096f]")
_DEVANAGARI_LETTERS = re.compile("[\u0904-\u0939]")
_OURS_IN_DEVANAGARI = frozenset(["hi", "mr"])

_FEWER = range(1_900, 2_041)  # in Nepal it is 2083
_FEW = range(1_900, 2_101)
_ALL = range(1_583, 2_200)  # since there is our calendar; earlier ones only as ISO 8601


def has_other_script(text: str, language: str | None) -> bool:
    """Tell whether a text has letters or digits of people that count other years as well."""
    if _SCRIPTS.search(text):
        return True
    if language in _OURS_IN_DEVANAGARI or _DEVANAGARI.search(text) is None:
        return False
    return language in _AHEAD or _DEVANAGARI_LETTERS.search(text) is None


def is_plausible(year: int, language: str | None, *, other_script: bool, earlier: bool) -> bool:
    """
    Tell whether a year is of our calendar.

    Args:
        year: With its century.
        language: Of the page, two letters.
        other_script: As `has_other_script` says.
        earlier: Whether it can be any year of ISO 8601.
    """
    if year not in _FEWER and language in _AHEAD:
        return False
    if year in _FEW:
        return True
    if other_script or language in _OTHERS:
        return False
    return earlier or year in _ALL


def shortens_other_years(language: str | None) -> bool:
    """Tell whether two digits can be a year of another calendar: 69 is 2026 in Thailand."""
    return language in _SHORTENED


def counts_years_behind(language: str | None) -> bool:
    """Tell whether all years are in doubt, as in Ethiopia, where it is 2019 until September."""
    return language in _BEHIND

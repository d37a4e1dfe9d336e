"""
From a text with a date in it to the date in the form of ISO 8601.

Pure but for the table of words, and linear in the text. It reads dates that stand alone, not ones
within sentences. What can be two dates is decided by others, or is none; see `Conventions`.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from functions.worker.extraction.values.calendars import (
    counts_years_behind,
    has_other_script,
    is_plausible,
    shortens_other_years,
)
from functions.worker.extraction.values.clocks import without_clock
from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.date_words import DateWords, date_words
from functions.worker.extraction.values.texts import tidy
from functions.worker.extraction.values.unread import Unread

_SHORTEST, _LONGEST = 5, 100  # characters
_LAST_EPOCH = 4_102_444_800  # of 2100-01-01
_THIS_CENTURY = 50  # of years with two digits, those below it
# Where 26-03-04 is rather the fourth of March, and with which marks.
_YEAR_FIRST = {
    "af": "-/", "dz": "-/", "eu": ".-/", "fa": "-/", "hu": ".-", "lt": ".-", "lv": ".-",
    "mn": ".-/", "ne": "-/", "se": "-", "si": "-", "sv": "-",
}  # fmt: skip
_YEAR, _MONTH, _DAY = "年년", "月월", "日일号號"
# ISO 8601 as programs write it. Years that may be of another calendar are looked at closely.
_ISO = re.compile(
    r"(?:1[6-9]\d|20[0-3])\d-\d\d-\d\d"
    r"(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_OTHER_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d|\d{8}|\d{4}-?W\d\d-?\d)"
    r"(?:T(?P<time>[\d:.,]{4,18}(?:Z|[+-][\d:]{2,5})?)|(?P<zone>Z|[+-]\d\d:\d\d))?",
    re.ASCII,
)
_OF_JSON = re.compile(r"/Date\((\d{10,13})(?:[+-]\d{4})?\)/", re.ASCII)
_TOKEN = re.compile(r"\d+|[^\d\s,/()|:;\u2013\u2014-]+|[/-]")
_MARKS = {"-", "/"}


def read_iso(raw: object) -> str | None:
    """Return a date that is written as ISO 8601 has it, None if it is another form."""
    if not isinstance(raw, str) or not _ISO.fullmatch(raw):
        return None
    try:
        if len(raw) == 10:  # noqa: PLR2004
            return date.fromisoformat(raw).isoformat()
        return datetime.fromisoformat(raw).isoformat()
    except ValueError:
        return None


def read_date(raw: object, conventions: Conventions) -> str | Unread:  # noqa: PLR0911 -- one a form
    """
    Return a date, or a date with its time, in the form of ISO 8601.

    It must have a day, a month and a year. Seconds and milliseconds since 1970 are read, too.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _of_digits(str(int(raw)), conventions) if abs(raw) < 1e14 else Unread.UNREADABLE  # noqa: PLR2004
    if not isinstance(raw, str) or len(raw) > 10 * _LONGEST:
        return Unread.UNREADABLE
    text = tidy(raw)
    if not text.isascii():
        conventions = conventions._replace(
            other_script=has_other_script(text, conventions.language())
        )
        text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    if not (_SHORTEST <= len(text) <= _LONGEST or (text and not text.isascii())):
        return Unread.UNREADABLE
    if text.isdecimal():
        return _of_digits(text, conventions)
    of_json = _OF_JSON.fullmatch(text)
    if of_json is not None:
        return _of_digits(of_json[1], conventions)
    iso = _OTHER_ISO.fullmatch(text)
    if iso is not None:
        return _of_iso(iso, conventions)
    words = date_words()
    return words.relative(text, conventions.now) or _of_words(text, words, conventions)


def _of_digits(digits: str, conventions: Conventions) -> str | Unread:
    """Return YYYYMMDD, or seconds or milliseconds since 1970, as a date."""
    try:
        if len(digits) == 8:  # noqa: PLR2004
            day = date.fromisoformat(digits)
            return day.isoformat() if _is_plausible(day.year, conventions) else Unread.UNREADABLE
        if len(digits) not in {10, 13}:
            return Unread.UNREADABLE
        whole, milliseconds = int(digits[:10]), int(digits[10:] or 0)
        if whole >= _LAST_EPOCH:
            return Unread.UNREADABLE
        moment = datetime.fromtimestamp(whole, UTC) + timedelta(milliseconds=milliseconds)
        return moment.isoformat(timespec="milliseconds" if milliseconds else "seconds")
    except ValueError:
        return Unread.UNREADABLE


def _of_iso(found: re.Match[str], conventions: Conventions) -> str | Unread:
    try:
        day = date.fromisoformat(found["date"])
        if not _is_plausible(day.year, conventions, earlier=True):
            return Unread.UNREADABLE
        if found["time"]:
            clock = found["time"].replace(",", ".")
            return datetime.fromisoformat(f"{day.isoformat()}T{clock}").isoformat()
    except ValueError:
        return Unread.UNREADABLE
    return day.isoformat()


def _is_plausible(year: int, conventions: Conventions, *, earlier: bool = False) -> bool:
    return is_plausible(
        year, conventions.language(), other_script=conventions.other_script, earlier=earlier
    )


class _Parts(NamedTuple):
    """What a text says beside the time; numbers as they are written."""

    numbers: list[str]
    months: list[int]
    named: dict[str, str]
    """Numbers that a character behind them says the meaning of: year, month or day."""
    marks: set[str]
    shift: int | None
    """Days from today."""
    month_at: int
    """How many numbers stand before the name of the month."""


def _of_words(text: str, words: DateWords, conventions: Conventions) -> str | Unread:
    found = without_clock(text, conventions, words.knows)
    if isinstance(found, Unread):
        return found
    text, clock = found
    parts = _parts(text, words, conventions)
    day = parts if isinstance(parts, Unread) else _day(parts, conventions)
    if isinstance(day, Unread) or clock is None:
        return day if isinstance(day, Unread) else day.isoformat()
    return datetime.combine(day, clock).isoformat()


def _parts(text: str, words: DateWords, conventions: Conventions) -> _Parts | Unread:
    """Return what `text` is made of, if each word belongs to a date."""
    parts = _Parts([], [], {}, set(), None, 0)
    months: list[tuple[int, bool, int]] = []
    shift: int | None = None
    before_month = False
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word[0].isdecimal():
            if before_month and not months:
                months.append((int(word), False, len(parts.numbers)))
            else:
                parts.numbers.append(word)
            before_month = False
            continue
        bare = words.bare(word)
        if not bare or bare in _MARKS:
            parts.marks.update(word.strip("'\u2019"))
            continue
        unit = next((kind for kind in (_YEAR, _MONTH, _DAY) if bare[0] in kind), None)
        month = words.month(bare, conventions.language)
        if unit is not None and len(bare) == 1 and parts.numbers:
            parts.named[unit] = parts.numbers[-1]
            parts.marks.add(bare)
        elif isinstance(month, Unread):
            return month
        elif month is not None:
            months.append((month, words.is_weekday(bare), len(parts.numbers)))
        elif bare in words.shifts:
            shift = words.shifts[bare]
        elif words.announces_month(bare):
            before_month = True
        elif not words.is_filler(bare, behind_number=text[token.start() - 1].isdecimal()):
            return Unread.UNREADABLE
    if len(months) == 2:  # noqa: PLR2004 -- one of them may be a Tuesday: mar, 4 mar 2026
        months = [found for found in months if not found[1]] or months[1:]
    return parts._replace(
        months=[number for number, _, _ in months],
        shift=shift,
        month_at=months[0][2] if months else 0,
    )


def _day(parts: _Parts, conventions: Conventions) -> date | Unread:  # noqa: PLR0911 -- one a form
    numbers = parts.numbers
    if parts.shift is not None:
        if numbers or parts.months or conventions.now is None:
            return Unread.UNREADABLE
        return conventions.now.date() + timedelta(days=parts.shift)
    if parts.named:
        if set(parts.named) != {_YEAR, _MONTH, _DAY} or len(numbers) != 3:  # noqa: PLR2004
            return Unread.UNREADABLE
        if len(parts.named[_YEAR]) == 2 and "年" in parts.marks:  # noqa: PLR2004
            return Unread.AMBIGUOUS  # of an emperor, or of the republic
        return _date(parts.named[_YEAR], parts.named[_MONTH], parts.named[_DAY], conventions)
    if len(parts.months) == 1 and len(numbers) == 2:  # noqa: PLR2004
        return _with_name(parts, conventions)
    if parts.months or len(numbers) != 3 or len(parts.marks) > 1:  # noqa: PLR2004
        return Unread.UNREADABLE
    first, second, third = numbers
    if len(first) == 4:  # noqa: PLR2004 -- whatever the locale
        return _date(first, second, third, conventions)
    if len(third) not in {2, 4} or max(len(first), len(second)) > 2:  # noqa: PLR2004
        return Unread.UNREADABLE
    return _in_order((first, second, third), parts.marks, conventions)


def _with_name(parts: _Parts, conventions: Conventions) -> date | Unread:
    [month], (first, second) = parts.months, parts.numbers
    if len(first) == 4:  # noqa: PLR2004
        return _date(first, str(month), second, conventions)
    if len(second) == 2 and parts.month_at != 1:  # noqa: PLR2004 -- Mar 4 26
        return Unread.AMBIGUOUS
    if len(second) == 2 and "." in _YEAR_FIRST.get(conventions.language() or "", ""):  # noqa: PLR2004
        return _the_only(
            _date(second, str(month), first, conventions),
            _date(first, str(month), second, conventions),
        )
    return _date(second, str(month), first, conventions)


def _the_only(*readings: date | Unread) -> date | Unread:
    """Return the one reading that is a date."""
    possible = {found for found in readings if not isinstance(found, Unread)}
    if len(possible) == 1:
        return possible.pop()
    return Unread.AMBIGUOUS if possible or Unread.AMBIGUOUS in readings else Unread.UNREADABLE


def _in_order(
    numbers: tuple[str, str, str], marks: set[str], conventions: Conventions
) -> date | Unread:
    first, second, year = numbers
    year_first = _YEAR_FIRST.get(conventions.language() or "", "")
    if len(year) == 2 and year_first and marks.issubset(year_first):  # noqa: PLR2004
        return _the_only(
            _date(year, second, first, conventions), _date(first, second, year, conventions)
        )
    readings = {
        day_first: _date(year, *((second, first) if day_first else (first, second)), conventions)
        for day_first in (True, False)
    }
    possible = {found for found in readings.values() if not isinstance(found, Unread)}
    if not possible:
        return readings[True]
    if len(possible) == 1 and len(year) == 4:  # noqa: PLR2004
        return possible.pop()
    day_first = conventions.day_first()  # with two digits the year could be anywhere
    return Unread.AMBIGUOUS if day_first is None else readings[day_first]


def _date(year: str, month: str, day: str, conventions: Conventions) -> date | Unread:
    if len(year) not in {2, 4} or max(len(month), len(day)) > 2:  # noqa: PLR2004
        return Unread.UNREADABLE
    number = int(year)
    if counts_years_behind(conventions.language()):
        return Unread.AMBIGUOUS
    if len(year) == 2:  # noqa: PLR2004 -- as RFC 5322 §4.3 has it
        if conventions.other_script or shortens_other_years(conventions.language()):
            return Unread.AMBIGUOUS
        number += 2000 if number < _THIS_CENTURY else 1900
    elif not _is_plausible(number, conventions):
        return Unread.UNREADABLE
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return Unread.UNREADABLE

"""
From a text with a date in it to the date in the form of ISO 8601.

Pure but for the table of words, and linear in the text. It reads dates that stand alone, not ones
within sentences. What can be two dates is decided by others, or is none; see `Decide`.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import NamedTuple

from functions.worker.extraction.calendars import (
    counts_years_behind,
    has_other_script,
    is_plausible,
    shortens_other_years,
)
from functions.worker.extraction.date_words import DateWords, date_words
from functions.worker.extraction.numerals import Unread, tidy

_SHORTEST, _LONGEST = 5, 100  # characters
_LAST_EPOCH = 4_102_444_800  # of 2100-01-01
_THIS_CENTURY = 50  # of years with two digits, those below it
# Where 26-03-04 is rather the fourth of March.
_YEAR_FIRST = frozenset(["af", "dz", "eu", "fa", "hu", "lt", "lv", "mn", "ne", "se", "si", "sv"])
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
_TIME = re.compile(
    r"(?<![\d:.,/-])(?P<hour>\d{1,2})(?:"
    r":(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?(?:\s?(?P<half>[ap]\.?m\b\.?))?"
    r"|\s?(?P<half_only>[ap]\.?m\b\.?)"
    r"|h(?P<minute_h>\d\d)?\b"
    r"|(?:\.(?P<minute_uhr>\d\d))?\s?uhr\b"
    r"|[時时点시]\s?(?:(?P<minute_cjk>\d{1,2})[分분])?"
    r")"
    r"(?:\s?(?P<zone>[A-Z]{1,5})(?![^\W\d]))?"
    r"(?:\s?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?(?!\d))?"
    r"(?:\s?\([^()]*\))?",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\d+|[^\d\s,/()|:;\u2013\u2014-]+|[/-]")
_MARKS = {"-", "/"}
_ZONES = {
    **dict.fromkeys(["UTC", "GMT", "Z", "UT", "WET"], 0.0),
    **dict.fromkeys(["CET", "MEZ", "WEST", "BST"], 1.0),
    **dict.fromkeys(["CEST", "MESZ", "EET", "SAST", "CAT"], 2.0),
    **dict.fromkeys(["EEST", "MSK", "EAT", "TRT"], 3.0),
    "PKT": 5.0, "WIB": 7.0, "HKT": 8.0, "SGT": 8.0, "AWST": 8.0, "JST": 9.0, "KST": 9.0,
    "ACST": 9.5, "AEST": 10.0, "ACDT": 10.5, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0,
    "EST": -5.0, "EDT": -4.0, "CST": -6.0, "CDT": -5.0, "MST": -7.0, "MDT": -6.0, "PST": -8.0,
    "PDT": -7.0, "AKST": -9.0, "AKDT": -8.0, "HST": -10.0, "BRT": -3.0, "ART": -3.0,
}  # fmt: skip
# In use for zones that are hours apart: the time is what the page says, without a zone.
_UNSURE = frozenset(["ADT", "AST", "BOT", "GST", "IST", "PYT", "SST", "WST"])


class Decide(NamedTuple):
    """What a page, or a spec, says of how dates are written."""

    day_first: Callable[[], bool | None]
    """Returns whether 3/4/2026 is in April; None if that is not known."""
    language: Callable[[], str | None]
    """Returns the language, two letters."""
    now: datetime | None
    """What `2 hours ago` counts from."""
    other_script: bool = False
    """Whether the text is in a script of people that count other years as well."""


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


def read_date(raw: object, decide: Decide) -> str | Unread:  # noqa: PLR0911 -- one a form
    """
    Return a date, or a date with its time, in the form of ISO 8601.

    It must have a day, a month and a year. Seconds and milliseconds since 1970 are read, too.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _of_digits(str(int(raw)), decide) if abs(raw) < 1e14 else Unread.UNREADABLE  # noqa: PLR2004
    if not isinstance(raw, str) or len(raw) > 10 * _LONGEST:
        return Unread.UNREADABLE
    text = tidy(raw)
    if not text.isascii():
        decide = decide._replace(other_script=has_other_script(text, decide.language()))
        text = "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    if not (_SHORTEST <= len(text) <= _LONGEST or (text and not text.isascii())):
        return Unread.UNREADABLE
    if text.isdecimal():
        return _of_digits(text, decide)
    of_json = _OF_JSON.fullmatch(text)
    if of_json is not None:
        return _of_digits(of_json[1], decide)
    iso = _OTHER_ISO.fullmatch(text)
    if iso is not None:
        return _of_iso(iso, decide)
    words = date_words()
    return words.relative(text, decide.now) or _of_words(text, words, decide)


def _of_digits(digits: str, decide: Decide) -> str | Unread:
    """Return YYYYMMDD, or seconds or milliseconds since 1970, as a date."""
    try:
        if len(digits) == 8:  # noqa: PLR2004
            day = date.fromisoformat(digits)
            return day.isoformat() if _is_plausible(day.year, decide) else Unread.UNREADABLE
        if len(digits) not in {10, 13}:
            return Unread.UNREADABLE
        whole, milliseconds = int(digits[:10]), int(digits[10:] or 0)
        if whole >= _LAST_EPOCH:
            return Unread.UNREADABLE
        moment = datetime.fromtimestamp(whole, UTC) + timedelta(milliseconds=milliseconds)
        return moment.isoformat(timespec="milliseconds" if milliseconds else "seconds")
    except ValueError:
        return Unread.UNREADABLE


def _of_iso(found: re.Match[str], decide: Decide) -> str | Unread:
    try:
        day = date.fromisoformat(found["date"])
        if not _is_plausible(day.year, decide, earlier=True):
            return Unread.UNREADABLE
        if found["time"]:
            clock = found["time"].replace(",", ".")
            return datetime.fromisoformat(f"{day.isoformat()}T{clock}").isoformat()
    except ValueError:
        return Unread.UNREADABLE
    return day.isoformat()


def _is_plausible(year: int, decide: Decide, *, earlier: bool = False) -> bool:
    return is_plausible(year, decide.language(), other_script=decide.other_script, earlier=earlier)


# ---- dates with names, and with numbers in any order


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


def _of_words(text: str, words: DateWords, decide: Decide) -> str | Unread:
    found = _TIME.search(text)
    clock: time | None = None
    if found is not None:
        zone = (found["zone"] or "").upper()
        if zone and not (zone in _ZONES or zone in _UNSURE or words.knows(zone)):
            return Unread.UNREADABLE
        if zone and zone not in _ZONES and zone not in _UNSURE:  # a month, say
            found = _TIME.match(text[: found.end("zone") - len(zone)].rstrip(), found.start())
    if found is not None:
        clock = _clock(found, decide)
        if clock is None:
            return Unread.UNREADABLE
        text = f"{text[: found.start()]} {text[found.end() :]}"
    parts = _parts(text, words, decide)
    day = parts if isinstance(parts, Unread) else _day(parts, decide)
    if isinstance(day, Unread) or clock is None:
        return day if isinstance(day, Unread) else day.isoformat()
    return datetime.combine(day, clock).isoformat()


def _clock(found: re.Match[str], decide: Decide) -> time | None:
    hour = int(found["hour"])
    minute = next(
        (int(found[n]) for n in ("minute", "minute_h", "minute_uhr", "minute_cjk") if found[n]), 0
    )
    half = (found["half"] or found["half_only"] or "").lower()[:1]
    if half and not 0 < hour <= 12:  # noqa: PLR2004
        half = "" if 12 < hour < 24 and half == "p" else "?"  # noqa: PLR2004 -- 13:00 PM
    if half == "?":
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    fraction = int((found["fraction"] or "0").ljust(6, "0")[:6])
    try:
        return time(hour, minute, int(found["second"] or 0), fraction, _zone(found, decide))
    except ValueError:
        return None


def _zone(found: re.Match[str], decide: Decide) -> tzinfo | None:
    name = (found["zone"] or "").upper()
    offset = _ZONES.get(name)
    if name == "CST" and decide.language() == "zh":
        offset = 8.0
    if found["sign"]:
        hours = int(found["hours"]) if len(found["hours"]) < 3 else 0  # noqa: PLR2004
        offset = (hours + int(found["minutes"] or 0) / 60) * (-1 if found["sign"] == "-" else 1)
    if offset is None:
        return None
    return timezone(timedelta(hours=offset)) if offset else UTC


def _parts(text: str, words: DateWords, decide: Decide) -> _Parts | Unread:
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
        month = words.month(bare, decide.language)
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


def _day(parts: _Parts, decide: Decide) -> date | Unread:  # noqa: PLR0911 -- one a form
    numbers = parts.numbers
    if parts.shift is not None:
        if numbers or parts.months or decide.now is None:
            return Unread.UNREADABLE
        return decide.now.date() + timedelta(days=parts.shift)
    if parts.named:
        if set(parts.named) != {_YEAR, _MONTH, _DAY} or len(numbers) != 3:  # noqa: PLR2004
            return Unread.UNREADABLE
        if len(parts.named[_YEAR]) == 2 and "年" in parts.marks:  # noqa: PLR2004
            return Unread.AMBIGUOUS  # of an emperor, or of the republic
        return _date(parts.named[_YEAR], parts.named[_MONTH], parts.named[_DAY], decide)
    if len(parts.months) == 1 and len(numbers) == 2:  # noqa: PLR2004
        return _with_name(parts, decide)
    if parts.months or len(numbers) != 3 or len(parts.marks) > 1:  # noqa: PLR2004
        return Unread.UNREADABLE
    first, second, third = numbers
    if len(first) == 4:  # noqa: PLR2004 -- whatever the locale
        return _date(first, second, third, decide)
    if len(third) not in {2, 4} or max(len(first), len(second)) > 2:  # noqa: PLR2004
        return Unread.UNREADABLE
    return _in_order(first, second, third, decide)


def _with_name(parts: _Parts, decide: Decide) -> date | Unread:
    [month], (first, second) = parts.months, parts.numbers
    if len(first) == 4:  # noqa: PLR2004
        return _date(first, str(month), second, decide)
    if len(second) == 2 and parts.month_at != 1:  # noqa: PLR2004 -- Mar 4 26
        return Unread.AMBIGUOUS
    if len(second) == 2 and decide.language() in _YEAR_FIRST:  # noqa: PLR2004
        return _the_only(
            _date(second, str(month), first, decide), _date(first, str(month), second, decide)
        )
    return _date(second, str(month), first, decide)


def _the_only(*readings: date | Unread) -> date | Unread:
    """Return the one reading that is a date."""
    possible = {found for found in readings if not isinstance(found, Unread)}
    if len(possible) == 1:
        return possible.pop()
    return Unread.AMBIGUOUS if possible or Unread.AMBIGUOUS in readings else Unread.UNREADABLE


def _in_order(first: str, second: str, year: str, decide: Decide) -> date | Unread:
    if len(year) == 2 and decide.language() in _YEAR_FIRST:  # noqa: PLR2004
        return _the_only(_date(year, second, first, decide), _date(first, second, year, decide))
    readings = {
        day_first: _date(year, *((second, first) if day_first else (first, second)), decide)
        for day_first in (True, False)
    }
    possible = {found for found in readings.values() if not isinstance(found, Unread)}
    if not possible:
        return readings[True]
    if len(possible) == 1 and len(year) == 4:  # noqa: PLR2004
        return possible.pop()
    day_first = decide.day_first()  # with two digits the year could be anywhere
    return Unread.AMBIGUOUS if day_first is None else readings[day_first]


def _date(year: str, month: str, day: str, decide: Decide) -> date | Unread:
    if len(year) not in {2, 4} or max(len(month), len(day)) > 2:  # noqa: PLR2004
        return Unread.UNREADABLE
    number = int(year)
    if counts_years_behind(decide.language()):
        return Unread.AMBIGUOUS
    if len(year) == 2:  # noqa: PLR2004 -- as RFC 5322 §4.3 has it
        if decide.other_script or shortens_other_years(decide.language()):
            return Unread.AMBIGUOUS
        number += 2000 if number < _THIS_CENTURY else 1900
    elif not _is_plausible(number, decide):
        return Unread.UNREADABLE
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return Unread.UNREADABLE

"""
The words of dates: months, days of the week, and how long ago, in the languages of a locale.

The table beside this module holds what Unicode's CLDR has. A word that is the same month in all
languages that have it needs no language to be read.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from functions.worker.extraction.values.unread import Unread

_TABLE = "date_words.json"
_ENGLISH = re.compile(
    r"(?:(?P<first>\d{1,4}|an?|one)\s?(?P<first_unit>[a-z]+)\.?(?:,|\s?and)?\s)?"
    r"(?P<last>\d{1,4}|an?|one)\s?(?P<last_unit>[a-z]+)\.? ago"
)
_ENGLISH_UNITS = {
    **dict.fromkeys(["second", "seconds", "sec", "secs", "s"], "second"),
    **dict.fromkeys(["minute", "minutes", "min", "mins"], "minute"),
    **dict.fromkeys(["hour", "hours", "hr", "hrs", "h"], "hour"),
    **dict.fromkeys(["day", "days", "d"], "day"),
    **dict.fromkeys(["week", "weeks", "wk", "wks", "w"], "week"),
    **dict.fromkeys(["month", "months", "mo", "mos", "mth", "mths"], "month"),
    **dict.fromkeys(["year", "years", "yr", "yrs", "y"], "year"),
}
_NUMBER = re.compile(r"\d{1,4}")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "year": 12}


class _WordTable(Struct):
    months: list[str]
    """The names of each month, white space between them."""
    differ: dict[str, dict[str, int]]
    """Names that are different months in different languages."""
    weekdays: str
    relative: dict[str, list[str]]
    """Ways to say how long ago (``-hour``) or ahead (``+day``) something is."""
    relative_differ: list[str]
    """Of these, what means different times in different languages."""
    shifts: dict[int, str]
    """The words for yesterday (-1), today and tomorrow."""
    now: list[str]
    fillers: str
    """What stands between the parts of a date, and says nothing."""
    ordinals: str
    """What makes an ordinal number of the number before it."""


class DateWords:
    """Looks words up; see `date_words`."""

    def __init__(self, table: _WordTable) -> None:
        self._months: dict[str, int] = {"sept": 9}
        unaccented: dict[str, set[int]] = {}
        for number, names in enumerate(table.months, start=1):
            for name in names.split():
                self._months[name] = number
                unaccented.setdefault(_without_accents(name), set()).add(number)
        for name, numbers in unaccented.items():
            if len(numbers) == 1 and name not in table.differ:
                self._months.setdefault(name, *numbers)
        self._differ = table.differ
        self._weekdays = frozenset(table.weekdays.split())
        self._relative = {
            pattern: kind for kind, patterns in table.relative.items() for pattern in patterns
        }
        self._relative_differ = frozenset(table.relative_differ)
        self._now = frozenset(table.now)
        self._fillers = frozenset(table.fillers.split())
        self._ordinals = frozenset(table.ordinals.split())
        self.shifts = {word: days for days, text in table.shifts.items() for word in text.split()}

    @staticmethod
    def bare(word: str) -> str:
        """Return a word in small letters, without what stands at its ends."""
        return unicodedata.normalize("NFC", word).casefold().strip(".'\u2019\"*\u00b7\u2022#")

    def month(self, bare: str, language: Callable[[], str | None]) -> int | Unread | None:
        """Return the month of that name, if it is one, 1 to 12."""
        if bare in self._differ:
            return self._differ[bare].get(language() or "", Unread.AMBIGUOUS)
        return self._months.get(bare)

    def is_weekday(self, bare: str) -> bool:
        return bare in self._weekdays

    def knows(self, word: str) -> bool:
        """Tell whether a word has a meaning in dates."""
        bare = self.bare(word)
        return bare in self._months or bare in self._weekdays or bare in self._fillers

    def is_filler(self, bare: str, *, behind_number: bool) -> bool:
        """Tell whether a word can be left out."""
        if behind_number and bare in self._ordinals:
            return True
        return bare in self._weekdays or bare in self._fillers

    @staticmethod
    def announces_month(bare: str) -> bool:
        """Tell whether the number of a month follows, as in Vietnamese."""
        return bare in {"tháng", "thg"}

    def relative(  # noqa: PLR0911 -- one a form
        self, text: str, now: datetime | None
    ) -> str | Unread | None:
        """Return when `2 hours ago` was; None if `text` does not say so."""
        text = unicodedata.normalize("NFC", text).casefold().rstrip(".")
        if text in self._now:
            return _moment([], now)
        english = _ENGLISH.fullmatch(text)
        if english is not None:
            pairs = [(english["first"], english["first_unit"]),
                     (english["last"], english["last_unit"])]  # fmt: skip
            spans = [(-_count(n), _ENGLISH_UNITS.get(unit)) for n, unit in pairs if n]
            if any(unit == "m" for _, unit in pairs):
                return Unread.AMBIGUOUS  # minutes, or months
            known = [(count, unit) for count, unit in spans if unit is not None]
            return _moment(known, now) if len(known) == len(spans) else None
        number = _NUMBER.search(text)
        if number is None:
            return None
        pattern = f"{text[: number.start()]}{{0}}{text[number.end() :]}"
        if pattern in self._relative_differ:
            return Unread.AMBIGUOUS
        kind = self._relative.get(pattern)
        if kind is None:
            return None
        return _moment([(int(number[0]) * (-1 if kind[0] == "-" else 1), kind[1:])], now)


def _count(text: str) -> int:
    return int(text) if text[0].isdecimal() else 1


def _moment(spans: list[tuple[int, str]], now: datetime | None) -> str | Unread:
    """Return `now` and `spans` as a time, or as a day if the smallest of them is a day."""
    if now is None:
        return Unread.UNREADABLE
    moment = now.replace(microsecond=0)
    try:
        for count, unit in spans:
            if unit in _MONTHS:
                moment = _months_later(moment, count * _MONTHS[unit])
            else:
                moment += timedelta(seconds=count * _SECONDS[unit])
    except (ValueError, OverflowError):
        return Unread.UNREADABLE
    if spans and spans[-1][1] in {"day", "week", "month", "year"}:
        return moment.date().isoformat()
    return moment.isoformat()


def _months_later(moment: datetime, count: int) -> datetime:
    """Return the same day of another month, or its last one."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    first = moment.replace(year=year, month=month + 1, day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=min(moment.day, (following - timedelta(days=1)).day))


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


@cache
def date_words() -> DateWords:
    """Return the words, which are read from their table when the first date needs them."""
    text = Path(__file__).with_name(_TABLE).read_bytes()
    return DateWords(msgspec.json.decode(text, type=_WordTable))

"""
From what a page says to a value of a type.

Pure, and never raises on what a website sent: what cannot be read is None.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import partial
from math import isfinite
from typing import Any

import msgspec

from shared.extract_spec import COMMA_REGIONS, DECIMAL_COMMA, POINT_REGIONS

MAX_DEPTH = 100  # of JSON
_MAX_NUMBER = 40  # characters
_MAX_DATE = 100
_BIGINT = 1 << 63

Convert = Callable[[Any], Any]
"""From text, or a value of JSON, to a value; None where it is none of the type."""

# The most frequent form. A point before one or two digits is a decimal point everywhere.
_PLAIN = re.compile(r"[$£€¥]?\s?(\d{1,15}(?:\.\d\d?)?)\s?[$£€¥%]?")
# One whole number among words, without anything that could belong to it.
_WHOLE = re.compile(r"[^\d.,'\u2019\N{MINUS SIGN}-]*(\d{1,15})[^\d.,'\u2019\u066b\u066c]*")
# Digits with a white space or an apostrophe before each three, or without; then points and commas.
_NUMBER = re.compile(
    r"(?:\d{1,3}(?:[ '\u2019]\d{3}(?!\d))+|\d+)(?:[.,\u066b\u066c]\d+)*|(?<![\w.,])[.,]\d+"
)
_GROUPS = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
_SIGNED = re.compile(r"(?<![\w.,)\]])[-\N{MINUS SIGN}]\s?[^\w\s.,()]{0,3}\s?\Z")
_TRUE = frozenset(["true", "yes", "on", "1"])
_FALSE = frozenset(["false", "no", "off", "0"])
_ZONES = {
    **dict.fromkeys(["UTC", "GMT", "Z", "UT"], 0),
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "WET": 0,
    "WEST": 1,
    "EET": 2,
    "EEST": 3,
    "BST": 1,
}


def fold(text: str) -> str:
    """Return `text` with each run of white space as one space, and none around it."""
    return " ".join(text.split())


def converter(kind: str, locale: str | None) -> Convert | None:
    """Return what makes values of a type of `shared.extract_spec.Type`; None for `url`."""
    comma = _decimal_comma(locale)
    day_first = None if locale is None else locale != "en-US"
    converters: dict[str, Convert] = {
        "text": to_text,
        "number": partial(to_number, comma=comma),
        "integer": partial(to_integer, comma=comma),
        "boolean": to_boolean,
        "date": partial(to_date, day_first=day_first),
        "html": to_html,
        "json": to_json,
    }
    return converters.get(kind)


def to_text(raw: Any) -> str | None:  # noqa: ANN401 -- whatever JSON holds, here and below
    if isinstance(raw, str):
        return fold(raw)
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw) if isinstance(raw, int | float) else None


def to_html(raw: Any) -> str | None:  # noqa: ANN401
    return raw if isinstance(raw, str) else None


def to_number(raw: Any, *, comma: bool | None) -> float | None:  # noqa: ANN401
    """
    Return the first number in a text, or a number as it is.

    Args:
        raw: Text, or a value of JSON.
        comma: Whether the decimal mark is a comma; None: as it looks, see docs/spec.md.
    """
    if isinstance(raw, str):
        plain = _PLAIN.fullmatch(raw)
        if plain is not None:
            return float(plain[1])
        digits = _digits(raw, comma=comma)
        number = float(digits) if digits is not None else None
    elif isinstance(raw, int | float) and not isinstance(raw, bool):
        try:
            number = float(raw)
        except OverflowError:
            return None
    else:
        return None
    return number if number is not None and isfinite(number) else None


def to_integer(raw: Any, *, comma: bool | None) -> int | None:  # noqa: ANN401
    """Return the same where it is whole and a BIGINT can hold it."""
    if isinstance(raw, str):
        plain = _WHOLE.fullmatch(raw)
        if plain is not None:
            return int(plain[1])
        digits = _digits(raw, comma=comma)
        whole, _, fraction = (digits or "").partition(".")
        number = int(whole) if whole and not fraction.strip("0") else None
    elif isinstance(raw, bool):
        return None
    elif isinstance(raw, int):
        number = raw
    else:
        number = int(raw) if isinstance(raw, float) and raw.is_integer() else None
    return number if number is not None and -_BIGINT <= number < _BIGINT else None


def _digits(text: str, *, comma: bool | None) -> str | None:
    """Return the first number in `text` in Python's notation."""
    text = fold(text)
    found = _NUMBER.search(text)
    if found is None or len(found[0]) > _MAX_NUMBER:
        return None
    digits = re.sub("[ '\u2019]", "", found[0]).replace("\u066b", ".").replace("\u066c", ",")
    points, commas = digits.count("."), digits.count(",")
    if points or commas:
        mark = _decimal_mark(digits, points, commas, comma=comma)
        if mark is None:
            return None
        digits = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
        if digits.startswith("."):
            digits = "0" + digits
    sign = "-" if _SIGNED.search(text, 0, found.start()) else ""
    return f"{sign}{digits}"


def _decimal_mark(digits: str, points: int, commas: int, *, comma: bool | None) -> str | None:
    """Return the decimal mark, even if `digits` does not have it; None if that is no number."""
    if points and commas:
        mark, other = (".", ",") if digits.rindex(".") > digits.rindex(",") else (",", ".")
        whole = digits.partition(mark)[0]
        return mark if digits.count(mark) == 1 and _is_grouped(whole) and other in whole else None
    mark, other = (".", ",") if points else (",", ".")
    if points + commas > 1:
        return other if _is_grouped(digits) else None
    whole, _, rest = digits.partition(mark)
    thousands = len(rest) == 3 and 0 < len(whole) <= 3 and whole != "0"  # noqa: PLR2004
    if comma is None:
        return other if thousands and mark == "," else mark
    return other if thousands and comma != (mark == ",") else mark


def _is_grouped(digits: str) -> bool:
    return _GROUPS.fullmatch(digits) is not None


def _decimal_comma(locale: str | None) -> bool | None:
    if locale is None:
        return None
    if locale in COMMA_REGIONS or locale in POINT_REGIONS:
        return locale in COMMA_REGIONS
    return locale[:2] in DECIMAL_COMMA


def to_boolean(raw: Any) -> bool | None:  # noqa: ANN401
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def to_json(raw: Any) -> Any:  # noqa: ANN401
    """Return what JSON in a text stands for; what is no text is there already."""
    if isinstance(raw, str):
        value = read_json(raw)
        return value if value is None or not is_deep(value) else None
    return None if is_deep(raw) else raw


def read_json(text: str | bytes) -> Any:  # noqa: ANN401
    """Return what `text` stands for, None where it is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def is_deep(value: Any) -> bool:  # noqa: ANN401
    """Tell whether decoded JSON is nested too deeply to be written where it may be read."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def to_date(raw: Any, *, day_first: bool | None) -> str | None:  # noqa: ANN401
    """
    Return a date, or a date with its time, in the form of ISO 8601.

    It must have a day, a month and a year.

    Args:
        raw: Text.
        day_first: Whether 3/4/2026 is in April; None: it cannot be read.
    """
    if not isinstance(raw, str):
        return None
    text = fold(raw)
    if not 6 <= len(text) <= _MAX_DATE:  # noqa: PLR2004
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        return _parsed_date(text, day_first=day_first)


def _parsed_date(text: str, *, day_first: bool | None) -> str | None:
    readings = {
        _read_date(text, day_first=first)
        for first in ((True, False) if day_first is None else (day_first,))
    }
    # Two, where days and months can be taken for each other.
    return readings.pop() if len(readings) == 1 else None


def _read_date(text: str, *, day_first: bool) -> str | None:
    from dateutil import parser  # noqa: PLC0415

    # What is not in the text is the default's, and so is not the same twice.
    defaults = datetime(2000, 1, 1, 0, 0), datetime(2001, 2, 2, 1, 0)  # noqa: DTZ001
    try:
        one, other = (
            parser.parse(text, dayfirst=day_first, default=default, tzinfos=_zone)
            for default in defaults
        )
    except (ValueError, OverflowError, TypeError, AttributeError, IndexError):
        return None  # dateutil has a guess at anything, and stumbles in many ways
    if one.date() != other.date():
        return None
    return one.isoformat() if one == other else one.date().isoformat()


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    if offset is not None:
        return timezone(timedelta(seconds=offset)) if offset else UTC
    if name is None:
        return None
    hours = _ZONES.get(name)
    if hours is None:
        raise ValueError(name)
    return timezone(timedelta(hours=hours)) if hours else UTC

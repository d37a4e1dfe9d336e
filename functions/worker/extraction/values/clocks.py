"""
The time of day in a text, and its zone.

Pure. Knows no day and no word of dates.
"""

import re
from collections.abc import Callable
from datetime import UTC, time, timedelta, timezone, tzinfo

from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.unread import Unread

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


def without_clock(
    text: str, conventions: Conventions, is_word: Callable[[str], bool]
) -> tuple[str, time | None] | Unread:
    """
    Return a text without the time of day in it, and that time, None where there is none.

    Args:
        text: Tidy.
        conventions: What language it is in.
        is_word: Tells whether letters behind a time may be a word of the date, and no zone.
    """
    found = _TIME.search(text)
    zone = "" if found is None else (found["zone"] or "").upper()
    if found is not None and zone and zone not in _ZONES and zone not in _UNSURE:
        if not is_word(zone):
            return Unread.UNREADABLE
        found = _TIME.match(text[: found.end("zone") - len(zone)].rstrip(), found.start())
    if found is None:
        return text, None
    clock = _clock(found, conventions)
    if clock is None:
        return Unread.UNREADABLE
    return f"{text[: found.start()]} {text[found.end() :]}", clock


def _clock(found: re.Match[str], conventions: Conventions) -> time | None:
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
        return time(hour, minute, int(found["second"] or 0), fraction, _zone(found, conventions))
    except ValueError:
        return None


def _zone(found: re.Match[str], conventions: Conventions) -> tzinfo | None:
    name = (found["zone"] or "").upper()
    offset = _ZONES.get(name)
    if name == "CST" and conventions.language() == "zh":
        offset = 8.0
    if found["sign"]:
        hours = int(found["hours"]) if len(found["hours"]) < 3 else 0  # noqa: PLR2004
        offset = (hours + int(found["minutes"] or 0) / 60) * (-1 if found["sign"] == "-" else 1)
    if offset is None:
        return None
    return timezone(timedelta(hours=offset)) if offset else UTC

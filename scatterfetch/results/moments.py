"""Texts that are dates or times, in forms that lose nothing when they become values."""

import re
from datetime import UTC, date, datetime

_MOMENT = re.compile(
    r"[1-9]\d{3}-\d\d-\d\d"
    r"(?P<time>[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def moment_of(text: str) -> date | datetime | None:
    """
    Return the date or the time that `text` is in the form of ISO 8601.

    Returns None if `text` is no full date, is finer than a microsecond, or has no place in UTC.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    try:
        if found["time"] is None:
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment

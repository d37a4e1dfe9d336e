"""
How somebody writes dates, so that 3/4/26 is one day and no other.

Pure. Knows no form of a date.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple


class Conventions(NamedTuple):
    """What a page, or a spec, says of how dates are written."""

    day_first: Callable[[], bool | None]
    """Returns whether 3/4/2026 is in April; None if that is not known."""
    language: Callable[[], str | None]
    """Returns the language, two letters."""
    now: datetime | None
    """What `2 hours ago` counts from."""
    other_script: bool = False
    """Whether the text is in a script of people that count other years as well."""

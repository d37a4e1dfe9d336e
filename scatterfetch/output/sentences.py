"""Sentences for people: complaints on standard error, and nouns with their numbers."""

import sys

from shared.errors import Reason


def complain(sentence: str) -> None:
    """Say on standard error what is wrong or missing."""
    print(f"scatterfetch: {sentence}", file=sys.stderr)


def rounded(rate: float) -> str:
    """Return `1,234`, `3.4` or `0.02`: a rate is not zero while something happens."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"  # noqa: PLR2004


def duration(seconds: float) -> str:
    """Return `45 s`, `3 min`, `5 h` or `4 days`."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def remedy(reason: Reason | None) -> str | None:
    """Return what lets a page be fetched here that was not, for `reason`; None if nothing does."""
    if reason is Reason.PRIVATE_ADDRESS:
        return "--parameter AllowPrivateNetworks=true lets it be fetched"
    return None


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 line` or `1,234 lines`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"

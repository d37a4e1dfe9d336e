"""Sentences for people: complaints on standard error, and nouns with their numbers."""

import sys


def complain(sentence: str) -> None:
    """Say on standard error what is wrong or missing."""
    print(f"scatterfetch: {sentence}", file=sys.stderr)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 line` or `1,234 lines`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"

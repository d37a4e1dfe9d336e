"""What a value is in a cell: text, and text that no spreadsheet runs."""

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def text_of(value: object) -> str:
    """Return text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

"""
JSON in a text or in the bytes of a page, as values.

Pure. Half a character is U+FFFD in them; what people write and call JSON is `lenient_json`'s.
"""

import json
from math import inf
from typing import Any

import msgspec

from shared.encodable import mend_json, mend_text

_MAX_WHOLE = 1_000  # digits of an integer


def read_json(text: str | bytes) -> Any:  # noqa: ANN401
    """
    Return what `text` stands for, None where it is no JSON.

    Half a character is U+FFFD in it. A number without an end, or with more than 1,000 digits, is
    NaN or infinite, which is a value of no type: it costs itself and not the page.
    """
    raw = mend_text(text).encode() if isinstance(text, str) else text
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    mended = mend_json(raw).decode("utf-8", "replace")
    try:
        return json.loads(mended, strict=False, parse_int=whole_number)
    except (ValueError, RecursionError):
        return None


def whole_number(digits: str) -> float:
    """Return an integer of JSON; one of more than 1,000 digits is infinite, so of no type."""
    return int(digits) if len(digits) <= _MAX_WHOLE else inf

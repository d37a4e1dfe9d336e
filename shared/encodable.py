"""
What can be written as JSON in UTF-8, and what becomes of the rest.

Half a character (a lone surrogate, of an emoji that was cut in two) becomes U+FFFD where it
enters, and two halves beside each other the character. Numbers that are none, or that nobody can
read again, become None. One bad value thus costs itself, and never its row, page or batch.
"""

import re
from collections.abc import Callable
from math import isfinite
from typing import Any

import msgspec

MAX_DEPTH = 100  # of objects and lists
_MAX_BITS = 3_300  # of an integer: 1,000 digits
_HALF = re.compile("[\ud800-\udfff]")
# Each escape of a text of JSON, so that the second backslash of \\ud83d begins none.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_REFERENCE = re.compile(rb"&#(?:[xX]0*([dD][89a-fA-F][0-9a-fA-F]{2})|0*(5[5-7]\d{3}));")
# References to halves, and a few that are to characters beside them.
_HALVES = re.compile(rb"(?:&#(?:[xX]0*[dD][89a-fA-F][0-9a-fA-F]{2}|0*5[5-7]\d{3});)+")

Note = Callable[[object], None]
"""Told of each value that was lost."""


def mend_text(text: str) -> str:
    """Return `text` with U+FFFD for each half of a character; two that match are joined."""
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mend_json(text: bytes) -> bytes:
    r"""Return JSON with ``\ufffd`` for each escape that is half a character."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], text)


def mend_references(markup: bytes) -> bytes:
    """Return XML with characters for pairs of references to halves, and U+FFFD for single ones."""
    return _HALVES.sub(_mended, markup) if b"&#" in markup else markup


def _mended(references: re.Match[bytes]) -> bytes:
    numbers = [
        int(hexadecimal, 16) if hexadecimal else int(decimal)
        for hexadecimal, decimal in _REFERENCE.findall(references[0])
    ]
    text = mend_text("".join(map(chr, numbers)))
    return b"".join(b"&#x%X;" % ord(character) for character in text)


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


def as_json(
    value: Any,  # noqa: ANN401
    note: Note,
    encode: Callable[[Any], bytes] = msgspec.json.encode,
) -> tuple[Any, bytes]:
    """Return `value`, or what `encodable` makes of it where JSON cannot hold it, and its JSON."""
    try:
        text = encode(value)
    except (TypeError, ValueError, RecursionError):
        pass
    else:
        # A null may be a number that is none, of which msgspec says nothing.
        if b"null" not in text and not is_deep(value):
            return value, text
    mended = encodable(value, note)
    return mended, encode(mended)


def encodable(value: Any, note: Note) -> Any:  # noqa: ANN401 -- whatever somebody has made
    """
    Return `value` as JSON can hold it.

    Args:
        value: Texts, numbers, dicts, lists and what else `msgspec` writes.
        note: Called with each part that became None: a number that is none or has more than
            1,000 digits, a name that is no text, what is nested too deeply.
    """
    return _encodable(value, note, MAX_DEPTH + 1)


def _encodable(value: Any, note: Note, depth: int) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return mend_text(str(value))  # such as BeautifulSoup's, which would keep its tree
    if isinstance(value, float):
        number = value if isfinite(value) else None
    elif isinstance(value, int):
        number = value if value.bit_length() <= _MAX_BITS else None
    elif isinstance(value, dict | list | tuple | set | frozenset):
        if depth:
            return _inside(value, note, depth - 1)
        number = None
    else:
        return value
    if number is None:
        note(_shown(value))
    return number


def _inside(value: Any, note: Note, depth: int) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return [_encodable(item, note, depth) for item in value]
    found = {}
    for key, item in value.items():
        name = _name(key)
        if name is None:
            note(f"the name {_shown(key)}")
        else:
            found[name] = _encodable(item, note, depth)
    return found


def _name(key: object) -> str | None:
    """Return the text that JSON has for a name, such as a number or a date."""
    if isinstance(key, str):
        return mend_text(key)
    if key is None or isinstance(key, bool):
        return msgspec.json.encode(key).decode()
    try:
        [name] = msgspec.json.decode(msgspec.json.encode({key: None}), type=dict[str, None])
    except (TypeError, ValueError):
        return None
    return name


def _shown(value: object) -> str:
    if isinstance(value, int):
        return f"an integer of {value.bit_length():,} bits"
    if isinstance(value, dict | list):
        return "nested too deeply"
    return mend_text(repr(value)[:100])

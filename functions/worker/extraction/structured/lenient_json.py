"""
JSON as people and their templates write it into pages.

First read strictly. Where that fails, once more without what is around it and in between (comments,
CDATA and its markers), without commas that nothing follows, and without backslashes that stand
before what needs none. Nothing is guessed: unescaped quotes and missing values stay wrong.
"""

import html
import json
import re
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from functions.worker.extraction.values.json_text import whole_number
from shared.encodable import mend_json, mend_text

MAX_LENIENT = 500_000  # characters of one page; they take half a second
_AROUND = "\N{BOM} \t\r\n"
_EXCERPT = 30
_OFTEN = 1_000  # tokens between two looks at the clock
# A text or a comment that does not end is one token, a backslash at its end included: nothing is
# looked at twice.
_TOKEN = re.compile(
    r"""
    (?P<text> "[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z) | '[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z) )
    | (?P<open> (?://>?\s*)?<!-- )
    | (?P<mark> (?://>?\s*)?(?:<!\[CDATA\[ | \]\]> | --> | <!\]\]>) )
    | (?P<comment> /\*.*?(?:\*/|\Z) | //[^\n\r]* )
    | (?P<space> [\s\N{BOM}]+ )
    | (?P<sign> [{}\[\],;] )
    | (?P<other> [^\s"'/<\-\]{}\[,;]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|\r\n|.)", re.DOTALL)
_QUOTES = re.compile("&(?:quot|#34|#x22);", re.IGNORECASE)
# The state of a page that Angular has made, up to its release 15.
_TRANSFERRED = re.compile("&([aqslg]);")
_OF_ANGULAR = {"a": "&", "q": '"', "s": "'", "l": "<", "g": ">"}
_NOTHING = frozenset(["space", "open", "mark", "comment"])
_NO_VALUE = frozenset(["", "{", "[", ",", ";"])
_DEEP = "nested too deeply"

Hurry = Callable[[], None]
# With line ends in its texts, as many a template leaves them.
strict_decoder = json.JSONDecoder(strict=False, parse_int=whole_number)


class Lenient(NamedTuple):
    """What was read: mostly one value, none where there are but comments."""

    values: list[Any]
    problem: str | None = None
    """Why the rest could not be read and where it is, for people."""
    again: bool = False
    """Whether the text had to be read a second time."""


class _NotJSONError(Exception):
    pass


def read_lenient(text: str, hurry: Hurry, *, limit: int = MAX_LENIENT) -> Lenient:
    """
    Return what `text` holds.

    Args:
        text: JSON, or what is meant to be.
        hurry: See `Document.hurry`.
        limit: The characters of a text that may be read a second time.
    """
    try:
        return Lenient([msgspec.json.decode(text)])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    text = mend_json(mend_text(text).encode()).decode()
    found: list[Any] = []
    problem = None
    again = False
    try:
        found.append(strict_decoder.decode(text.strip(_AROUND)))
    except RecursionError:
        problem = _DEEP
    except ValueError as error:
        problem = str(error)
        again = len(text) <= limit
    if again:
        problem = _read_again(text, found, hurry)
    return Lenient(found, problem, again=again)


def _read_again(text: str, found: list[Any], hurry: Hurry) -> str | None:
    """Put what `text` holds into `found`; return why there is no more."""
    if '"' not in text and "&q;" in text:
        text = _TRANSFERRED.sub(lambda found: _OF_ANGULAR[found[1]], text)
    elif '"' not in text and _QUOTES.search(text) is not None:
        with suppress(ValueError):  # the number of a character has thousands of digits
            text = html.unescape(text)
    try:
        _read(text, found, hurry)
    except RecursionError:
        return _DEEP
    except _NotJSONError as error:
        return str(error)
    return None


def _read(text: str, found: list[Any], hurry: Hurry) -> None:
    pieces, places = _cleaned(text, hurry)
    cleaned = "".join(pieces)
    position = _after(cleaned, " ", 0)
    try:
        while position < len(cleaned):
            value, position = strict_decoder.raw_decode(cleaned, position)
            found.append(value)
            position = _after(cleaned, ",; ", position)
    except json.JSONDecodeError as error:
        starts = list(accumulate(map(len, pieces), initial=0))
        number = max(bisect_right(starts, error.pos) - 1, 0)
        place = places[number] + error.pos - starts[number] if number < len(places) else len(text)
        raise _wrong(text, min(place, len(text)), error.msg) from None


def _cleaned(text: str, hurry: Hurry) -> tuple[list[str], list[int]]:
    """Return the tokens of `text`, with a space for what is none of JSON, and their places."""
    pieces: list[str] = []
    places: list[int] = []
    position = 0
    last = -1  # of `pieces`, the last that is no space
    # Where the next one is: each is looked for again only once it is passed.
    end = brace = bracket = -1
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None
        kind, piece, start = token.lastgroup, token[0], position
        position = token.end()
        before = pieces[last] if last >= 0 else ""
        if kind == "open":
            if end < position:
                end = _find(text, "-->", position)
            if brace < position:
                brace = _find(text, "{", position)
            if bracket < position:
                bracket = _find(text, "[", position)
            if end < min(brace, bracket):  # a comment, and not what JSON is hidden in
                position = end
        elif kind == "text":
            piece = _text(text, start, piece)
        elif piece in {"]", "}"} and before == ",":
            pieces[last] = " "
        nothing = kind in _NOTHING or (piece in {",", ";"} and before in _NO_VALUE)
        if not nothing:
            last = len(pieces)
        pieces.append(" " if nothing else piece)
        if not len(pieces) % _OFTEN:
            hurry()
        places.append(start)
    return pieces, places


def _after(text: str, signs: str, position: int) -> int:
    while position < len(text) and text[position] in signs:
        position += 1
    return position


def _find(text: str, what: str, start: int) -> int:
    place = text.find(what, start)
    return len(text) if place < 0 else place


def _text(text: str, start: int, piece: str) -> str:
    """Return a text of JavaScript as one of JSON."""
    quote = piece[0]
    if len(piece) == 1 or piece[-1] != quote or _is_escaped(piece):
        raise _wrong(text, start, "a text that does not end")
    if quote == "'":
        piece = '"' + piece[1:-1].replace('"', '\\"').replace('\\\\"', '\\"') + '"'
    return _ESCAPE.sub(_escape, piece) if "\\" in piece else piece


def _is_escaped(piece: str) -> bool:
    """Tell whether the last character has a backslash before it that is none itself."""
    inner = piece[:-1]
    return (len(inner) - len(inner.rstrip("\\"))) % 2 == 1


def _escape(found: re.Match[str]) -> str:
    what = found[1]
    # With fewer digits than it needs, u or x is nothing that could be meant.
    if what[0] in '"\\/bfnrtu' or what == "x":
        return found[0]
    if len(what) == 3 and what[0] == "x":  # noqa: PLR2004
        return rf"\u00{what[1:]}"
    return "" if what in {"\n", "\r", "\r\n"} else what


def _wrong(text: str, place: int, why: str) -> _NotJSONError:
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)
    excerpt = " ".join(text[max(place - _EXCERPT, 0) : place + _EXCERPT].split())
    return _NotJSONError(f"line {line}, column {column}: {why}, near {excerpt!r}")

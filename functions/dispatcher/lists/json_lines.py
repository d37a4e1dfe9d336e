"""
Lists of JSON: an object on a line, with what its request is made of.

Pure. One value that cannot be read costs itself, and the line only if the request depends on it.
"""

import json
import re
from collections import Counter
from typing import Any, get_args

import msgspec
from msgspec import Struct

from functions.dispatcher.lists.lines import BOM, MAX_ROW_BYTES, Lines
from functions.dispatcher.lists.sink import Sink
from shared.encodable import encodable
from shared.header_spec import check_headers
from shared.messages import Method
from shared.wording import in_words, problem_of

_REPLACED = "\N{REPLACEMENT CHARACTER}"


class _JsonLine(Struct, forbid_unknown_fields=True):
    """A line of a `.jsonl` list."""

    url: str
    method: Method = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    meta: dict[str, Any] = {}

    def __post_init__(self) -> None:
        check_headers(self.headers)
        if self.body is not None and self.method != "POST":
            raise ValueError(f"body is for POST, and the method is {self.method}")


_decoder = msgspec.json.Decoder(_JsonLine)
_KNOWN = {"": _JsonLine.__struct_fields__, "method": get_args(Method)}
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


def _decode(line: bytes) -> _JsonLine:
    """
    Return the request on a line.

    One value that cannot be read (bytes that are not UTF-8, half a character, NaN) costs itself,
    and the line only if it is a part of what is sent.

    Raises:
        ValueError: there is none, or it is not clear which.
    """
    # Written out, for millions of lines come by.
    if (
        line.count(b'"url"') > 1
        or line.count(b'"method"') > 1
        or line.count(b'"headers"') > 1
        or line.count(b'"body"') > 1
        or line.count(b'"meta"') > 1
        or (b"\\u00" in line and _ESCAPED_LETTER.search(line))
    ):
        _check_names(line)
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            value = json.loads(line.decode(errors="replace"), parse_constant=lambda _: None)
        except ValueError:
            raise error from None
        found = msgspec.convert(encodable(value, lambda _: None), _JsonLine)
        if _REPLACED in f"{found.url}{found.headers}{found.body}":
            raise
        return found


def _check_names(line: bytes) -> None:
    """
    Refuse what is said twice: of two values a parser drops one without a word.

    Raises:
        ValueError: a name of the request is there twice, or the line is no JSON.
    """
    seen: list[list[str]] = []  # that of the line itself is the last
    json.loads(
        line.decode(errors="replace"),
        object_pairs_hook=lambda pairs: seen.append([name for name, _ in pairs]),
    )
    if (name := _first_repeated(seen[-1] if seen else [])) is not None:
        raise ValueError(f"{name!r} is there twice; write an object on a line for each")


def _first_repeated(names: list[str]) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _in_words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.colno}"
    if not isinstance(error, msgspec.MsgspecError):
        return str(error)
    problem, path, _ = problem_of(error)
    what = in_words(problem, _KNOWN.get(path, ()))
    return f"{path}: {what}" if path else what


class JsonReader(Lines):
    """An object a line: url, and as it may be method, headers, body and meta."""

    longest = MAX_ROW_BYTES

    def fill(self, plan: Sink, until: int) -> None:
        while block := self.block(until, plan):
            first = self.line
            self.line += block.count(b"\n")
            for line, raw in enumerate(block.split(b"\n"), start=first):
                if len(raw) > self.longest:
                    plan.reject(line, b"", f"longer than {self.longest:,} bytes")
                elif text := raw.removeprefix(BOM).strip():
                    try:
                        found = _decode(text)
                    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                        # Behind them there may be what nobody else should read.
                        shown = text.partition(b'"headers"')[0]
                        plan.reject(line, shown, f"no request: {_in_words(error)}")
                    else:
                        plan.add(
                            line, found.url, found.method, found.headers, found.body, found.meta
                        )

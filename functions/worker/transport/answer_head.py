"""
The head of an answer, as servers write it: what browsers and curl read of it.

Pure, and knows nothing of connections. It leaves out what is no header, and refuses only a head
that no browser could read.
"""

import re
from typing import NamedTuple

from aiohttp.http_exceptions import HttpProcessingError

_STATUS_BYTES = 64  # of a first line without an end, to see that it is none
_SHOWN = 60
_HEAD_END = re.compile(rb"\n\r*\n")
_SLOP = 4  # bytes in front of it at most, as in Chrome: a byte order mark, say
_STATUS = re.compile(
    rb"\s*.{0,4}?(?:HTTP|ICY)(?:/(\d+)(?:\.(\d+))?)?[ \t\r]+(\d{3})(?!\d)[ \t\r]*(.*)",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_LENGTH = re.compile(rb"\d{1,18}")
_INTERIM = range(100, 200)
_SWITCHING = 101
_LEFT_OUT = {b"sec-websocket-key1"}  # aiohttp refuses an answer that has it


class FramingError(HttpProcessingError):
    """An answer that no browser could read; the message says what is wrong with it."""

    def __init__(self, message: str) -> None:
        super().__init__(code=400, message=message)


class Head(NamedTuple):
    """A head as it is meant."""

    clean: bytes
    """In a form that aiohttp's parser takes; without Transfer-Encoding."""
    status: int
    is_chunked: bool
    transfer_encoding: str | None


def is_interim(status: int) -> bool:
    """Tell whether another answer follows an answer of `status`."""
    return status in _INTERIM and status != _SWITCHING


def names_chunks(encoding: str) -> bool:
    """Tell whether a value of Transfer-Encoding says that the body comes in chunks."""
    names = (name.partition(";")[0].strip(" \t\"'").lower() for name in encoding.split(","))
    return "chunked" in names


def split_head(wire: bytes) -> tuple[Head, bytes] | None:
    """
    Return the head in `wire` and what follows it; interim answers in front are passed over.

    Returns None where the end of the head has not come yet.

    Raises:
        FramingError: it is no head, and more bytes would not make it one.
    """
    while True:
        start = len(wire) - len(wire.lstrip())
        end = _HEAD_END.search(wire, start)
        if end is None:
            line, line_end, _ = wire[start:].partition(b"\n")
            is_whole = line_end or len(line) > _STATUS_BYTES
            if not (_STATUS.match(line) if is_whole else _may_become_status(line)):
                raise _no_status(line)
            return None
        head = _read_head(wire[start : end.start()])
        wire = wire[end.end() :]
        if not is_interim(head.status):
            return head, wire


def _may_become_status(line: bytes) -> bool:
    beginnings = [line[slop : slop + 4].lower() for slop in range(_SLOP + 1)]
    return any(b"http".startswith(begin) or b"icy".startswith(begin[:3]) for begin in beginnings)


def _no_status(line: bytes) -> FramingError:
    return FramingError(f"the answer begins with {line[:_SHOWN]!r} and not with HTTP/ and a status")


def _read_head(head: bytes) -> Head:
    """
    Return a head without its blank line in a form that the parser takes.

    Raises:
        FramingError: it has no status, a zero byte, or two lengths.
    """
    first, *lines = head.split(b"\n")
    status = _STATUS.match(first)
    if status is None:
        raise _no_status(first)
    major, minor, code, reason = status.groups()
    version = b"1.1" if (int(major or 1), int(minor or 0)) >= (1, 1) else b"1.0"
    clean = [b"HTTP/%s %s %s" % (version, code, _one_line(reason))]
    lengths: list[bytes] = []
    transfer: list[bytes] = []
    for name, value in _fields(lines):
        lower = name.lower()
        if lower == b"content-length":
            lengths += value.split(b",")
        elif lower == b"transfer-encoding":
            transfer.append(value)
        elif lower not in _LEFT_OUT:
            clean.append(b"%s: %s" % (name, value))
    encoding = ", ".join(value.decode("latin-1") for value in transfer)
    is_chunked = names_chunks(encoding)
    length = None if is_chunked else _length(lengths)
    if length is not None:
        clean.append(b"Content-Length: %s" % length)
    return Head(
        b"\r\n".join([*clean, b"", b""]), int(code), is_chunked, encoding if transfer else None
    )


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers in `lines`; a line that is none is left out."""
    fields: list[tuple[bytes, bytes]] = []
    is_field = False
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            if is_field:  # RFC 9112 §5.2: the value goes on
                name, value = fields[-1]
                fields[-1] = name, b"%s %s" % (value, _one_line(line))
            continue
        name, colon, value = line.partition(b":")
        name = name.rstrip()
        is_field = bool(colon) and _TOKEN.fullmatch(name) is not None
        if not is_field:
            continue
        if b"\0" in value:
            raise FramingError(f"a header holds a zero byte: {line[:_SHOWN]!r}")
        fields.append((name, _one_line(value)))
    return fields


def _one_line(value: bytes) -> bytes:
    return value.strip().replace(b"\r", b" ")


def _length(values: list[bytes]) -> bytes | None:
    """Return the length that all `values` say; None where they say nothing that is one."""
    distinct = list(dict.fromkeys(value.strip() for value in values))
    if len(distinct) > 1:
        named = " and ".join(value[:20].decode("latin-1") for value in distinct[:2])
        raise FramingError(f"there are two lengths that differ: {named}")
    return distinct[0] if distinct and _LENGTH.fullmatch(distinct[0]) else None

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
_WHITE = re.compile(rb"[ \t\n\r\v\f]*")
_LINE = re.compile(rb"[^\n]*")
_RETURNS = re.compile(rb"\r*")
_NEWLINE = ord("\n")
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


class HeadReader:
    """Finds the head in the bytes of an answer, however they come; looks at each of them once."""

    _start = 0
    """Of the head, behind white space and interim answers."""
    _looked = 0
    """So far."""
    _line_end: int | None = None
    """Of the last line, if nothing but carriage returns has been seen behind it."""
    _is_status = False
    """Whether the head begins with a status."""

    def __init__(self) -> None:
        self._wire = bytearray()

    def __len__(self) -> int:
        return len(self._wire)

    def add(self, data: bytes) -> None:
        """Take more of the answer."""
        self._wire += data

    def beginning(self, size: int) -> bytes:
        """Return the first `size` bytes."""
        return bytes(self._wire[:size])

    def split(self) -> tuple[Head, bytes] | None:
        """
        Return the head and what follows it; interim answers in front are passed over.

        Returns None where the end of the head has not come yet.

        Raises:
            FramingError: it is no head, and more bytes would not make it one.
        """
        while self._has_end():
            assert self._line_end is not None
            head = _read_head(bytes(self._wire[self._start : self._line_end]))
            self._start, self._line_end, self._is_status = self._looked, None, False
            if not is_interim(head.status):
                return head, bytes(self._wire[self._start :])
        self._check_status()
        return None

    def _has_end(self) -> bool:
        """Look on until the blank line that ends the head; tell whether it is there."""
        wire = self._wire
        if self._looked == self._start:
            self._start = self._looked = _end_of(_WHITE, wire, self._looked)
        while True:
            if self._line_end is None:
                self._looked = _end_of(_LINE, wire, self._looked)
                if self._looked == len(wire):
                    return False
                self._line_end = self._looked
                self._looked += 1
            self._looked = _end_of(_RETURNS, wire, self._looked)
            if self._looked == len(wire):
                return False
            if wire[self._looked] == _NEWLINE:
                self._looked += 1
                return True
            self._line_end = None

    def _check_status(self) -> None:
        if self._is_status:
            return
        begin = self._wire[self._start : self._start + _STATUS_BYTES + 1]
        if b"\n" not in begin and len(begin) <= _STATUS_BYTES:
            if not _may_become_status(begin):
                raise _no_status(begin)
            return
        line = self._wire[self._start :].partition(b"\n")[0]
        if not _STATUS.match(line):
            raise _no_status(line)
        self._is_status = True


def _end_of(pattern: re.Pattern[bytes], wire: bytearray, start: int) -> int:
    found = pattern.match(wire, start)
    assert found is not None, "it matches nothing, too"
    return found.end()


def _may_become_status(line: bytearray) -> bool:
    beginnings = [line[slop : slop + 4].lower() for slop in range(_SLOP + 1)]
    return any(b"http".startswith(begin) or b"icy".startswith(begin[:3]) for begin in beginnings)


def _no_status(line: bytes | bytearray) -> FramingError:
    return FramingError(
        f"the answer begins with {bytes(line[:_SHOWN])!r} and not with HTTP/ and a status"
    )


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

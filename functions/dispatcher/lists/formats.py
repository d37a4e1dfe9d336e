"""
URL lists as people have them: which formats there are, and how their bytes become lines.

Pure. Knows nothing of S3, of batches or of jobs. `tables` and `sitemaps` read the formats that
are made of something else than lines.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from functions.dispatcher.lists.unpack import DamagedListError, unpacked
from shared.encodable import encodable
from shared.errors import InvalidJobError
from shared.messages import Method
from shared.spec import check_headers
from shared.urls import MAX_URL_BYTES

MAX_LINE_BYTES = 2 * MAX_URL_BYTES
MAX_ROW_BYTES = 64 * 1024  # of a row of a table and of a line of JSON
BOM = b"\xef\xbb\xbf"
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_LONE_RETURN = re.compile(rb"\r(?!\n)")
FORMATS = ("txt", "csv", "tsv", "jsonl", "xml")
PACKED = (".gz", ".zst")
_CUT_ANYWHERE = {"txt", "jsonl"}  # the byte after any line end begins a line
_MAGIC = {
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8 (in Excel: CSV UTF-8)",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8 (in Excel: CSV UTF-8)",
    b"\x1f\x8b": "is compressed with gzip; its name must end with .gz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; its name must end with .zst",
    b"PK\x03\x04": "is a zip archive or a spreadsheet; unpack it, or save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet or another document of Office; save it as CSV UTF-8",
    b"%PDF": "is a PDF; save it as text, one URL a line",
    b"BZh": "is compressed with bzip2; pack it with gzip or zstd",
    b"\xfd7zXZ": "is compressed with xz; pack it with gzip or zstd",
    b"7z\xbc\xaf": "is a 7z archive; unpack it",
    b"Rar!": "is a RAR archive; unpack it",
}
_OTHERS = {
    **dict.fromkeys(
        ("xlsx", "xls", "xlsm", "xlsb", "ods", "numbers"),
        "a spreadsheet is no list; save the sheet as CSV UTF-8",
    ),
    **dict.fromkeys(
        ("zip", "7z", "rar", "tar", "tgz"), "an archive is no list; unpack it, and name the list"
    ),
    **dict.fromkeys(("bz2", "xz", "lz4", "br"), "it is packed; pack it with gzip or zstd"),
    **dict.fromkeys(("json", "ndjson"), "write one JSON object a line, and call it .jsonl"),
    **dict.fromkeys(("html", "htm", "pdf", "docx"), "a document is no list; write one URL a line"),
}
"""What to do with files that people take for lists, by the ends of their names."""
_PACKED_MAGIC = {
    ".gz": (b"\x1f\x8b",),
    ".zst": (b"\x28\xb5\x2f\xfd", *(bytes((n,)) + b"\x2a\x4d\x18" for n in range(0x50, 0x60))),
}


class Kind(NamedTuple):
    """What the name of a list says about its content."""

    format: str
    """One of `FORMATS`."""
    packed: str
    """One of `PACKED`, or nothing."""

    @property
    def is_streamed(self) -> bool:
        """Whether it can only be read from its beginning."""
        return bool(self.packed) or self.format not in _CUT_ANYWHERE


def kind_of(name: str) -> Kind:
    """
    Return what the list called `name` is.

    Raises:
        InvalidJobError: no list is called so.
    """
    lower = name.lower()
    packed = next((suffix for suffix in PACKED if lower.endswith(suffix)), "")
    stem, dot, suffix = lower.removesuffix(packed).rpartition(".")
    if not stem or not dot or suffix not in FORMATS:
        formats = f".{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}"
        advice = f"{_OTHERS[suffix]}. A" if suffix in _OTHERS else "a"
        raise InvalidJobError(
            f"{name}: {advice} list's name must end with {formats}, "
            f"or with one of these and {' or '.join(PACKED)}"
        )
    return Kind(suffix, packed)


def name_of_line(name: str) -> str:
    """Return what people call that which the list called `name` has for lines."""
    lower = name.lower()
    for packed in PACKED:
        lower = lower.removesuffix(packed)
    return "<loc>" if lower.endswith(".xml") else "line"


def check_list(name: str, size: int, head: bytes, packed: str = "", *, xml: bool = False) -> None:
    """
    See whether a list can be read at all.

    Args:
        name: For the message.
        size: Of the whole list, in bytes.
        head: Its first bytes; a few thousand are enough.
        packed: How it is compressed, one of `PACKED`; `head` is then of the compressed list.
        xml: It tells its encoding itself.

    Raises:
        InvalidJobError: it is empty, or not what its name says.
    """
    if not size:
        raise InvalidJobError(f"{name} is empty; put one URL on each line")
    if packed:
        if head and not head.startswith(_PACKED_MAGIC[packed]):
            raise InvalidJobError(f"{name} is not compressed as its name says ({packed})")
        return
    for magic, problem in _MAGIC.items():
        if head.startswith(magic) and not (xml and "UTF-16" in problem):
            raise InvalidJobError(f"{name} {problem}")
    if b"\0" in head and not xml:
        raise InvalidJobError(
            f"{name} is not text, or UTF-16; it must be UTF-8 with one URL on each line"
        )


class Source:
    """
    The bytes of a list, unpacked; `damage` says why they end too early, if they do.

    Args:
        chunks: The list as it is stored.
        packed: How it is compressed, one of `PACKED`, or nothing.
        text: It has lines. Each carriage return that ends one by itself becomes a line feed.
        again: Returns the `chunks` once more; for who needs to `restart`.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        packed: str = "",
        *,
        text: bool = False,
        again: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        self._packed = packed
        self._text = text
        self._again = again
        self._begin(chunks)

    def _begin(self, chunks: Iterable[bytes]) -> None:
        self.damage: str | None = None
        chunks = unpacked(chunks, self._packed) if self._packed else chunks
        self._chunks: Iterator[bytes] = _with_line_feeds(chunks) if self._text else iter(chunks)

    def restart(self) -> None:
        """Begin anew with the first byte."""
        self._begin(self._again())

    def read(self) -> bytes:
        """Return the next bytes, nothing at the end."""
        try:
            return next(self._chunks, b"")
        except DamagedListError as error:
            self.damage = str(error)
            self._chunks = iter(())
            return b""

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer at the end; they stay."""
        pieces = []
        missing = size
        while missing > 0 and (piece := self.read()):
            pieces.append(piece)
            missing -= len(piece)
        head = b"".join(pieces)
        self._chunks = chain([head] if head else [], self._chunks)
        return head[:size]

    def pieces(self, size: int = sys.maxsize) -> Iterator[bytes]:
        """Yield the next `size` bytes, or fewer at the end."""
        while size > 0 and (piece := self.read()):
            if len(piece) > size:
                self._chunks = chain([piece[size:]], self._chunks)
            yield piece[:size]
            size -= len(piece)

    def skip(self, size: int) -> None:
        """Drop the next `size` bytes."""
        for _ in self.pieces(size):
            pass


def _with_line_feeds(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""
    Yield `chunks` with ``\n`` for every ``\r`` that no ``\n`` follows.

    What that depends on is the next byte alone, and no byte moves: so a list has the same lines
    wherever it is cut.
    """
    held = b""
    for chunk in chunks:
        piece, held = held + chunk, b""
        if b"\r" in piece:
            if piece.endswith(b"\r"):
                piece, held = piece[:-1], b"\r"
            if piece.count(b"\r") != piece.count(b"\r\n"):
                piece = _LONE_RETURN.sub(b"\n", piece)
        if piece:
            yield piece
    if held:
        yield b"\n"


class Rejects(Protocol):
    """Who hears of lines that hold no target."""

    def reject(self, line: int, text: bytes, reason: str) -> None: ...


class Sink(Rejects, Protocol):
    """Who takes what a list holds; see `plan.Plan`."""

    @property
    def is_full(self) -> bool:
        """Whether what would make more of a list than it is itself should stop."""

    def add_lines(self, block: bytes, line: int) -> None: ...
    def add(
        self,
        line: int,
        url: str,
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
        input: dict[str, Any] | None = None,  # noqa: A002 -- the column of the results
    ) -> None: ...
    def break_off(self, line: int, reason: str) -> None: ...


class Reader(Protocol):
    """
    A list that is being read.

    `position` is the offset of what comes next, in bytes, unpacked, and `line` its line;
    `ended` says that nothing comes.
    """

    position: int
    line: int
    ended: bool

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` what begins before the offset `until`, or less if it is full."""


class Lines:
    r"""
    Cuts a source into blocks of whole lines, each with its ``\n`` (but the last one, perhaps).

    Whoever takes a block moves `line` on. A line of more than `longest` bytes is never held.

    Args:
        source: Begins with the byte before `start`, which tells whether a line begins there.
        start: In bytes, unpacked; lines that begin before are left out.
        line: The number of the first line that is not.
    """

    longest = MAX_LINE_BYTES

    def __init__(self, source: Source, *, start: int = 0, line: int = 1) -> None:
        self._source = source
        self._rest = b""
        self._skipping = start > 0
        self.position = max(0, start - 1)
        self.line = line
        self.ended = False

    def block(self, until: int, plan: Rejects) -> bytes:
        """Return lines that begin before `until`, nothing where there are no more."""
        while self.position < until and not self.ended:
            if self._skipping:
                self._skip()
                continue
            data = self._rest
            if end := self._end_of_lines(data, until - self.position - 1):
                self._rest = data[end:]
                self.position += end
                return data[:end]
            if len(data) > self.longest:
                plan.reject(self.line, data, f"longer than {self.longest:,} bytes")
                self.line += 1
                self._skipping = True
            elif not self._read():
                self.position += len(data)
                self._rest = b""
                # If it should not end here, that is half a line.
                return b"" if self._source.damage else data
        return b""

    @staticmethod
    def _end_of_lines(data: bytes, last: int) -> int:
        """Return the end of those complete lines in `data` that hold no byte behind `last`."""
        if last >= len(data):
            return data.rfind(b"\n") + 1
        # The line with the byte `last` is ours, wherever it ends.
        return data.find(b"\n", last) + 1 or data.rfind(b"\n", 0, last) + 1

    def _skip(self) -> None:
        end = self._rest.find(b"\n") + 1
        self.position += end or len(self._rest)
        self._rest = self._rest[end:] if end else b""
        self._skipping = not end
        if self._skipping:
            self._read()

    def _read(self) -> bool:
        piece = self._source.read()
        self._rest += piece
        self.ended = not piece
        return not self.ended


class TextReader(Lines):
    """One URL a line, and perhaps more that is not for us; see `line_url`."""

    def fill(self, plan: Sink, until: int) -> None:
        while block := self.block(until, plan):
            plan.add_lines(block, self.line)
            self.line += block.count(b"\n")


class _Request(Struct, forbid_unknown_fields=True):
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


_request = msgspec.json.Decoder(_Request)
_ESCAPED_LETTER = re.compile(rb"\\u00[67]")


def _decode(line: bytes) -> _Request:
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
        return _request.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            value = json.loads(line.decode(errors="replace"), parse_constant=lambda _: None)
        except ValueError:
            raise error from None
        found = msgspec.convert(encodable(value, lambda _: None), _Request)
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
                        plan.reject(line, shown, f"no request: {error}")
                    else:
                        plan.add(
                            line, found.url, found.method, found.headers, found.body, found.meta
                        )

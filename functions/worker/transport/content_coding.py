"""
Content codings undone, up to a limit: the only module that decompresses what a website sent.

Pure. A few hundred bytes can hold gigabytes, so nothing here ever asks a library for all of it.
A body is read as browsers read it: it is complete where its last block is, whatever its checksum
is and whatever follows.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from isal import isal_zlib

from shared.errors import Reason

ACCEPT_ENCODING = "gzip, deflate, br, zstd"  # what `decode` knows
# Bytes at a time, in and out. Larger pieces come from the operating system and not from the heap,
# which takes twice as long; and what follows a member is copied for each member.
_PIECE = 32 * 1024
_MAX_MEMBERS = 1_000
_MAX_CODINGS = 5  # as curl has it
_ZSTD_WINDOW_LOG_MAX = 23  # 8 MB of memory, as much as RFC 9659 §3 lets a server ask for
# In the registry of content codings, and not undone here. Any other name means no coding at all:
# servers put charsets, media types and "none" there, and browsers take no notice.
_NOT_UNDONE = {
    "aes128gcm",
    "compress",
    "dcb",
    "dcz",
    "exi",
    "pack200-gzip",
    "x-compress",
}


class ContentCodingError(Exception):
    """A body is not what its Content-Encoding says."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@lru_cache(maxsize=64)
def codings_of(values: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return the codings that header lines name, in the order in which they were applied.

    Args:
        values: Of Content-Encoding, and then those of Transfer-Encoding, which come on top.

    Raises:
        ContentCodingError: one is a coding that was not asked for, or there are too many.
    """
    names = [
        name.partition(";")[0].strip(" \t\"'").lower()
        for value in values
        for name in value.split(",")
    ]
    for name in names:
        if name in _NOT_UNDONE:
            raise ContentCodingError(
                Reason.BAD_ENCODING, f"Content-Encoding {name!r} was not asked for"
            )
    codings = tuple(name for name in names if name in _CODINGS)
    if len(codings) > _MAX_CODINGS:
        raise ContentCodingError(
            Reason.BAD_ENCODING, f"the body has more than {_MAX_CODINGS} codings on top of another"
        )
    return codings


def decode(body: bytes, codings: Sequence[str], limit: int) -> bytes:
    """
    Return the content of `body`, but hardly more than the first `limit` bytes of it.

    Args:
        body: As sent. Nothing at all is no content, whatever its codings.
        codings: As from `codings_of`; the last one is undone first.
        limit: A caller that gets as many bytes as that, or more, may not have seen the end.

    Raises:
        ContentCodingError: the body is not in these codings, or it ends before its content does.
    """
    for number, name in enumerate(reversed(codings), start=1):
        if not body:
            break
        body = _undo(body, name, limit)
        if number < len(codings) and len(body) >= limit:
            raise ContentCodingError(
                Reason.TOO_LARGE, f"the body exceeds {limit - 1:,} bytes between two codings"
            )
    return body


def _undo(body: bytes, name: str, limit: int) -> bytes:
    codec = _CODINGS[name]()
    try:
        return _decode(body, codec, limit)
    except (codec.error, ValueError) as error:
        end = codec.end(body) if codec.end is not None else None
        if end is not None:
            return _decode(body[:end], codec, limit)
        raise ContentCodingError(Reason.BAD_ENCODING, f"the body is not {name}") from error
    except EOFError:
        raise ContentCodingError(
            Reason.TRUNCATED, f"the body ends before its {name} does"
        ) from None


class _Decoder(Protocol):
    """What decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: memoryview, max_length: int, /) -> bytes: ...


class _Codec(NamedTuple):
    begin: Callable[[bytes, int], tuple[_Decoder, int, int]]
    """
    Gets the body and where a member begins in it. Returns what decodes that member, where its data
    begins, and how many bytes of checksum follow them. Raises ValueError where there is no member,
    and EOFError where it ends within its header.
    """
    error: type[Exception]
    magic: re.Pattern[bytes] | None
    """Begins each of the members that a body may be made of; None where it is of one."""
    end: Callable[[bytes], int | None] | None = None
    """
    Returns where the stream ends in a body that has an error; None where it does not end. For a
    library to which anything behind the end is an error.
    """


def _decode(body: bytes, codec: _Codec, limit: int) -> bytes:
    view = memoryview(body)
    decoder, at, checksum = codec.begin(body, 0)
    pieces: list[bytes] = []
    size = 0
    members = 1
    while size < limit:
        data = view[at : at + _PIECE] if decoder.needs_input else view[:0]
        at += len(data)
        piece = decoder.decompress(data, min(limit - size, _PIECE))
        pieces.append(piece)
        size += len(piece)
        if decoder.eof:
            at += checksum - len(decoder.unused_data)
            # What follows and is no member is no content: browsers take no notice of it.
            if codec.magic is None or not codec.magic.match(body, at):
                break
            if members == _MAX_MEMBERS:
                raise ContentCodingError(
                    Reason.BAD_ENCODING, f"the body is made of more than {_MAX_MEMBERS:,} parts"
                )
            decoder, at, checksum = codec.begin(body, at)
            members += 1
        elif not piece and not data and at >= len(body):
            # A decoder may hold content when all of the body is in it, whatever it says.
            raise EOFError
    return b"".join(pieces)


class _Inflater:
    """Reads a bare deflate stream: without its checksum, which browsers do not look at either."""

    def __init__(self) -> None:
        self._decompressor = isal_zlib.decompressobj(wbits=-15)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def decompress(self, data: memoryview, max_length: int, /) -> bytes:
        piece = self._decompressor.decompress(
            self._decompressor.unconsumed_tail or data, max_length
        )
        # Whether it holds more shows only in whether it gave all that it might.
        self.needs_input = len(piece) < max_length
        return piece


_ISAL_ERROR: Any = isal_zlib.error  # its stub takes the class for an instance
_GZIP_MAGIC = re.compile(rb"\x1f\x8b\x08")
_GZIP_HEADER, _GZIP_CHECKSUM = 10, 8  # RFC 1952 §2.3.1
_HAS_CRC, _HAS_EXTRA, _TEXTS = 0x02, 0x04, (0x08, 0x10)


def _gzip() -> _Codec:
    return _Codec(
        lambda body, at: (_Inflater(), _after_gzip_header(body, at), _GZIP_CHECKSUM),
        _ISAL_ERROR,
        _GZIP_MAGIC,
    )


def _after_gzip_header(body: bytes, at: int) -> int:
    start = body[at : at + _GZIP_HEADER]
    if not b"\x1f\x8b\x08".startswith(start[:3]):
        raise ValueError("not gzip")
    at += _GZIP_HEADER
    if len(start) == _GZIP_HEADER:
        flags = start[3]
        if flags & _HAS_EXTRA:
            at += 2 + int.from_bytes(body[at : at + 2], "little")
        for text in _TEXTS:
            if flags & text:
                end = body.find(b"\0", at)
                at = len(body) + 1 if end < 0 else end + 1
        if flags & _HAS_CRC:
            at += 2
    if at > len(body):
        raise EOFError
    return at


def _deflate() -> _Codec:
    return _Codec(lambda body, _: (_Inflater(), _after_zlib_header(body), 0), _ISAL_ERROR, None)


def _after_zlib_header(body: bytes) -> int:
    # It is zlib's format (RFC 9110 §8.4.1.2), but some servers send the bare stream.
    is_zlib = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004 -- RFC 1950 §2.2
    return 2 if is_zlib and len(body) > 1 else 0


def _brotli() -> _Codec:
    import brotli  # noqa: PLC0415 -- for who meets it

    class Decoder:
        unused_data = b""

        def __init__(self) -> None:
            self._decompressor = brotli.Decompressor()
            self.needs_input = True

        @property
        def eof(self) -> bool:
            return bool(self._decompressor.is_finished())

        def decompress(self, data: memoryview, max_length: int, /) -> bytes:
            piece: bytes = self._decompressor.process(data, output_buffer_limit=max_length)
            self.needs_input = self._decompressor.can_accept_more_data()
            return piece

    return _Codec(lambda _body, _at: (Decoder(), 0, 0), brotli.error, None, _end_of_brotli)


def _end_of_brotli(body: bytes) -> int | None:
    import brotli  # noqa: PLC0415 -- it is there already

    def feed(decompressor: Any, data: bytes) -> None:  # noqa: ANN401 -- it has no types
        while decompressor.process(data, output_buffer_limit=_PIECE):
            data = b""

    decompressor, start = brotli.Decompressor(), 0
    with suppress(brotli.error):
        while start < len(body):
            feed(decompressor, body[start : start + _PIECE])
            start += _PIECE
    decompressor = brotli.Decompressor()
    for begun in range(0, start, _PIECE):
        feed(decompressor, body[begun : begun + _PIECE])
    with suppress(brotli.error):
        for at in range(start, min(start + _PIECE, len(body))):
            feed(decompressor, body[at : at + 1])
            if decompressor.is_finished():
                return at + 1
    return None


_ZSTD_MAGIC = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to skip
_ZSTD_DESCRIPTOR, _ZSTD_HAS_CHECKSUM, _ZSTD_CHECKSUM = 4, 0x04, 4  # RFC 8878 §3.1.1.1


def _zstd() -> _Codec:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError:  # before Python 3.14
        from backports import zstd  # type: ignore[no-redef,unused-ignore] # noqa: PLC0415

    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG_MAX}

    class Decoder:
        """Reads a frame as one that has no checksum."""

        def __init__(self) -> None:
            self._decompressor = zstd.ZstdDecompressor(options=options)
            self._is_new = True

        @property
        def eof(self) -> bool:
            return bool(self._decompressor.eof)

        @property
        def needs_input(self) -> bool:
            return bool(self._decompressor.needs_input)

        @property
        def unused_data(self) -> bytes:
            return bytes(self._decompressor.unused_data)

        def decompress(self, data: memoryview, max_length: int, /) -> bytes:
            if self._is_new and len(data) > _ZSTD_DESCRIPTOR and bytes(data[:1]) == b"\x28":
                head = bytearray(data)
                head[_ZSTD_DESCRIPTOR] &= ~_ZSTD_HAS_CHECKSUM
                data = memoryview(head)
            self._is_new = False
            return bytes(self._decompressor.decompress(data, max_length))

    def begin(body: bytes, at: int) -> tuple[_Decoder, int, int]:
        descriptor = body[at + _ZSTD_DESCRIPTOR : at + _ZSTD_DESCRIPTOR + 1]
        is_frame = body[at : at + 1] == b"\x28"
        has_checksum = bool(is_frame and descriptor and descriptor[0] & _ZSTD_HAS_CHECKSUM)
        return Decoder(), at, _ZSTD_CHECKSUM if has_checksum else 0

    return _Codec(begin, zstd.ZstdError, _ZSTD_MAGIC)


_CODINGS: dict[str, Callable[[], _Codec]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}

"""
Content codings undone, up to a limit: the only module that decompresses what a website sent.

Pure. A few hundred bytes can hold gigabytes, so nothing here ever asks a library for all of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from isal import isal_zlib

from shared.errors import Reason

ACCEPT_ENCODING = "gzip, deflate, br, zstd"  # what `decode` knows
# Bytes at a time, in and out. Larger pieces come from the operating system and not from the heap,
# which takes twice as long; and what follows a member is copied for each member.
_PIECE = 32 * 1024
_MAX_MEMBERS = 1_000
_ZSTD_WINDOW_LOG_MAX = 23  # 8 MB of memory, as much as RFC 9659 §3 lets a server ask for


class ContentCodingError(Exception):
    """A body is not what its Content-Encoding says."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def decode(body: bytes, coding: str, limit: int) -> bytes:
    """
    Return the content of `body`, but hardly more than the first `limit` bytes of it.

    Args:
        body: As sent. Nothing at all is no content, whatever its coding.
        coding: The value of Content-Encoding.
        limit: Whoever gets as many bytes as that, or more, may not have seen the end.

    Raises:
        ContentCodingError: `coding` is none of `ACCEPT_ENCODING`, the body is not in it, or it
            ends before its content does.
    """
    name = coding.strip().lower()
    if name in {"", "identity"} or not body:
        return body
    if name not in _CODINGS:
        raise ContentCodingError(
            Reason.BAD_ENCODING, f"Content-Encoding {coding[:100]!a} was not asked for"
        )
    codec = _CODINGS[name](body)
    try:
        return _decode(memoryview(body), codec, limit)
    except codec.error as error:
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
    new_decoder: Callable[[], _Decoder]
    error: type[Exception]
    magic: bytes | None
    """Begins each of the members that a body may be made of; None where it is of one."""


def _decode(body: memoryview, codec: _Codec, limit: int) -> bytes:
    decoder = codec.new_decoder()
    pieces: list[bytes] = []
    size = at = 0
    members = 1
    while size < limit:
        data = body[at : at + _PIECE] if decoder.needs_input else body[:0]
        if decoder.needs_input and not data:
            raise EOFError
        at += len(data)
        piece = decoder.decompress(data, min(limit - size, _PIECE))
        pieces.append(piece)
        size += len(piece)
        if decoder.eof:
            at -= len(decoder.unused_data)
            # What follows and is no member is no content: browsers take no notice of it.
            if codec.magic is None or body[at : at + len(codec.magic)] != codec.magic:
                break
            if members == _MAX_MEMBERS:
                raise ContentCodingError(
                    Reason.BAD_ENCODING, f"the body is made of more than {_MAX_MEMBERS:,} parts"
                )
            decoder = codec.new_decoder()
            members += 1
    return b"".join(pieces)


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._decompressor = isal_zlib.decompressobj(wbits=wbits)
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


def _gzip(_: bytes) -> _Codec:
    return _Codec(lambda: _Zlib(31), _ISAL_ERROR, b"\x1f\x8b")


def _deflate(body: bytes) -> _Codec:
    # It is zlib's format (RFC 9110 §8.4.1.2), but some servers send the bare stream.
    is_zlib = body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0  # noqa: PLR2004 -- RFC 1950 §2.2
    return _Codec(lambda: _Zlib(15 if is_zlib else -15), _ISAL_ERROR, None)


def _brotli(_: bytes) -> _Codec:
    import brotli  # noqa: PLC0415 -- for who meets it

    class Decoder:
        def __init__(self) -> None:
            self._decompressor = brotli.Decompressor()
            self.needs_input = True
            self.unused_data = b""

        @property
        def eof(self) -> bool:
            return bool(self._decompressor.is_finished())

        def decompress(self, data: memoryview, max_length: int, /) -> bytes:
            piece: bytes = self._decompressor.process(bytes(data), output_buffer_limit=max_length)
            self.needs_input = self._decompressor.can_accept_more_data()
            return piece

    return _Codec(Decoder, brotli.error, None)


def _zstd(_: bytes) -> _Codec:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError:  # before Python 3.14
        from backports import zstd  # type: ignore[no-redef,unused-ignore] # noqa: PLC0415

    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG_MAX}
    return _Codec(
        lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError, b"\x28\xb5\x2f\xfd"
    )


_CODINGS: dict[str, Callable[[bytes], _Codec]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}

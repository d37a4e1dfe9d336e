"""
Answers as servers write them, read as browsers and curl read them.

Stands between a connection and aiohttp's parser, which is stricter than every browser. What that
parser takes goes through at the price of a call. What it does not take is read here: the head is
written anew in the form that the parser takes, chunks are undone, and whatever follows the end of
an answer is left alone. The connection of such an answer is closed afterwards: so nothing that is
read too generously can become a part of another answer.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiohttp import ClientPayloadError, hdrs
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong, TransferEncodingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from multidict import CIMultiDict, CIMultiDictProxy

from functions.worker.transport.answer_head import (
    FramingError,
    HeadReader,
    is_interim,
    names_chunks,
)
from functions.worker.transport.chunks import Chunks

_MAX_HEAD = 256 * 1024  # bytes that wait for the end of the head; as much as Chrome takes
_SHOWN = 60
_ONLY_DIGITS = re.compile(rb"(?:\A|\n)[0-9A-Fa-f]+\Z")
_LAST_BYTES = 32

_Messages = Sequence[tuple[RawResponseMessage, StreamReader]]
_Fed = tuple[_Messages, bool, bytes]
_NOTHING: _Fed = ((), False, b"")


class _Parser(Protocol):
    """aiohttp's parser of answers, as far as it is used."""

    def feed_data(self, data: bytes, /) -> _Fed: ...
    def feed_eof(self) -> RawResponseMessage | None: ...
    def pause_reading(self) -> None: ...


def words_of(error: BaseException) -> str:
    """Return on one line what aiohttp's parser, or this module, says is wrong."""
    message = getattr(error, "message", None) or str(error)
    return " ".join(str(message).split()).rstrip(" ^")[:200]


class AnswerReader:
    """
    Reads one answer, and those that announce it; has the methods of aiohttp's parser.

    Args:
        parser: aiohttp's, of one answer.
        new_parser: Makes another one like it.
        close: Is called when the connection must not be used again; with True at once, because
            nobody waits for anything of it any more.
    """

    ended_by_close = False
    """Whether the body ended with the connection, so that nothing tells whether it is complete."""

    def __init__(
        self,
        parser: _Parser,
        new_parser: Callable[[], _Parser],
        close: Callable[[bool], None],
    ) -> None:
        self._parser = parser
        self._new_parser = new_parser
        self._close = close
        self._wire: HeadReader | None = HeadReader()
        """What came until the head was read, and then until its first chunk was."""
        self._payload: StreamReader | None = None
        self._is_chunked = False
        self._handed_out = False
        self._chunks: Chunks | None = None
        self._is_over = False
        self._last = b""

    def feed_data(self, data: bytes) -> _Fed:
        """
        Take what came; return the answers whose heads it completes.

        Raises:
            HttpProcessingError: it is no answer that could be read.
        """
        payload = self._payload
        self._handed_out = payload is not None
        if self._chunks is not None:
            return self._undo_chunks(data)
        if payload is not None and payload.is_eof():
            # Nobody has asked for it, though it may be an answer in form.
            return self._end() if data else _NOTHING
        return self._feed(data)

    def feed_eof(self) -> RawResponseMessage | None:
        """
        Take note of the end of the connection.

        Raises:
            HttpProcessingError: the body is not complete.
        """
        payload = self._payload
        if self._is_over or (payload is not None and payload.is_eof()):
            return None
        if self._chunks is not None:
            raise TransferEncodingError("the connection closed between two chunks")
        try:
            partial = self._parser.feed_eof()
        except TransferEncodingError:
            if self._has_seen_last_chunk():
                return None
            raise
        self.ended_by_close = payload is not None
        return partial

    def pause_reading(self) -> None:
        """Take note that the reader of the body wants no more for now."""
        if self._chunks is None and not self._is_over:
            self._parser.pause_reading()

    def release(self) -> None:
        """Hold nothing of the connection, which is lost, any more."""
        del self._parser, self._new_parser, self._close

    def _feed(self, data: bytes) -> _Fed:
        if self._is_over:
            return _NOTHING
        try:
            fed = self._parser.feed_data(data)
        except HttpProcessingError as error:
            return self._read_on(data, error)
        if self._payload is None:
            return self._read_begin(data, fed)
        if self._is_chunked:
            self._note_chunked(data)
        return fed

    def _read_begin(self, data: bytes, fed: _Fed) -> _Fed:
        """Look at what the parser has read at first."""
        for number, (message, payload) in enumerate(fed[0], start=1):
            if not is_interim(message.code):
                if number < len(fed[0]):  # the next one answers nothing
                    self._payload = payload
                    self._end()
                    return fed[0][:number], fed[1], fed[2]
                if message.chunked:
                    self._is_chunked = True
                    self._payload = payload
                    self._note_chunked(data)
                    return fed
                if hdrs.TRANSFER_ENCODING in message.headers and _is_chunked(message.headers):
                    # The parser looks for the word at the end of the last line only.
                    return self._read_head(data, None)
                self._payload = payload
                self._wire = None
                return fed
        self._keep(data)
        return fed

    def _note_chunked(self, data: bytes) -> None:
        self._last = (self._last + data[-_LAST_BYTES:])[-_LAST_BYTES:]
        if self._wire is not None:
            assert self._payload is not None
            if self._payload.total_bytes:
                self._wire = None
            else:
                self._keep(data)

    def _keep(self, data: bytes) -> None:
        assert self._wire is not None
        self._wire.add(data)
        self._check_size(self._wire)

    @staticmethod
    def _check_size(wire: HeadReader) -> None:
        if len(wire) > _MAX_HEAD:
            raise LineTooLong(wire.beginning(_SHOWN), _MAX_HEAD)

    def _read_on(self, data: bytes, error: HttpProcessingError) -> _Fed:
        """Read what the parser does not."""
        payload = self._payload
        if payload is None:
            return self._read_head(data, error)
        if payload.is_eof():
            return self._end()
        if self._is_chunked and self._wire is not None:
            # Nobody has seen anything of the body yet, or what they have is passed over.
            self._wire.add(data)
            split = self._wire.split()
            assert split is not None
            self._wire = None
            self._close(False)
            self._chunks = Chunks(payload, skip=payload.total_bytes)
            return self._undo_chunks(split[1])
        if self._is_chunked and "chunk" not in str(error):
            # It is about a trailer, and those follow the last chunk.
            payload.feed_eof()
            return self._end()
        raise self._failed(error)

    def _read_head(self, data: bytes, error: HttpProcessingError | None) -> _Fed:
        if isinstance(error, LineTooLong) or "Too many headers" in str(error):
            assert error is not None
            raise error
        assert self._wire is not None
        self._wire.add(data)
        split = self._wire.split()
        if split is None:
            self._check_size(self._wire)
            return _NOTHING
        head, rest = split
        self._parser = self._new_parser()
        try:
            messages, upgraded, tail = self._parser.feed_data(head.clean)
        except HttpProcessingError as still:
            raise FramingError(words_of(still)) from still
        message, payload = messages[-1]
        if head.transfer_encoding is not None:
            message = _with_header(message, hdrs.TRANSFER_ENCODING, head.transfer_encoding)
        self._payload = payload
        self._wire = None
        self._close(False)
        if payload is not EMPTY_PAYLOAD and head.is_chunked:
            self._chunks = Chunks(payload)
            self._undo_chunks(rest)
        elif rest:
            self._feed(rest)
        return ((message, payload),), upgraded, tail

    def _undo_chunks(self, data: bytes) -> _Fed:
        assert self._chunks is not None
        try:
            is_last = self._chunks.feed(data)
        except FramingError as error:
            raise self._failed(error) from None
        if is_last:
            self._chunks = None
            return self._end()
        return _NOTHING

    def _end(self) -> _Fed:
        """Take no notice of anything that follows."""
        self._is_over = True
        self._close(self._handed_out)
        return _NOTHING

    def _failed(self, error: HttpProcessingError) -> HttpProcessingError:
        """Return `error` when whoever reads the body knows of it."""
        assert self._payload is not None
        failure = ClientPayloadError(words_of(error))
        failure.__cause__ = error
        self._payload.set_exception(failure)
        self._chunks = None
        self._is_over = True
        return error

    def _has_seen_last_chunk(self) -> bool:
        """
        Tell whether only line ends are missing behind the last chunk.

        The parser takes them for that only where they are: anywhere else they are a part of a
        chunk, or no size of one. A zero without a line end may be the first digit of a size.
        """
        if not self._is_chunked or _ONLY_DIGITS.search(self._last):
            return False
        assert self._payload is not None
        missing = [b"\n", b"\r\n"] if self._last.endswith(b"\r") else [b"\r\n", b"\r\n"]
        try:
            for end in missing:
                self._parser.feed_data(end)
                if self._payload.is_eof():
                    return True
        except HttpProcessingError:
            pass
        return False


def _is_chunked(headers: CIMultiDictProxy[str]) -> bool:
    return names_chunks(",".join(headers.getall(hdrs.TRANSFER_ENCODING)))


def _with_header(message: RawResponseMessage, name: str, value: str) -> RawResponseMessage:
    headers: CIMultiDict[Any] = CIMultiDict(message.headers)
    headers.add(name, value)
    return RawResponseMessage(
        message.version,
        message.code,
        message.reason,
        CIMultiDictProxy(headers),
        (*message.raw_headers, (name.encode(), value.encode("latin-1"))),
        message.should_close,
        message.compression,
        message.upgrade,
        message.chunked,
    )

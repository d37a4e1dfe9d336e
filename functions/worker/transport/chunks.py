"""Chunks of a body (RFC 9112 §7.1), undone as browsers do it. Knows nothing of heads."""

import re

from aiohttp.streams import StreamReader

from functions.worker.transport.answer_head import FramingError

_MAX_CHUNK_LINE = 16 * 1024
_SHOWN = 60
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")


class Chunks:
    """Undoes chunks; takes any line end, extensions of any form, and no trailers."""

    def __init__(self, payload: StreamReader, *, skip: int = 0) -> None:
        self._payload = payload
        self._skip = skip
        self._line = b""
        self._left = 0
        self._is_behind = False

    def feed(self, data: bytes) -> bool:
        """
        Hand on the content of `data`; tell whether that was the last of it.

        Raises:
            FramingError: these are no chunks.
        """
        data, self._line = self._line + data, b""
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                self._is_behind = not self._left
                self._give(piece)
                continue
            end = data.find(b"\n", at)
            if end < 0:
                if len(data) - at > _MAX_CHUNK_LINE:
                    raise FramingError(f"no chunk size, but {data[at : at + _SHOWN]!r}")
                self._line = data[at:]
                break
            line = data[at:end].strip()
            at = end + 1
            if self._is_behind:
                if line:
                    raise FramingError(f"a chunk is longer than its size: {line[:_SHOWN]!r}")
                self._is_behind = False
            elif self._begin(line):
                self._payload.feed_eof()
                return True
        return False

    def _begin(self, line: bytes) -> bool:
        size = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(size):
            raise FramingError(f"{line[:_SHOWN]!r} is no size of a chunk")
        self._left = int(size, 16)
        return not self._left

    def _give(self, piece: bytes) -> None:
        piece, self._skip = piece[self._skip :], max(0, self._skip - len(piece))
        if piece:
            self._payload.feed_data(piece, len(piece))

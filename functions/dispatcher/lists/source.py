"""
The bytes of a list, unpacked, as a stream: read, looked at ahead, begun anew.

Pure. Where the bytes come from is the caller's; what they mean is the readers'.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from functions.dispatcher.lists.unpack import DamagedListError, unpacked

_LONE_RETURN = re.compile(rb"\r(?!\n)")


class ListSource:
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

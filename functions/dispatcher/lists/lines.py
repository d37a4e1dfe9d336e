"""
Lists with one line for each URL: how bytes become whole lines, and lines of text.

Pure.
"""

from functions.dispatcher.lists.sink import Rejects, Sink
from functions.dispatcher.lists.source import ListSource
from shared.url_text import MAX_LINE_BYTES

MAX_ROW_BYTES = 64 * 1024  # of a row of a table and of a line of JSON
BOM = b"\xef\xbb\xbf"


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

    def __init__(self, source: ListSource, *, start: int = 0, line: int = 1) -> None:
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

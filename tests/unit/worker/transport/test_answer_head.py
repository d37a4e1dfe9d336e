"""Heads that come piece by piece; what is read of them is in test_framing."""

from typing import Any

import pytest

from functions.worker.transport import answer_head
from functions.worker.transport.answer_head import Head, HeadReader

FIRST = b"HTTP/1.1 200 OK\r\n"
LONG = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 50) for number in range(150))


class Counting:
    """A pattern that counts the bytes that it has gone over."""

    def __init__(self, pattern: Any) -> None:
        self.pattern = pattern
        self.bytes = 0

    def match(self, wire: Any, start: int = 0) -> Any:
        found = self.pattern.match(wire, start)
        # And the one at which it stopped.
        self.bytes += (found.end() if found else len(wire)) - start + 1
        return found


def read_bytes(wire: bytes) -> tuple[Head, bytes] | None:
    reader = HeadReader()
    split = None
    for at in range(len(wire)):
        reader.add(wire[at : at + 1])
        split = reader.split()
    return split


@pytest.mark.parametrize(
    "wire",
    [
        FIRST + LONG,
        b"\r\n" * 5_000 + FIRST,
        FIRST + b"\r" * 10_000,
        FIRST + b"X: y\r\n" + b"\r" * 5_000 + b"Z: y\r\n" * 500,
        b"HTTP/1.1 100\r\n\r\n" * 300 + FIRST + LONG,
        b"HTTP/1.1 200 " + b"x" * 10_000,
    ],
    ids=["headers", "white", "returns", "returns within", "interim", "status"],
)
def test_a_head_that_comes_byte_by_byte_is_gone_over_once(
    wire: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for name in ("_WHITE", "_LINE", "_RETURNS", "_STATUS"):
        counting = Counting(getattr(answer_head, name))
        monkeypatch.setattr(answer_head, name, counting)
        counts.append(counting)

    assert read_bytes(wire) is None
    assert sum(counting.bytes for counting in counts) < 5 * len(wire)


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\r\r\n"])
@pytest.mark.parametrize("front", [b"", b"\r\n \n", b"HTTP/1.1 100 Continue\r\n\r\n\r\n"])
def test_a_head_ends_with_a_blank_line(front: bytes, end: bytes) -> None:
    wire = front + b"HTTP/1.1 200 OK\r\nA: b\r\n\rno header" + end
    whole = HeadReader()
    whole.add(wire + b"body")

    split = whole.split()

    assert split is not None
    head, rest = split
    assert (head.clean, rest) == (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", b"body")
    assert read_bytes(wire) == (head, b"")

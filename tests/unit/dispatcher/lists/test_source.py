from collections.abc import Iterator

import pytest

from functions.dispatcher.lists.source import ListSource


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_what_was_peeked_at_stays(size: int) -> None:
    data = bytes(range(100))
    source = ListSource(cut(data, size))

    assert source.peek(40) == data[:40]
    assert source.peek(110) == data  # ten bytes are missing, and not all but ten
    assert b"".join(source.pieces()) == data

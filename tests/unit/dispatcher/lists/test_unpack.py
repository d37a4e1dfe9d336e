import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from backports import zstd

from functions.dispatcher.lists.unpack import DamagedListError, unpacked

PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    (".gz", gzip.compress),
    (".zst", zstd.compress),
]
TEXT = b"".join(b"http://a.example/%d\n" % (n * n) for n in range(50_000))


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
@pytest.mark.parametrize("size", [1_000, 7_777, 10_000_000])
def test_what_was_packed_is_unpacked(
    suffix: str, pack: Callable[[bytes], bytes], size: int
) -> None:
    """Of several members, as `cat` makes them."""
    data = pack(TEXT[:100_000]) + pack(b"") + pack(TEXT[100_000:])

    pieces = list(unpacked(cut(data, size), suffix))

    assert b"".join(pieces) == TEXT
    assert max(map(len, pieces)) <= 256 * 1024


def test_zeros_behind_a_gzip_are_padding() -> None:
    """Tapes and some tools fill up the last block."""
    data = gzip.compress(TEXT) + bytes(1_000)

    assert b"".join(unpacked(cut(data, 999), ".gz")) == TEXT


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda data: data[: len(data) // 2], "breaks off here: the file is not complete"),
        (lambda data: data[:-1], "breaks off here"),
        (lambda data: data[:5], "breaks off here"),
        (lambda data: data + b"no more of it", "is damaged here"),
        (lambda data: data[:20_000] + b"\xff" * 100 + data[20_100:], "is damaged here"),
        (lambda data: b"no" + data, "is damaged here"),
    ],
)
def test_damage_is_told(
    suffix: str,
    pack: Callable[[bytes], bytes],
    damage: Callable[[bytes], bytes],
    problem: str,
) -> None:
    chunks = cut(damage(pack(TEXT)), 1_000)

    with pytest.raises(DamagedListError, match=problem):
        list(unpacked(chunks, suffix))


def test_a_window_that_is_too_large_is_told() -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    data = packer.compress(TEXT) + packer.flush()  # it was not told that it is short

    with pytest.raises(DamagedListError, match=r"more than 64 MiB of memory .* without --long"):
        list(unpacked([data], ".zst"))


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_what_was_before_a_break_is_read(suffix: str, pack: Callable[[bytes], bytes]) -> None:
    data = pack(TEXT)
    pieces: list[bytes] = []

    with suppress(DamagedListError):
        pieces.extend(unpacked(cut(data[: len(data) // 2], 1_000), suffix))

    read = b"".join(pieces)
    assert len(read) > len(TEXT) // 10
    assert TEXT.startswith(read)


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_a_bomb_is_not_unpacked(suffix: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(100_000_000))

    size = 0
    tracemalloc.start()
    try:
        for piece in unpacked(cut(bomb, 100_000), suffix):
            size += len(piece)
    except DamagedListError as error:
        problem = str(error)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "more than 250 times its size" in problem
    assert size < 70_000_000
    assert peak < 10_000_000

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dispatcher.lists.lines import TextReader
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.plan import Plan
from shared.messages import Method
from shared.url_text import MAX_LINE_BYTES


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


class Heard:
    """Takes what readers give, and remembers it."""

    is_full = False

    def __init__(self) -> None:
        self.lines: list[tuple[int, bytes]] = []
        self.rejected: list[tuple[int, bytes, str]] = []

    def add_lines(self, block: bytes, line: int) -> None:
        lines = block.removesuffix(b"\n").split(b"\n")
        self.lines += list(enumerate(lines, start=line))

    def add(self, line: int, url: str, method: Method = "GET", *_: object) -> None:
        raise NotImplementedError(line, url, method)

    def break_off(self, line: int, reason: str) -> None:
        raise NotImplementedError(line, reason)

    def reject(self, line: int, text: bytes, reason: str) -> None:
        self.rejected.append((line, text, reason))


def read(data: bytes, size: int = 7, **place: int) -> Heard:
    heard = Heard()
    until = place.pop("until", len(data))
    TextReader(ListSource(cut(data, size), text=True), **place).fill(heard, until)
    return heard


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\nb", [b"a", b"b"]),
        (b"\n\na\n", [b"", b"", b"a"]),
        (b"a long line\nanother one\n", [b"a long line", b"another one"]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_lines_do_not_depend_on_how_the_bytes_arrive(
    data: bytes, expected: list[bytes], size: int
) -> None:
    assert read(data, size).lines == list(enumerate(expected, start=1))


LISTS = st.lists(st.sampled_from([b"", b"ab", b"http://e.com/", b"x" * 40]), max_size=30)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(LISTS, st.integers(1, 100), st.integers(1, 50), st.booleans())
def test_shards_have_each_line_exactly_once(
    texts: list[bytes], shard_size: int, chunk_size: int, newline_at_end: bool
) -> None:
    data = b"\n".join(texts) + (b"\n" if newline_at_end and texts else b"")
    expected = read(data).lines

    found: list[tuple[int, bytes]] = []
    for start in range(0, len(data), shard_size):
        before = max(0, start - 1)
        # As the scan counts: the lines that begin before `start`.
        line = 1 + data[:before].count(b"\n") + (start > 0)
        until = start + shard_size
        found += read(data[before:], chunk_size, start=start, line=line, until=until).lines

    assert found == expected


@given(st.lists(st.tuples(st.sampled_from([b"", b"ab", b"x" * 20]), ENDS), max_size=30))
def test_each_of_the_three_line_ends_is_one_wherever_the_bytes_are_cut(
    lines: list[tuple[bytes, bytes]],
) -> None:
    data = b"".join(text + end for text, end in lines)
    expected = list(enumerate(data.splitlines(), start=1))
    texts = [(number, text.removesuffix(b"\r")) for number, text in read(data).lines]
    assert texts == expected

    for size in (1, 2, 3, 7):
        for shard_size in (1, 5, 16):
            found: list[tuple[int, bytes]] = []
            for start in range(0, len(data), shard_size):
                before = max(0, start - 1)
                scanned = b"".join(ListSource(cut(data, size), text=True).pieces(before))
                line = 1 + scanned.count(b"\n") + (start > 0)
                until = start + shard_size
                found += read(data[before:], size, start=start, line=line, until=until).lines
            assert [(number, text.removesuffix(b"\r")) for number, text in found] == expected


@given(LISTS, st.integers(1, 100), st.integers(1, 50))
def test_one_reader_gives_the_shards_one_after_another(
    texts: list[bytes], shard_size: int, chunk_size: int
) -> None:
    data = b"\n".join(texts)
    reader = TextReader(ListSource(cut(data, chunk_size)))
    heard = Heard()

    until = 0
    while not reader.ended:
        until += shard_size
        reader.fill(heard, until)

    assert heard.lines == read(data).lines
    assert until <= len(data) + shard_size


def test_a_line_that_is_too_long_is_counted_and_not_held() -> None:
    megabyte = b"x" * 1024 * 1024

    def chunks() -> Iterator[bytes]:
        yield b"http://a.example/\n"
        for _ in range(100):
            yield megabyte
        yield b"\nhttp://b.example/\n"

    heard = Heard()
    tracemalloc.start()
    TextReader(ListSource(chunks())).fill(heard, 101 * 1024 * 1024)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert heard.lines == [(1, b"http://a.example/"), (3, b"http://b.example/")]
    [(line, text, reason)] = heard.rejected
    assert (line, text[:3], reason) == (2, b"xxx", "longer than 16,000 bytes")
    assert peak < 10 * 1024 * 1024


def test_a_shard_does_not_read_a_long_line_to_its_end() -> None:
    count = 0

    def chunks() -> Iterator[bytes]:
        nonlocal count
        while True:
            count += 1000
            yield b"x" * 1000

    heard = Heard()
    TextReader(ListSource(chunks())).fill(heard, 50_000)

    assert heard.lines == []
    assert len(heard.rejected) == 1
    assert count < 100_000


@pytest.mark.parametrize("size", [999, 100_000])
def test_a_line_of_the_longest_length_is_read(size: int) -> None:
    line = b"x" * MAX_LINE_BYTES
    plan = Plan(job="j", shard=0, partitions=4, batch_size=100)

    TextReader(ListSource(cut(line + b"\nx" + line, size))).fill(plan, 1 << 60)

    first, second = plan.counts.reports
    assert "must start with http" in first.reason
    assert (second.line, second.reason) == (2, "longer than 16,000 bytes")

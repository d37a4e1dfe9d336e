import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dispatcher.lists import MAX_LINE_BYTES, check_list, parse_line, read_lines
from shared.errors import InvalidJobError, InvalidUrlError


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def lines(data: bytes, size: int = 7) -> list[bytes | None]:
    return list(read_lines(cut(data, size), length=len(data)))


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
    assert lines(data, size) == expected


@given(
    st.lists(st.sampled_from([b"", b"ab", b"http://e.com/", b"x" * 40]), max_size=30),
    st.integers(min_value=1, max_value=100),
    st.integers(min_value=1, max_value=50),
    st.booleans(),
)
def test_shards_have_each_line_exactly_once(
    texts: list[bytes], shard_size: int, chunk_size: int, newline_at_end: bool
) -> None:
    data = b"\n".join(texts) + (b"\n" if newline_at_end and texts else b"")

    found: list[bytes | None] = []
    for start in range(0, len(data), shard_size):
        first = max(0, start - 1)
        length = min(start + shard_size, len(data)) - first
        found += read_lines(cut(data[first:], chunk_size), length=length, inside_line=start > 0)

    assert found == list(read_lines([data], length=len(data)))


def test_a_line_that_is_too_long_is_counted_and_not_held() -> None:
    megabyte = b"x" * 1024 * 1024

    def chunks() -> Iterator[bytes]:
        yield b"http://a.example/\n"
        for _ in range(100):
            yield megabyte
        yield b"\nhttp://b.example/\n"

    tracemalloc.start()
    found = list(read_lines(chunks(), length=101 * 1024 * 1024))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == [b"http://a.example/", None, b"http://b.example/"]
    assert peak < 10 * 1024 * 1024


def test_a_shard_does_not_read_a_long_line_to_its_end() -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000

    assert list(read_lines(chunks(), length=50_000)) == [None]
    assert read < 100_000


def test_a_line_of_the_longest_length_is_read() -> None:
    assert lines(b"x" * MAX_LINE_BYTES, 999) == [b"x" * MAX_LINE_BYTES]
    assert lines(b"x" * (MAX_LINE_BYTES + 1) + b"\n", 999) == [None]


@pytest.mark.parametrize(
    "raw",
    [
        b"http://e.com/",
        b"http://e.com/\r",
        b"  http://e.com/\t ",
        b"\xef\xbb\xbfhttp://e.com/",
    ],
)
def test_what_editors_leave_around_a_url_is_taken_off(raw: bytes) -> None:
    url = parse_line(raw)

    assert url is not None
    assert url.href == "http://e.com/"


@pytest.mark.parametrize(
    "raw", [b"", b"   ", b"\r", b"# a comment", b"  # another", b"\xef\xbb\xbf"]
)
def test_blank_lines_and_comments_are_nothing(raw: bytes) -> None:
    assert parse_line(raw) is None


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"/about", "must start with http"),
        (b"http://e.com/\xff", "not UTF-8"),
        (None, "longer than 16,000 bytes"),
    ],
)
def test_anything_else_is_rejected_with_a_reason(raw: bytes | None, problem: str) -> None:
    with pytest.raises(InvalidUrlError, match=problem):
        parse_line(raw)


@pytest.mark.parametrize(
    ("size", "head", "problem"),
    [
        (0, b"", "is empty"),
        (9, "http".encode("utf-16"), "is UTF-16"),
        (9, b"\x1f\x8b\x08", "compressed with gzip"),
        (9, b"\x28\xb5\x2f\xfd", "compressed with zstd"),
        (9, b"PK\x03\x04", "zip archive or a spreadsheet"),
        (9, b"%PDF-1.7", "PDF"),
        (9, b"abc\0def", "is not text"),
    ],
)
def test_what_is_no_list_is_refused_by_name(size: int, head: bytes, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=rf"urls\.txt .*{problem}|urls\.txt {problem}"):
        check_list("urls.txt", size, head)

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dispatcher.lists.formats import (
    MAX_LINE_BYTES,
    JsonReader,
    Kind,
    Reader,
    Source,
    TextReader,
    check_list,
    kind_of,
)
from functions.dispatcher.plan import Plan
from shared.errors import InvalidJobError
from shared.messages import Batch, Method, Target


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
    TextReader(Source(cut(data, size), text=True), **place).fill(heard, until)
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
                scanned = b"".join(Source(cut(data, size), text=True).pieces(before))
                line = 1 + scanned.count(b"\n") + (start > 0)
                until = start + shard_size
                found += read(data[before:], size, start=start, line=line, until=until).lines
            assert [(number, text.removesuffix(b"\r")) for number, text in found] == expected


@given(LISTS, st.integers(1, 100), st.integers(1, 50))
def test_one_reader_gives_the_shards_one_after_another(
    texts: list[bytes], shard_size: int, chunk_size: int
) -> None:
    data = b"\n".join(texts)
    reader = TextReader(Source(cut(data, chunk_size)))
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
    TextReader(Source(chunks())).fill(heard, 101 * 1024 * 1024)
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
    TextReader(Source(chunks())).fill(heard, 50_000)

    assert heard.lines == []
    assert len(heard.rejected) == 1
    assert count < 100_000


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_what_was_peeked_at_stays(size: int) -> None:
    data = bytes(range(100))
    source = Source(cut(data, size))

    assert source.peek(40) == data[:40]
    assert source.peek(110) == data  # ten bytes are missing, and not all but ten
    assert b"".join(source.pieces()) == data


def plan_of(reader: Reader) -> tuple[dict[int, Target], dict[int, str]]:
    """Return the targets and the reasons that a reader gives, by line."""
    plan = Plan(job="j", shard=0, partitions=4, batch_size=100)
    reader.fill(plan, 1 << 60)
    batches: list[Batch] = list(plan.batches())
    targets = {target.line: target for batch in batches for target in batch.targets}
    return targets, {report.line: report.reason for report in plan.counts.reports}


@pytest.mark.parametrize("size", [999, 100_000])
def test_a_line_of_the_longest_length_is_read(size: int) -> None:
    line = b"x" * MAX_LINE_BYTES

    _, problems = plan_of(TextReader(Source(cut(line + b"\nx" + line, size))))

    assert "must start with http" in problems[1]
    assert problems[2] == "longer than 16,000 bytes"


def test_a_line_of_json_is_a_request() -> None:
    text = (
        b'\xef\xbb\xbf{"url": "http://A.example"}\r\n\n'
        b'{"url":"http://a.example/p","method":"POST","body":"q=1",'
        b'"headers":{"Content-Type":"text/plain"},"meta":{"id":7}}\n'
        b'{"url":"http://a.example/h","method":"HEAD"}'
    )

    targets, problems = plan_of(JsonReader(Source([text])))

    assert problems == {}
    assert targets == {
        1: Target("http://a.example/", 1),
        3: Target(
            "http://a.example/p",
            3,
            method="POST",
            headers={"Content-Type": "text/plain"},
            body="q=1",
            input={"id": 7},
        ),
        4: Target("http://a.example/h", 4, method="HEAD"),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"url":"/about"}', "a URL must start with http"),
        (b'{"uri":"http://a.example/"}', "no request: Object contains unknown field `uri`"),
        (b'{"url":"http://a.example/","method":"PUT"}', "no request: Invalid enum value 'PUT'"),
        (b'{"url":"http://a.example/","headers":{"Host":"b"}}', "belongs to the transport"),
        (b'{"url":"http://a.example/","headers":{"X":"a\\r\\nY: b"}}', "printable ASCII"),
        (b'{"url":"http://a.example/","body":"q"}', "body is for POST"),
        (b'{"url":"http://a.example/\xff"}', "no request: "),
        (b'{"url":"http://a.example/","method":"POST","body":"\\ud800"}', "no request: "),
        (b'{"url":"http://a.example/\\nb"}', "holds a line end"),
        (b'{"url":"http://a.example/ http://b.example/"}', "two URLs in one place"),
        (b'{"url":"http://a.example/","meta":' + b"[" * 5_000, "no request: "),
        (
            b'{"url":"http://a.example/","meta":{"x":"' + b"a" * 65_536 + b'"}}',
            "longer than 65,536",
        ),
        (b"http://a.example/", "no request: JSON is malformed"),
        (b'{"url":"http://a.example/","url":"http://c.example/"}', "'url' is there twice"),
        (b'{"url":"http://a.example/","\\u0075rl":"http://c.example/"}', "'url' is there twice"),
        (b'{"url":"http://a.example/","headers":{},"headers":{}}', "'headers' is there twice"),
        (b'{"url":"http://a.example/","meta":{"url":1},"meta":{}}', "'meta' is there twice"),
        (b'["url","url"]', "no request: "),
    ],
)
def test_a_line_that_is_no_request_is_rejected_with_the_reason(line: bytes, reason: str) -> None:
    targets, problems = plan_of(JsonReader(Source([line + b'\n{"url":"http://b.example/"}'])))

    assert list(targets) == [2]
    assert reason in problems[1]


def test_no_line_takes_long_for_the_names_in_it() -> None:
    """Quadratic time would take minutes for this."""
    names = b"".join(b'"%x":1,' % number for number in range(6_000))
    line = b'{"url":"http://a.example/","meta":{},%s"meta":{}}\n' % names

    targets, problems = plan_of(JsonReader(Source([line * 100])))

    assert not targets
    assert problems[100] == "no request: 'meta' is there twice; write an object on a line for each"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b'"\xff"', "\N{REPLACEMENT CHARACTER}"),
        (b'"a\\ud83d"', "a\N{REPLACEMENT CHARACTER}"),
        (b'["\\udc00\\ud83d\\ude00"]', ["\N{REPLACEMENT CHARACTER}\N{GRINNING FACE}"]),
        (b"NaN", None),
        (b"18446744073709551616", 18446744073709551616),
        (b'"\xef\xbf\xbe"', "\ufffe"),
    ],
)
def test_a_bad_value_beside_the_url_costs_itself(written: bytes, value: object) -> None:
    line = b'{"url":"http://a.example/","meta":{"x":%s,"y":"\xc3\xa9"}}' % written

    targets, problems = plan_of(JsonReader(Source([line])))

    assert problems == {}
    assert targets[1].input == {"x": value, "y": "é"}


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        (rb'{"x": "cut \ud83d", "y": 1}', {"x": "cut \ufffd", "y": 1}),
        (rb'{"\udc00": "x"}', {"\ufffd": "x"}),
        (b'{"x": NaN, "y": -Infinity, "z": 1e999}', {"x": None, "y": None, "z": None}),
    ],
)
def test_what_json_cannot_hold_costs_no_line_but_itself(meta: bytes, kept: dict[str, Any]) -> None:
    line = b'{"url": "http://a.example/", "meta": %s}' % meta

    targets, problems = plan_of(JsonReader(Source([line])))

    assert problems == {}
    assert targets[1].input == kept


def test_names_of_a_request_may_be_in_its_meta() -> None:
    line = b'{"url":"http://a.example/","meta":{"url":"url","body":{"url":["url"]}},"body":null}'

    targets, problems = plan_of(JsonReader(Source([line])))

    assert problems == {}
    assert targets[1].input == {"url": "url", "body": {"url": ["url"]}}


def test_what_is_in_headers_is_in_no_report() -> None:
    line = b'{"url":"http://a.example/","headers":{"Authorization":"Bearer s3cret"},"methd":"GET"}'
    plan = Plan(job="j", shard=0, partitions=4, batch_size=100)
    JsonReader(Source([line])).fill(plan, 1_000)

    [report] = plan.counts.reports
    assert report.text == '{"url":"http://a.example/",'


@pytest.mark.parametrize(
    ("size", "head", "problem"),
    [
        (0, b"", "is empty"),
        (9, "http".encode("utf-16"), "is UTF-16"),
        (9, b"\x1f\x8b\x08", "compressed with gzip; its name must end with .gz"),
        (9, b"\x28\xb5\x2f\xfd", "compressed with zstd; its name must end with .zst"),
        (9, b"PK\x03\x04", "zip archive or a spreadsheet"),
        (9, b"%PDF-1.7", "PDF"),
        (9, b"abc\0def", "is not text, or UTF-16"),
        (9, b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet or another document of Office"),
        (9, b"BZh9", "compressed with bzip2; pack it with gzip or zstd"),
    ],
)
def test_what_is_no_list_is_refused_by_name(size: int, head: bytes, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=rf"urls\.txt .*{problem}|urls\.txt {problem}"):
        check_list("urls.txt", size, head)


def test_what_is_not_compressed_as_its_name_says_is_refused() -> None:
    with pytest.raises(InvalidJobError, match=r"urls\.txt\.gz is not compressed as its name says"):
        check_list("urls.txt.gz", 9, b"http://a.example/", ".gz")


@pytest.mark.parametrize(
    ("name", "kind", "streamed"),
    [
        ("books/Urls.TXT", Kind("txt", ""), False),
        ("urls.jsonl", Kind("jsonl", ""), False),
        ("urls.csv", Kind("csv", ""), True),
        ("urls.2026.tsv.zst", Kind("tsv", ".zst"), True),
        ("sitemap.xml.gz", Kind("xml", ".gz"), True),
        ("urls.txt.gz", Kind("txt", ".gz"), True),
    ],
)
def test_the_name_of_a_list_says_what_it_is(name: str, kind: Kind, streamed: bool) -> None:
    assert kind_of(name) == kind
    assert kind.is_streamed is streamed


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (
            "books.xlsx",
            "books.xlsx: a spreadsheet is no list; save the sheet as CSV UTF-8. A list's",
        ),
        ("Export.ZIP", "an archive is no list; unpack it, and name the list. A list's name"),
        ("urls.json", "write one JSON object a line, and call it .jsonl"),
        ("urls.csv.bz2", "pack it with gzip or zstd"),
    ],
)
def test_a_file_that_people_take_for_a_list_is_refused_with_what_to_do(
    name: str, advice: str
) -> None:
    with pytest.raises(InvalidJobError) as caught:
        kind_of(name)

    assert advice in str(caught.value)


@pytest.mark.parametrize("name", ["urls", "urls.xlsx", ".txt", "urls.gz", "urls.txt.bz2"])
def test_another_name_is_no_lists(name: str) -> None:
    with pytest.raises(InvalidJobError, match=r"must end with \.txt, \.csv, .* and \.gz or \.zst"):
        kind_of(name)

from collections import Counter as Tally
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.dispatcher.counts import MAX_REJECTED, Counts
from functions.dispatcher.plan import Plan
from functions.dispatcher.shards import new_plan
from shared.crawl_spec import PageKind
from shared.errors import InvalidUrlError
from shared.manifest import Manifest
from shared.messages import Batch, encode
from shared.spec import Spec
from shared.url_text import INVISIBLE, MAX_LINE_BYTES, line_url
from shared.urls import parse_url, partition_of


def plan(
    lines: list[bytes], *, batch_size: int = 3, partitions: int = 8, first_line: int = 1
) -> tuple[list[Batch], Counts]:
    made = Plan(job="job-1", shard=2, partitions=partitions, batch_size=batch_size)
    made.add_lines(b"".join(line + b"\n" for line in lines), first_line)
    return list(made.batches()), made.counts


LINES: list[bytes] = [f"http://host{i % 7}.example/{i}".encode() for i in range(50)]


def test_each_url_is_in_one_batch_with_its_line() -> None:
    batches, counts = plan(LINES, first_line=100)

    planned = {target.line: target.url for batch in batches for target in batch.targets}
    assert planned == {100 + i: f"http://host{i % 7}.example/{i}" for i in range(50)}
    assert (counts.targets, counts.batches) == (50, len(batches))


def test_a_batch_is_of_one_partition_and_no_larger_than_allowed() -> None:
    batches, _ = plan(LINES)

    for batch in batches:
        owners = {partition_of(parse_url(target.url).host, 8) for target in batch.targets}
        assert owners == {batch.partition}
        assert len(batch.targets) <= 3


def test_planning_twice_gives_the_same_batches() -> None:
    assert [encode(batch) for batch in plan(LINES)[0]] == [
        encode(batch) for batch in plan(LINES)[0]
    ]


def test_batch_ids_are_unique_and_say_the_shard() -> None:
    ids = [batch.batch for batch in plan(LINES)[0]]

    assert len(set(ids)) == len(ids)
    assert all(identifier.startswith("00002-") for identifier in ids)


def test_duplicates_are_dropped_by_what_they_mean() -> None:
    batches, counts = plan(
        [b"http://e.com", b"HTTP://E.COM/#top", b"http://e.com/", b"http://e.com/other"]
    )

    assert [target.line for batch in batches for target in batch.targets] == [1, 4]
    assert counts.duplicates == 2


def test_rejected_lines_have_number_text_and_reason() -> None:
    _, counts = plan([b"http://e.com/", b"/about", b"", b"x" * 900, b"x" * 16_001, b"\xff"])

    assert [(line.line, line.text[:20], line.reason[:20]) for line in counts.reports] == [
        (2, "/about", "a URL must start wit"),
        (4, "x" * 20, "a URL must start wit"),
        (5, "x" * 20, "longer than 16,000 b"),
        (6, "\N{REPLACEMENT CHARACTER}", "not UTF-8 text"),
    ]
    assert len(counts.reports[1].text) == 200


def test_a_password_is_not_written_into_the_report() -> None:
    _, counts = plan([b"http://joe:hunter2@e.com/"])

    assert counts.reports[0].text == "http://***@e.com/"


def test_a_batch_of_long_urls_fits_a_message() -> None:
    lines: list[bytes] = [b"http://e.com/?" + b"\\" * 7900 + b"%d" % i for i in range(150)]

    batches, _ = plan(lines, batch_size=200)

    assert Tally(target.line for batch in batches for target in batch.targets).total() == 150
    assert max(len(encode(batch)) for batch in batches) < 512 * 1024


@pytest.mark.parametrize(
    "raw",
    [
        b"http://e.com/",
        b"http://e.com/\r",
        b"  http://e.com/\t 17\tM\xfcller",
        b"\xef\xbb\xbfhttp://e.com/",
    ],
)
def test_what_editors_leave_around_a_url_is_taken_off(raw: bytes) -> None:
    [batch], _ = plan([raw])

    assert [target.url for target in batch.targets] == ["http://e.com/"]


@pytest.mark.parametrize(
    "raw", [b"", b"   ", b"\r", b"# a comment", b"  # another", b"\xef\xbb\xbf"]
)
def test_blank_lines_and_comments_are_nothing(raw: bytes) -> None:
    batches, counts = plan([raw])

    assert batches == []
    assert counts == Counts()


PARTS = st.lists(
    st.sampled_from(
        [
            *(
                "http://",
                "https://",
                "HTTP://",
                "//",
                "/",
                "?",
                "#",
                ":80",
                ":8080",
                "@",
                ".",
                "..",
            ),
            *("%2e", "%2E", "%zz", "a", "Ab", "e.com", "E.com", "xn--a", "1.2.3", "[::1]", "\\"),
            *(
                "é",
                " ",
                "'",
                '"',
                "|",
                "^",
                "{",
                "<",
                "\t",
                "a" * 8_000,
                "=",
                "&",
                ";",
                "*",
                "~",
                ",",
            ),
        ]
    ),
    max_size=7,
).map("".join)


@settings(max_examples=400)
@example(["http://e.com/#" + "a" * MAX_LINE_BYTES])
@example(["http://e.com/a", "http://e.com/b,http://e.com/c"])
@example(["http://e.com/;HTTPS://e.com/"])
@given(
    st.lists(st.one_of(PARTS, PARTS.map("http://e.com/".__add__)), max_size=12).map(
        lambda urls: [url for url in urls if url.strip(INVISIBLE)[:1] not in {"", "#"}]
    )
)
def test_the_short_way_gives_what_reading_each_url_would(urls: list[str]) -> None:
    expected: dict[str, int] = {}
    for line, url in enumerate(urls, start=1):
        if len(url.encode()) <= MAX_LINE_BYTES:  # longer ones are refused without being read
            with suppress(InvalidUrlError):
                found = line_url(url)
                assert found is not None
                expected.setdefault(found.href, line)

    batches, counts = plan([url.encode() for url in urls])

    planned = {target.url: target.line for batch in batches for target in batch.targets}
    assert planned == expected
    assert counts.targets + counts.duplicates + counts.rejected == len(urls)
    for batch in batches:
        for target in batch.targets:
            assert partition_of(parse_url(target.url).host, 8) == batch.partition


def test_no_host_has_a_batch_for_itself_while_others_wait() -> None:
    lines = [b"http://a.com/%d" % n for n in range(40)] + [
        b"http://b.com/%d" % n for n in range(40)
    ]

    batches, _ = plan(lines, batch_size=10, partitions=1)

    for batch in batches:
        hosts = Tally(parse_url(target.url).host for target in batch.targets)
        assert hosts == {"a.com": 5, "b.com": 5}


def test_partitions_take_turns() -> None:
    batches, _ = plan([b"http://h%d.com/%d" % (n % 50, n) for n in range(500)], partitions=4)

    assert {batch.partition for batch in batches[:4]} == {0, 1, 2, 3}
    assert [batch.batch for batch in batches] == sorted(batch.batch for batch in batches)


def test_another_method_or_body_is_another_target() -> None:
    made = Plan(job="j", shard=0, partitions=1, batch_size=9)
    made.add(1, "http://a.com/")
    made.add(2, "http://a.com/", "HEAD")
    made.add(3, "http://a.com/", "POST", body="1")
    made.add(4, "http://a.com/", "POST", body="2")
    made.add(5, "http://A.com/", "POST", body="2", input={"what": "else"})
    made.add(6, "http://a.com/", headers={"X-Y": "z"})

    [batch] = made.batches()

    assert [target.line for target in batch.targets] == [1, 2, 3, 4]
    assert made.counts.duplicates == 2


def test_reports_are_bounded_and_counts_are_not() -> None:
    _, counts = plan([b"no"] * (MAX_REJECTED + 5))

    assert len(counts.reports) == MAX_REJECTED
    assert counts.rejected == MAX_REJECTED + 5


def test_the_list_names_the_kinds_of_pages() -> None:
    spec = Spec(pages={"product": PageKind(), "list": PageKind()}, kind_column="kind")
    made = new_plan(Manifest(job="j", spec=spec, partitions=1, batch_size=9, created_at=""), 0)
    for line, kind in enumerate(["list", "", None, "porduct", ["list"], 7], start=1):
        made.add(line, f"http://a.example/{line}", input={"kind": kind})
    made.add(7, "http://a.example/7")

    [batch] = made.batches()
    assert {target.line: target.page for target in batch.targets} == {
        1: "list",
        2: None,
        3: None,
        7: None,
    }
    assert [(one.line, one.reason) for one in made.counts.reports] == [
        (4, "kind is 'porduct', and the spec has no such kind; did you mean product?"),
        (5, "kind is ['list'], and the spec has no such kind; did you mean list?"),
        (6, "kind is 7, and the spec has no such kind"),
    ]


def test_without_a_column_of_kinds_a_list_names_none() -> None:
    made = Plan(job="j", shard=0, partitions=1, batch_size=9)
    made.add(1, "http://a.example/", input={"kind": "odd"})

    [batch] = made.batches()
    assert [target.page for target in batch.targets] == [None]

from collections import Counter as Tally

from functions.dispatcher.plan import Counts, plan_batches
from shared.messages import Batch, encode
from shared.urls import parse_url, partition_of


def plan(
    lines: list[bytes | None], *, batch_size: int = 3, partitions: int = 8, first_line: int = 1
) -> tuple[list[Batch], Counts]:
    counts = Counts()
    batches = plan_batches(
        lines,
        counts,
        job="job-1",
        shard=2,
        first_line=first_line,
        partitions=partitions,
        batch_size=batch_size,
    )
    return list(batches), counts


LINES: list[bytes | None] = [f"http://host{i % 7}.example/{i}".encode() for i in range(50)]


def test_each_url_is_in_one_batch_with_its_line() -> None:
    batches, counts = plan(LINES, first_line=100)

    planned = {target.line: target.url for batch in batches for target in batch.targets}
    assert planned == {100 + i: f"http://host{i % 7}.example/{i}" for i in range(50)}
    assert (counts.lines, counts.targets, counts.batches) == (50, 50, len(batches))


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
    _, counts = plan([b"http://e.com/", b"/about", b"", b"x" * 900, None, b"\xff"])

    assert [(line.line, line.text[:20], line.reason[:20]) for line in counts.rejected] == [
        (2, "/about", "a URL must start wit"),
        (4, "x" * 20, "a URL must start wit"),
        (5, "", "longer than 16,000 b"),
        (6, "\N{REPLACEMENT CHARACTER}", "not UTF-8 text"),
    ]
    assert len(counts.rejected[1].text) == 200


def test_a_password_is_not_written_into_the_report() -> None:
    _, counts = plan([b"http://joe:hunter2@e.com/"])

    assert counts.rejected[0].text == "http://***@e.com/"


def test_a_batch_of_long_urls_fits_a_message() -> None:
    lines: list[bytes | None] = [b"http://e.com/?" + b"\\" * 7900 + b"%d" % i for i in range(150)]

    batches, _ = plan(lines, batch_size=200)

    assert Tally(target.line for batch in batches for target in batch.targets).total() == 150
    assert max(len(encode(batch)) for batch in batches) < 512 * 1024

"""Where deferred and dead targets go is in the committed lines."""

from datetime import UTC, datetime

import msgspec
import pytest

from functions.worker import children as children_module
from functions.worker.children import Addresses, children, dead_letters
from shared.errors import Reason
from shared.messages import Batch, Defer, Target
from shared.outcomes import CommittedLine, Kind, Outcome, decode_lines, encode_line
from shared.urls import partition_of

PARTITIONS = 64
HOSTS = [f"shop{n}.example" for n in range(8)]
BATCH = Batch(
    job="j",
    batch="00000-000004",
    partition=partition_of(HOSTS[0], PARTITIONS),
    hops=2,
    targets=tuple(Target(f"http://{HOSTS[0]}/{n}", n, body="x" * 10) for n in range(1, 25)),
)
TARGETS: dict[int | str, Target] = {target.id: target for target in BATCH.targets}
NOW = 1_795_292_541.0


def outcome(line: int, kind: Kind, reason: Reason, to: str = "", due: float = 0.0) -> Outcome:
    return Outcome(
        url=TARGETS[line].url,
        final_url=None,
        line=line,
        outcome=kind,
        reason=reason,
        attempt=2,
        not_before=due or None,
        redirects=(f"http://{to}/",) if to else (),
        fetched_at=datetime.fromtimestamp(NOW, UTC).isoformat(),
        elapsed_ms=1,
    )


OUTCOMES = [
    *(outcome(n, Kind.DEFERRED, Reason.REDIRECTED, to=HOSTS[n % 8]) for n in range(9, 0, -1)),
    *(outcome(n, Kind.DEFERRED, Reason.HOST_BUSY, due=NOW + 20 * (n % 2)) for n in range(10, 16)),
    *(outcome(n, Kind.DEAD, [Reason.TIMEOUT, Reason.DNS][n % 2]) for n in range(16, 22)),
    outcome(22, Kind.SCRAPED, Reason.TIMEOUT),
    outcome(23, Kind.FAILED, Reason.HTTP_404),
    outcome(24, Kind.SKIPPED, Reason.CANCELLED),
]


def committed(partitions: int = PARTITIONS) -> list[CommittedLine]:
    addresses = Addresses(BATCH, partitions)
    return list(decode_lines(encode_line(addresses.addressed(one)) for one in OUTCOMES))


def sent(lines: list[CommittedLine], partitions: int = PARTITIONS) -> list[Defer]:
    return [
        *children(BATCH, TARGETS, lines, partitions),
        *dead_letters(BATCH, TARGETS, lines, partitions),
    ]


def test_each_target_is_in_one_child_or_letter_of_its_partition() -> None:
    found = sent(committed())

    lines = sorted(target.line for defer in found for target in defer.batch.targets)
    assert lines == list(range(1, 22))
    for defer in found:
        hosts = {target.location.split("/")[2] for target in defer.batch.targets}
        assert {partition_of(host, PARTITIONS) for host in hosts} == {defer.batch.partition}
    ids = [defer.batch.batch for defer in found]
    letters = [name for name in ids if "-r" in name]
    assert letters == ["00000-000004-r1", "00000-000004-r2"]
    assert ids[:-2] == [f"00000-000004-{n}" for n in range(1, len(ids) - 1)]
    assert {defer.batch.hops for defer in found} == {3, 0}


def test_a_child_is_due_when_its_last_target_is() -> None:
    due = {defer.not_before for defer in children(BATCH, TARGETS, committed(), PARTITIONS)}

    assert due == {0.0, NOW, NOW + 20}


def test_what_is_written_is_sent_whatever_the_lock_is_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another release, another number of partitions, another list of public suffixes."""
    lines = committed()
    before = sent(lines)

    monkeypatch.setattr(children_module, "partition_of", lambda _host, _count: 5)
    monkeypatch.setattr(children_module, "_MAX_BYTES", 100)

    assert sent(lines, partitions=7) == before


def test_scraped_lines_are_as_they_were() -> None:
    addresses = Addresses(BATCH, PARTITIONS)

    for one in OUTCOMES[-3:]:
        assert addresses.addressed(one) is one


def test_a_child_fits_into_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "_MAX_BYTES", 300)

    found = sent(committed())

    sizes = [sum(target.size for target in defer.batch.targets) for defer in found]
    assert max(sizes) <= 300
    lines = sorted(target.line for defer in found for target in defer.batch.targets)
    assert lines == list(range(1, 22))


def test_lines_of_release_0_1_lead_to_what_it_has_sent() -> None:
    """It numbered children by partition and time, letters by reason and partition."""
    lines = list(decode_lines(map(encode_line, OUTCOMES)))

    found = sent(lines)

    deferred = [defer for defer in found if "-r" not in defer.batch.batch]
    keys = [(defer.batch.partition, defer.not_before) for defer in deferred]
    assert keys == sorted(keys)
    letters = [defer.batch for defer in found if "-r" in defer.batch.batch]
    assert [letter.died for letter in letters] == [Reason.DNS, Reason.TIMEOUT]
    assert [one.line for one in letters[0].targets] == [17, 19, 21]
    lines_of = sorted(target.line for defer in found for target in defer.batch.targets)
    assert lines_of == list(range(1, 22))


def test_an_older_release_reads_lines_with_addresses() -> None:
    """It ignores them, as it does all that it does not know."""
    line = msgspec.json.decode(encode_line(Addresses(BATCH, PARTITIONS).addressed(OUTCOMES[0])))

    assert {"child", "partition"} <= line.keys()
    assert msgspec.convert(line, Outcome, strict=False).line == OUTCOMES[0].line

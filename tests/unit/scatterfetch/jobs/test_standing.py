"""Where a job stands, worked out from keys and their times."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from scatterfetch.jobs.standing import RATE_SECONDS, State, Status, status_of
from shared.keys import cancelled_key, manifest_key
from shared.manifest import Manifest
from shared.receipts import dispatched_key, receipt_key
from shared.spec import Spec

BEGAN = datetime(2026, 11, 21, 1, 14, 42, tzinfo=UTC)
T0 = BEGAN.timestamp()
MANIFEST = Manifest(job="j", spec=Spec(), partitions=8, batch_size=10, created_at=BEGAN.isoformat())
DISPATCHED = dispatched_key("j", 0, batches=3, targets=30, rejected=2, duplicates=1)


def receipt(batch: str, at: int, **counts: int) -> str:
    names = {name.replace("_", "-", 1): count for name, count in counts.items()}
    return receipt_key("j", batch, {**names, "committed": int(T0) + at})


def status(*keys: str, now: float, manifest: Manifest = MANIFEST) -> Status:
    return status_of(manifest, [manifest_key("j"), *keys], now=T0 + now)


def test_a_job_that_was_just_started() -> None:
    found = status(now=1)

    assert (found.state, found.targets, found.batches) == (State.DISPATCHING, 0, 0)
    assert found.seconds_left is None
    assert found.adds_up


def test_a_job_under_way() -> None:
    found = status(
        DISPATCHED,
        receipt("00000-000000", 10, scraped=8, failed_http_404=2),
        now=20,
    )

    assert found.state is State.RUNNING
    assert (found.urls, found.duplicates, found.rejected, found.targets) == (31, 1, 2, 30)
    assert found.outcomes == {"scraped": 8, "failed-http_404": 2}
    assert (found.deferred, found.under_way) == (0, 20)
    assert (found.batches, found.batches_done) == (3, 1)
    assert found.last_commit_at == T0 + 10
    assert found.rate == 10 / 20
    assert found.seconds_left == 40
    assert found.adds_up


def test_what_waits_is_told_from_what_is_under_way() -> None:
    found = status(
        DISPATCHED,
        receipt("00000-000000", 5, scraped=4, deferred_http_429=6, children=2, due=int(T0) + 300),
        receipt("00000-000000-1", 8, scraped=2),
        now=10,
    )

    assert found.state is State.RUNNING
    assert (found.deferred, found.under_way) == (4, 20)
    assert found.deferred_until == T0 + 300
    assert found.seconds_left == 290


def test_a_job_of_which_all_that_is_left_waits() -> None:
    entries = [
        DISPATCHED,
        *(receipt(f"00000-00000{n}", 5, scraped=10) for n in range(2)),
        receipt("00000-000002", 5, scraped=4, deferred_http_429=6, children=1, due=int(T0) + 300),
    ]

    assert status(*entries, now=10).state is State.WAITING
    assert status(*entries, now=301).state is State.RUNNING
    assert (status(*entries, now=301).deferred, status(*entries, now=301).under_way) == (6, 0)


def test_a_child_of_a_child_waits_until_its_own_time() -> None:
    found = status(
        DISPATCHED,
        receipt("00000-000000", 5, scraped=4, deferred_http_429=6, children=1, due=int(T0) + 30),
        receipt("00000-000000-1", 31, scraped=1, deferred_http_429=5, children=1, due=int(T0) + 90),
        now=40,
    )

    assert (found.deferred, found.under_way, found.deferred_until) == (5, 20, T0 + 90)


def test_what_was_redriven_counts_once() -> None:
    found = status(
        DISPATCHED,
        *(receipt(f"00000-00000{n}", 5, scraped=10) for n in range(2)),
        receipt("00000-000002", 5, scraped=2, dead_dns=8),
        receipt("00000-000002-r1", 90, redriven_dns=8, scraped=5, dead_dns=3),
        now=100,
    )

    assert found.outcomes == {"scraped": 27, "dead-dns": 3}
    assert (found.batches, found.batches_done, found.under_way, found.adds_up) == (4, 4, 0, True)


def test_a_redriven_target_that_waits_is_no_dead_one() -> None:
    found = status(
        DISPATCHED,
        *(receipt(f"00000-00000{n}", 5, scraped=10) for n in range(2)),
        receipt("00000-000002", 5, scraped=2, dead_dns=8),
        receipt(
            "00000-000002-r1",
            90,
            redriven_dns=8,
            scraped=5,
            deferred_host_busy=3,
            children=1,
            due=int(T0) + 200,
        ),
        now=100,
    )

    assert found.outcomes == {"scraped": 27}
    assert (found.state, found.deferred, found.under_way) == (State.WAITING, 3, 0)


def test_a_child_that_was_faster_than_its_parents_receipt_is_under_way() -> None:
    """A worker has died between what it has sent and its receipt."""
    before = [
        DISPATCHED,
        *(receipt(f"00000-00000{n}", 5, scraped=10) for n in range(2)),
        receipt("00000-000002", 5, deferred_dns=10, children=1, due=int(T0) + 6),
        receipt("00000-000002-1-1", 7, scraped=10),
    ]

    found = status(*before, now=8)
    later = status(*before, receipt("00000-000002-1", 6, deferred_dns=10, children=1), now=9)

    assert (found.outcomes, found.adds_up, found.batches_done) == ({"scraped": 20}, True, 3)
    assert found.deferred + found.under_way == 10
    assert (later.outcomes, later.adds_up) == ({"scraped": 30}, True)


def test_a_complete_job_has_the_rate_of_its_whole_life() -> None:
    entries = [receipt(f"00000-00000{n}", 5 + n, scraped=10) for n in range(3)]

    found = status(DISPATCHED, *entries, now=100_000)

    assert found.state is State.COMPLETE
    assert found.rate == pytest.approx(30 / 7)
    assert (found.seconds_left, found.under_way, found.adds_up) == (0, 0, True)


def test_the_rate_of_a_long_job_is_that_of_its_last_minutes() -> None:
    found = status(
        DISPATCHED,
        receipt("00000-000000", 5, scraped=10),
        receipt("00000-000001", 900, scraped=10),
        now=1_000,
    )

    assert found.rate == 10 / RATE_SECONDS


def test_a_job_without_progress_has_no_time_left_that_one_could_tell() -> None:
    found = status(DISPATCHED, receipt("00000-000000", 5, scraped=10), now=1_000)

    assert (found.rate, found.seconds_left) == (0, None)


def test_a_job_that_was_cancelled_says_so() -> None:
    assert status(DISPATCHED, cancelled_key("j"), now=9).cancelled
    assert not status(DISPATCHED, now=9).cancelled


def test_a_refused_job_says_why() -> None:
    found = status(now=1, manifest=structs.replace(MANIFEST, error="urls.txt is empty"))

    assert (found.state, found.problem) == (State.REFUSED, "urls.txt is empty")


@pytest.mark.parametrize(
    "receipts",
    [
        pytest.param(
            [receipt(f"00000-00000{n}", 5, scraped=9) for n in range(3)], id="a URL was lost"
        ),
        pytest.param([receipt("00000-000000", 5, scraped=31)], id="a URL has two outcomes"),
        pytest.param(
            [
                *(receipt(f"00000-00000{n}", 5, scraped=10) for n in range(2)),
                receipt("00000-000002", 5, deferred_dns=10, children=1),
                receipt("00000-000002-1", 6, scraped=9),
            ],
            id="a deferred URL was lost",
        ),
    ],
)
def test_a_sum_that_does_not_add_up_is_noticed(receipts: list[str]) -> None:
    assert not status(DISPATCHED, *receipts, now=10).adds_up


def test_a_job_whose_results_are_gone_is_not_complete() -> None:
    receipts = [receipt(f"00000-00000{n}", 9, scraped=10, size=70) for n in range(3)]
    keys = [manifest_key("j"), DISPATCHED, *receipts]
    whole = {f"00000-00000{n}": 70 for n in range(3)}

    kept = status_of(MANIFEST, keys, now=T0 + 60, sizes=whole)
    cut = status_of(MANIFEST, keys, now=T0 + 60, sizes={**whole, "00000-000001": 69})
    gone = status_of(MANIFEST, keys, now=T0 + 60, sizes={"00000-000002": 70})

    assert (kept.state, kept.lost, kept.lost_batches) == (State.COMPLETE, 0, 0)
    assert (cut.state, cut.lost, cut.lost_batch) == (State.INCOMPLETE, 10, "00000-000001")
    assert (gone.state, gone.lost, gone.lost_batches) == (State.INCOMPLETE, 20, 2)
    assert gone.adds_up, "nobody has lost count"

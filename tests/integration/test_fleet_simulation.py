"""The simulation of a fleet: polite because of the rules, and right where it takes short cuts."""

import pytest
from msgspec.structs import replace

from bench.fleet import project
from bench.simulation import Assumptions, Fleet, Totals, WorkQueue, simulate
from shared.messages import Batch, Target

# Few hosts, so that the next batch is at the same ones; answers that come at once, so that
# nothing but the rules keeps requests apart.
CROWDED = Fleet(
    urls=1_500,
    hosts=6,
    partitions=4,
    workers=8,
    batch_size=20,
    assumed=Assumptions(latency=0.1, slow=0, dead=0),
)


def batch(number: int, partition: int) -> Batch:
    return Batch(
        job="bench",
        batch=f"00000-{number:06d}",
        partition=partition,
        targets=(Target("https://a.example/", 1),),
    )


def test_a_fleet_is_polite() -> None:
    totals = simulate(CROWDED)

    assert totals.pages == CROWDED.urls
    assert (totals.meetings, totals.hurries) == (0, 0)


def test_without_message_groups_workers_meet_at_a_host() -> None:
    assert simulate(replace(CROWDED, groups=False)).meetings > 0


def test_without_the_state_object_a_pause_ends_with_its_batch() -> None:
    assert simulate(replace(CROWDED, state=False)).hurries > 0


@pytest.mark.parametrize("skew", [0.0, 1.0])
def test_the_projection_agrees_with_the_simulation(skew: float) -> None:
    fleet = Fleet(
        urls=4_000,
        hosts=800,
        partitions=8,
        batch_size=50,
        workers=4,
        skew=skew,
        assumed=Assumptions(dead=0, slow=0),
    )

    exact, projected = simulate(fleet), project(fleet)

    def figures(totals: Totals) -> list[float]:
        return [totals.nearly, totals.cost(fleet).total, totals.requests, totals.batches]

    assert projected.pages == pytest.approx(exact.pages)
    assert figures(projected) == pytest.approx(figures(exact), rel=0.25)


def test_the_projection_knows_that_a_dead_host_is_given_up() -> None:
    """Its first targets are dear, the others are not; who samples batches sees the others."""
    fleet = Fleet(
        urls=20_000,
        hosts=2_000,
        partitions=16,
        workers=8,
        assumed=Assumptions(dead=0.02, slow=0),
    )

    exact, projected = simulate(fleet), project(fleet)

    def figures(totals: Totals) -> list[float]:  # not batches: it has fewer children
        return [totals.nearly, totals.cost(fleet).total, totals.requests]

    assert figures(projected) == pytest.approx(figures(exact), rel=0.25)


def test_the_oldest_message_of_a_free_group_comes_first() -> None:
    queue = WorkQueue()
    for number, partition in enumerate([1, 1, 2]):
        queue.send(str(partition), batch(number, partition))

    assert queue.receive() == ("1", batch(0, 1))
    assert queue.receive() == ("2", batch(2, 2))
    assert queue.receive() is None
    queue.delete("1")
    assert queue.receive() == ("1", batch(1, 1))


def test_a_backlog_of_one_group_hides_the_others() -> None:
    """SQS looks no further than its look-ahead, though somebody behind it is free."""
    queue = WorkQueue(look_ahead=3)
    for number, partition in enumerate([1, 1, 1, 2]):
        queue.send(str(partition), batch(number, partition))

    assert queue.receive() == ("1", batch(0, 1))
    assert queue.receive() is None
    queue.delete("1")
    assert queue.receive() == ("1", batch(1, 1))
    assert queue.receive() == ("2", batch(3, 2))

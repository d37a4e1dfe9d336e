"""The simulation of a fleet: polite because of the rules, and all of it on the bill."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from bench.simulated_aws import SQS, Bill, Pace
from bench.simulated_fleet import Fleet
from bench.simulated_time import Calls, NothingYet, Time
from bench.simulated_web import Assumptions
from bench.simulation import simulate
from shared.spec import FetchSpec

# Few hosts, so that the next batch is at the same ones; answers that come at once, and a pause of
# which half is longer than the end of one batch and the begin of the next, so that nothing but the
# rules keeps requests apart.
CROWDED = Fleet(
    urls=480,
    hosts=6,
    partitions=4,
    workers=8,
    batch_size=20,
    fetch=FetchSpec(pause=1.0),
    assumed=Assumptions(latency=0.1, slow=0, dead=0),
)


def test_a_fleet_is_polite() -> None:
    totals = simulate(CROWDED)

    assert totals.pages == CROWDED.urls
    assert (totals.meetings, totals.hurries, totals.expired, totals.failed) == (0, 0, 0, 0)


def test_without_message_groups_workers_meet_at_a_host() -> None:
    # Small jobs that come meanwhile call for other workers.
    fleet = replace(CROWDED, urls=300, groups=False, probes=8, probe_seconds=1.0)

    assert simulate(fleet).meetings > 0


def test_without_the_state_object_a_pause_ends_with_its_batch() -> None:
    assert simulate(replace(CROWDED, state=False)).hurries > 0


def test_a_job_of_few_hosts_is_gathered_by_one_or_two_workers() -> None:
    totals = simulate(Fleet(urls=1_500, hosts=30, assumed=Assumptions(slow=0, dead=0)))

    assert totals.bill["worker_seconds"] / totals.makespan < 2
    assert totals.makespan < 1.5 * 50 * 0.5 + 30


def test_a_large_job_has_all_its_workers_within_a_minute() -> None:
    fleet = Fleet(urls=1_500, hosts=500, partitions=200, workers=5)

    totals = simulate(fleet)

    assert totals.filled is not None
    assert totals.filled <= 60


def test_dead_hosts_come_back_and_are_given_up() -> None:
    totals = simulate(Fleet(urls=400, hosts=40, assumed=Assumptions(dead=0.2, slow=0)))

    assert totals.children > 0
    assert totals.pages == 400


def test_the_cost_by_receipts_is_about_the_bill() -> None:
    fleet = Fleet(urls=3_000, hosts=30, assumed=Assumptions(slow=0, dead=0))

    totals = simulate(fleet)

    assert totals.estimate(fleet).total == pytest.approx(totals.cost(fleet).total, rel=0.15)


def test_the_cost_by_receipts_knows_of_workers_that_children_call_in_vain() -> None:
    fleet = Fleet(urls=400, hosts=40, assumed=Assumptions(dead=0.2, slow=0))

    totals = simulate(fleet)

    assert totals.children > 10
    assert totals.estimate(fleet).total == pytest.approx(totals.cost(fleet).total, rel=0.15)


def test_a_small_job_beside_a_large_one_is_measured() -> None:
    totals = simulate(replace(CROWDED, urls=300, probes=5, probe_seconds=1.0))

    assert len(totals.waits) == 5
    assert min(totals.waits) > 0


# ---- the queue


class Messages:
    """A simulated queue, by its client's calls."""

    def __init__(self, loop: Time, **settings: Any) -> None:
        self.loop = loop
        self.calls = Calls()
        self.bill = Bill(float)
        self._sqs = SQS("sqs_fifo", self.loop, self.calls, self.bill, Pace(), **settings)

    def send(self, *groups: str) -> None:
        for number, group in enumerate(groups):
            entry = {"MessageBody": f"{number}", "MessageGroupId": group}
            self._sqs.send_message_batch(QueueUrl="", Entries=[entry])

    def receive(self) -> tuple[str, str] | None:
        answer = self._sqs.receive_message(QueueUrl="", VisibilityTimeout=60, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            return message["Body"], message["ReceiptHandle"]
        return None

    def delete(self, handle: str) -> None:
        self._sqs.delete_message(QueueUrl="", ReceiptHandle=handle)


@pytest.fixture
def loop() -> Iterator[Time]:
    with closing(Time()) as loop:
        yield loop


def bodies(queue: Messages, count: int) -> list[str | None]:
    received = [queue.receive() for _ in range(count)]
    return [message[0] if message else None for message in received]


def test_the_oldest_message_of_a_free_group_comes_first(loop: Time) -> None:
    queue = Messages(loop)
    queue.send("a", "a", "b")

    first = queue.receive()
    assert first is not None
    assert (first[0], *bodies(queue, 2)) == ("0", "2", None)
    queue.delete(first[1])
    assert bodies(queue, 2) == ["1", None]


def test_a_backlog_of_one_group_hides_the_others(loop: Time) -> None:
    """SQS looks no further than its look-ahead, though somebody behind it is free."""
    queue = Messages(loop, look_ahead=3)
    queue.send("a", "a", "a", "b")

    first = queue.receive()
    assert first is not None
    assert bodies(queue, 1) == [None]
    queue.delete(first[1])
    assert bodies(queue, 2) == ["1", "3"]


def test_a_message_that_nobody_renews_comes_back(loop: Time) -> None:
    queue = Messages(loop)
    queue.send("a")
    assert bodies(queue, 2) == ["0", None]

    queue.loop.call_later(61, queue.loop.stop)
    queue.loop.run_forever()

    assert bodies(queue, 1) == ["0"]


def test_empty_receives_are_on_the_bill_and_wait(loop: Time) -> None:
    queue = Messages(loop)
    assert queue.receive() is None
    assert queue.bill["sqs_fifo"] == 1

    queue.calls.may_wait = True
    with pytest.raises(NothingYet):
        queue.receive()

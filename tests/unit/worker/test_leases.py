"""Leases, their heartbeat and their ends, by clocks that the tests set."""

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.worker.leases import Lease, LeaseLostError, Leases, Moment
from functions.worker.politeness.pause import LONG_PAUSE
from shared.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable


class Clocks:
    """Two clocks that stand still."""

    def __init__(self) -> None:
        self.boot, self.wall = 5_000.0, 1_795_244_400.0

    def now(self) -> Moment:
        return Moment(self.boot, self.wall)

    def go_on(self, seconds: float) -> None:
        self.boot += seconds
        self.wall += seconds


class Sqs:
    """Renews what it knows, takes its time for it, and may hang."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.calls: list[list[str]] = []
        self.hidden: set[int] = set()
        self.unknown: set[str] = set()
        self.troubled: set[str] = set()
        self.on_call: Callable[[], None] = lambda: None

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 -- boto3's
        Entries: list[dict[str, Any]],  # noqa: N803 -- boto3's
    ) -> dict[str, Any]:
        assert QueueUrl
        self.calls.append([entry["ReceiptHandle"] for entry in Entries])
        self.hidden |= {entry["VisibilityTimeout"] for entry in Entries}
        self.on_call()
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            name = entry["ReceiptHandle"]
            if name in self.unknown | self.troubled:
                failure = {"Id": entry["Id"], "SenderFault": name in self.unknown, "Code": "C"}
                answer["Failed"].append(failure)
            else:
                answer["Successful"].append({"Id": entry["Id"]})
        return answer


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def sqs(clocks: Clocks) -> Sqs:
    return Sqs(clocks)


@pytest.fixture
def queue(sqs: Sqs) -> Queue:
    return Queue("https://q", cast("Any", sqs))


def test_a_pause_that_nobody_is_told_of_is_over_when_another_worker_may_have_the_host(
    clocks: Clocks, queue: Queue
) -> None:
    """A worker that cannot reach S3 and SQS asks the host to the end of the lease."""
    leases = Leases(now=clocks.now)
    lease = leases.hold("m", queue, clocks.now())

    assert leases.seconds - lease.left >= LONG_PAUSE


@pytest.fixture
def leases(clocks: Clocks) -> Leases:
    return Leases(queue=lambda queue: queue, now=clocks.now)


def held(lease: Lease) -> bool:
    try:
        lease.check()
    except LeaseLostError:
        return False
    return True


def test_a_lease_ends_before_that_of_sqs_does(leases: Leases, queue: Queue, clocks: Clocks) -> None:
    lease = leases.hold("a", queue, clocks.now())

    clocks.go_on(49.9)
    assert held(lease)
    clocks.go_on(0.2)
    assert not held(lease)


def test_a_lease_is_counted_from_before_the_call_that_received_it(
    leases: Leases, queue: Queue, clocks: Clocks
) -> None:
    """Its answer may have come late."""
    began = clocks.now()
    clocks.go_on(45)
    lease = leases.hold("a", queue, began)

    clocks.go_on(6)

    assert not held(lease)


@pytest.mark.parametrize("clock", ["boot", "wall"])
def test_the_clock_that_ran_further_counts(
    leases: Leases, queue: Queue, clocks: Clocks, clock: str
) -> None:
    """A machine that slept may have one that stood still, and the other may be set back or on."""
    lease = leases.hold("a", queue, clocks.now())
    setattr(clocks, clock, getattr(clocks, clock) + 51)

    assert not held(lease)


def test_a_wall_clock_that_is_set_back_makes_no_lease_longer(
    leases: Leases, queue: Queue, clocks: Clocks
) -> None:
    lease = leases.hold("a", queue, clocks.now())
    clocks.boot += 51
    clocks.wall -= 3600

    assert not held(lease)


def test_a_lease_that_has_ended_does_not_begin_again(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    """SQS may take a renewal that comes too late, when somebody else has the message."""
    lease = leases.hold("a", queue, clocks.now())
    clocks.go_on(51)
    assert not held(lease)

    leases.renew()
    clocks.wall -= 3600
    clocks.boot -= 40

    assert sqs.calls == []
    assert not held(lease)


def test_leases_are_renewed_after_a_third_of_their_time(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lease = leases.hold("a", queue, clocks.now())
    for _ in range(10):
        clocks.go_on(19)
        leases.renew()
        clocks.go_on(2)
        leases.renew()

    assert len(sqs.calls) == 10
    assert held(lease)


def test_many_leases_are_renewed_ten_at_a_time(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    for number in range(25):
        leases.hold(f"{number}", queue, clocks.now())
    clocks.go_on(21)

    leases.renew()

    assert sorted(len(call) for call in sqs.calls) == [5, 10, 10]
    assert sorted((handle for call in sqs.calls for handle in call), key=int) == [
        f"{number}" for number in range(25)
    ]


def test_a_renewal_counts_from_when_its_call_began(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    """It may have been done at once, and its answer have taken long."""
    lease = leases.hold("a", queue, clocks.now())
    clocks.go_on(21)
    sqs.on_call = lambda: clocks.go_on(20)
    leases.renew()

    clocks.go_on(29)
    assert held(lease)
    clocks.go_on(2)
    assert not held(lease)


def test_a_renewal_that_hangs_beyond_the_end_is_none(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lease = leases.hold("a", queue, clocks.now())
    clocks.go_on(21)
    sqs.on_call = lambda: clocks.go_on(30)

    leases.renew()

    assert not held(lease)


def test_what_sqs_does_not_know_any_more_is_lost_at_once(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lost, other = (leases.hold(name, queue, clocks.now()) for name in "ab")
    sqs.unknown = {"a"}
    clocks.go_on(21)

    leases.renew()

    assert (held(lost), held(other)) == (False, True)


def test_a_renewal_that_failed_is_tried_again_soon(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lease = leases.hold("a", queue, clocks.now())
    sqs.troubled = {"a"}
    clocks.go_on(21)
    leases.renew()
    sqs.troubled = set()
    clocks.go_on(1)
    leases.renew()
    assert len(sqs.calls) == 1
    clocks.go_on(1)
    leases.renew()
    assert len(sqs.calls) == 2

    clocks.go_on(45)
    assert held(lease)


def test_sqs_that_cannot_be_reached_ends_leases_in_their_time_only(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lease = leases.hold("a", queue, clocks.now())

    def fail() -> None:
        raise ReadTimeoutError(endpoint_url="https://q")

    sqs.on_call = fail
    for _ in range(24):
        clocks.go_on(2)
        leases.renew()
    assert held(lease)
    assert len(sqs.calls) == 15  # from 20 seconds on, every two

    clocks.go_on(2)
    assert not held(lease)


def test_what_is_hidden_for_long_is_made_a_lease_at_once(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    """A wake, that its mapping hides until the function's timeout: its worker may die before."""
    leases.hold("wake", queue, clocks.now(), at_once=True)

    leases.renew()

    assert sqs.calls == [["wake"]]
    assert sqs.hidden == {60}


def test_a_wake_comes_back_behind_the_batches_of_its_worker(
    leases: Leases, queue: Queue, sqs: Sqs
) -> None:
    """Or who is woken finds nothing, and ends, and nobody comes for them."""
    leases.hold_wake("wake", queue)

    leases.renew()

    assert sqs.hidden == {90}
    until_renewed = leases.seconds / 3
    assert until_renewed + 2 < 90 - leases.seconds  # and what a receive waits for


def test_a_mistake_does_not_end_the_heartbeat(queue: Queue, clocks: Clocks, sqs: Sqs) -> None:
    renewed = threading.Event()
    troubles: list[Exception] = []

    def fail_once() -> None:
        if not troubles:
            raise MemoryError
        renewed.set()

    sqs.on_call = fail_once
    leases = Leases(
        seconds=0.6, queue=lambda queue: queue, on_trouble=troubles.append, now=clocks.now
    )
    leases.hold("a", queue, clocks.now(), at_once=True)
    with leases.kept_up():
        assert renewed.wait(60)

    assert [type(error) for error in troubles] == [MemoryError]


def test_a_renewal_under_way_is_waited_for(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    """It would undo what is done to the message next."""
    called, may_end, settled = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        called.set()
        assert may_end.wait(60)

    sqs.on_call = hang
    lease = leases.hold("a", queue, clocks.now(), at_once=True)
    renewing = threading.Thread(target=leases.renew)
    renewing.start()
    assert called.wait(60)
    leases.release(lease)

    def settle() -> None:
        leases.settle()
        settled.set()

    settling = threading.Thread(target=settle)
    settling.start()
    assert not settled.is_set()
    may_end.set()

    assert settled.wait(60)
    renewing.join()
    settling.join()


def test_what_is_released_is_renewed_no_more(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    leases.release(leases.hold("a", queue, clocks.now()))
    clocks.go_on(21)

    leases.renew()

    assert sqs.calls == []


def test_what_was_acknowledged_during_a_renewal_is_not_called_lost(
    leases: Leases, queue: Queue, clocks: Clocks, sqs: Sqs
) -> None:
    lease = leases.hold("a", queue, clocks.now())
    sqs.unknown = {"a"}
    sqs.on_call = lambda: leases.release(lease)
    clocks.go_on(21)

    leases.renew()

    assert held(lease)


def test_the_heartbeat_has_ended_when_its_block_has(queue: Queue, clocks: Clocks, sqs: Sqs) -> None:
    """Lambda freezes a process behind its return: it must not go on hours later."""
    called, may_end = threading.Event(), threading.Event()

    def hang() -> None:
        called.set()
        assert may_end.wait(60)

    sqs.on_call = hang
    leases = Leases(queue=lambda queue: queue, now=clocks.now)
    leases.hold("a", queue, clocks.now(), at_once=True)
    before = threading.active_count()
    with leases.kept_up():
        assert called.wait(60)
        threading.Timer(0.1, may_end.set).start()

    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())
    assert threading.active_count() <= before + 1  # the timer

"""How many workers are called."""

from collections.abc import Iterable
from random import Random
from typing import Any, cast

import pytest

from shared.errors import StorageError
from shared.messages import is_wake
from shared.queue import Message
from shared.wakes import IN_HAND, TOGETHER_SECONDS, LastCall, Wakes


class Sent:
    """A queue that takes note of what is sent."""

    def __init__(self) -> None:
        self.wakes: list[Message] = []
        self.is_away = False

    def send(self, messages: Iterable[Message]) -> None:
        if self.is_away:
            raise StorageError("SQS is away")
        self.wakes += messages


@pytest.mark.parametrize(
    ("workers", "partitions", "called"),
    [(20, 1, 1), (20, IN_HAND, 1), (20, IN_HAND + 1, 2), (2, 1_000, 2), (0, 1_000, 0)],
)
def test_as_many_are_called_as_there_may_be_and_is_work_for(
    workers: int, partitions: int, called: int
) -> None:
    queue = Sent()

    Wakes(cast("Any", queue), workers=workers).for_partitions(partitions)

    assert len(queue.wakes) == called
    assert all(is_wake(message.body) for message in queue.wakes)


@pytest.mark.parametrize("workers", [0, 1, 20])
def test_none_is_called_where_there_are_none(workers: int) -> None:
    """As in a stack that machines work for."""
    queue = Sent()

    Wakes(cast("Any", queue), workers=workers).for_one()

    assert len(queue.wakes) == min(1, workers)


class Caller:
    """Calls for one batch after the other, each by another invocation of one process."""

    def __init__(self) -> None:
        self.queue = Sent()
        self.now = 1_000.0
        self._last = LastCall(lambda: self.now)

    def calls(self, *times: float, after: float = 0.0) -> list[float]:
        """Have batches come at `times`; return when workers are called."""
        called = []
        for now in times:
            self.now = now
            before = len(self.queue.wakes)
            Wakes(cast("Any", self.queue), workers=20, last=self._last).for_another(after=after)
            called += [now + message.delay for message in self.queue.wakes[before:]]
        return called


def test_the_first_of_many_batches_calls_at_once_and_the_others_together() -> None:
    assert Caller().calls(100, 101, 102, 109) == [100, 100 + TOGETHER_SECONDS]


def test_a_batch_that_was_handed_back_is_left_to_who_is_there() -> None:
    times = (100, 101, 109, 300)

    assert Caller().calls(*times, after=3.0) == [103, 103 + TOGETHER_SECONDS, 303]


def test_batches_that_come_seldom_call_at_once() -> None:
    assert Caller().calls(100, 111, 200) == [100, 111, 200]


def test_no_batch_is_without_a_wake_that_comes_after_it() -> None:
    """Whatever comes when: what stands in the queue is found within `TOGETHER_SECONDS`."""
    rng = Random(7)
    times = sorted(rng.uniform(0, 500) for _ in range(200))

    called = Caller().calls(*times)

    for came in times:
        assert any(came <= at <= came + TOGETHER_SECONDS + 1 for at in called)  # whole seconds
    assert len(called) <= 500 / TOGETHER_SECONDS + 2


def test_a_wake_that_could_not_be_sent_does_not_count() -> None:
    caller = Caller()
    caller.queue.is_away = True

    assert caller.calls(100) == []
    caller.queue.is_away = False
    assert caller.calls(101) == [101]


def test_a_clock_that_is_set_back_hides_no_batch() -> None:
    assert Caller().calls(1_000, 100, 101) == [1_000, 100, 100 + TOGETHER_SECONDS]

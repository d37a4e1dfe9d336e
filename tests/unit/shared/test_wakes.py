"""How many workers are called."""

from collections.abc import Iterable
from typing import Any, cast

import pytest

from shared.messages import is_wake
from shared.queue import Message
from shared.wakes import IN_HAND, Wakes


class Sent:
    """A queue that takes note of what is sent."""

    def __init__(self) -> None:
        self.wakes: list[Message] = []

    def send(self, messages: Iterable[Message]) -> None:
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

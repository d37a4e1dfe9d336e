"""
Wakes: messages without content that call for workers, from the dispatcher and from workers.

One too many costs an invocation of a second. One that is lost costs time, until a tick of the job
sends another: so none is worth a failure.
"""

import math
from collections.abc import Callable

from shared.errors import StorageError
from shared.messages import Wake, encode
from shared.queue import MAX_DELAY, Message, Queue

IN_HAND = 32
"""Batches, each of another partition, that a worker has in hand at most."""
TOGETHER_SECONDS = 10.0
"""That batches which come one by one call for a worker once in."""
LEFT_SECONDS = 3.0
"""That what a worker has handed back is left to those that there are, before it calls for one."""


class LastCall:
    """
    When the last wake of `Wakes.for_another` calls a worker, or has called one.

    Args:
        clock: Returns the seconds since the epoch, also of a process that was frozen meanwhile.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.due = -math.inf


class Wakes:
    """
    Calls for the workers of a deployment.

    Args:
        queue: Of the wakes.
        workers: How many may be called; of a stack without workers of its own, 0.
        last: Call of the process so far; None: it is the first.
    """

    def __init__(self, queue: Queue, *, workers: int, last: LastCall | None = None) -> None:
        self._queue = queue
        self._workers = workers
        self._last = last or LastCall(lambda: 0.0)

    def for_partitions(self, count: int) -> None:
        """Call for as many workers as so many partitions with batches keep busy."""
        self._send(min(math.ceil(count / IN_HAND), self._workers))

    def for_one(self, *, delay: float = 0.0) -> None:
        """Call for a worker, in `delay` seconds."""
        self._send(min(1, self._workers), min(math.ceil(delay), MAX_DELAY))

    def for_another(self, *, after: float = 0.0) -> None:
        """
        Call for a worker for a batch that is in the queue, one of many that come one by one.

        The first of them calls in `after` seconds. Those of the next `TOGETHER_SECONDS` have one
        wake together, which comes at their end, so that it finds all of them there.
        """
        now, last = self._last.clock(), self._last.due
        if now < last <= now + TOGETHER_SECONDS:
            return
        # Later than that, and the clock was set back.
        due = now if last > now else max(now + after, last + TOGETHER_SECONDS)
        if self._send(min(1, self._workers), math.ceil(due - now)):
            self._last.due = due

    def _send(self, count: int, delay: int = 0) -> bool:
        try:
            self._queue.send(Message(encode(Wake()), delay=delay) for _ in range(count))
        except StorageError:
            return False
        return True

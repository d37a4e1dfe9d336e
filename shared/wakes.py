"""
Wakes: messages without content that call for workers, from the dispatcher and from workers.

One too many costs an invocation of a second. One that is lost costs time, until a tick of the job
sends another: so none is worth a failure.
"""

import math
from contextlib import suppress

from shared.errors import StorageError
from shared.messages import Wake, encode
from shared.queue import MAX_DELAY, Message, Queue

IN_HAND = 32
"""Batches, each of another partition, that a worker has in hand at most."""


class Wakes:
    """
    Calls for the workers of a deployment.

    Args:
        queue: Of the wakes.
        workers: How many may be called; of a stack without workers of its own, 0.
    """

    def __init__(self, queue: Queue, *, workers: int) -> None:
        self._queue = queue
        self._workers = workers

    def for_partitions(self, count: int) -> None:
        """Call for as many workers as so many partitions with batches keep busy."""
        self._send(min(math.ceil(count / IN_HAND), self._workers))

    def for_one(self, *, delay: float = 0.0) -> None:
        """Call for a worker, in `delay` seconds."""
        self._send(min(1, self._workers), min(math.ceil(delay), MAX_DELAY))

    def _send(self, count: int, delay: int = 0) -> None:
        with suppress(StorageError):
            self._queue.send(Message(encode(Wake()), delay=delay) for _ in range(count))

"""
A worker's calls for other workers, by the wakes that it sends.

No call holds anything up: SQS may take minutes to answer one.
"""

import asyncio
import math

from functions.worker.workshop import Workshop
from shared.wakes import Wakes

CALL_SECONDS = 60.0
"""Between two calls for another worker, while this one is full."""


class Calls:
    """
    The calls of one worker.

    Args:
        wakes: Sends them.
        workshop: Whose threads speak to SQS.
    """

    def __init__(self, wakes: Wakes, workshop: Workshop) -> None:
        self._wakes = wakes
        self._workshop = workshop
        self._open: set[asyncio.Task[None]] = set()
        self._called_full = -math.inf

    def for_one(self, *, delay: float = 0.0) -> None:
        """Call for a worker, in `delay` seconds."""
        call = self._workshop.aside(self._wakes.for_one, delay=delay)
        self._open.add(task := asyncio.create_task(call))
        task.add_done_callback(self._open.discard)

    def when_full(self) -> None:
        """Call for a worker, once a minute at most: this one can take no more."""
        now = asyncio.get_running_loop().time()
        if now - self._called_full >= CALL_SECONDS:
            self._called_full = now
            self.for_one()

    async def made(self) -> None:
        """Wait until all calls are made that were begun."""
        while self._open:
            await asyncio.wait(self._open)

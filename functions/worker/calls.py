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
FULL_SECONDS = 10.0
"""That a worker is full before it calls: many batches that begin at once keep it busy for less."""
_FORGOTTEN = 0.2  # of these, in each second that it is not full: one at its limit is so by turns


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
        self._full = 0.0
        """Seconds that the worker has been full, those forgotten left out."""
        self._noted = -math.inf
        self._was_full = False

    def for_one(self, *, delay: float = 0.0) -> None:
        """Call for a worker, in `delay` seconds."""
        call = self._workshop.aside(self._wakes.for_one, delay=delay)
        self._open.add(task := asyncio.create_task(call))
        task.add_done_callback(self._open.discard)

    def note(self, *, is_full: bool) -> None:
        """Note whether this worker can take no more; if so for long, call once a minute."""
        now = asyncio.get_running_loop().time()
        if self._was_full:
            self._full += now - self._noted
        else:
            self._full = max(0.0, self._full - _FORGOTTEN * (now - self._noted))
        self._noted, self._was_full = now, is_full
        if is_full and self._full >= FULL_SECONDS:
            self.for_the_rest()

    def for_the_rest(self) -> None:
        """Call for a worker that does what this one cannot, once a minute at most."""
        now = asyncio.get_running_loop().time()
        if now - self._called_full >= CALL_SECONDS:
            self._called_full = now
            self.for_one()

    async def made(self) -> None:
        """Wait until all calls are made that were begun."""
        while self._open:
            await asyncio.wait(self._open)

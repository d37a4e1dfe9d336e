"""
The memory for bodies and the number of open requests, shared by all batches of a worker.

Knows nothing of HTTP.
"""

import asyncio
from math import inf


class Budget:
    """
    All of the memory for bodies: `size` bytes.

    Up to there bodies all grow. Beyond, one at a time does, until it is done with, while the others
    leave theirs to TCP: so they never all wait for each other.
    """

    def __init__(self, size: float = inf) -> None:
        self.size = size
        self.taken = 0
        self.turn = asyncio.Lock()


class Slots:
    """How many requests may be open at once, of all batches together."""

    def __init__(self, size: float = inf) -> None:
        self._left = size

    def take(self) -> None:
        self._left -= 1

    def give_back(self) -> None:
        self._left += 1

    def are_taken(self) -> bool:
        return self._left <= 0


class Reservation:
    """What one body takes of the memory for bodies."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0
        self._our_turn = False

    def take(self, size: int) -> None:
        self._budget.taken += size
        self._size += size

    async def may_grow(self, deadline: float) -> None:
        """
        Wait until the body may become larger, until `deadline` of the event loop at most.

        Raises:
            NoMemoryLeftError: it may not.
        """
        if self._budget.taken <= self._budget.size or self._our_turn:
            return
        try:
            async with asyncio.timeout_at(deadline):
                self._our_turn = await self._budget.turn.acquire()
        except TimeoutError:
            raise NoMemoryLeftError from None

    def release(self) -> None:
        """Give back what was taken."""
        self.take(-self._size)
        if self._our_turn:
            self._our_turn = False
            self._budget.turn.release()


class NoMemoryLeftError(Exception):
    """Other bodies have it all, for longer than a request may take."""

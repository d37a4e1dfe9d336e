"""
How busy a worker is: whether it could do more, measured at its event loop.

What counts is the share of the time that the loop does not wait for anything. It says the same on a
machine of its own, on one that others use as well, and on a part of a processor, as Lambda has it.
"""

import asyncio
import gc
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BUSY = 0.75  # of the time; beyond, a page more makes all others later
_YOUNG_OBJECTS = 20_000  # that the garbage collector lets come together
_WINDOW = 1.0  # seconds that are looked back


class Load:
    """
    The load of one event loop, which `new_loop` makes.

    Args:
        clock: Returns seconds, from any moment on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._selector = _Selector(clock)
        self._samples: deque[tuple[float, float]] = deque()

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop whose load is told."""
        return asyncio.SelectorEventLoop(self._selector)

    def share(self) -> float:
        """
        Return which share of the last second the loop was busy, from 0 to 1.

        It is to be asked several times a second.
        """
        now, waited = self._clock(), self._selector.waited
        while len(self._samples) > 1 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()
        self._samples.append((now, waited))
        began, before = self._samples[0]
        return 1.0 - (waited - before) / (now - began) if now > began else 0.0


class _Selector(selectors.DefaultSelector):
    """Knows for how long it was waited at."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        began = self._clock()
        try:
            return super().select(timeout)
        finally:
            self.waited += self._clock() - began


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """
    Have the garbage collector look for circles less often.

    By default it does so for each 2,000 new objects (700 before Python 3.13), again and again for a
    page, and takes up to a tenth of the CPU to find next to nothing: no circle holds a page.
    """
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)

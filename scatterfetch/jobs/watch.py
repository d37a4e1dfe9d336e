"""Watching jobs until they are done, whether they run here or in a deployed stack."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from scatterfetch.jobs.progress import Progress


class Display(Protocol):
    """Who shows jobs while they go on."""

    def show(self, progress: Progress) -> None: ...
    def say(self, text: str) -> None: ...


class Interruptions:
    """Counts the signals that ask us to stop."""

    def __init__(self) -> None:
        self.count = 0
        self._woken = threading.Event()

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the next signal."""
        self._woken.wait(seconds)
        self._woken.clear()


@contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Collect SIGINT and SIGTERM, in place of being ended by them."""
    received = Interruptions()
    before = {
        number: signal.signal(number, received.note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Source(Protocol):
    """Where jobs run."""

    def wait(self) -> None:
        """Wait until there may be news, for a moment at most."""

    def progress(self) -> Progress: ...

    def done(self) -> bool: ...

    def stuck(self) -> bool:
        """Tell whether nothing can be done any more."""

    def leave(self, times: int) -> bool:
        """Tell whether to stop watching, now that so many signals ask for it."""


def watch(source: Source, display: Display, received: Interruptions) -> None:
    """Show `source` until all is done, nothing can be done, or somebody has had enough."""
    while not source.done():
        source.wait()
        display.show(source.progress())
        if (received.count and source.leave(received.count)) or source.stuck():
            break

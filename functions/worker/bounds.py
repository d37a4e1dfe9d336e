"""
How a worker divides its memory. Pure.

What it has in hand is bounded by these, whatever the pages, so that the sum stays below what the
function, or the process on a machine, is given; docs/limits.md says what each is for.
"""

from typing import NamedTuple

from functions.worker.transport.connections import MAX_OPEN
from shared.settings import WorkerSettings

USABLE = 0.88
"""Of the memory; the rest is for what runs beside a worker, such as Lambda's own processes."""
_MB = 1024 * 1024
_FIXED = 125_000_000  # bytes: the program, that of the process that extracts, idle connections
_REQUEST = 200_000  # bytes: its connection, what has come and waits to be read, its targets


class Bounds(NamedTuple):
    """Bytes, but for `requests`."""

    requests: int
    """Open at once, of all batches together."""
    bodies: int
    """That grow at once; beyond, one at a time does."""
    outcomes: int
    """Compressed; what would go beyond is left to a later batch."""
    page: int
    """Of the process that extracts, beyond what it takes to be there; a sixth of it here."""


def bounds_of(settings: WorkerSettings) -> Bounds:
    """Return the bounds of a worker with `settings.worker_memory`."""
    memory = settings.worker_memory
    requests = min(MAX_OPEN, memory // 2)
    rest = USABLE * memory * _MB - _FIXED - _REQUEST * requests
    return Bounds(
        requests,
        bodies=int(0.28 * rest),
        outcomes=int(0.09 * rest),
        page=int(0.54 * rest),  # and 0.09 for one in this process; see PAGES_HERE
    )

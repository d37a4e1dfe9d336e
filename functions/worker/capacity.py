"""
Whether a worker could do more, and whether it has so little to do that others should do it.

Measured and counted; what follows is for the worker to decide.
"""

from collections.abc import Callable

from functions.worker.load import BUSY, Load
from functions.worker.workshop import KEPT_BYTES, Workshop
from shared.wakes import IN_HAND

SPARSE_SECONDS = 60.0
"""That there is little to do, before others are let first."""
_SPARSE_SHARE = 2  # of what it could have in hand


class Capacity:
    """
    Args:
        load: Of the worker's event loop.
        workshop: What its batches share.
        clock: Returns seconds, from any moment on.
    """

    def __init__(self, load: Load, workshop: Workshop, clock: Callable[[], float]) -> None:
        self._load = load
        self._workshop = workshop
        self._clock = clock
        self._sparse_since: float | None = None

    def is_full(self, in_hand: int) -> bool:
        """Tell whether a worker with so many batches in hand can take no more; asked often."""
        busy = self._load.share()
        self._note_sparse(in_hand, busy)
        pool = self._workshop.pool
        return (
            busy > BUSY
            or in_hand >= IN_HAND
            or pool.slots.are_taken()
            or pool.budget.taken > pool.budget.size // 2
            or self._workshop.outcome_bytes() > self._workshop.bounds.outcomes // 2
            or self._workshop.kept_bytes() > KEPT_BYTES // 2
            or self._workshop.extracting.is_long()
        )

    def yields(self) -> bool:
        """
        Tell whether others are to be first, since there has been little to do for long.

        They wait at the queue and have what comes at once, so that one of them gathers the rest,
        and this worker ends. Where there are no others, a batch waits for seconds.
        """
        since = self._sparse_since
        return since is not None and self._clock() - since >= SPARSE_SECONDS

    def begin_anew(self) -> None:
        """Forget that there was little to do: nobody else has taken what was left."""
        self._sparse_since = None

    def _note_sparse(self, in_hand: int, busy: float) -> None:
        if in_hand * _SPARSE_SHARE >= IN_HAND or busy * _SPARSE_SHARE >= BUSY:
            self._sparse_since = None
        elif self._sparse_since is None:
            self._sparse_since = self._clock()

"""Whether a worker may go on under the lock of the fleet; see `fence`."""

import asyncio
from collections.abc import Callable

from functions.worker.extraction.documents.complexity import beside_limits
from functions.worker.fence import Fence, LockTakenError
from shared.lock import LOOK_SECONDS

_LOOK_SECONDS = 5.0  # between two looks whether the lock is to be looked at; see shared.lock
_PATIENCE = 15.0  # seconds that it may be looked at later than it should be


class LockWatch:
    """
    Looks at the lock, beside the work.

    Args:
        fence: Holds the lock.
        on_trouble: Is told why the worker may not go on.
    """

    def __init__(self, fence: Fence, on_trouble: Callable[[Exception], None]) -> None:
        self._fence = fence
        self._on_trouble = on_trouble
        self.is_over = False
        """The lock may be another release's: nothing may be fetched any more."""
        self.was_taken = False
        """The lock is another release's."""

    async def watch(self) -> None:
        """Look from time to time, until the worker may not go on."""
        while not self.is_over:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await asyncio.to_thread(beside_limits, self._fence.hold)
            except LockTakenError as error:
                self._on_trouble(error)
                self.is_over = self.was_taken = True
            except Exception as error:  # noqa: BLE001 -- or nobody would look any more
                if self._fence.unseen() > LOOK_SECONDS + _PATIENCE:
                    self._on_trouble(error)
                    self.is_over = True

"""
Leases: a worker's right to the messages that it has in hand, renewed by a heartbeat.

SQS hides a message from others for as long as it was asked to, and the group of a batch with it.
The heartbeat asks again in time, from a thread and by a client of its own, so that neither a page
nor a hanging call holds it up. Whether a lease still holds is for our own clocks to say: SQS may
accept a renewal that comes too late. Knows nothing of what the messages say.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from shared.clients import new_client
from shared.errors import StorageError
from shared.queue import MAX_ENTRIES, Queue

LEASE_SECONDS = 60.0
"""That a message is hidden for, from its receipt and from each renewal."""
_MARGIN_SHARE = 6  # of it, kept between our end of a lease and that of SQS
_RENEWAL_SHARE = 3  # of it, until it is renewed
_AGAIN_SHARE = 30  # of it, until a renewal that failed is tried again
_WAKE_SHARE = 2
"""Of a lease, that a wake is hidden for longer than a batch: of a worker that dies, the batches
come back first, or who is woken finds nothing and the wake is spent."""
_PATIENCE = 3.0  # seconds that a renewal may take


class Moment(NamedTuple):
    """
    A moment on two clocks, in seconds: of the machine since it was started, and of the wall.

    The first goes on while the machine sleeps, where there is such a clock; the second may be set.
    """

    boot: float
    wall: float

    @classmethod
    def now(cls) -> "Moment":
        clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        return cls(time.clock_gettime(clock), time.time())

    def until(self, later: "Moment") -> float:
        """Return the seconds until `later`, by the clock that ran further."""
        return max(later.boot - self.boot, later.wall - self.wall)


_LONG_AGO = Moment(-math.inf, -math.inf)


class LeaseLostError(StorageError):
    """Somebody else may have the message by now: whoever had it stops, and commits nothing."""


class Lease:
    """
    The lease on one message.

    Args:
        receipt_handle: Of the message.
        queue: Where it is from.
        began: When the call began that it was received by, or earlier.
        seconds: That a receipt and a renewal are good for, by our clocks.
        now: The clocks.
    """

    def __init__(
        self,
        receipt_handle: str,
        queue: Queue,
        began: Moment,
        seconds: float,
        now: Callable[[], Moment] = Moment.now,
    ) -> None:
        self.receipt_handle = receipt_handle
        self.queue = queue
        self._renewed = began
        self._seconds = seconds
        self._now = now
        self._is_lost = False
        self.due_from = began
        """The next renewal is due a share of the lease later."""
        self.longer = 0.0
        """Seconds that the message is hidden beyond the lease."""

    @property
    def left(self) -> float:
        """The seconds until it ends, if it is not renewed before; zero or less if it has ended."""
        left = 0.0 if self._is_lost else self._seconds - self._renewed.until(self._now())
        if left <= 0:
            self._is_lost = True  # for good, whatever becomes known later
        return left

    def check(self) -> None:
        """
        Return if the lease holds.

        Raises:
            LeaseLostError: it does not.
        """
        if self.left <= 0:
            raise LeaseLostError("the lease on the batch has ended: somebody else may have it")

    def renew(self, called: Moment) -> None:
        """Note that it was renewed, by a call that began then."""
        if self.left > 0:
            self._renewed = called

    def lose(self) -> None:
        """Note that SQS does not know it any more."""
        self._is_lost = True


class Leases:
    """
    The leases of a worker, and the heartbeat that renews them.

    Args:
        seconds: Of a lease, at SQS.
        queue: Returns a queue that the heartbeat speaks to, for one of the worker's.
        on_trouble: Is told what went wrong with renewals, by the heartbeat.
        now: The clocks.
    """

    def __init__(
        self,
        seconds: float = LEASE_SECONDS,
        *,
        queue: Callable[[Queue], Queue] | None = None,
        on_trouble: Callable[[Exception], None] = lambda _error: None,
        now: Callable[[], Moment] = Moment.now,
    ) -> None:
        self.seconds = seconds
        self._queue = queue or _own
        self._on_trouble = on_trouble
        self.now = now
        self._lock = threading.Lock()
        self._held: set[Lease] = set()
        self._renewing = threading.Lock()
        self._stop = threading.Event()
        self._queues: dict[str, Queue] = {}

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Renew the leases until the end of the block; then the thread has ended."""
        thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            # A process may be frozen behind it and go on hours later, in the middle of a call.
            thread.join()

    def hold(
        self,
        receipt_handle: str,
        queue: Queue,
        began: Moment,
        *,
        at_once: bool = False,
    ) -> Lease:
        """
        Return the lease on a message, to be renewed from now on; see `Lease`.

        It is renewed `at_once` where the message is hidden for longer than a lease.
        """
        lease = self._lease(receipt_handle, queue, began)
        if at_once:
            lease.due_from = _LONG_AGO
        return self._kept(lease)

    def hold_wake(self, receipt_handle: str, queue: Queue) -> Lease:
        """Return the lease on the wake of this worker, to be renewed at once and from now on."""
        lease = self._lease(receipt_handle, queue, self.now())
        lease.due_from, lease.longer = _LONG_AGO, self.seconds / _WAKE_SHARE
        return self._kept(lease)

    def _lease(self, receipt_handle: str, queue: Queue, began: Moment) -> Lease:
        seconds = self.seconds * (1 - 1 / _MARGIN_SHARE)
        return Lease(receipt_handle, queue, began, seconds, self.now)

    def _kept(self, lease: Lease) -> Lease:
        queue = lease.queue
        with self._lock:
            if queue.url not in self._queues:  # here, since making a client may go wrong
                self._queues[queue.url] = self._queue(queue)
            self._held.add(lease)
        return lease

    def release(self, lease: Lease) -> None:
        """Renew `lease` no more. A renewal under way may still be done after it; see `settle`."""
        with self._lock:
            self._held.discard(lease)

    def settle(self) -> None:
        """Wait for a renewal under way, so that it does not undo what is done to a message next."""
        with self._renewing:
            pass

    def renew(self) -> None:
        """Renew those leases that are due."""
        with self._renewing:
            self._renew_due()

    def _renew_due(self) -> None:
        now = self.now()
        due: dict[str, list[Lease]] = defaultdict(list)
        with self._lock:
            for lease in self._held:
                if lease.due_from.until(now) >= self.seconds / _RENEWAL_SHARE and lease.left > 0:
                    due[lease.queue.url].append(lease)
        for url, leases in due.items():
            for first in range(0, len(leases), MAX_ENTRIES):
                self._renew(self._queues[url], leases[first : first + MAX_ENTRIES])

    def _renew(self, queue: Queue, leases: Sequence[Lease]) -> None:
        called = self.now()
        known: dict[str, bool] = {}
        with suppress(StorageError):  # it is tried again soon
            seconds = self.seconds + max(lease.longer for lease in leases)
            known = queue.renew_all([lease.receipt_handle for lease in leases], seconds)
        for lease in leases:
            match known.get(lease.receipt_handle):
                case True:
                    lease.renew(called)
                    lease.due_from = called
                case False:
                    if self._is_held(lease):  # else it was acknowledged meanwhile
                        lease.lose()
                case None:
                    again = self.seconds / _AGAIN_SHARE - self.seconds / _RENEWAL_SHARE
                    lease.due_from = Moment(called.boot + again, called.wall + again)

    def _is_held(self, lease: Lease) -> bool:
        with self._lock:
            return lease in self._held

    def _beat(self) -> None:
        while not self._stop.wait(self.seconds / _AGAIN_SHARE / 2):
            try:
                self.renew()
            except Exception as error:  # noqa: BLE001 -- or all leases would end, one after another
                self._on_trouble(error)


def _own(queue: Queue) -> Queue:
    return Queue(queue.url, new_client("sqs", connections=1, patience=_PATIENCE))

"""
The worker loop: takes batches as long as it could do more, and has several in hand at once.

Each batch is a task of its own, with its own lease, commit and acknowledgement, and is of another
partition. What happens to one of them touches no other. Workers call for workers: see `Wakes`.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from functions.worker.capacity import Capacity
from functions.worker.fence import LockTakenError
from functions.worker.leases import Lease, LeaseLostError, Leases, Moment
from functions.worker.load import Load
from functions.worker.politeness.pause import LONG_PAUSE
from functions.worker.report import Report
from functions.worker.work import Delivery, Resources, seldom_collecting, work_on
from functions.worker.workshop import Opened, Workshop, open_workshop
from shared.errors import InvalidJobError, StorageError
from shared.lock import LOOK_SECONDS
from shared.messages import decode_batch
from shared.queue import Received
from shared.wakes import Wakes

COMMIT_SECONDS = 20.0  # kept free at the end of a worker for S3 and SQS
BATCH_SECONDS = 300.0
"""That a batch is fetched for at most: others wait for its partition."""
MIN_SECONDS = 60.0  # that a batch is worth to be begun for
ALONE_FROM = 5
"""Receives, from which on a batch is worked on alone: it may be what its workers die of."""
RELEASE_SECONDS = (5, 20, 80, 300)
"""How long a batch that could not be brought to its end stays hidden, by how often it was received;
its partition waits with it."""
CALL_SECONDS = 60.0
"""Between two calls for another worker, while this one is full."""
_MAX_HIDDEN = 11 * 60 * 60  # seconds; SQS ends at twelve hours
_TAKE_SECONDS = 0.05  # between two batches: how busy one makes the worker is to be seen
_LOOK_SECONDS = 0.1  # between two looks whether the worker could do more
_LOCK_LOOK_SECONDS = 5.0  # between two looks whether the lock is to be looked at; see shared.lock
_LOCK_PATIENCE = 15.0  # seconds that it may be looked at later than it should be
_LEASE_LOOK_SECONDS = 0.5  # between two looks whether a lease has ended
_WAIT_SECONDS = 1.0  # that a receive waits for a message; see `Timetable`
_TROUBLE_SECONDS = (1.0, 2.0, 4.0, 8.0)  # after as many receives in a row that failed
_YIELD_SECONDS = 3.0  # that others are let first


class Timetable(NamedTuple):
    """
    When a worker ends.

    `time_left` returns the seconds until it is ended by force; they may become fewer at once. One
    that `stays` goes on when there is nothing to take. With nothing in hand it waits for a message
    for `wait` seconds at once, 20 at most.
    """

    time_left: Callable[[], float]
    stays: bool = False
    wait: float = 0.0


@dataclass(eq=False)
class _Hand:
    """A batch in hand."""

    delivery: Delivery
    lease: Lease
    task: asyncio.Task[None] | None = None
    is_concluded: bool = False
    """What is left is to acknowledge it."""


class Worker:
    """
    One worker, from its first batch to its last.

    Args:
        resources: What to work with.
        report: Is told what becomes of batches.
        timetable: When it ends.
        load: Tells how busy the event loop is that `run` runs in.
        leases: Of its batches; kept up by the caller.
        opened: Opens what its batches share.
    """

    def __init__(
        self,
        resources: Resources,
        report: Report,
        timetable: Timetable,
        load: Load,
        leases: Leases,
        opened: Opened = open_workshop,
    ) -> None:
        self._resources = resources
        self._report = report
        self._timetable = timetable
        self._load = load
        self._leases = leases
        self._opened = opened
        self._wakes = Wakes(resources.wake_queue, workers=resources.settings.worker_concurrency)
        self._hands: dict[str, _Hand] = {}
        """By message group, in the order in which they were taken."""
        self._workshop: Workshop
        self._capacity: Capacity
        self._called = -math.inf
        self._calls: set[asyncio.Task[None]] = set()
        self._is_superseded = False

    async def run(self, *given: Delivery) -> None:
        """
        Take batches and work on them, until there is nothing to take or no time left.

        Args:
            given: Deliveries that are in hand already.

        Raises:
            StorageError: SQS gives nothing, again and again, and nothing is in hand. One that
                `stays` goes on trying.
        """
        resources = self._resources
        with seldom_collecting():
            async with self._opened(
                resources.settings, resources.is_cancelled, self._report.outcome
            ) as workshop:
                self._workshop = workshop
                clock = asyncio.get_running_loop().time
                self._capacity = Capacity(self._load, workshop, clock)
                watches = [
                    asyncio.create_task(self._watch_leases()),
                    asyncio.create_task(self._watch_lock()),
                ]
                try:
                    for delivery in given:
                        lease = self._hold(delivery, self._leases.now(), at_once=True)
                        self._begin(delivery, lease)
                    await self._take_and_work()
                    if not self._timetable.stays and not self._has_time():
                        await workshop.aside(self._wakes.for_one)
                finally:
                    for watch in watches:
                        watch.cancel()
                    await self._end()

    async def _take_and_work(self) -> None:
        failures = 0
        while True:
            if not self._could_take():
                if not self._hands and not self._has_time():
                    return
                await self._wait(_LOOK_SECONDS)
                continue
            yields = bool(self._hands) and self._capacity.yields()
            if yields:
                await self._wait(_YIELD_SECONDS)
            had = bool(self._hands)
            wait = _WAIT_SECONDS if had else max(self._timetable.wait, _WAIT_SECONDS)
            wait = 0.0 if had and yields else wait
            try:
                began, received = await self._workshop.receive(self._receive, wait)
            except StorageError as error:
                failures += 1
                self._report.trouble(error)
                await self._call_later()  # a message may have been received, and be hidden
                if failures > len(_TROUBLE_SECONDS) and not (self._hands or self._timetable.stays):
                    raise
                await self._wait(_TROUBLE_SECONDS[min(failures, len(_TROUBLE_SECONDS)) - 1])
                continue
            failures = 0
            if received is not None and not self._has_time():  # which it had when it asked
                await self._release(received.receipt_handle)
                await self._workshop.aside(self._wakes.for_one)
            elif received is not None:
                await self._take(received, began)
            elif not had and not self._timetable.stays:
                return

    def _receive(self, wait: float) -> tuple[Moment, Received | None]:
        began = self._leases.now()
        queue = self._resources.work_queue
        return began, queue.receive_one(hidden=self._leases.seconds + wait, wait=wait)

    def _time_left(self) -> float:
        """Return the seconds until nothing is fetched any more."""
        return -math.inf if self._is_superseded else self._timetable.time_left() - COMMIT_SECONDS

    def _has_time(self) -> bool:
        return self._time_left() >= MIN_SECONDS

    def _could_take(self) -> bool:
        """Tell whether it could do more than it does; if not, call for others who could."""
        if not self._has_time():
            return False
        if self._capacity.is_full(len(self._hands)):
            self._call()
            return False
        return True

    def _call(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._called >= CALL_SECONDS:
            self._called = now
            self._calls.add(call := asyncio.create_task(self._workshop.aside(self._wakes.for_one)))
            call.add_done_callback(self._calls.discard)

    async def _take(self, received: Received, began: Moment) -> None:
        try:
            batch = decode_batch(received.body)
        except InvalidJobError as error:
            # It soon was received as often as it may be, so that it becomes a dead letter in place
            # of holding up its partition.
            self._report.trouble(error)
            await self._release(received.receipt_handle)
            return
        delivery = Delivery(batch, received.receipt_handle, received.receives)
        if batch.group in self._hands:  # the lease on the former one has ended, or it is concluded
            await self._give_up(self._hands[batch.group])
        lease = self._hold(delivery, began)
        if received.receives < ALONE_FROM:
            self._begin(delivery, lease)
            await asyncio.sleep(_TAKE_SECONDS)
            return
        self._call()  # others must do what is left
        await self._conclude_all()
        if self._has_time():
            self._begin(delivery, lease)
            await self._conclude_all()
        else:
            self._leases.release(lease)
            await self._release(received.receipt_handle)

    async def _conclude_all(self) -> None:
        while self._hands:
            await self._wait(_LOOK_SECONDS)

    def _hold(self, delivery: Delivery, began: Moment, *, at_once: bool = False) -> Lease:
        queue = self._resources.work_queue
        return self._leases.hold(delivery.receipt_handle, queue, began, at_once=at_once)

    def _begin(self, delivery: Delivery, lease: Lease) -> None:
        self._report.begun(delivery)
        hand = _Hand(delivery, lease)
        self._hands[delivery.batch.group] = hand
        hand.task = asyncio.create_task(self._work(hand))
        hand.task.add_done_callback(lambda _task: self._forget(hand))  # it may never have begun

    def _forget(self, hand: _Hand) -> None:
        self._leases.release(hand.lease)
        if self._hands.get(hand.delivery.batch.group) is hand:
            del self._hands[hand.delivery.batch.group]

    async def _work(self, hand: _Hand) -> None:
        resources = self._resources
        delivery, clock = hand.delivery, resources.clock
        begun = clock()

        def stop_at() -> float:
            return min(begun + BATCH_SECONDS, clock() + self._time_left())

        try:
            worked = await work_on(delivery, resources, self._workshop, hand.lease, stop_at=stop_at)
            self._leases.release(hand.lease)
            hand.is_concluded = True  # the next of its group may be here before the answer is
            await self._workshop.aside(resources.work_queue.acknowledge, delivery.receipt_handle)
            self._report.done(delivery, worked)
        except LeaseLostError as error:
            self._report.failed(delivery, error)
            await self._call_later()
        except Exception as error:  # noqa: BLE001 -- of ours, too: its partition goes on soon
            self._report.failed(delivery, error)
            self._leases.release(hand.lease)
            wait = error.wait if isinstance(error, StorageError) else LONG_PAUSE
            await self._put_back(delivery, wait)
        finally:
            self._forget(hand)

    async def _put_back(self, delivery: Delivery, wait: float) -> None:
        usual = RELEASE_SECONDS[min(delivery.receives, len(RELEASE_SECONDS)) - 1]
        seconds = min(max(usual, math.ceil(wait)), _MAX_HIDDEN)
        if await self._release(delivery.receipt_handle, seconds):
            await self._workshop.aside(self._wakes.for_one, delay=seconds)

    async def _release(self, receipt_handle: str, seconds: int = 0) -> bool:
        """Have a message received again in so many seconds; tell whether that could be done."""
        try:
            await self._workshop.aside(self._leases.settle)
            queue = self._resources.work_queue
            await self._workshop.aside(queue.put_back, receipt_handle, seconds)
        except StorageError:
            await self._call_later()
            return False
        return True

    async def _call_later(self) -> None:
        """Call for a worker when a message comes back that SQS still hides for us."""
        seconds = self._leases.seconds + _WAIT_SECONDS
        await self._workshop.aside(self._wakes.for_one, delay=seconds)

    async def _wait(self, seconds: float) -> None:
        """Wait until something has become of a batch, or for so long."""
        tasks = [hand.task for hand in self._hands.values() if hand.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def _watch_leases(self) -> None:
        while True:
            await asyncio.sleep(_LEASE_LOOK_SECONDS)
            for hand in list(self._hands.values()):
                if hand.lease.left <= 0:
                    await self._give_up(hand)

    async def _watch_lock(self) -> None:
        while True:
            await asyncio.sleep(_LOCK_LOOK_SECONDS)
            fence = self._resources.fence
            try:
                async with asyncio.timeout(_LOCK_LOOK_SECONDS):
                    await asyncio.to_thread(fence.hold)
            except LockTakenError as error:
                self._report.trouble(error)
                self._is_superseded = True
                return
            except (StorageError, TimeoutError) as error:
                if fence.unseen() > LOOK_SECONDS + _LOCK_PATIENCE:  # it may be another's by now
                    self._report.trouble(error)
                    self._is_superseded = True
                    return

    async def _give_up(self, hand: _Hand) -> None:
        """End the work on a batch that somebody else may have; nothing of it is committed."""
        if hand.task is None or hand.is_concluded:
            return
        hand.task.cancel()
        with suppress(asyncio.CancelledError):
            await hand.task
        self._forget(hand)
        if hand.task.cancelled():
            self._report.failed(hand.delivery, LeaseLostError("its lease has ended"))
            await self._call_later()

    async def _end(self) -> None:
        """Put back what is in hand, where the worker ends before its time."""
        for hand in list(self._hands.values()):
            await self._give_up(hand)
            await self._release(hand.delivery.receipt_handle, math.ceil(LONG_PAUSE))

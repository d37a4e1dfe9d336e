"""
The worker loop: takes batches as long as it could do more, and has several in hand at once.

Each batch is a task of its own, with its own lease, commit and acknowledgement, and is of another
partition. What happens to one of them touches no other. Workers call for workers: see `Calls`.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from functions.worker.calls import Calls
from functions.worker.capacity import Capacity
from functions.worker.leases import Lease, LeaseLostError, Leases, Moment
from functions.worker.load import Load, seldom_collecting
from functions.worker.lock_watch import LockWatch
from functions.worker.politeness.pause import LONG_PAUSE
from functions.worker.report import Report
from functions.worker.work import Delivery, Resources, work_on
from functions.worker.workshop import Opened, Workshop, open_workshop
from shared.errors import InvalidJobError, StorageError
from shared.messages import decode_batch
from shared.queue import Received
from shared.wakes import Wakes

COMMIT_SECONDS = 20.0  # kept free at the end of a worker for S3 and SQS
BATCH_SECONDS = 240.0
"""That a batch is fetched for at most: others wait for its partition. What is left calls for a
worker, which must not come when others' full batches end, as they do after 300 s by default."""
MIN_SECONDS = 60.0  # that a batch is worth to be begun for
ALONE_FROM = 5
"""Receives, from which on a batch is worked on alone: it may be what its workers die of."""
RELEASE_SECONDS = (5, 20, 80, 300)
"""How long a batch that could not be brought to its end stays hidden, by how often it was received;
its partition waits with it."""
STORAGE_SECONDS = (*RELEASE_SECONDS, 900, 1_800, 3_600)
"""So where S3 or SQS was at fault. SQS counts receives and not deaths, which are a minute apart:
hours of trouble must not be as many receives as a batch has that kills its workers."""
_MAX_HIDDEN = 11 * 60 * 60  # seconds; SQS ends at twelve hours
_TAKE_SECONDS = 0.05  # between two batches: how busy one makes the worker is to be seen
_LOOK_SECONDS = 0.1  # between two looks whether the worker could do more
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
    is_over: bool = False
    """Nothing is done for it any more but to acknowledge it or to put it back."""


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
        self._lock_watch = LockWatch(resources.fence, report.trouble)
        self._hands: dict[str, _Hand] = {}
        """By message group, in the order in which they were taken."""
        self._workshop: Workshop
        self._capacity: Capacity
        self._calls: Calls
        self._tasks: set[asyncio.Task[None]] = set()
        """Of batches in hand, and of those that are over and not acknowledged or put back yet."""

    @property
    def is_superseded(self) -> bool:
        """Whether another release has taken the lock: a worker of this one would take it back."""
        return self._lock_watch.was_taken

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
                resources.settings, resources.ended, self._report.outcome
            ) as workshop:
                self._enter(workshop)
                watches = [
                    asyncio.create_task(self._watch_leases()),
                    asyncio.create_task(self._lock_watch.watch()),
                ]
                try:
                    for delivery in given:
                        lease = self._hold(delivery, self._leases.now(), at_once=True)
                        self._begin(delivery, lease)
                    await self._take_and_work()
                    if not self._timetable.stays and not self._has_time():
                        self._calls.for_one()
                finally:
                    for watch in watches:
                        watch.cancel()
                    await self._end()

    def _enter(self, workshop: Workshop) -> None:
        resources = self._resources
        self._workshop = workshop
        self._capacity = Capacity(self._load, workshop, asyncio.get_running_loop().time)
        wakes = Wakes(resources.wake_queue, workers=resources.settings.worker_concurrency)
        self._calls = Calls(wakes, workshop)

    async def _take_and_work(self) -> None:
        failures = 0
        while True:
            if not self._could_take():
                if not self._hands and not self._has_time():
                    return
                await self._wait(_LOOK_SECONDS)
                continue
            yields = self._capacity.yields()
            if yields:
                # Whatever ends meanwhile, or it took again what it has just left. Of two who have
                # little, the one that has nothing left lets the other gather it.
                await asyncio.sleep(_YIELD_SECONDS if self._hands else 2 * _YIELD_SECONDS)
            had = bool(self._hands)
            wait = _WAIT_SECONDS if had else max(self._timetable.wait, _WAIT_SECONDS)
            wait = 0.0 if had and yields else wait
            try:
                began, received = await self._workshop.receive(self._receive, wait)
            except StorageError as error:
                failures += 1
                self._report.trouble(error)
                self._call_later()  # a message may have been received, and be hidden
                if failures > len(_TROUBLE_SECONDS) and not (self._hands or self._timetable.stays):
                    raise
                await self._wait(_TROUBLE_SECONDS[min(failures, len(_TROUBLE_SECONDS)) - 1])
                continue
            failures = 0
            if not had:
                self._capacity.begin_anew()
            if received is not None and not self._has_time():  # which it had when it asked
                await self._release(received.receipt_handle)
                self._calls.for_one()
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
        if self._lock_watch.is_over:
            return -math.inf
        return self._timetable.time_left() - COMMIT_SECONDS

    def _has_time(self) -> bool:
        return self._time_left() >= MIN_SECONDS

    def _could_take(self) -> bool:
        """Tell whether it could do more than it does; if not, call for others who could."""
        if not self._has_time():
            return False
        is_full = self._capacity.is_full(len(self._hands))
        self._calls.note(is_full=is_full)
        return not is_full

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
        if batch.group in self._hands:  # the lease on the former one has ended, or it is over
            await self._give_up(self._hands[batch.group])
        lease = self._hold(delivery, began)
        if received.receives < ALONE_FROM:
            self._begin(delivery, lease)
            await asyncio.sleep(_TAKE_SECONDS)
            return
        self._calls.for_the_rest()  # others must do it
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
        self._tasks.add(hand.task)
        # Not at the task's own end: one that is cancelled at once never begins.
        hand.task.add_done_callback(lambda task: self._forget(hand, task))

    def _forget(self, hand: _Hand, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._leases.release(hand.lease)
        if self._hands.get(hand.delivery.batch.group) is hand:
            del self._hands[hand.delivery.batch.group]
        if task.cancelled():
            self._report.failed(hand.delivery, LeaseLostError("its lease has ended"))
            self._call_later()

    async def _work(self, hand: _Hand) -> None:
        resources = self._resources
        delivery, clock = hand.delivery, resources.clock
        begun = clock()

        def stop_at() -> float:
            return min(begun + BATCH_SECONDS, clock() + self._time_left())

        try:
            worked = await work_on(delivery, resources, self._workshop, hand.lease, stop_at=stop_at)
            hand.is_over = True  # the next of its group may be here before the answer is
            self._leases.release(hand.lease)
            await self._workshop.aside(resources.work_queue.acknowledge, delivery.receipt_handle)
            self._report.done(delivery, worked)
        except LeaseLostError as error:
            hand.is_over = True
            self._report.failed(delivery, error)
            self._call_later()
        except Exception as error:  # noqa: BLE001 -- of ours, too: its partition goes on soon
            hand.is_over = True
            self._report.failed(delivery, error)
            self._leases.release(hand.lease)
            if isinstance(error, StorageError):
                await self._put_back(delivery, error.wait, STORAGE_SECONDS)
            else:
                await self._put_back(delivery, LONG_PAUSE, RELEASE_SECONDS)

    async def _put_back(self, delivery: Delivery, wait: float, steps: Sequence[int]) -> None:
        usual = steps[min(delivery.receives, len(steps)) - 1]
        seconds = min(max(usual, math.ceil(wait)), _MAX_HIDDEN)
        if await self._release(delivery.receipt_handle, seconds):
            self._calls.for_one(delay=seconds)

    async def _release(self, receipt_handle: str, seconds: int = 0) -> bool:
        """Have a message received again in so many seconds; tell whether that could be done."""
        try:
            await self._workshop.aside(self._leases.settle)
            queue = self._resources.work_queue
            await self._workshop.aside(queue.put_back, receipt_handle, seconds)
        except StorageError:
            self._call_later()
            return False
        return True

    def _call_later(self) -> None:
        """Call for a worker when a message comes back that SQS still hides for us."""
        longest = max(self._timetable.wait, _WAIT_SECONDS)  # see `_receive`
        self._calls.for_one(delay=self._leases.seconds + longest)

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
            await self._give_up(*(hand for hand in self._hands.values() if hand.lease.left <= 0))

    async def _give_up(self, *hands: _Hand) -> None:
        """End the work on batches that somebody else may have; nothing of them is committed."""
        tasks = [hand.task for hand in hands if hand.task is not None and not hand.is_over]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _end(self) -> None:
        """Put back what is in hand, where the worker ends before its time; end what is begun."""
        hands = [hand for hand in self._hands.values() if not hand.is_over]
        await self._give_up(*hands)
        for hand in hands:
            await self._release(hand.delivery.receipt_handle, math.ceil(LONG_PAUSE))
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._calls.made()

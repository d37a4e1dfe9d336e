"""Lambda in simulated time: a worker for each wake, as many at once as there may be."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, NamedTuple, cast

from bench.simulated_aws import SQS, Bill
from bench.simulated_fleet import Fleet, Totals
from bench.simulated_time import EPOCH, PROCESSOR, Calls, Processor, Time
from bench.simulated_web import SimulatedPool, Visitor, Web
from functions.worker.fence import Fence
from functions.worker.leases import Leases, Moment
from functions.worker.load import Load
from functions.worker.report import Report
from functions.worker.work import Resources
from functions.worker.worker import Timetable, Worker
from functions.worker.workshop import open_workshop
from shared.manifest import Manifest
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.spec import Spec
from shared.store import Bucket

USER_AGENT = "bench/1.0 (+https://bench.example/bot)"
_BEAT_SECONDS = 1.0  # between two looks which leases are to be renewed


class Services(NamedTuple):
    """What workers and dispatcher speak to; `queues` are by name, `wakes` is behind one of them."""

    loop: Time
    calls: Calls
    bill: Bill
    web: Web
    data: Bucket
    wakes: SQS
    queues: dict[str, Queue]


class _Load(Load):
    """Of a simulated processor."""

    def __init__(self, processor: Processor, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._selector = cast("Any", processor)  # it knows as well how long it was waited


class Workers:
    """The workers of a fleet; `report` is told what becomes of batches, `totals` counts them."""

    def __init__(
        self, fleet: Fleet, services: Services, totals: Totals, report: Report, seed: int
    ) -> None:
        self._fleet = fleet
        self._services = services
        self._totals = totals
        self._report = report
        self._rng = Random(f"workers {seed}")  # noqa: S311
        self._sandboxes: list[set[str]] = []
        """Warm and idle ones, and the jobs whose manifests each knows."""
        self.running = 0

    async def poll(self, tasks: asyncio.TaskGroup) -> None:
        """Invoke a worker for each wake, as the event source mapping does."""
        fleet, loop, wakes = self._fleet, self._services.loop, self._services.wakes
        burst = fleet.assumed.burst
        since = loop.time()
        begun = 0
        ended = asyncio.Event()
        while True:
            if self.running >= fleet.workers:
                ended.clear()
                await ended.wait()
                continue
            message = wakes.take(910)
            if message is None:
                await wakes.changed()
                since, begun = loop.time(), 0
                continue
            assert message.handle is not None
            begun += 1
            if begun > burst:  # so many at once, and as many more each second
                await asyncio.sleep(max(0.0, since + begun / burst - 1 - loop.time()))
            self.running += 1
            totals = self._totals
            totals.most = max(totals.most, self.running)
            if self.running == fleet.workers and totals.filled is None:
                totals.filled = loop.time() - EPOCH
            task = tasks.create_task(self._invoke(message.handle))

            def note(_task: asyncio.Task[None]) -> None:
                self.running -= 1
                ended.set()

            task.add_done_callback(note)

    async def _invoke(self, handle: str) -> None:
        fleet, loop, bill = self._fleet, self._services.loop, self._services.bill
        await asyncio.sleep(fleet.assumed.handover)
        began = loop.time()
        processor = Processor(fleet.share, loop.time)
        PROCESSOR.set(processor)
        if not self._sandboxes:
            await processor.compute(fleet.assumed.start_cpu)
        known = self._sandboxes.pop() if self._sandboxes else set()
        self._totals.invocations += 1
        visitor = Visitor(self._services.web, fleet.assumed, self._totals.invocations, processor)
        leases = Leases(queue=lambda queue: queue, now=lambda: Moment(loop.time(), loop.time()))
        leases.hold_wake(handle, self._services.queues["wake"])
        ends = loop.time() + fleet.lifetime
        worker = Worker(
            self._resources(known),
            self._report,
            Timetable(lambda: ends - loop.time()),
            _Load(processor, loop.time),
            leases,
            partial(open_workshop, new_pool=partial(SimulatedPool, visitor), clock=loop.time),
        )
        beat = loop.create_task(_beat(leases))
        try:
            await worker.run()
        finally:
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat
        self._services.wakes.delete(handle)
        bill["sqs_standard"] += 2  # received and deleted
        bill["invocations"] += 1
        bill["worker_seconds"] += loop.time() - began
        self._sandboxes.append(known)

    def _resources(self, known: set[str]) -> Resources:
        fleet, queues = self._fleet, self._services.queues
        settings = WorkerSettings(
            data_bucket="data",
            dispatch_queue_url=queues["dispatch"].url,
            work_queue_url=queues["work.fifo"].url,
            wake_queue_url=queues["wake"].url,
            dead_letter_queue_url=queues["letters"].url,
            user_agent=USER_AGENT,
            worker_concurrency=fleet.workers,
            worker_memory=fleet.memory,
            partitions=fleet.partitions,
        )

        def manifest(job: str) -> Manifest:
            if job not in known:
                known.add(job)
                self._services.bill["s3_reads"] += 1
                self._services.calls.took(fleet.assumed.read, fleet.assumed.call_cpu)
            return Manifest(
                job=job,
                spec=Spec(fetch=fleet.fetch),
                partitions=fleet.partitions,
                batch_size=fleet.batch_size,
                created_at="",
            )

        return Resources(
            settings=settings,
            fence=Fence(self._services.data, settings, self._services.loop.time),
            manifest=manifest,
            data=self._services.data,
            work_queue=queues["work.fifo"],
            wake_queue=queues["wake"],
            dispatch_queue=queues["dispatch"],
            dead_letter_queue=queues["letters"],
            clock=self._services.loop.time,
            rng=self._rng,
        )


async def _beat(leases: Leases) -> None:
    """Do what the heartbeat's thread does."""
    while True:
        leases.renew()
        await asyncio.sleep(_BEAT_SECONDS)

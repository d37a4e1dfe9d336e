"""
A fleet in simulated time: the real worker loop, and simulated websites and AWS.

Each worker is `functions.worker.worker.Worker` with all that it has in hand: scheduler, leases,
batches, state objects, commits, children, wakes. All of them run in one event loop whose clock
jumps to the next event. What is simulated is what they ask: websites (bench/simulated_web.py), S3,
SQS (bench/simulated_aws.py) and Lambda, here. So there is no second model of pauses, turns,
deferrals, and of who takes which batch when, that could be wrong by itself.
"""

import asyncio
import math
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple, cast

from bench.simulated_aws import S3, SQS, Pace
from bench.simulated_fleet import Fleet, Totals, shards
from bench.simulated_time import PROCESSOR, Calls, Processor, Time
from bench.simulated_web import Web
from bench.simulated_workers import Services, Workers
from functions.dispatcher import prices
from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.plan import Plan
from functions.dispatcher.written import message_of
from functions.worker.work import Delivery, Worked
from shared.keys import STATES, receipts_folder
from shared.lock import LOCK_KEY
from shared.messages import Batch, Defer, decode_dispatch, encode
from shared.outcomes import Kind
from shared.queue import MAX_DELAY, Message, Queue
from shared.store import Bucket
from shared.tally import decode_tally
from shared.wakes import LEFT_SECONDS, LastCall, Wakes

_FINAL = {kind for kind in Kind if kind is not Kind.DEFERRED}


class _Job(NamedTuple):
    began: float
    urls: int


class _Run:
    """A simulation under way."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self.fleet = fleet
        self.seed = seed
        self.totals = Totals()
        calls = Calls()
        self.loop = Time(calls)
        assumed, bill = fleet.assumed, self.totals.bill
        self.web = Web(assumed, fleet.fetch.pause, seed)
        pace = Pace(assumed.read, assumed.write, assumed.call, assumed.call_cpu)
        self._s3 = S3(calls, bill, pace, forgets=self._forgets)
        loop = self.loop
        self.work = SQS("sqs_fifo", loop, calls, bill, pace, groups=fleet.groups)
        self.dispatch = SQS("sqs_standard", loop, calls, bill, pace)
        wakes = SQS("sqs_standard", loop, calls, bill, pace)
        letters = SQS("sqs_standard", loop, calls, bill, pace)
        clients = {
            "work.fifo": self.work,
            "dispatch": self.dispatch,
            "wake": wakes,
            "letters": letters,
        }
        self.queues = {
            name: Queue(f"https://{name}", cast("Any", client)) for name, client in clients.items()
        }
        bucket = Bucket("data", cast("Any", self._s3))
        services = Services(loop, calls, bill, self.web, bucket, wakes, self.queues)
        self.workers = Workers(fleet, services, self.totals, self, seed)
        self.wakes = Wakes(self.queues["wake"], workers=fleet.workers, last=LastCall(loop.time))
        self.jobs: dict[str, _Job] = {}
        self.left: dict[str, int] = {}
        """URLs without a final outcome, by job."""
        self._done: list[tuple[float, int]] = []

    def _forgets(self, key: str) -> bool:
        return not self.fleet.state and key.startswith(STATES) and key != LOCK_KEY

    # ---- jobs

    async def main(self) -> None:
        fleet = self.fleet
        PROCESSOR.set(Processor(1.0, self.loop.time))
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self.workers.poll(tasks)),
                tasks.create_task(self._forward()),
                tasks.create_task(self._tick("main")),
            ]
            main = self._start("main", fleet.urls)
            urls = shards(fleet, Random(f"list {self.seed}"))  # noqa: S311
            for number, some in enumerate(urls):
                await asyncio.sleep(len(some) / fleet.assumed.dispatch_rate)
                self._send("main", number, some)
            for number in range(fleet.probes):
                await asyncio.sleep(fleet.probe_seconds)
                self._start(f"probe{number}", 1)
                self._send(f"probe{number}", 0, [f"https://p{number}.example/"])
                others.append(tasks.create_task(self._tick(f"probe{number}")))
            while any(self.left.values()) or self.workers.running:  # noqa: ASYNC110 -- jumps
                await asyncio.sleep(1.0)
            for task in others:
                task.cancel()
        self._sum_up(main)

    def _start(self, job: str, urls: int) -> _Job:
        self.left[job] = urls
        started = self.jobs[job] = _Job(self.loop.time(), urls)
        return started

    def _send(self, job: str, shard: int, urls: list[str]) -> None:
        """Dispatch a shard."""
        fleet, bill = self.fleet, self.totals.bill
        plan = Plan(job=job, shard=shard, partitions=fleet.partitions, batch_size=fleet.batch_size)
        plan.add_lines("\n".join(urls).encode(), 1 + shard * fleet.shard_urls)
        batches = [(batch, encode(batch)) for batch in plan.batches()]
        bill["message_bytes"] += sum(len(body) for _, body in batches)
        self.queues["work.fifo"].send(message_of(batch, body) for batch, body in batches)
        self.wakes.for_partitions(len({batch.partition for batch, _ in batches}))
        bill["invocations"] += 1
        bill["dispatcher_seconds"] += len(urls) / fleet.assumed.dispatch_rate
        bill["s3_writes"] += prices.DISPATCH_WRITES
        bill["s3_reads"] += prices.DISPATCH_READS
        bill["sqs_standard"] += prices.DISPATCH_CALLS
        bill["log_bytes"] += prices.INVOCATION_LOG_BYTES

    async def _tick(self, job: str) -> None:
        bill = self.totals.bill
        delay = float(TICK_FIRST)
        while self.left[job]:
            await asyncio.sleep(delay)
            delay = min(2 * delay, MAX_DELAY)
            self.wakes.for_one()
            bill["s3_writes"] += 4  # LISTs, and that it was there
            bill["s3_reads"] += 2
            self._dispatcher(3)

    def _dispatcher(self, calls: int) -> None:
        """Put an invocation of the dispatcher on the bill, and its calls of standard queues."""
        bill = self.totals.bill
        bill["invocations"] += 1
        bill["dispatcher_seconds"] += self.fleet.assumed.forward
        bill["sqs_standard"] += calls
        bill["log_bytes"] += prices.INVOCATION_LOG_BYTES

    async def _forward(self) -> None:
        """Hand children on, as the dispatcher does."""
        while True:
            message = self.dispatch.take(130)
            if message is None:
                await self.dispatch.changed()
                continue
            assert message.handle is not None
            self.dispatch.delete(message.handle)
            self._dispatcher(2)
            [child] = decode_dispatch(message.body)
            assert isinstance(child, Defer)
            wait = child.not_before - self.loop.time()
            if wait > 0:
                delay = min(math.ceil(wait), MAX_DELAY)
                self.queues["dispatch"].send([Message(encode(child), delay=delay)])
                continue
            self.totals.children += 1
            body = encode(child.batch)
            self.totals.bill["message_bytes"] += len(body)
            self.queues["work.fifo"].send([message_of(child.batch, body)])
            self.wakes.for_another(after=LEFT_SECONDS)

    # ---- what workers report

    def outcome(self, batch: Batch, counts: Mapping[str, int]) -> None:
        """Say nothing: what counts is what was concluded."""

    def begun(self, delivery: Delivery) -> None:
        pass

    def done(self, delivery: Delivery, worked: Worked) -> None:
        now, job = self.loop.time(), delivery.batch.job
        final = sum(n for name, n in worked.counts.items() if name.partition("-")[0] in _FINAL)
        self.left[job] -= final
        self.totals.batches += 1
        self.totals.bill["log_bytes"] += prices.INVOCATION_LOG_BYTES
        self.totals.bill["s3_reads"] += prices.CLOSE_READS
        self._done.append((now, final))
        if not self.left[job] and job != "main":
            self.totals.waits.append(now - self.jobs[job].began)

    def failed(self, delivery: Delivery, error: Exception) -> None:
        del delivery, error
        self.totals.failed += 1

    def trouble(self, error: Exception) -> None:
        raise error

    def _sum_up(self, main: _Job) -> None:
        totals = self.totals
        totals.pages = sum(job.urls for job in self.jobs.values())
        done = 0
        for now, final in sorted(self._done):
            done += final
            totals.makespan = now - main.began
            if done <= 0.99 * totals.pages or not totals.nearly:
                totals.nearly = now - main.began
        totals.requests = self.web.requests
        totals.meetings, totals.hurries = self.web.meetings, self.web.hurries
        totals.expired = self.work.expired
        receipts = tuple(receipts_folder(job) for job in self.jobs)
        for key, (body, _) in self._s3.objects.items():
            if key.startswith(receipts):
                totals.batch_seconds += decode_tally(body).worker_seconds
        totals.bill["sent_bytes"] = prices.PAGE_SENT_BYTES * self.web.requests


def simulate(fleet: Fleet, *, seed: int = 0) -> Totals:
    """Simulate `fleet` request by request."""
    run = _Run(fleet, seed)
    try:
        run.loop.run_until_complete(run.main())
    finally:
        run.loop.close()
    return run.totals

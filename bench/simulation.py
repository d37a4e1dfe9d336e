"""
The fleet in simulated time: real scheduling and politeness, simulated websites and AWS.

An invocation is the worker's own `Scraper`, state object and children on a clock that jumps to the
next event; what is simulated is what it asks: websites with latencies, a queue with message groups,
sandboxes that start cold. So there is no second model of pauses, turns, deferrals and robots.txt
that could be wrong by itself.
"""

import asyncio
import math
import selectors
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import accumulate, count
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import Struct

from functions.dispatcher import prices
from functions.worker.children import children
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.politeness.partition import Partition, decode_state, encode_state
from functions.worker.politeness.robots import product_token
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import Scraper
from functions.worker.transport.budget import Reservation
from functions.worker.transport.fetch import Fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import FetchError, Reason
from shared.ids import batch_id
from shared.manifest import SHARD_BYTES, Manifest
from shared.messages import Batch, Defer, Target
from shared.outcomes import Kind, Outcome, decode_lines, encode_line
from shared.queue import MAX_DELAY
from shared.spec import FetchSpec, Spec
from shared.urls import partition_of

if TYPE_CHECKING:
    from functions.worker.transport.connections import Sessions

LOOK_AHEAD = 120_000  # messages among which SQS looks for a group that is free
EPOCH = 1_800_000_000.0  # when simulations begin; the state of a host is stale in 1970
USER_AGENT = "bench/1.0 (+https://bench.example/bot)"
_FULL_CORE_MB = 1769
_STEP = 1e-6  # seconds


class Assumptions(Struct, frozen=True, kw_only=True):
    """What is measured elsewhere, or assumed. Times in seconds, CPU of one full core."""

    page_cpu: float = 0.00176
    """Of a page of 355 KB, parsed, extracted and written: docs/performance.md."""
    connection_cpu: float = 0.0011
    """Of a new TLS connection."""
    call_cpu: float = 0.0015
    """Of a call to S3 or SQS."""
    robots_cpu: float = 0.0004
    start_cpu: float = 0.33
    """Of a cold start: docs/operations.md."""
    read: float = 0.020
    """S3, small objects, to the last byte."""
    write: float = 0.035
    call: float = 0.010
    """SQS."""
    handover: float = 0.05
    """From the end of an invocation to the next one in its place; not billed."""
    dispatch_rate: float = 50_000.0
    """URLs a second: 174,000 on a full core, of which a dispatcher of 512 MB has 0.29."""
    url_bytes: int = 64
    """Of a line of a list."""
    target_bytes: int = 100
    """Of a target in a message."""
    latency: float = 0.3
    """The median of the hosts' medians; 0: they answer at once."""
    latency_between: float = 0.7
    """The spread (sigma of the log-normal) from host to host."""
    latency_within: float = 0.3
    """And from request to request of one host."""
    slow: float = 0.02
    """The share of hosts that take ten times as long."""
    dead: float = 0.005
    """The share of hosts that never answer."""


class Fleet(Struct, frozen=True, kw_only=True):
    """A deployment and its job."""

    urls: int
    hosts: int
    skew: float = 0.0
    """Exponent of Zipf's law; 0: all hosts are equally large."""
    partitions: int = 256
    batch_size: int = 100
    workers: int = 20
    memory: int = 1024
    fetch: FetchSpec = FetchSpec()
    assumed: Assumptions = Assumptions()
    groups: bool = True
    """Whether messages have groups. Without, two workers may meet at a host."""
    state: bool = True
    """Whether a worker knows what the one before it has left. Without, pauses end with a batch."""

    @property
    def share(self) -> float:
        """Of a core; more cores than one do not help one thread."""
        return min(1.0, self.memory / _FULL_CORE_MB)

    @property
    def shard_urls(self) -> int:
        return SHARD_BYTES // self.assumed.url_bytes

    @property
    def overhead(self) -> float:
        """Seconds of an invocation besides fetching."""
        cpu = self.assumed.call_cpu * (prices.BATCH_READS + prices.BATCH_WRITES + 1)
        return (
            prices.BATCH_READS * self.assumed.read
            + prices.BATCH_WRITES * self.assumed.write
            + self.assumed.call
            + cpu / self.share
        )

    @property
    def cold(self) -> float:
        return self.assumed.start_cpu / self.share


class Totals(Struct, kw_only=True):
    """What a run amounts to."""

    pages: float = 0.0
    requests: float = 0.0
    """Pages, robots.txt and attempts in vain."""
    batches: float = 0.0
    children: float = 0.0
    billed: float = 0.0
    """Seconds of all workers."""
    makespan: float = 0.0
    nearly: float = 0.0
    """When 99 of 100 targets had their outcome."""
    meetings: int = 0
    """Requests to a host while another worker had one open there."""
    hurries: int = 0
    """Requests to a host sooner than half the pause after the one before: jitter is ±50 %."""

    def add(self, unit: "Unit", times: float = 1.0) -> None:
        self.pages += unit.pages * times
        self.requests += unit.requests * times
        self.batches += unit.invocations * times
        self.children += (unit.invocations - unit.roots) * times
        self.billed += unit.billed * times

    def cost(self, fleet: Fleet) -> prices.Cost:
        dispatches = math.ceil(fleet.urls / fleet.shard_urls)
        usage = prices.usage_of(
            requests=round(self.requests),
            batches=round(self.batches),
            children=round(self.children),
            worker_seconds=self.billed,
            worker_memory=fleet.memory,
            message_bytes=self.pages / max(1, self.batches) * fleet.assumed.target_bytes,
            dispatches=dispatches,
            dispatcher_seconds=fleet.urls / fleet.assumed.dispatch_rate,
            sandboxes=fleet.workers,
        )
        return prices.cost_of(usage)


class Unit(NamedTuple):
    """A batch, or one with all that came of what it deferred."""

    billed: float
    invocations: int
    roots: int
    pages: int
    """Final outcomes."""
    requests: int


# ---- websites


class _Host(NamedTuple):
    median: float
    dead: bool


@dataclass
class _Seen:
    """The requests to a host so far."""

    began: float = -math.inf
    ended: float = -math.inf
    worker: int = -1


class Web:
    """All websites: who answers how fast, and who was impolite to them."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._seed = seed
        self._rng = Random(f"web {seed}")  # noqa: S311
        self._hosts: dict[str, _Host] = {}
        self._seen: dict[str, _Seen] = {}
        self.requests = 0
        self.meetings = 0
        self.hurries = 0

    def host(self, name: str) -> _Host:
        found = self._hosts.get(name)
        if found is None:
            assumed = self._fleet.assumed
            rng = Random(f"{self._seed} {name}")  # noqa: S311 -- the same in every run
            median = assumed.latency * math.exp(rng.gauss(0, assumed.latency_between))
            median *= 10 if rng.random() < assumed.slow else 1
            found = self._hosts[name] = _Host(median, rng.random() < assumed.dead)
        return found

    def latency(self, host: _Host) -> float:
        return host.median * math.exp(self._rng.gauss(0, self._fleet.assumed.latency_within))

    def opened(self, name: str, now: float, worker: int) -> None:
        self.requests += 1
        seen = self._seen.setdefault(name, _Seen())
        if seen.worker != worker and now < seen.ended:
            self.meetings += 1
        elif now - seen.began < self._fleet.fetch.pause / 2 - 1e-6:
            self.hurries += 1
        seen.began, seen.worker = now, worker

    def closed(self, name: str, now: float) -> None:
        seen = self._seen[name]
        seen.ended = max(seen.ended, now)


class _Fetcher(Fetcher):
    """Asks `Web` in place of the network, and takes the time that a page's CPU takes."""

    def __init__(self, web: Web, fleet: Fleet, worker: int) -> None:
        # There are no sessions: nothing of the transport is used but the memory for bodies.
        super().__init__(cast("Sessions", None), USER_AGENT, private_targets=True)
        self._web = web
        self._fleet = fleet
        self._worker = worker
        self._connected: set[str] = set()
        self._cpu_free = 0.0

    async def fetch(
        self,
        request: Request,
        *,
        reservation: Reservation | None = None,
        time_limit: float,
        max_bytes: int,
        accepts: Callable[[str | None], bool] = lambda _: True,
        connect_limit: float = 10.0,
        cut: bool = False,
        any_answer: bool = False,
    ) -> FetchedPage:
        del reservation, max_bytes, accepts, any_answer
        name = request.url.split("/", 3)[2]
        loop = asyncio.get_running_loop()
        self._web.opened(name, loop.time(), self._worker)
        try:
            host = self._web.host(name)
            if host.dead:
                await asyncio.sleep(min(connect_limit, time_limit))
                raise FetchError(request.url, Reason.CONNECT_TIMEOUT, "a dead host")
            latency = self._web.latency(host)
            await asyncio.sleep(min(latency, time_limit))
            if latency > time_limit:
                raise FetchError(request.url, Reason.TIMEOUT, "a slow host")
            await self._compute(name, robots=cut)
        finally:
            self._web.closed(name, loop.time())
        if cut:
            raise FetchError(request.url, Reason.HTTP_404, "no robots.txt", status=404)
        return FetchedPage(request.url, 200, "text/plain", "utf-8", b"")

    async def _compute(self, name: str, *, robots: bool) -> None:
        """Wait for one's turn on the only thread, and have it."""
        assumed = self._fleet.assumed
        cpu = assumed.robots_cpu if robots else assumed.page_cpu
        if name not in self._connected:
            self._connected.add(name)
            cpu += assumed.connection_cpu
        now = asyncio.get_running_loop().time()
        self._cpu_free = max(now, self._cpu_free) + cpu / self._fleet.share
        await asyncio.sleep(self._cpu_free - now)


# ---- an invocation


class _Jump(selectors.SelectSelector):
    """Waits for nobody: time passes at once."""

    now = EPOCH

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the simulated worker waits for something that never happens")
        self.now += max(_STEP, timeout)  # or who waits for less than a float can tell waits on
        return []


class Time(asyncio.SelectorEventLoop):
    """An event loop whose clock can be set."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def set(self, now: float) -> None:
        self._jump.now = now


class Invocation(NamedTuple):
    ended: float
    pages: int
    state: bytes
    children: list[Defer]


class Worker:
    """Works on batches of one job, one after the other, each at its own time."""

    def __init__(self, fleet: Fleet, web: Web, seed: int) -> None:
        self._fleet = fleet
        self._web = web
        self._time = Time()
        self._rng = Random(f"worker {seed}")  # noqa: S311
        self._numbers = count()
        spec = Spec(fetch=fleet.fetch)
        self._extractor = Extractor(
            spec, token=product_token(USER_AGENT), process=extraction_process(), careful=False
        )
        self._manifest = Manifest(
            job="bench",
            spec=spec,
            partitions=fleet.partitions,
            batch_size=fleet.batch_size,
            created_at="",
        )

    def close(self) -> None:
        self._time.close()

    def work_on(self, batch: Batch, began: float, known: bytes | None) -> Invocation:
        """Do what functions.worker.work does between its calls to S3 and SQS."""
        fetching = began + self._fleet.overhead / 2
        self._time.set(fetching)
        state = decode_state(known)
        scraper = Scraper(
            batch,
            Means(job=self._manifest, user_agent=USER_AGENT, extractor=self._extractor),
            Partition(number=batch.partition, count=self._manifest.partitions, state=state),
            _Fetcher(self._web, self._fleet, next(self._numbers)),
            clock=self._time.time,
            stop_at=began + 100,
            rng=self._rng,
        )
        outcomes: list[Outcome] = []
        self._time.run_until_complete(scraper.scrape(outcomes.append))
        deferred = [outcome for outcome in outcomes if outcome.outcome is Kind.DEFERRED]
        lines = decode_lines(map(encode_line, deferred))
        targets = {target.line: target for target in batch.targets}
        return Invocation(
            ended=self._time.time() + self._fleet.overhead / 2,
            pages=len(outcomes) - len(deferred),
            state=encode_state(state, self._time.time()),
            children=list(children(batch, targets, lines, self._fleet.partitions)),
        )


# ---- the list


class Population:
    """The hosts of a list, their shares in it and the partitions they are in."""

    def __init__(self, fleet: Fleet) -> None:
        weights = [rank**-fleet.skew for rank in range(1, fleet.hosts + 1)]
        total = sum(weights)
        self.weights = [weight / total for weight in weights]
        self.members: list[list[int]] = [[] for _ in range(fleet.partitions)]
        for number in range(fleet.hosts):
            self.members[partition_of(name_of(number), fleet.partitions)].append(number)
        self.shares = [sum(self.weights[n] for n in hosts) for hosts in self.members]


def name_of(number: int) -> str:
    return f"h{number}.example"


def url_of(host: int, line: int) -> str:
    return f"https://h{host}.example/{line}"


def plan(fleet: Fleet, population: Population, rng: Random) -> Iterator[tuple[float, Batch]]:
    """Yield the batches of a shuffled list, and when they are sent, as the dispatcher cuts them."""
    cumulated = list(accumulate(population.weights))
    partition = {n: p for p, hosts in enumerate(population.members) for n in hosts}
    number = 0
    for first in range(1, fleet.urls + 1, fleet.shard_urls):
        lines = range(first, min(first + fleet.shard_urls, fleet.urls + 1))
        hosts = rng.choices(range(fleet.hosts), cum_weights=cumulated, k=len(lines))
        waiting: dict[int, list[Target]] = {}
        ready: list[tuple[int, list[Target], int]] = []
        for host, line in zip(hosts, lines, strict=True):
            targets = waiting.setdefault(partition[host], [])
            targets.append(Target(url_of(host, line), line))
            if len(targets) == fleet.batch_size:
                ready.append((partition[host], waiting.pop(partition[host]), line))
        ready += ((p, targets, lines[-1]) for p, targets in sorted(waiting.items()))
        for p, targets, line in ready:
            batch = Batch(
                job="bench", batch=batch_id(0, number), partition=p, targets=tuple(targets)
            )
            number += 1
            yield EPOCH + line / fleet.assumed.dispatch_rate, batch


# ---- the queue


class WorkQueue:
    """
    A FIFO queue with message groups: the oldest message whose group is free comes first.

    SQS looks for it among the first 120,000 messages only.
    """

    def __init__(self, look_ahead: int = LOOK_AHEAD) -> None:
        self._look_ahead = look_ahead
        self._groups: dict[str, deque[tuple[int, Batch]]] = {}
        self._free: list[tuple[int, str]] = []
        self._numbers = count()
        self._deleted = 0

    def send(self, group: str, batch: Batch) -> None:
        messages = self._groups.setdefault(group, deque())
        messages.append((next(self._numbers), batch))
        if len(messages) == 1:
            heappush(self._free, (messages[0][0], group))

    def receive(self) -> tuple[str, Batch] | None:
        # Whatever was deleted was among the first, so those are the next ones after as many.
        if not self._free or self._free[0][0] >= self._deleted + self._look_ahead:
            return None
        _, group = heappop(self._free)
        return group, self._groups[group][0][1]

    def delete(self, group: str) -> None:
        """Delete the message that was received of `group`."""
        messages = self._groups[group]
        messages.popleft()
        self._deleted += 1
        if messages:
            heappush(self._free, (messages[0][0], group))
        else:
            del self._groups[group]


@dataclass
class _Run:
    """A simulation under way."""

    fleet: Fleet
    web: Web
    worker: Worker
    queue: WorkQueue = field(default_factory=WorkQueue)
    states: dict[int, bytes] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)


def simulate(fleet: Fleet, *, seed: int = 0) -> Totals:
    """Simulate `fleet` request by request; some 100 µs for each."""
    web = Web(fleet, seed)
    worker = Worker(fleet, web, seed)
    rng = Random(f"list {seed}")  # noqa: S311
    try:
        run = _Run(fleet, web, worker)
        _play(run, plan(fleet, Population(fleet), rng))
    finally:
        worker.close()
    run.totals.requests = web.requests
    run.totals.meetings, run.totals.hurries = web.meetings, web.hurries
    return run.totals


def _play(run: _Run, batches: Iterable[tuple[float, Batch]]) -> None:
    """Go from event to event: a batch is sent, an invocation ends, a worker is free again."""
    fleet, totals = run.fleet, run.totals
    numbers = count()
    events: list[tuple[float, int, Batch | str | None]] = []
    source = iter(batches)

    def send_next() -> None:
        if (following := next(source, None)) is not None:
            heappush(events, (following[0], next(numbers), following[1]))

    send_next()
    idle, cold = fleet.workers, fleet.workers
    finished: list[tuple[float, int]] = []
    while events:
        now, _, event = heappop(events)
        if isinstance(event, Batch):
            run.queue.send(event.group if fleet.groups else event.batch, event)
            if event.hops == 0:
                send_next()
        elif isinstance(event, str):
            run.queue.delete(event)
            heappush(events, (now + fleet.assumed.handover, next(numbers), None))
        else:
            idle += 1
        while idle and (received := run.queue.receive()):
            group, batch = received
            idle -= 1
            began = now + (fleet.cold if cold > 0 else 0.0)
            cold -= 1
            known = run.states.get(batch.partition) if fleet.state else None
            done = run.worker.work_on(batch, began, known)
            run.states[batch.partition] = done.state
            heappush(events, (done.ended, next(numbers), group))
            for child in done.children:
                due = _forwarded(child, done.ended, fleet)
                heappush(events, (due, next(numbers), child.batch))
            totals.billed += done.ended - now
            totals.batches += 1
            totals.children += batch.hops > 0
            totals.pages += done.pages
            finished.append((done.ended, done.pages))
    _note_times(totals, finished)


def _forwarded(child: Defer, sent: float, fleet: Fleet) -> float:
    """Return when a child is in the work queue: SQS delays by whole seconds, 900 at a time."""
    wait = max(0.0, child.not_before - sent)
    hops = max(1, math.ceil(wait / MAX_DELAY))
    return sent + math.ceil(wait) + hops * 10 * fleet.assumed.call


def _note_times(totals: Totals, finished: list[tuple[float, int]]) -> None:
    done = 0
    for ended, pages in sorted(finished):
        done += pages
        totals.makespan = ended - EPOCH
        if done <= 0.99 * totals.pages or not totals.nearly:
            totals.nearly = ended - EPOCH

"""All websites in simulated time, and who was impolite to them."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from msgspec import Struct

from bench.simulated_time import Processor
from functions.worker.transport.budget import Budget, Reservation, Slots
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, OnRefused, Pool
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import FetchError, Reason

if TYPE_CHECKING:
    from functions.worker.transport.connections import Sessions


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
    """From a wake to its invocation; not billed."""
    burst: int = 5
    """Invocations that Lambda begins at once for a queue; as many more follow each second."""
    dispatch_rate: float = 50_000.0
    """URLs a second: 174,000 on a full core, of which a dispatcher of 512 MB has 0.29."""
    forward: float = 0.15
    """Of a dispatcher that forwards a child, or looks at a job; seconds that are billed."""
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


class _Host(NamedTuple):
    median: float
    dead: bool


@dataclass
class _Seen:
    """The requests to a host so far, and who has some open."""

    began: float = -math.inf
    open: Counter[int] = field(default_factory=Counter)


class Web:
    """Who answers how fast, and who was impolite: requests at once, requests too soon."""

    def __init__(self, assumed: Assumptions, pause: float, seed: int) -> None:
        self._assumed = assumed
        self._pause = pause
        self._seed = seed
        self._rng = Random(f"web {seed}")  # noqa: S311
        self._hosts: dict[str, _Host] = {}
        self._seen: dict[str, _Seen] = {}
        self.requests = 0
        self.meetings = 0
        """Requests to a host while another worker had one open there."""
        self.hurries = 0
        """Requests to a host sooner than half the pause after the one before: jitter is ±50 %."""

    def host(self, name: str) -> _Host:
        found = self._hosts.get(name)
        if found is None:
            assumed = self._assumed
            rng = Random(f"{self._seed} {name}")  # noqa: S311 -- the same in every run
            median = assumed.latency * math.exp(rng.gauss(0, assumed.latency_between))
            median *= 10 if rng.random() < assumed.slow else 1
            found = self._hosts[name] = _Host(median, rng.random() < assumed.dead)
        return found

    def latency(self, host: _Host) -> float:
        return host.median * math.exp(self._rng.gauss(0, self._assumed.latency_within))

    def opened(self, name: str, now: float, worker: int) -> None:
        self.requests += 1
        seen = self._seen.setdefault(name, _Seen())
        if any(other != worker for other in seen.open):
            self.meetings += 1
        elif now - seen.began < self._pause / 2 - 1e-6:
            self.hurries += 1
        seen.began = now
        seen.open[worker] += 1

    def closed(self, name: str, worker: int) -> None:
        is_open = self._seen[name].open
        is_open[worker] -= 1
        if not is_open[worker]:
            del is_open[worker]


class Visitor(NamedTuple):
    """A worker, as websites see it."""

    web: Web
    assumed: Assumptions
    number: int
    processor: Processor


class SimulatedPool(Pool):
    """The connections of a worker, to `Web`."""

    def __init__(self, visitor: Visitor, network: Network, budget: Budget, slots: Slots) -> None:
        super().__init__(network, budget, slots)
        self._visitor = visitor
        self._connected: set[str] = set()

    async def fetcher(self, *, user_agent: str, verify_tls: bool) -> Fetcher:
        del verify_tls
        return _Fetcher(self, user_agent, self._visitor, self._connected)


class _Fetcher(Fetcher):
    """Asks `Web` in place of the network, and takes the time that a page's CPU takes."""

    def __init__(self, pool: Pool, user_agent: str, visitor: Visitor, connected: set[str]) -> None:
        super().__init__(
            cast("Sessions", None),
            user_agent,
            private_targets=True,
            budget=pool.budget,
            slots=pool.slots,
        )
        self._visitor = visitor
        self._connected = connected

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
        on_refused: OnRefused | None = None,
    ) -> FetchedPage:
        del reservation, max_bytes, accepts, any_answer, on_refused
        web, assumed, number, processor = self._visitor
        name = request.url.split("/", 3)[2]
        web.opened(name, asyncio.get_running_loop().time(), number)
        try:
            host = web.host(name)
            if host.dead:
                await asyncio.sleep(min(connect_limit, time_limit))
                raise FetchError(request.url, Reason.CONNECT_TIMEOUT, "a dead host")
            latency = web.latency(host)
            await asyncio.sleep(min(latency, time_limit))
            if latency > time_limit:
                raise FetchError(request.url, Reason.TIMEOUT, "a slow host")
            cpu = assumed.robots_cpu if cut else assumed.page_cpu
            if name not in self._connected:
                self._connected.add(name)
                cpu += assumed.connection_cpu
            await processor.compute(cpu)
        finally:
            web.closed(name, number)
        if cut:
            raise FetchError(request.url, Reason.HTTP_404, "no robots.txt", status=404)
        return FetchedPage(request.url, 200, "text/plain", "utf-8", b"")

"""A fleet and its job, what a run of it amounts to, and the list."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from bench.simulated_aws import Bill, usage
from bench.simulated_web import Assumptions
from functions.dispatcher import prices
from shared.lock import PARTITIONS
from shared.manifest import SHARD_BYTES
from shared.spec import FetchSpec

LIFETIME = 900.0  # seconds: the worker function's timeout
SHARD_URLS = SHARD_BYTES // 64  # with as many bytes for each URL
_FULL_CORE_MB = 1769


class Fleet(Struct, frozen=True, kw_only=True):
    """A deployment and its job; by default what template.yaml has."""

    urls: int
    hosts: int
    skew: float = 0.0
    """Exponent of Zipf's law; 0: all hosts are equally large."""
    partitions: int = PARTITIONS
    batch_size: int = 300
    workers: int = 20
    memory: int = 512
    lifetime: float = LIFETIME
    fetch: FetchSpec = FetchSpec()
    assumed: Assumptions = Assumptions()
    groups: bool = True
    """Whether messages have groups. Without, two workers may meet at a host."""
    state: bool = True
    """Whether a worker knows what the one before it has left. Without, pauses end with a batch."""
    shard_urls: int = SHARD_URLS
    probes: int = 0
    """Jobs of one URL of an idle host each that come while this one is under way."""
    probe_seconds: float = 10.0
    """From one of them to the next."""

    @property
    def share(self) -> float:
        """Of a core; more cores than one do not help one thread."""
        return min(1.0, self.memory / _FULL_CORE_MB)

    def scaled(self, times: int) -> "Fleet":
        """Return one of a share of all: of list, hosts, partitions and workers."""
        return replace(
            self,
            urls=self.urls // times,
            hosts=max(1, self.hosts // times),
            partitions=self.partitions // times,
            shard_urls=self.shard_urls // times,
            workers=self.workers // times,
        )


@dataclass
class Totals:
    """What a run amounts to. Times in seconds from the job's start."""

    pages: int = 0
    batches: int = 0
    children: int = 0
    requests: int = 0
    invocations: int = 0
    failed: int = 0
    """Batches that were not brought to their end."""
    expired: int = 0
    """Leases that ended in spite of the worker."""
    makespan: float = 0.0
    nearly: float = 0.0
    """When 99 of 100 targets had their outcome."""
    most: int = 0
    """Workers at once."""
    filled: float | None = None
    """When there were as many as there may be."""
    meetings: int = 0
    hurries: int = 0
    waits: list[float] = field(default_factory=list)
    """Of the probes, until their outcome was committed."""
    batch_seconds: float = 0.0
    """Of workers, as receipts tell."""
    bill: Bill = field(default_factory=lambda: defaultdict(float))

    def cost(self, fleet: Fleet) -> prices.Cost:
        """Return what all of it has cost."""
        return prices.cost_of(usage(self.bill, memory=fleet.memory))

    def estimate(self, fleet: Fleet) -> prices.Cost:
        """Return what the job's summary would say, which knows only receipts."""
        dispatches = math.ceil(fleet.urls / fleet.shard_urls)
        used = prices.usage_of(
            requests=self.requests,
            batches=self.batches,
            children=self.children,
            worker_seconds=self.batch_seconds,
            worker_memory=fleet.memory,
            message_bytes=self.bill["message_bytes"] / max(1, self.batches),
            dispatches=dispatches,
            dispatcher_seconds=fleet.urls / fleet.assumed.dispatch_rate,
            seconds=self.makespan,
        )
        return prices.cost_of(used)


# ---- the list


def name_of(number: int) -> str:
    return f"h{number}.example"


def shards(fleet: Fleet, rng: Random) -> Iterator[list[str]]:
    """Yield the URLs of each shard of a shuffled list."""
    if fleet.skew:
        cumulated = list(accumulate(rank**-fleet.skew for rank in range(1, fleet.hosts + 1)))
        hosts = rng.choices(range(fleet.hosts), cum_weights=cumulated, k=fleet.urls)
    else:
        hosts = [line % fleet.hosts for line in range(fleet.urls)]
        rng.shuffle(hosts)
    for first in range(0, fleet.urls, fleet.shard_urls):
        some = hosts[first : first + fleet.shard_urls]
        yield [f"https://{name_of(host)}/{line}" for line, host in enumerate(some, first + 1)]

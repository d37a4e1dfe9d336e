"""
What a fleet achieves and costs, by size, skew, partitions and batch size: `make bench-fleet`.

Up to some 10^6 URLs every request is simulated (bench/simulation.py). For more, some batches of
each kind are simulated so, and then only the queue: which worker gets which batch when. The unit is
a batch with all that comes of what it defers; beyond `MAX_UNITS`, several of one partition.
"""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from bench.simulation import (
    EPOCH,
    LOOK_AHEAD,
    USER_AGENT,
    Assumptions,
    Fleet,
    Population,
    Totals,
    Unit,
    Web,
    Worker,
    name_of,
    simulate,
    url_of,
)
from functions.worker.politeness.partition import (
    MAX_HOSTS,
    PartitionState,
    decode_state,
    encode_state,
)
from functions.worker.politeness.pause import HostState
from functions.worker.politeness.robots import cached_robots
from shared.messages import Batch, Target
from shared.spec import FetchSpec

MAX_UNITS = 200_000
RETENTION = 14 * 24 * 3600.0  # seconds that SQS keeps a message
_ALIKE = 1.3  # times as large a share of the list, and a partition is of another kind
_MODELS = 32  # partitions that are sampled
_SAMPLES = 6  # batches of each
_MOST_TRIED = 12  # targets of a dead host, after which nothing is learnt of it
_FIRST_PERIOD = 60.0  # seconds from one batch of a partition to the next, until it is known


# ---- one kind of batch


class _Cut(NamedTuple):
    """What a shard of the list gives a partition: full batches, and targets that are left."""

    full: int
    rest: float


def _cut(fleet: Fleet, share: float) -> _Cut:
    targets = min(fleet.shard_urls, fleet.urls) * share
    full = int(targets / fleet.batch_size)
    return _Cut(full, targets - full * fleet.batch_size)


class Sampler:
    """Simulates batches of a partition request by request, as they come in the middle of a job."""

    def __init__(self, fleet: Fleet, population: Population, seed: int) -> None:
        self._fleet = fleet
        self._population = population
        self._rng = Random(f"sample {seed}")  # noqa: S311
        self._web = Web(fleet, seed)
        self._worker = Worker(fleet, self._web, seed)
        self._numbers = count()
        self._tried: dict[tuple[int, int], tuple[HostState, float]] = {}

    def close(self) -> None:
        self._worker.close()

    def units(self, partitions: Iterable[int], size: int) -> list[Unit]:
        """Return some batches of `size` targets of each, one after the other."""
        return [unit for partition in partitions for unit in self._units(partition, size)]

    def _units(self, partition: int, size: int) -> list[Unit]:
        fleet, rng = self._fleet, self._rng
        hosts = self._population.members[partition]
        cumulated = list(accumulate(self._population.weights[n] for n in hosts))
        # How long the partition waits for its next turn, if all workers are busy all the time.
        share = self._population.shares[partition] * fleet.workers
        gap = max(0.0, 1 / share - 1)
        now, known = EPOCH, encode_state(PartitionState(), EPOCH)
        units = []
        period = _FIRST_PERIOD
        for _ in range(_SAMPLES):
            batch = rng.choices(hosts, cum_weights=cumulated, k=size)
            known = self._in_the_middle(partition, known, now, batch, period)
            began = now
            unit, now, known = self._unit(partition, batch, now, known)
            units.append(unit)
            now += unit.billed * gap + fleet.assumed.handover
            period = now - began
        return units

    def _in_the_middle(
        self, partition: int, known: bytes, now: float, batch: list[int], period: float
    ) -> bytes:
        """
        Return the state as it would be at this batch: new hosts are new, all others known.

        A host is new once in a job, and again when there are more than a state can hold.
        """
        population = self._population
        state = decode_state(known)
        forgotten = 1 - min(1.0, MAX_HOSTS / len(population.members[partition]))
        for number, pages in Counter(batch).items():
            name = name_of(number)
            visits = self._fleet.urls * population.weights[number]
            if self._rng.random() < max(forgotten, pages / max(visits, 1e-9)):
                state.hosts.pop(name, None)
                state.robots.pop(f"https://{name}", None)
            elif self._web.host(name).dead:
                # So many batches of this partition are there for each with one of the host's.
                turns = population.shares[partition] / population.weights[number] / len(batch)
                before = min(self._rng.randint(1, max(1, round(visits))), _MOST_TRIED)
                interval = period * max(1.0, turns)
                state.hosts[name] = self._left_by(number, partition, before, interval, now)
            else:
                robots = cached_robots(404, b"", user_agent=USER_AGENT, now=now)
                assert robots is not None
                state.robots[f"https://{name}"] = robots
        return encode_state(state, now)

    def _left_by(
        self, host: int, partition: int, targets: int, interval: float, now: float
    ) -> HostState:
        """Return what is known of a dead host after so many of its targets, `interval` apart."""
        kind = targets, round(math.log(interval, _ALIKE))
        if kind not in self._tried:
            at, known = EPOCH, encode_state(PartitionState(), EPOCH)
            for _ in range(targets):
                # Other batches in between forget hosts of which nothing was heard for an hour.
                known = encode_state(decode_state(known), at)
                _, ended, known = self._unit(partition, [host], at, known)
                at = max(ended, at + interval)
            left = decode_state(known).hosts.get(name_of(host), HostState())
            self._tried[kind] = left, at
        left, at = self._tried[kind]
        return replace(
            left,
            next_at=left.next_at + now - at,
            open_until=left.open_until + now - at,
            booked_until=left.booked_until + now - at,
            updated_at=left.updated_at + now - at,
        )

    def _unit(
        self, partition: int, hosts: list[int], now: float, known: bytes
    ) -> tuple[Unit, float, bytes]:
        """Work on a batch and on all that it defers, until all of it is done."""
        targets = tuple(Target(url_of(host, line), line) for line, host in enumerate(hosts, 1))
        name = f"00000-{next(self._numbers) % 1_000_000:06d}"
        waiting: list[tuple[float, int, Batch]] = []
        numbers = count()
        first = Batch(job="bench", batch=name, partition=partition, targets=targets)
        heappush(waiting, (now, next(numbers), first))
        billed, invocations, pages = 0.0, 0, 0
        before = self._web.requests
        while waiting:
            due, _, batch = heappop(waiting)
            now = max(now, due)
            done = self._worker.work_on(batch, now, known)
            for child in done.children:
                heappush(waiting, (child.not_before, next(numbers), child.batch))
            billed += done.ended - now
            invocations += 1
            pages += done.pages
            now, known = done.ended, done.state
        unit = Unit(billed, invocations, 1, pages, self._web.requests - before)
        return unit, now, known


class _Kind(NamedTuple):
    """Partitions of about the same share of the list, and some of them to stand for all."""

    members: list[int]
    models: list[int]
    share: float


def _kinds(population: Population) -> list[_Kind]:
    groups: dict[int, list[int]] = {}
    for partition, share in enumerate(population.shares):
        if share:
            groups.setdefault(round(math.log(share, _ALIKE)), []).append(partition)
    models = max(2, _MODELS // len(groups))
    return [
        _Kind(
            group,
            group[:: math.ceil(len(group) / models)],
            sum(population.shares[p] for p in group) / len(group),
        )
        for group in groups.values()
    ]


# ---- the queue alone


class _Group:
    """A partition's units in the queue, as arithmetic: every shard holds the same ones."""

    def __init__(self, places: list[tuple[int, list[Unit]]], first: int) -> None:
        self.places = places
        self.next = 0
        self._rotation = first

    def head(self, in_shard: int) -> tuple[int, int]:
        """Return the shard and the number in the queue of the first unit left."""
        shard, place = divmod(self.next, len(self.places))
        return shard, shard * in_shard + self.places[place][0]

    def take(self) -> Unit:
        units = self.places[self.next % len(self.places)][1]
        self._rotation += 1
        return units[self._rotation % len(units)]


def project(fleet: Fleet, *, seed: int = 0) -> Totals:
    """Return what `simulate` would, in seconds to minutes whatever the size."""
    population = Population(fleet)
    groups, in_shard = _units(fleet, population, seed)
    shards = max(1, round(fleet.urls / fleet.shard_urls))
    times = math.ceil(in_shard * shards / MAX_UNITS)
    shards = max(1, round(shards / times))
    # So that all URLs are there, however many of them a shard holds.
    inside = sum(units[0].pages for g in groups for _, units in g.places)
    times_exact = fleet.urls / (inside * shards)
    totals = Totals()
    finished = _play(fleet, groups, in_shard, shards, times_exact, totals)
    done = 0.0
    for ended, pages in finished:
        done += pages
        totals.makespan = ended
        if done <= 0.99 * totals.pages:
            totals.nearly = ended
    return totals


def _units(fleet: Fleet, population: Population, seed: int) -> tuple[list[_Group], int]:
    """Return the groups with their units of one shard, each with its place in the queue."""
    sampler = Sampler(fleet, population, seed)
    order: list[tuple[float, int, list[Unit]]] = []
    try:
        for kind in _kinds(population):
            cut = _cut(fleet, kind.share)
            full = sampler.units(kind.models, fleet.batch_size) if cut.full else []
            # Less than one target a shard: a batch of one. There is room for all.
            rest = max(1, round(cut.rest))
            last = sampler.units(kind.models, rest) if cut.rest >= 1 or not cut.full else []
            for partition in kind.members:
                order += (((n + 1) / (cut.full + 1), partition, full) for n in range(cut.full))
                if last:
                    order.append((1.0, partition, last))
    finally:
        sampler.close()
    order.sort(key=lambda entry: entry[:2])
    places: dict[int, list[tuple[int, list[Unit]]]] = {}
    for index, (_, partition, units) in enumerate(order):
        places.setdefault(partition, []).append((index, units))
    return [_Group(own, partition) for partition, own in places.items()], len(order)


def _play(
    fleet: Fleet,
    groups: list[_Group],
    in_shard: int,
    shards: int,
    times: float,
    totals: Totals,
) -> Iterable[tuple[float, float]]:
    """Go from event to event: a shard is dispatched, a unit is done."""
    look_ahead = LOOK_AHEAD / times
    shard_seconds = fleet.urls / shards / fleet.assumed.dispatch_rate
    free: list[tuple[int, int]] = []
    later: list[tuple[int, int]] = []
    """Groups whose next unit is in a shard that is not dispatched yet."""
    events: list[tuple[float, int]] = []
    idle, cold, deleted, dispatched = fleet.workers, fleet.workers, 0, 0
    finished: list[tuple[float, float]] = []

    def offer(number: int) -> None:
        shard, index = groups[number].head(in_shard)
        if shard < dispatched:
            heappush(free, (index, number))
        elif shard < shards:
            heappush(later, (shard, number))

    for number in range(len(groups)):
        offer(number)
    heappush(events, (shard_seconds, -1))
    while events:
        now, number = heappop(events)
        if number < 0:
            dispatched += 1
            if dispatched < shards:
                heappush(events, (now + shard_seconds, -1))
            while later and later[0][0] < dispatched:
                offer(heappop(later)[1])
        else:
            idle += 1
            deleted += 1
            groups[number].next += 1
            offer(number)
        while idle and free and free[0][0] < deleted + look_ahead:
            _, number = heappop(free)
            unit = groups[number].take()
            seconds = unit.billed * times
            if cold > 0:
                cold -= 1
                seconds += fleet.cold
                totals.billed += fleet.cold
            idle -= 1
            totals.add(unit, times)
            seconds += fleet.assumed.handover * unit.invocations * times
            heappush(events, (now + seconds, number))
            finished.append((now + seconds, unit.pages * times))
    finished.sort()
    return finished


# ---- the benchmark


class Row(NamedTuple):
    name: str
    fleet: Fleet
    totals: Totals

    def numbers(self) -> dict[str, Any]:
        fleet, totals = self.fleet, self.totals
        cost = totals.cost(fleet)
        millions = totals.pages / 1e6
        return {
            "hours": round(totals.makespan / 3600, 2),
            "hours until 99 %": round(totals.nearly / 3600, 2),
            "pages/s": round(totals.pages / totals.makespan),
            "busy": round(totals.billed / totals.makespan / fleet.workers, 2),
            "pages a batch": round(totals.pages / totals.batches, 1),
            "$ a million": round(cost.total / millions, 2),
            "of it compute": round(cost.compute / millions, 2),
            "S3": round(cost.s3 / millions, 3),
            "SQS": round(cost.sqs / millions, 3),
            "logs": round(cost.logs / millions, 3),
            "sent": round(cost.sent / millions, 3),
        }


FULL_LOAD = Assumptions(latency=0.0, slow=0.0, dead=0.0)
NO_PAUSE = FetchSpec(pause=0, per_host=10)


def rows_of_cost() -> list[tuple[str, Fleet]]:
    """Return full load and typical latencies."""
    full = Fleet(urls=1_000_000, hosts=1_000, fetch=NO_PAUSE, assumed=FULL_LOAD, partitions=64)
    typical = Fleet(urls=1_000_000, hosts=100_000, partitions=64)
    largest = replace(full, batch_size=200)
    return [
        *(
            (f"full load, batches of {size}", replace(full, batch_size=size))
            for size in (50, 100, 200, 500)
        ),
        ("full load, 1,769 MB, batches of 200", replace(largest, memory=1769)),
        ("full load, a connection a page, batches of 200", replace(largest, hosts=100_000)),
        *(
            (f"typical, batches of {size}", replace(typical, batch_size=size))
            for size in (50, 100, 200, 500)
        ),
        ("typical, 1,769 MB, batches of 200", replace(typical, batch_size=200, memory=1769)),
        (
            "typical, connect_timeout 3, batches of 200",
            replace(typical, batch_size=200, fetch=FetchSpec(connect_timeout=3)),
        ),
        (
            "typical, no dead hosts, batches of 200",
            replace(typical, batch_size=200, assumed=Assumptions(dead=0.0)),
        ),
        (
            "typical, no dead and no slow hosts, batches of 200",
            replace(typical, batch_size=200, assumed=Assumptions(dead=0.0, slow=0.0)),
        ),
    ]


def rows_of_size(sizes: Iterable[int]) -> list[tuple[str, Fleet]]:
    """Return sizes of the list by skew, with the default settings but for the workers."""
    rows = []
    for urls in sizes:
        for skew in (0.0, 1.0, 1.2):
            hosts = min(urls // 10, 200_000)
            fleet = Fleet(urls=urls, hosts=hosts, skew=skew, workers=100, batch_size=200)
            rows.append((f"{urls:.0e} URLs, {'flat' if not skew else f'Zipf {skew}'}", fleet))
    return rows


def rows_of_settings() -> list[tuple[str, Fleet]]:
    """Return partitions and batch sizes."""
    return [
        (
            f"{'flat' if not skew else f'Zipf {skew}'}, {partitions} partitions, batches of {size}",
            Fleet(
                urls=10_000_000,
                hosts=100_000,
                skew=skew,
                partitions=partitions,
                batch_size=size,
                workers=100,
            ),
        )
        for skew in (0.0, 1.0)
        for partitions in (64, 256, 1024, 4096)
        for size in (100, 200)
    ]


def rows_of_rules(urls: int) -> list[tuple[str, Fleet]]:
    """Return what holds because of the groups and of the state object."""
    # Fast hosts that are in each batch, and small batches: one is hardly over when the next begins.
    fleet = Fleet(
        urls=urls,
        hosts=12,
        partitions=8,
        workers=50,
        batch_size=20,
        assumed=Assumptions(latency=0.1, slow=0, dead=0),
    )
    return [
        ("as it is", fleet),
        ("without message groups", replace(fleet, groups=False)),
        ("without the state object", replace(fleet, state=False)),
    ]


def _run(
    title: str,
    rows: Iterable[tuple[str, Fleet]],
    how: Callable[..., Totals],
    found: dict[str, Any],
    columns: tuple[str, ...] | None = None,
) -> None:
    print(f"\n{title}\n", flush=True)
    shown: tuple[str, ...] | None = columns
    table = found.setdefault(title, {})
    for name, fleet in rows:
        began = time.process_time()
        row = Row(name, fleet, how(fleet))
        numbers = row.numbers()
        if how is simulate:
            numbers |= {"meetings": row.totals.meetings, "hurries": row.totals.hurries}
        table[name] = numbers | {
            "workers": fleet.workers,
            "cpu seconds": round(time.process_time() - began, 1),
        }
        if shown is None or name == next(iter(table)):
            shown = columns or tuple(numbers)
            print("| | " + " | ".join(shown) + " |")
            print("|" + "---|" * (len(shown) + 1))
        print(f"| {name} | " + " | ".join(f"{numbers[c]:,}" for c in shown) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What a fleet achieves and costs.")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument(
        "--assume", type=Path, help="a JSON file of Assumptions in place of the defaults"
    )
    parser.add_argument("--exact", type=int, default=1_000_000, help="URLs to simulate one by one")
    parser.add_argument("--largest", type=int, default=1_000_000_000)
    options = parser.parse_args()
    own: dict[str, Any] = json.loads(options.assume.read_text()) if options.assume else {}

    def assuming(rows: list[tuple[str, Fleet]]) -> list[tuple[str, Fleet]]:
        return [
            (name, replace(fleet, assumed=replace(fleet.assumed, **own))) for name, fleet in rows
        ]

    found: dict[str, Any] = {}
    _run("Cost", assuming(rows_of_cost()), project, found)
    _run("Settings, 10^7 URLs, 100 workers", assuming(rows_of_settings()), project, found)
    sizes = [10**n for n in range(6, 10) if 10**n <= options.largest]
    _run("Sizes, 100 workers", assuming(rows_of_size(sizes)), project, found)
    exact = Fleet(urls=options.exact, hosts=options.exact // 10)
    _run("Request by request", assuming([("exact", exact)]), simulate, found)
    _run("The same, projected", assuming([("projected", exact)]), project, found)
    _run("Politeness", assuming(rows_of_rules(min(6_000, options.exact))), simulate, found)
    if options.json:
        about = {"assumed": msgspec.to_builtins(replace(Assumptions(), **own))}
        options.json.write_text(json.dumps(about | found, indent=1) + "\n")


if __name__ == "__main__":
    main()

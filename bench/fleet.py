"""
What a fleet achieves and costs, by job, workers and memory: `make bench-fleet`.

Every request is simulated (bench/simulation.py), some 0.3 ms for each. Without arguments, jobs of
equal hosts are a tenth of what they stand for, hosts, partitions and workers as well, with the
default settings; `--whole` takes all jobs as they are, which takes hours.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from bench.simulated_fleet import Fleet, Totals
from bench.simulated_web import Assumptions
from bench.simulation import simulate
from shared.spec import FetchSpec

WORKERS = (2, 5, 20)
MEMORY = (512, 1024, 1769)
PARTITIONS = (1024, 4096, 16_384)
LONG_WAIT = 60.0  # seconds, of a probe


class Job(NamedTuple):
    """A job; `scale` is the share that stands for all of it, `target` is in $ a million pages."""

    fleet: Fleet
    scale: int = 1
    target: float | None = None


FULL_LOAD = Assumptions(latency=0.0, slow=0.0, dead=0.0)
NO_PAUSE = FetchSpec(pause=0, per_host=10)
JOBS = {
    "typical": Job(Fleet(urls=1_000_000, hosts=100_000), 10, 0.40),
    "30 shops": Job(Fleet(urls=51_000, hosts=30), 1, 0.40),
    "full load": Job(
        Fleet(urls=1_000_000, hosts=1_000, fetch=NO_PAUSE, assumed=FULL_LOAD), 10, 0.20
    ),
    "300 shops": Job(Fleet(urls=510_000, hosts=300), 10),
    "one host": Job(Fleet(urls=100_000, hosts=1), 10),
    "Zipf 1.0": Job(Fleet(urls=1_000_000, hosts=100_000, skew=1.0), 10),
    "Zipf 1.2": Job(Fleet(urls=1_000_000, hosts=100_000, skew=1.2), 10),
}
QUICK = ("typical", "30 shops", "full load")


def numbers_of(fleet: Fleet, totals: Totals) -> dict[str, Any]:
    """Return what a table shows of a run."""
    cost, millions = totals.cost(fleet), totals.pages / 1e6
    filled = totals.filled
    return {
        "hours": round(totals.makespan / 3600, 2),
        "hours until 99 %": round(totals.nearly / 3600, 2),
        "workers": totals.most,
        "on average": round(totals.bill["worker_seconds"] / totals.makespan, 2),
        "all after s": "-" if filled is None else round(filled),
        "s each": round(totals.bill["worker_seconds"] / totals.invocations),
        "$ a million": round(cost.total / millions, 2),
        "of it compute": round(cost.compute / millions, 3),
        "S3": round(cost.s3 / millions, 3),
        "SQS": round(cost.sqs / millions, 3),
        "by receipts": round(totals.estimate(fleet).total / millions, 2),
        "at once": totals.meetings,
        "too soon": totals.hurries,
        "leases lost": totals.expired,
    }


def rows_of_jobs(
    names: Iterable[str], workers: Iterable[int], memory: Iterable[int], *, whole: bool
) -> Iterable[tuple[str, Fleet]]:
    """Yield jobs by workers and memory, each as its share unless they are to be whole."""
    for name in names:
        job = JOBS[name]
        for count in workers:
            # Two workers at least, since one alone has nobody to leave work to.
            scale = 1 if whole else max(1, min(job.scale, count // 2))
            for size in memory:
                fleet = replace(job.fleet, workers=count, memory=size).scaled(scale)
                share = f", 1/{scale} of it" if scale > 1 else ""
                yield f"{name}, {count} workers, {size} MB{share}", fleet


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


def waits(fleet: Fleet, totals: Totals) -> dict[str, Any]:
    """Return how long jobs of one URL have waited beside a large one, and what that one costs."""
    cost = totals.cost(fleet).total / totals.pages * 1e6
    shares = quantiles(totals.waits, n=100)
    return {
        "median s": round(shares[49], 1),
        "90 %": round(shares[89], 1),
        "99 %": round(shares[98], 1),
        "longest": round(max(totals.waits)),
        "over 60 s": round(mean(wait > LONG_WAIT for wait in totals.waits), 3),
        "hours": round(totals.makespan / 3600, 2),
        "$ a million": round(cost, 2),
    }


def rows_of_waits(*, whole: bool) -> list[tuple[str, Fleet]]:
    """Return a large job by number of partitions, with jobs of one URL that come meanwhile."""
    job = JOBS["Zipf 1.0"].fleet
    large = replace(job, probes=1_000, probe_seconds=2.0)
    fleets = ((count, replace(large, partitions=count)) for count in PARTITIONS)
    return [
        (f"{count:,} partitions", fleet if whole else fleet.scaled(10)) for count, fleet in fleets
    ]


def _run(
    title: str,
    rows: Iterable[tuple[str, Fleet]],
    found: dict[str, Any],
    *,
    of: Callable[[Fleet, Totals], dict[str, Any]] = numbers_of,
) -> None:
    print(f"\n{title}\n", flush=True)
    table = found.setdefault(title, {})
    for name, fleet in rows:
        began = time.process_time()
        totals = simulate(fleet)
        numbers = of(fleet, totals)
        if not table:
            print("| | " + " | ".join(numbers) + " |")
            print("|" + "---|" * (len(numbers) + 1))
        print(f"| {name} | " + " | ".join(f"{value}" for value in numbers.values()) + " |")
        table[name] = numbers | {
            "bill": dict(totals.bill),
            "cpu seconds": round(time.process_time() - began, 1),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="What a fleet achieves and costs.")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument(
        "--assume", type=Path, help="a JSON file of Assumptions in place of the defaults"
    )
    parser.add_argument("--job", action="append", choices=JOBS, help="only this; repeat for more")
    parser.add_argument("--workers", type=int, action="append", help="2, 5, 20 with --whole")
    parser.add_argument("--memory", type=int, action="append", help="512, 1024, 1769 with --whole")
    parser.add_argument("--waits", action="store_true", help="how long small jobs wait")
    parser.add_argument("--whole", action="store_true", help="all jobs, at their size")
    options = parser.parse_args()
    own: dict[str, Any] = json.loads(options.assume.read_text()) if options.assume else {}
    whole = options.whole
    names = options.job or (JOBS if whole else QUICK)
    workers = options.workers or (WORKERS if whole else (20,))
    memory = options.memory or (MEMORY if whole else (512, 1024))

    def assuming(rows: Iterable[tuple[str, Fleet]]) -> Iterable[tuple[str, Fleet]]:
        for name, fleet in rows:
            yield name, replace(fleet, assumed=replace(fleet.assumed, **own))

    found: dict[str, Any] = {}
    jobs = rows_of_jobs(names, workers, memory, whole=whole)
    _run("Jobs", assuming(jobs), found)
    if whole or options.waits:
        _run("Small jobs beside Zipf 1.0", rows_of_waits(whole=whole), found, of=waits)
    if not options.job:
        _run("Politeness", assuming(rows_of_rules(3_000)), found)
    if options.json:
        about = {"assumed": msgspec.to_builtins(replace(Assumptions(), **own))}
        options.json.write_text(json.dumps(about | found, indent=1) + "\n")


if __name__ == "__main__":
    main()

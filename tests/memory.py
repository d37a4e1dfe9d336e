"""
The engine in a process of its own, which says how much memory it took.

    python -m tests.memory PORT TARGETS

Every target is the page of another host, and every host is 127.0.0.1:PORT.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from functions.worker.commit import OutcomeFile
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.politeness.partition import Partition
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import Scraper
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import open_fetcher
from functions.worker.work import seldom_collecting
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Outcome
from shared.spec import FetchSpec, Spec


async def scrape(port: int, targets: int) -> Counter[str]:
    """Return how many targets ended in which way."""
    fetch = FetchSpec(pause=0, robots="ignore", max_bytes=10_000_000, wait_initial=0.1, attempts=2)
    network = Network(parse_connect_to(f":80:127.0.0.1:{port}"), allow_private_networks=True)
    outcomes = OutcomeFile()
    ends: Counter[str] = Counter()

    def emit(outcome: Outcome) -> None:
        outcomes.add(outcome)
        ends["-".join(filter(None, (outcome.outcome, outcome.reason)))] += 1

    async with open_fetcher(
        user_agent="test", connections=fetch.concurrency, network=network
    ) as fetcher:
        means = Means(
            job=Manifest(
                job="j", spec=Spec(fetch=fetch), partitions=1, batch_size=9, created_at=""
            ),
            user_agent="test",
            extractor=Extractor(Spec(), token="test", process=extraction_process(), careful=False),
        )
        await Scraper(
            Batch(
                job="j",
                batch="00000-000000",
                partition=0,
                targets=tuple(Target(f"http://h{n}.example/", n) for n in range(targets)),
            ),
            means,
            Partition(number=0, count=1),
            fetcher,
            clock=time.time,
            stop_at=time.time() + 3_600,  # beside other tests it takes long
            rng=Random(0),
        ).scrape(emit)
    return ends


def peak() -> float:
    """Return the most memory that this process has had, and any that it has started, in MB."""
    # Not ru_maxrss: a process begins with that of its parent, which may be a large test run.
    status = Path("/proc/self/status").read_text()
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (int(status.partition("VmHWM:")[2].split()[0]) + largest_child) / 1024


def main() -> None:
    port, targets = map(int, sys.argv[1:])
    before = peak()
    with seldom_collecting():
        ends = asyncio.run(scrape(port, targets))
    extraction_process().stop()
    json.dump({"ends": ends, "before": round(before), "peak": round(peak())}, sys.stdout)


if __name__ == "__main__":
    main()

"""
A worker in a process of its own, which says how much memory it took.

    python -m tests.memory MEMORY SCHEME PORT TARGETS

It has MEMORY MB. Every target is the page of another host, and every host is 127.0.0.1:PORT. They
are in as many batches as a worker has in hand at once.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from functions.worker.bounds import bounds_of
from functions.worker.commit import OutcomeFile
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.load import seldom_collecting
from functions.worker.politeness.partition import Partition
from functions.worker.scraping.batch import scrape_batch
from functions.worker.scraping.means import Means
from functions.worker.workshop import Workshop, open_workshop
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Outcome
from shared.settings import WorkerSettings
from shared.spec import FetchSpec, Spec
from shared.wakes import IN_HAND


async def scrape(settings: WorkerSettings, scheme: str, targets: int) -> Counter[str]:
    """Return how many targets ended in which way."""
    ends: Counter[str] = Counter()
    async with open_workshop(settings, lambda _job: None) as workshop:
        numbers = [range(first, targets, IN_HAND) for first in range(min(IN_HAND, targets))]
        await asyncio.gather(*(_scrape(some, scheme, workshop, ends) for some in numbers))
    return ends


def settings_of(memory: int, port: int) -> WorkerSettings:
    return WorkerSettings(
        data_bucket="data",
        dispatch_queue_url="dispatch",
        work_queue_url="work",
        wake_queue_url="wake",
        dead_letter_queue_url="dead",
        user_agent="test",
        worker_concurrency=1,
        worker_memory=memory,
        connect_to=f":80:127.0.0.1:{port},:443:127.0.0.1:{port}",
        allow_private_networks=True,
    )


async def _scrape(numbers: range, scheme: str, workshop: Workshop, ends: Counter[str]) -> None:
    """Scrape one batch of targets; count how they end."""
    outcomes = OutcomeFile()

    def emit(outcome: Outcome) -> None:
        outcomes.add(outcome)
        ends["-".join(filter(None, (outcome.outcome, outcome.reason)))] += 1

    fetch = FetchSpec(
        pause=0,
        robots="ignore",
        max_bytes=10_000_000,
        wait_initial=0.1,
        attempts=2,
        verify_tls=False,
    )
    with workshop.holding(outcomes):
        await scrape_batch(
            Batch(
                job="j",
                batch=f"00000-{numbers[0]:06}",
                partition=0,
                targets=tuple(Target(f"{scheme}://h{n}.example/", n) for n in numbers),
            ),
            Means(
                job=Manifest(
                    job="j", spec=Spec(fetch=fetch), partitions=1, batch_size=9, created_at=""
                ),
                user_agent="test",
                extractor=Extractor(
                    Spec(),
                    token="test",
                    process=extraction_process(workshop.bounds.page),
                    careful=False,
                    turn=workshop.extracting,
                ),
            ),
            Partition(number=0, count=1),
            workshop.pool,
            emit,
            stop_at=lambda: time.time() + 3_600,  # beside other tests it takes long
            clock=time.time,
            rng=Random(0),
            has_room=workshop.has_room,
        )


def peak() -> float:
    """Return the most memory that this process has had, and any that it has started, in MB."""
    # Not ru_maxrss: a process begins with that of its parent, which may be a large test run.
    status = Path("/proc/self/status").read_text()
    largest_child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (int(status.partition("VmHWM:")[2].split()[0]) + largest_child) / 1024


def main() -> None:
    memory, scheme, port, targets = sys.argv[1:]
    settings = settings_of(int(memory), int(port))
    before = peak()
    with seldom_collecting():
        ends = asyncio.run(scrape(settings, scheme, int(targets)))
    extraction_process(bounds_of(settings).page).stop()
    json.dump({"ends": ends, "before": round(before), "peak": round(peak())}, sys.stdout)


if __name__ == "__main__":
    main()

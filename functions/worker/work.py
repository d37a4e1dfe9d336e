"""
One batch, from its message to its receipt.

Lease, commit object, pages, commit, children, receipt: in this order, so that a crash at any
point leaves nothing that a redelivery does not bring to the same end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from functions.worker.addresses import parse_connect_to
from functions.worker.commit import OutcomeFile, commit, committed, conclude
from functions.worker.connections import Network
from functions.worker.fetch import open_fetcher
from functions.worker.scrape import Scraper
from shared.jobs import Manifest
from shared.messages import Batch
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket

LEASE_MARGIN = 10  # seconds that the lease outlasts the invocation
COMMIT_SECONDS = 20.0  # kept free at the end of an invocation for S3 and SQS


class Worked(NamedTuple):
    """What became of a batch: its receipt's counts, and whether this worker fetched it."""

    counts: Counter[str]
    fetched: bool


def work_on(
    batch: Batch,
    receipt_handle: str,
    *,
    settings: WorkerSettings,
    manifest: Callable[[str], Manifest],
    data: Bucket,
    work_queue: Queue,
    dispatch_queue: Queue,
    time_left: float,
    now: Callable[[], datetime],
) -> Worked:
    """
    Bring `batch` to its receipt.

    Args:
        batch: From the work queue.
        receipt_handle: Of its message.
        settings: The worker's.
        manifest: Returns that of a job.
        data: The data bucket.
        work_queue: Where the message came from.
        dispatch_queue: Where deferred targets go.
        time_left: Seconds until the invocation is ended.
        now: The wall clock, in UTC.

    Raises:
        StorageError: the lease is lost, or S3 or SQS refused something. The message must stay in
            its queue.
    """
    # The clock of the visibility timeout runs since the message was received, which may be a
    # while ago. Without the lease, another worker may be on this host.
    work_queue.renew(receipt_handle, round(time_left) + LEASE_MARGIN)
    job = manifest(batch.job)
    body = committed(data, batch)
    fetched = body is None
    if body is None:
        own = asyncio.run(_fetch_all(batch, job, settings, time_left - COMMIT_SECONDS, now))
        body, fetched = commit(data, batch, own)
    counts = conclude(
        body, batch, partitions=job.partitions, data=data, dispatch_queue=dispatch_queue
    )
    return Worked(counts, fetched)


async def _fetch_all(
    batch: Batch,
    manifest: Manifest,
    settings: WorkerSettings,
    time_left: float,
    now: Callable[[], datetime],
) -> bytes:
    stop_at = asyncio.get_running_loop().time() + time_left
    outcomes = OutcomeFile()
    async with open_fetcher(
        user_agent=settings.user_agent,
        connections=manifest.spec.fetch.concurrency,
        network=Network(
            connect_to=parse_connect_to(settings.connect_to),
            allow_private_networks=settings.allow_private_networks,
        ),
    ) as fetcher:
        await Scraper(manifest, batch, fetcher, stop_at=stop_at, now=now).scrape(outcomes.add)
    return outcomes.close()

"""
One batch, from its message to its receipt.

Lease, commit object, state, pages, state, commit, children, receipt: in this order, so that a
crash at any point leaves nothing that a redelivery does not bring to the same end.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import Random
from typing import NamedTuple

from functions.worker.addresses import parse_connect_to
from functions.worker.commit import OutcomeFile, commit, committed, conclude
from functions.worker.connections import Network
from functions.worker.extractor import Extractor, extraction_process
from functions.worker.fetch import open_fetcher
from functions.worker.partition import PartitionState, decode_state, encode_state
from functions.worker.proxies import ProxyPool
from functions.worker.robots import product_token
from functions.worker.scrape import Scraper
from functions.worker.secrets import proxy_tiers
from shared.errors import InvalidJobError, StorageError
from shared.jobs import Manifest, cancelled_key, state_key
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket

LEASE_MARGIN = 10  # seconds that the lease outlasts the invocation
CANCEL_SECONDS = 5.0  # between two looks whether the job was cancelled
TIME_SECONDS = 1.0  # between two looks how much time is left
COMMIT_SECONDS = 20.0  # kept free at the end of an invocation for S3 and SQS
_YOUNG_OBJECTS = 20_000  # that the garbage collector lets come together


class Worked(NamedTuple):
    """
    What became of a batch.

    `counts` are its receipt's, without times. `fetched` tells whether it was this worker's commit,
    and `facts` are then those of `Scraper`.
    """

    counts: Mapping[str, int]
    fetched: bool
    facts: Counter[str]


class _Fetched(NamedTuple):
    body: bytes
    facts: Counter[str]


def work_on(
    batch: Batch,
    receipt_handle: str,
    *,
    settings: WorkerSettings,
    manifest: Callable[[str], Manifest],
    data: Bucket,
    work_queue: Queue,
    dispatch_queue: Queue,
    dead_letter_queue: Queue,
    time_left: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    redelivered: bool = False,
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
        dead_letter_queue: Where dead ones go.
        time_left: Returns the seconds until the invocation is ended. They may become fewer at once.
        clock: Returns the seconds since the epoch.
        rng: Source of jitter.
        redelivered: Whether somebody has tried before, and may have died of a page.

    Raises:
        StorageError: the lease is lost, or S3 or SQS refused something. The message must stay in
            its queue.
    """
    # The clock of the visibility timeout runs since the message was received, which may be a
    # while ago. Without the lease, another worker may be on this host.
    began = clock()
    work_queue.renew(receipt_handle, round(time_left()) + LEASE_MARGIN)
    job = manifest(batch.job)
    body = committed(data, batch)
    fetched = False
    facts: Counter[str] = Counter()
    if body is None:

        def stop_at() -> float:
            return clock() + time_left() - COMMIT_SECONDS

        own = _fetch(batch, job, settings, data, stop_at, clock, rng, careful=redelivered)
        body, fetched = commit(data, batch, own.body)
        facts = own.facts
    counts = conclude(
        body,
        batch,
        partitions=job.partitions,
        data=data,
        dispatch_queue=dispatch_queue,
        dead_letter_queue=dead_letter_queue,
        clock=clock,
        began=began,
    )
    return Worked(counts, fetched, facts)


def _fetch(
    batch: Batch,
    job: Manifest,
    settings: WorkerSettings,
    data: Bucket,
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    *,
    careful: bool,
) -> _Fetched:
    """Fetch the targets; what is learnt of their hosts is there for the next worker."""
    key = state_key(batch.partition)
    found = data.get_versioned(key)
    known, etag = found or (None, None)
    state = decode_state(known)
    extractor = Extractor(
        job.spec,
        token=product_token(job.spec.fetch.user_agent or settings.user_agent),
        process=extraction_process(),
        careful=careful,
    )
    outcomes = OutcomeFile()
    with seldom_collecting():
        facts = asyncio.run(
            scrape_batch(
                batch,
                job,
                settings=settings,
                extractor=extractor,
                state=state,
                emit=outcomes.add,
                is_cancelled=lambda: data.get(cancelled_key(job.job)) is not None,
                stop_at=stop_at,
                clock=clock,
                rng=rng,
            )
        )
    # A lost race means that the lease was lost as well. The state is advisory: let the other's be.
    data.put_over(key, encode_state(state, clock()), etag=etag)
    return _Fetched(outcomes.close(clock()), facts)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """
    Have the garbage collector look for circles less often.

    By default it does so for each 2,000 new objects (700 before Python 3.13), again and again for a
    page, and takes up to a tenth of the CPU to find next to nothing: no circle holds a page.
    """
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def scrape_batch(
    batch: Batch,
    job: Manifest,
    *,
    settings: WorkerSettings,
    extractor: Extractor,
    state: PartitionState,
    emit: Callable[[Outcome], None],
    is_cancelled: Callable[[], bool],
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
) -> Counter[str]:
    """
    Hand the outcomes of `batch` to `emit`; return the facts for the metrics. See `Scraper`.

    Raises:
        InvalidJobError: the job's proxies are none.
        StorageError: they could not be read.
    """
    spec = job.spec.fetch
    pool = None
    if spec.proxies is not None:
        pool = ProxyPool(_tiers(job), spec.proxies.strategy, rng)
    network = Network(
        parse_connect_to(settings.connect_to),
        allow_private_networks=settings.allow_private_networks,
        allow_private_proxies=settings.allow_private_networks,
        verify_tls=spec.verify_tls,
    )
    async with open_fetcher(
        user_agent=spec.user_agent or settings.user_agent,
        connections=spec.concurrency,
        network=network,
    ) as fetcher:
        scraper = Scraper(
            job,
            batch,
            fetcher,
            extractor,
            state=state,
            pool=pool,
            user_agent=settings.user_agent,
            clock=clock,
            stop_at=stop_at(),
            rng=rng,
        )
        if is_cancelled():
            scraper.cancel()
        watches = [
            asyncio.create_task(_cancel_when_asked(scraper, is_cancelled)),
            asyncio.create_task(_keep_time(scraper, stop_at)),
        ]
        await scraper.scrape(emit)
        for watch in watches:
            watch.cancel()
    return scraper.facts


async def _keep_time(scraper: Scraper, stop_at: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(TIME_SECONDS)
        scraper.stop_by(stop_at())


async def _cancel_when_asked(scraper: Scraper, is_cancelled: Callable[[], bool]) -> None:
    while True:
        await asyncio.sleep(CANCEL_SECONDS)
        with suppress(StorageError):  # the next look will tell, or the commit
            if await asyncio.to_thread(is_cancelled):
                scraper.cancel()
                return


def _tiers(job: Manifest) -> tuple[tuple[str, ...], ...]:
    assert job.spec.fetch.proxies is not None
    try:
        return proxy_tiers(job.spec.fetch.proxies)
    except InvalidJobError as error:
        raise InvalidJobError(f"job {job.job}: fetch.proxies: {error}") from error

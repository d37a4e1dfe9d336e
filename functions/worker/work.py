"""
One batch, from its message to its receipt.

Lease, commit object, pages, commit, children, receipt, state: in this order, so that a crash at any
point leaves nothing that a redelivery does not bring to the same end.
"""

import asyncio
import gc
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random
from typing import NamedTuple

from functions.worker.children import Addresses
from functions.worker.commit import OutcomeFile, commit, committed, conclude
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.fence import adopt, hold_lock
from functions.worker.keeper import StateKeeper
from functions.worker.politeness.partition import PartitionState, decode_state
from functions.worker.politeness.proxies import ProxyPool
from functions.worker.politeness.robots import CachedRobots, product_token
from functions.worker.scraping.scrape import Scraper
from functions.worker.scraping.visit import Visit
from functions.worker.secrets import proxy_tiers
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import open_fetcher
from shared.errors import FetchError, InvalidJobError, Reason, StorageError
from shared.keys import cancelled_key, state_key
from shared.manifest import Manifest
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket
from shared.urls import parse_url, partition_of

LEASE_MARGIN = 10  # seconds that the lease outlasts the invocation
CANCEL_SECONDS = 5.0  # between two looks whether the job was cancelled
TIME_SECONDS = 1.0  # between two looks how much time is left
COMMIT_SECONDS = 20.0  # kept free at the end of an invocation for S3 and SQS
RELEASE_SECONDS = (5, 20, 80, 300)
"""How long a batch that could not be brought to its end stays hidden, by how often it was received;
its partition waits with it."""
CAREFUL_FROM = 3  # receives: somebody may have died of one of its pages
UNFETCHED_FROM = 8  # receives: it is given up, and still has some left to be committed with
_MAX_HIDDEN = 11 * 60 * 60  # seconds; SQS ends at twelve hours
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


class _Made(NamedTuple):
    """The commit object of a batch, made by this worker; without a `keeper` nothing was asked."""

    body: bytes
    facts: Counter[str]
    keeper: StateKeeper | None = None


class _Means(NamedTuple):
    """What the targets of a job are scraped with."""

    job: Manifest
    extractor: Extractor
    pool: ProxyPool | None


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
    receives: int = 1,
) -> Worked:
    """
    Bring `batch` to its receipt.

    What is wrong for good becomes the outcome of its targets. A batch that could not be brought to
    its end is put back, to be received again after `RELEASE_SECONDS`.

    Args:
        batch: From the work queue.
        receipt_handle: Of its message.
        settings: The worker's.
        manifest: Returns that of a job; raises InvalidJobError where there is none.
        data: The data bucket.
        work_queue: Where the message came from.
        dispatch_queue: Where deferred targets go.
        dead_letter_queue: Where dead ones go.
        time_left: Returns the seconds until the invocation is ended. They may become fewer at once.
        clock: Returns the seconds since the epoch.
        rng: Source of jitter.
        receives: How often the message was received, this time included.

    Raises:
        StorageError: the lease is lost, or S3 or SQS refused something. The message must stay in
            its queue.
    """
    # The clock of the visibility timeout runs since the message was received, which may be a
    # while ago. Without the lease, another worker may be on this host.
    began = clock()
    work_queue.renew(receipt_handle, round(time_left()) + LEASE_MARGIN)

    def stop_at() -> float:
        return clock() + time_left() - COMMIT_SECONDS

    try:
        body = committed(data, batch)
        made = None
        if body is None:
            made = _make(batch, settings, manifest, data, stop_at, clock, rng, receives)
            body, fetched = commit(data, batch, made.body)
        else:
            fetched = False
        counts = conclude(
            body,
            batch,
            partitions=_partitions(manifest, batch.job, settings),
            data=data,
            dispatch_queue=dispatch_queue,
            dead_letter_queue=dead_letter_queue,
            clock=clock,
            began=began,
        )
        if made is not None and made.keeper is not None:
            # After the commit, so that nothing is lost where it cannot be written; before the
            # acknowledgement, since the next batch reads the pauses from it.
            made.keeper.save()
    except Exception as error:
        wait = error.wait if isinstance(error, StorageError) else 0.0
        _put_back(work_queue, receipt_handle, receives, wait)
        raise
    return Worked(counts, fetched, made.facts if made else Counter())


def _put_back(work_queue: Queue, receipt_handle: str, receives: int, wait: float) -> None:
    usual = RELEASE_SECONDS[min(receives, len(RELEASE_SECONDS)) - 1]
    seconds = min(max(usual, math.ceil(wait)), _MAX_HIDDEN)
    with suppress(StorageError):  # then it stays hidden until the lease ends
        work_queue.put_back(receipt_handle, seconds)


def _partitions(manifest: Callable[[str], Manifest], job: str, settings: WorkerSettings) -> int:
    """Return the number of partitions of a job; this release's where nobody knows."""
    try:
        return manifest(job).partitions
    except InvalidJobError:
        return settings.partitions


def _make(
    batch: Batch,
    settings: WorkerSettings,
    manifest: Callable[[str], Manifest],
    data: Bucket,
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    receives: int,
) -> _Made:
    """Fetch the targets, unless they cannot be: then that is their outcome."""

    def is_cancelled() -> bool:
        return data.get(cancelled_key(batch.job)) is not None

    if receives >= UNFETCHED_FROM:
        detail = f"the batch was received {receives} times, and no worker has brought it to an end"
        return _given_up(batch, Reason.WORKER_DIED, detail, is_cancelled, clock, settings)
    lock = hold_lock(data, settings, clock)
    keeper = StateKeeper(data, batch.partition, clock)
    hosts = {parse_url(target.location).host for target in batch.targets}
    adopt(keeper.state, batch.partition, hosts, lock, data, clock())
    try:
        job = manifest(batch.job)
        means = _means(job, settings, keeper.state, rng, careful=receives >= CAREFUL_FROM)
    except InvalidJobError as error:
        return _given_up(batch, Reason.BAD_JOB, str(error), is_cancelled, clock, settings)
    outcomes = OutcomeFile(Addresses(batch, settings.partitions))
    with seldom_collecting():
        facts = asyncio.run(
            scrape_batch(
                batch,
                means.job,
                settings=settings,
                extractor=means.extractor,
                pool=means.pool,
                state=keeper.state,
                emit=outcomes.add,
                rules_elsewhere=lambda url: _robots_of(data, url, settings.partitions),
                has_room=outcomes.has_room,
                save_soon=keeper.save_soon,
                is_cancelled=is_cancelled,
                stop_at=stop_at,
                clock=clock,
                rng=rng,
            )
        )
    return _Made(outcomes.close(clock()), facts, keeper)


def _means(
    job: Manifest, settings: WorkerSettings, state: PartitionState, rng: Random, *, careful: bool
) -> _Means:
    """
    Return what the targets of `job` are scraped with.

    Raises:
        InvalidJobError: its spec or its secret is wrong.
        StorageError: the secret could not be read.
    """
    extractor = Extractor(
        job.spec,
        token=product_token(job.spec.fetch.user_agent or settings.user_agent),
        process=extraction_process(),
        careful=careful,
    )
    return _Means(job, extractor, proxy_pool(job, state, rng))


def proxy_pool(job: Manifest, state: PartitionState, rng: Random) -> ProxyPool | None:
    """
    Return the proxies of `job`, which do as `state` knows; None if it has none.

    Raises:
        InvalidJobError: its secret holds none.
        StorageError: the secret could not be read.
    """
    spec = job.spec.fetch.proxies
    if spec is None:
        return None
    try:
        return ProxyPool(proxy_tiers(spec), spec.strategy, rng, state.proxies)
    except InvalidJobError as error:
        raise InvalidJobError(f"job {job.job}: fetch.proxies: {error}") from error


def _robots_of(data: Bucket, url: str, partitions: int) -> CachedRobots | None:
    """Return the rules that the owner of the host of `url`, or of an origin, has read last."""
    partition = partition_of(parse_url(url).host, partitions)
    with suppress(StorageError):  # then they count as unread
        return decode_state(data.get(state_key(partition))).robots.get(url)
    return None


def _given_up(
    batch: Batch,
    reason: Reason,
    detail: str,
    is_cancelled: Callable[[], bool],
    clock: Callable[[], float],
    settings: WorkerSettings,
) -> _Made:
    """Return what says of each target that nobody has asked for it."""
    if is_cancelled():
        reason, detail = Reason.CANCELLED, "the job was cancelled"
    now = clock()
    outcomes = OutcomeFile(Addresses(batch, settings.partitions))
    for target in batch.targets:
        error = FetchError(target.location, reason, detail)
        outcomes.add(Visit(target).ended(error, now=now))
    return _Made(outcomes.close(now), Counter())


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
    pool: ProxyPool | None,
    state: PartitionState,
    emit: Callable[[Outcome], None],
    is_cancelled: Callable[[], bool],
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    rules_elsewhere: Callable[[str], CachedRobots | None] = lambda _url: None,
    has_room: Callable[[], bool] = lambda: True,
    save_soon: Callable[[], None] = lambda: None,
) -> Counter[str]:
    """Hand the outcomes of `batch` to `emit`; return the facts for the metrics. See `Scraper`."""
    spec = job.spec.fetch
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
            partitions=settings.partitions,
            clock=clock,
            stop_at=stop_at(),
            rng=rng,
            rules_elsewhere=rules_elsewhere,
            has_room=has_room,
            save_soon=save_soon,
        )
        if is_cancelled():
            scraper.cancel()
        # Of our own: the loop would wait at its end for a look that has no answer, and there is
        # something to commit.
        looking = ThreadPoolExecutor(1)
        watches = [
            asyncio.create_task(_cancel_when_asked(scraper, is_cancelled, looking)),
            asyncio.create_task(_keep_time(scraper, stop_at)),
        ]
        try:
            await scraper.scrape(emit)
        finally:
            for watch in watches:
                watch.cancel()
            looking.shutdown(wait=False, cancel_futures=True)
    return scraper.facts


async def _keep_time(scraper: Scraper, stop_at: Callable[[], float]) -> None:
    while True:
        await asyncio.sleep(TIME_SECONDS)
        scraper.stop_by(stop_at())


async def _cancel_when_asked(
    scraper: Scraper, is_cancelled: Callable[[], bool], looking: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(CANCEL_SECONDS)
        with suppress(StorageError):  # the next look will tell, or the commit
            if await loop.run_in_executor(looking, is_cancelled):
                scraper.cancel()
                return

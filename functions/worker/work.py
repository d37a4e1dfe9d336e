"""
One batch, from its message to its receipt.

Lease, commit object, pages, commit, children, receipt, state: in this order, so that a crash at any
point leaves nothing that a redelivery does not bring to the same end.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from functions.worker.children import Addresses
from functions.worker.commit import OutcomeFile, commit, committed, conclude, seen
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.fence import Fence, adopt
from functions.worker.identity import Identity, identity_of
from functions.worker.keeper import StateKeeper
from functions.worker.keeping.keeping import keeping
from functions.worker.leases import Lease, LeaseLostError
from functions.worker.politeness.partition import Partition, PartitionState, decode_state
from functions.worker.politeness.robots import CachedRobots, product_token
from functions.worker.remembering.remembering import remembering, swept
from functions.worker.scraping.batch import scrape_batch
from functions.worker.scraping.frontier import Frontier
from functions.worker.scraping.means import Means
from functions.worker.scraping.visit import Visit
from functions.worker.secrets import proxy_pool, secrets_of
from functions.worker.seen import Seen
from functions.worker.workshop import Workshop
from shared.errors import FetchError, InvalidJobError, Reason, StorageError
from shared.keys import cancelled_key, limit_key, state_key
from shared.manifest import Manifest
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket
from shared.urls import parse_url, partition_of

CAREFUL_FROM = 3  # receives: somebody may have died of one of its pages
UNFETCHED_FROM = 8  # receives: it is given up, and still has some left to be committed with


class Worked(NamedTuple):
    """
    What became of a batch.

    `counts` are its receipt's, without times. `fetched` tells whether it was this worker's commit,
    and `facts` are then those of `Scraper`.
    """

    counts: Mapping[str, int]
    fetched: bool
    facts: Counter[str]


class Delivery(NamedTuple):
    """
    A message of the work queue, as it was received.

    `receives` counts how often, this time included.
    """

    batch: Batch
    receipt_handle: str
    receives: int = 1


@dataclass(frozen=True, kw_only=True)
class Resources:
    """
    What a worker has to work with.

    Args:
        settings: The worker's.
        fence: Holds the fleet's lock.
        manifest: Returns that of a job; raises InvalidJobError where there is none.
        data: The data bucket.
        work_queue: Where the batches come from.
        wake_queue: Where workers call for workers.
        dispatch_queue: Where deferred targets go.
        dead_letter_queue: Where dead ones go.
        clock: Returns the seconds since the epoch.
        rng: Source of jitter.
    """

    settings: WorkerSettings
    fence: Fence
    manifest: Callable[[str], Manifest]
    data: Bucket
    work_queue: Queue
    wake_queue: Queue
    dispatch_queue: Queue
    dead_letter_queue: Queue
    clock: Callable[[], float]
    rng: Random

    def known_manifest(self, job: str) -> Manifest | None:
        """Return the manifest of a job, or None where there is none any more."""
        with suppress(InvalidJobError):
            return self.manifest(job)
        return None

    def is_cancelled(self, job: str) -> bool:
        return self.data.get(cancelled_key(job)) is not None

    def ended(self, job: str) -> Reason | None:
        """Return why nothing more of a job is to be fetched, if so."""
        if self.is_cancelled(job):
            return Reason.CANCELLED
        with suppress(InvalidJobError):  # which is told where it is worked on
            if self.manifest(job).has_limit and self.data.get(limit_key(job)) is not None:
                return Reason.OVER_LIMIT
        return None

    def rules_elsewhere(self, url: str) -> CachedRobots | None:
        """Return the rules that the owner of the host of `url`, or of an origin, has read last."""
        number = partition_of(parse_url(url).host, self.settings.partitions)
        with suppress(StorageError):  # then they count as unread
            return decode_state(self.data.get(state_key(number))).robots.get(url)
        return None


class _Made(NamedTuple):
    """The commit object of a batch, made by this worker; without a `keeper` nothing was asked."""

    body: bytes
    facts: Counter[str]
    keeper: StateKeeper | None = None
    seen: Seen | None = None


async def work_on(
    delivery: Delivery,
    resources: Resources,
    workshop: Workshop,
    lease: Lease,
    *,
    stop_at: Callable[[], float],
) -> Worked:
    """
    Bring a batch to its receipt.

    What is wrong for good becomes the outcome of its targets.

    Args:
        delivery: The batch.
        resources: What to work with.
        workshop: Shared with other batches.
        lease: On the batch. Once it has ended, nothing is begun and nothing committed.
        stop_at: Returns when the fetching is to end, in epoch seconds; it may be sooner at once.

    Raises:
        StorageError: the lease is lost, or S3 or SQS refused something. The message must stay in
            its queue.
    """
    batch = delivery.batch
    began = workshop.share.begin()
    made = None
    holding = ExitStack()
    try:
        # It runs since the message was received, which may be a while ago.
        lease.check()
        if batch.sweep:
            return Worked(await workshop.aside(_swept, delivery, resources), True, Counter())
        body = await workshop.aside(committed, resources.data, batch)
        fetched = False
        if body is None:
            made = await _make(delivery, resources, workshop, lease, stop_at, holding)
            lease.check()
            found, fetched = await workshop.aside(commit, resources.data, batch, made.body)
        else:
            found = body
        manifest = await workshop.aside(resources.known_manifest, batch.job)
        async with workshop.concluding(found):
            counts = await workshop.aside(
                conclude,
                found,
                batch,
                partitions=manifest.partitions if manifest else resources.settings.partitions,
                data=resources.data,
                dispatch_queue=resources.dispatch_queue,
                dead_letter_queue=resources.dead_letter_queue,
                clock=resources.clock,
                seconds=workshop.share.taken(began),
                takes=manifest is not None and manifest.takes,
                follows=manifest is not None and manifest.follows,
                identity=_identity(manifest),
                known=made.seen if made else None,
                remembering=remembering(manifest, batch, resources.data),
                expecting=manifest.spec if manifest and manifest.spec.expect else None,
            )
        # After the commit, so that nothing is lost where it cannot be written; before the
        # acknowledgement, since the next batch reads the pauses from it.
        await _tell_pauses(made, workshop)
    except LeaseLostError:
        raise
    except StorageError:
        # The message comes back sooner than some pauses end.
        await _tell_pauses(made, workshop)
        raise
    finally:
        holding.close()
        workshop.share.end()
    return Worked(counts, fetched, made.facts if made else Counter())


def _identity(manifest: Manifest | None) -> Identity:
    with suppress(InvalidJobError):  # of a spec that makes no sense, nothing was fetched
        if manifest is not None:
            return identity_of(manifest.spec)
    return Identity()


async def _tell_pauses(made: _Made | None, workshop: Workshop) -> None:
    """
    Let whoever has the partition next know of the pauses of its hosts.

    Raises:
        StorageError: nobody can know of them; its `wait` is the longest one.
    """
    if made is not None and made.keeper is not None:
        await workshop.aside(made.keeper.save)


async def _make(
    delivery: Delivery,
    resources: Resources,
    workshop: Workshop,
    lease: Lease,
    stop_at: Callable[[], float],
    holding: ExitStack,
) -> _Made:
    """
    Fetch the targets, unless they cannot be: then that is their outcome.

    `holding` is closed when the outcomes take no memory any more.
    """
    batch, receives = delivery.batch, delivery.receives
    if receives >= UNFETCHED_FROM:
        detail = f"the batch was received {receives} times, and no worker has brought it to an end"
        return await workshop.aside(_given_up, batch, resources, Reason.WORKER_DIED, detail)
    keeper = await workshop.aside(_kept_state, batch, resources)
    try:
        means = await workshop.aside(_means, delivery, resources, workshop, keeper.state)
    except InvalidJobError as error:
        return await workshop.aside(_given_up, batch, resources, Reason.BAD_JOB, str(error))
    partition = Partition(
        number=batch.partition,
        count=resources.settings.partitions,
        state=keeper.state,
        save_soon=keeper.save_soon,
        check=lease.check,
        rules_elsewhere=resources.rules_elsewhere,
    )
    taken = None
    if means.job.takes:
        taken = await workshop.aside(seen, resources.data, batch)
    frontier = Frontier(batch, means.scope, taken, resources.settings.partitions)
    recollection = None
    if (known := remembering(means.job, batch, resources.data)) is not None:
        recollection = known.recollection(means.extractor.kinds, workshop.aside)
    outcomes = OutcomeFile(Addresses(batch, resources.settings.partitions))

    def emit(outcome: Outcome) -> None:
        outcomes.add(outcome)
        workshop.tell(batch, outcomes.counts)

    holding.enter_context(workshop.holding(outcomes))
    kept = workshop.keeping(means.keeping, resources.data)
    async with kept, workshop.ending(batch.job) as ending:
        facts = await scrape_batch(
            batch,
            means,
            partition,
            workshop.pool,
            emit,
            stop_at=stop_at,
            clock=resources.clock,
            rng=resources.rng,
            frontier=frontier,
            has_room=workshop.has_room,
            ending=ending,
            recollection=recollection,
        )
    return _Made(outcomes.close(resources.clock()), facts, keeper, taken)


def _swept(delivery: Delivery, resources: Resources) -> Mapping[str, int]:
    """Look for what is gone in a partition, unless nobody could; return the counts."""
    batch = delivery.batch
    manifest = resources.known_manifest(batch.job)
    gives_up = delivery.receives >= UNFETCHED_FROM
    known = None if gives_up else remembering(manifest, batch, resources.data)
    return swept(known, batch, resources.data, resources.clock())


def _kept_state(batch: Batch, resources: Resources) -> StateKeeper:
    """Return what is known of the hosts, which may be asked as long as the fleet's lock is ours."""
    data, clock = resources.data, resources.clock
    lock = resources.fence.hold()
    keeper = StateKeeper(data, batch.partition, clock)
    hosts = {parse_url(target.location).host for target in batch.targets}
    adopt(keeper.state, batch.partition, hosts, lock, data, clock())
    return keeper


def _means(
    delivery: Delivery, resources: Resources, workshop: Workshop, state: PartitionState
) -> Means:
    """
    Return what the targets of a batch are fetched and extracted with.

    Raises:
        InvalidJobError: the job has no manifest, or its spec or its secret is wrong.
        StorageError: the secret could not be read.
    """
    job = resources.manifest(delivery.batch.job)
    user_agent = resources.settings.user_agent
    extractor = Extractor(
        job.spec,
        token=product_token(job.spec.fetch.user_agent or user_agent),
        process=extraction_process(workshop.bounds.page),
        careful=delivery.receives >= CAREFUL_FROM,
        turn=workshop.extracting,
    )
    pool = proxy_pool(job, state, resources.rng)
    return Means(
        job=job,
        user_agent=user_agent,
        extractor=extractor,
        pool=pool,
        secrets=secrets_of(job),
        keeping=keeping(job.spec, delivery.batch),
    )


def _given_up(batch: Batch, resources: Resources, reason: Reason, detail: str) -> _Made:
    """Return what says of each target that nobody has asked for it."""
    if resources.is_cancelled(batch.job):
        reason, detail = Reason.CANCELLED, "the job was cancelled"
    now = resources.clock()
    outcomes = OutcomeFile(Addresses(batch, resources.settings.partitions))
    for target in batch.targets:
        error = FetchError(target.location, reason, detail)
        outcomes.add(Visit(target).ended(error, now=now))
    return _Made(outcomes.close(now), Counter())

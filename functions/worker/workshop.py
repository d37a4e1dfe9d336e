"""
What the batches share that a worker has in hand at once.

One pool of connections, one process that extracts, one bound on the memory of outcomes, a few
threads for S3 and SQS, one look for each job whether it was cancelled. Made for one event loop.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import ParamSpec, TypeVar

from functions.worker.bounds import Bounds, bounds_of
from functions.worker.commit import OutcomeFile
from functions.worker.extraction.documents.complexity import beside_limits
from functions.worker.extraction.extractor import Turn
from functions.worker.keeping.keeping import Keeping
from functions.worker.scraping.batch import network_of
from functions.worker.scraping.ending import Ending
from functions.worker.transport.budget import Budget, Slots
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Pool
from shared.errors import Reason, StorageError
from shared.messages import Batch
from shared.settings import WorkerSettings
from shared.store import Bucket

LARGE_COMMIT = 100_000
"""Bytes of a commit object, compressed, from which on it may have found thousands of targets."""
KEPT_BYTES = 256_000_000
"""Of kept pages on the disk, of all batches in hand; Lambda gives a worker 512 MB."""
CANCEL_SECONDS = 5.0  # between two looks whether a job was cancelled
_THREADS = 8

Tell = Callable[[Batch, Mapping[str, int]], None]
P = ParamSpec("P")
T = TypeVar("T")


class Workshop:
    """
    See the module; `open_workshop` makes it.

    Args:
        pool: The connections.
        bounds: Of the memory.
        ended: Returns why nothing more of a job is to be fetched, if so. It may take its time.
        tell: Is told of each outcome of a batch, by the counts of all of them so far.
        clock: Returns seconds, from any moment on.
    """

    def __init__(
        self,
        pool: Pool,
        bounds: Bounds,
        ended: Callable[[str], Reason | None],
        tell: Tell = lambda _batch, _counts: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pool = pool
        self.bounds = bounds
        self.tell = tell
        self.extracting = Turn()
        """With the process that extracts."""
        self._concluding = asyncio.Lock()
        self.share = Share(clock)
        self._files: set[OutcomeFile] = set()
        self._keepings: set[Keeping] = set()
        self._threads = ThreadPoolExecutor(_THREADS, "work")
        # Of their own: a look that has no answer must not hold up what is to be committed, nor what
        # is committed a message whose lease has begun.
        self._looking = ThreadPoolExecutor(1, "cancelled")
        self._receiving = ThreadPoolExecutor(1, "receive")
        self._ended = ended
        self._endings: dict[str, Ending] = {}
        self._batches: Counter[str] = Counter()

    async def aside(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call` returns, made by a thread: for calls to S3 and SQS."""
        return await _made(self._threads, partial(call, *args, **kwargs))

    async def receive(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call` returns, which receives messages."""
        return await _made(self._receiving, partial(call, *args, **kwargs))

    def outcome_bytes(self) -> int:
        """Return the size of all outcomes that are not committed yet."""
        return sum(file.size for file in self._files)

    def kept_bytes(self) -> int:
        """Return the size of all kept pages of batches in hand."""
        return sum(keeping.size for keeping in self._keepings)

    def has_room(self) -> bool:
        """Tell whether there is memory for more outcomes that have rows, and disk for pages."""
        return self.outcome_bytes() < self.bounds.outcomes and self.kept_bytes() < KEPT_BYTES

    @contextmanager
    def holding(self, file: OutcomeFile) -> Iterator[None]:
        """Count the size of `file` until the end of the block."""
        self._files.add(file)
        try:
            yield
        finally:
            self._files.discard(file)

    @asynccontextmanager
    async def keeping(self, keeping: Keeping | None, data: Bucket) -> AsyncIterator[None]:
        """
        Let pages be kept until the end of the block; write them to `data` if all went well.

        Raises:
            StorageError: they could not be written.
        """
        if keeping is None:
            yield
            return
        self._keepings.add(keeping)
        try:
            yield
            await self.aside(keeping.save, data)
        finally:
            self._keepings.discard(keeping)
            keeping.close()

    @asynccontextmanager
    async def concluding(self, body: bytes) -> AsyncIterator[None]:
        """Let large commit objects be concluded one at a time: what they lead to is in memory."""
        if len(body) < LARGE_COMMIT:
            yield
        else:
            async with self._concluding:
                yield

    @asynccontextmanager
    async def ending(self, job: str) -> AsyncIterator[Ending]:
        """
        Yield what is set as soon as it is known that nothing more of `job` is to be fetched.

        The first batch of a job looks at once; `look` does so for those in hand.

        Raises:
            StorageError: it cannot be known.
        """
        is_first = job not in self._endings
        ending = self._endings.setdefault(job, Ending())
        self._batches[job] += 1
        try:
            if is_first and (reason := await self.aside(self._ended, job)) is not None:
                ending.give(reason)
            yield ending
        finally:
            self._batches[job] -= 1
            if not self._batches[job]:
                del self._batches[job], self._endings[job]

    async def look(self) -> None:
        """Look from time to time, for ever, which of the jobs in hand have ended."""
        while True:
            await asyncio.sleep(CANCEL_SECONDS)
            for job, ending in list(self._endings.items()):
                with suppress(StorageError):  # the next look will tell, or the commit
                    if ending.is_set():
                        continue
                    reason = await _made(self._looking, partial(self._ended, job))
                    if reason is not None:
                        ending.give(reason)

    def close(self) -> None:
        """Let the threads end, without waiting for a look that has no answer."""
        self._looking.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown()
        self._receiving.shutdown()


async def _made(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, beside_limits, call)


class Share:
    """
    What share of the worker's time each batch in hand has.

    The time goes to all of them alike, so that the shares of all batches add up to what is billed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._in_hand = 0
        self._each = 0.0
        self._at = 0.0

    def begin(self) -> float:
        """Note a batch more; return what `taken` needs to know of it."""
        self._go_on()
        self._in_hand += 1
        return self._each

    def taken(self, began: float) -> float:
        """Return the seconds that are the share of a batch so far."""
        self._go_on()
        return self._each - began

    def end(self) -> None:
        """Note a batch less."""
        self._go_on()
        self._in_hand -= 1

    def _go_on(self) -> None:
        now = self._clock()
        if self._in_hand:
            self._each += (now - self._at) / self._in_hand
        self._at = now


@asynccontextmanager
async def open_workshop(
    settings: WorkerSettings,
    ended: Callable[[str], Reason | None],
    tell: Tell = lambda _batch, _counts: None,
    *,
    new_pool: Callable[[Network, Budget, Slots], Pool] = Pool,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Workshop]:
    """
    Open what the batches of a worker share, for the running event loop.

    `new_pool` makes the connections; for the others see `Workshop`.
    """
    bounds = bounds_of(settings)
    budget, slots = Budget(bounds.bodies), Slots(bounds.requests)
    async with new_pool(network_of(settings), budget, slots) as pool:
        workshop = Workshop(pool, bounds, ended, tell, clock)
        looking = asyncio.create_task(workshop.look())
        try:
            yield workshop
        finally:
            looking.cancel()
            workshop.close()


Opened = Callable[
    [WorkerSettings, Callable[[str], Reason | None], Tell], AbstractAsyncContextManager[Workshop]
]
"""What `open_workshop` is."""

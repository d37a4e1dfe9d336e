"""
A batch within one invocation: connections are opened, and somebody looks at the clock meanwhile.

Whoever calls tells how much time is left and whether the job was cancelled.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random

from functions.worker.politeness.partition import Partition
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import Scraper
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import open_fetcher
from shared.errors import StorageError
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.settings import WorkerSettings

CANCEL_SECONDS = 5.0  # between two looks whether the job was cancelled
TIME_SECONDS = 1.0  # between two looks how much time is left


async def scrape_batch(
    batch: Batch,
    means: Means,
    partition: Partition,
    settings: WorkerSettings,
    emit: Callable[[Outcome], None],
    *,
    is_cancelled: Callable[[], bool],
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    has_room: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """
    Hand the outcomes of `batch` to `emit`; return the facts for the metrics. See `Scraper`.

    `is_cancelled` may take its time. `stop_at` may become sooner at once.
    """
    network = Network(
        parse_connect_to(settings.connect_to),
        allow_private_networks=settings.allow_private_networks,
        allow_private_proxies=settings.allow_private_networks,
        verify_tls=means.fetch.verify_tls,
    )
    async with open_fetcher(
        user_agent=means.agent, connections=means.fetch.concurrency, network=network
    ) as fetcher:
        scraper = Scraper(
            batch,
            means,
            partition,
            fetcher,
            clock=clock,
            stop_at=stop_at(),
            rng=rng,
            has_room=has_room,
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

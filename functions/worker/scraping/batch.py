"""
A batch as long as it is fetched: with connections, and somebody who looks at the clock meanwhile.

Whoever calls tells how much time is left.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

from functions.worker.politeness.partition import Partition
from functions.worker.remembering.recollection import Recollection
from functions.worker.scraping.ending import Ending
from functions.worker.scraping.frontier import Frontier
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import OnWait, Scraper
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Pool
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.settings import WorkerSettings

TIME_SECONDS = 1.0  # between two looks how much time is left, where no request begins


def network_of(settings: WorkerSettings) -> Network:
    """Return where a deployment's connections may go."""
    return Network(
        parse_connect_to(settings.connect_to),
        allow_private_networks=settings.allow_private_networks,
        allow_private_proxies=settings.allow_private_networks,
    )


async def scrape_batch(
    batch: Batch,
    means: Means,
    partition: Partition,
    pool: Pool,
    emit: Callable[[Outcome], None],
    *,
    stop_at: Callable[[], float],
    clock: Callable[[], float],
    rng: Random,
    frontier: Frontier | None = None,
    has_room: Callable[[], bool] = lambda: True,
    ending: Ending | None = None,
    on_wait: OnWait = lambda _seconds, _visit: None,
    recollection: Recollection | None = None,
) -> Counter[str]:
    """Hand the outcomes of `batch` to `emit`; return the facts for the metrics. See `Scraper`."""
    scraper = Scraper(
        batch,
        means,
        partition,
        await pool.fetcher(user_agent=means.agent, verify_tls=means.fetch.verify_tls),
        clock=clock,
        stop_at=stop_at,
        rng=rng,
        frontier=frontier,
        has_room=has_room,
        ending=ending,
        on_wait=on_wait,
        recollection=recollection,
    )
    watch = asyncio.create_task(_keep_time(scraper))
    try:
        await scraper.scrape(emit)
    finally:
        watch.cancel()
    return scraper.facts


async def _keep_time(scraper: Scraper) -> None:
    while True:
        await asyncio.sleep(TIME_SECONDS)
        scraper.look()

"""Crawlee: its parsel crawler, robots.txt obeyed, storage in memory, which is its fastest."""

import asyncio
import json
import logging

from crawlee import ConcurrencySettings
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.storage_clients import MemoryStorageClient

from bench.peers.parsel_rows import extract
from bench.subjects import CONCURRENCY, arguments, say


async def crawl(urls: list[str], name: str) -> ParselCrawler:
    crawler = ParselCrawler(
        storage_client=MemoryStorageClient(),
        concurrency_settings=ConcurrencySettings(
            min_concurrency=CONCURRENCY,
            desired_concurrency=CONCURRENCY,
            max_concurrency=CONCURRENCY,
        ),
        respect_robots_txt_file=True,
        configure_logging=False,
    )

    @crawler.router.default_handler
    async def _(context: ParselCrawlingContext) -> None:
        url = context.request.loaded_url or context.request.url
        await context.push_data({"url": url, **extract(context.selector, url)}, dataset_name=name)

    await crawler.run(urls)
    return crawler


async def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    warm, work, rows = arguments()
    await crawl(warm, "warm")
    say("ready")
    crawler = await crawl(work, "work")
    dataset = await crawler.get_dataset(name="work")
    with rows.open("w") as file:
        async for row in dataset.iterate_items():
            file.write(json.dumps(row) + "\n")
    say("done")


asyncio.run(main())

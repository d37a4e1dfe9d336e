"""
Crawlee, politely: a pause for each host, robots.txt obeyed.

    python -m bench.peers.polite_crawlee URLS ROWS PAUSE CONCURRENCY

Its throttling knows no jitter and no limit of the requests that a host has open; robots.txt is
fetched without a pause.
"""

import asyncio
import json
import logging
import sys
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from crawlee import ConcurrencySettings, service_locator
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.request_loaders import ThrottlingRequestManager
from crawlee.storage_clients import MemoryStorageClient
from crawlee.storages import RequestQueue


async def main(urls: list[str], rows: Path, pause: float, concurrency: int) -> None:
    logging.basicConfig(level=logging.WARNING)
    service_locator.set_storage_client(MemoryStorageClient())
    origins = {urlsplit(url).hostname: url for url in urls}
    requests = ThrottlingRequestManager(
        await RequestQueue.open(),
        domains=list(origins),
        request_manager_opener=RequestQueue.open,
    )
    for url in origins.values():
        requests.set_crawl_delay(url, pause)
    crawler = ParselCrawler(
        request_manager=requests,
        concurrency_settings=ConcurrencySettings(
            min_concurrency=concurrency,
            desired_concurrency=concurrency,
            max_concurrency=concurrency,
        ),
        respect_robots_txt_file=True,
        configure_logging=False,
    )
    with rows.open("w") as file:

        @crawler.router.default_handler
        async def _(context: ParselCrawlingContext) -> None:
            url = context.request.loaded_url or context.request.url
            links = context.selector.css("a::attr(href)").getall()
            row = {
                "url": url,
                "title": context.selector.css("title::text").get(),
                "links": [urljoin(url, href) for href in links],
            }
            file.write(json.dumps(row) + "\n")

        await crawler.run(urls)


if __name__ == "__main__":
    asyncio.run(
        main(
            Path(sys.argv[1]).read_text().split(),
            Path(sys.argv[2]),
            float(sys.argv[3]),
            int(sys.argv[4]),
        )
    )

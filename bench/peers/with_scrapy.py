"""Scrapy: one spider, the item exporter's JSON lines, robots.txt obeyed, no delay."""

from collections.abc import AsyncIterator
from typing import Any

from scrapy.utils.reactor import install_reactor

install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")

import scrapy  # noqa: E402
from scrapy.crawler import CrawlerRunner  # noqa: E402
from scrapy.http import Response  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402
from twisted.internet.task import react  # noqa: E402

from bench.peers.parsel_rows import extract  # noqa: E402
from bench.subjects import CONCURRENCY, PER_HOST, arguments, say  # noqa: E402


class Pages(scrapy.Spider):
    name = "pages"
    urls: tuple[str, ...] = ()

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for url in self.urls:
            yield scrapy.Request(url)

    def parse(self, response: Response) -> Any:  # noqa: ANN401 -- Scrapy's
        yield {"url": response.url, **extract(response.selector, response.url)}


async def main() -> None:
    warm, work, rows = arguments()
    runner = CrawlerRunner(
        {
            "CONCURRENT_REQUESTS": CONCURRENCY,
            "CONCURRENT_REQUESTS_PER_DOMAIN": PER_HOST,
            "DOWNLOAD_DELAY": 0,
            "FEEDS": {str(rows): {"format": "jsonlines", "overwrite": True}},
            "LOG_LEVEL": "WARNING",
            "ROBOTSTXT_OBEY": True,
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    await runner.crawl(Pages, urls=warm)
    say("ready")
    await runner.crawl(Pages, urls=work)
    say("done")


react(lambda _: Deferred.fromCoroutine(main()))

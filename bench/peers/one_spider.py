"""
Scrapy as it is started from a shell: `scrapy runspider bench/peers/one_spider.py -a urls=FILE`.

Takes the titles and absolute links of pages, as a spec without fields does, or with
``-a fields=all`` what all subjects of `make bench-worker` take. How polite it is, its settings say.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import scrapy
from scrapy.http import Response
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred, succeed

from bench.peers.parsel_rows import extract


class Loopback(CachingThreadedResolver):
    """Finds all hosts on this machine."""

    def getHostByName(self, name: str, timeout: Any = ()) -> Deferred[str]:  # noqa: ANN401, N802
        del timeout
        return succeed(name if name.startswith("127.") else "127.0.0.1")


class Pages(scrapy.Spider):
    name = "pages"
    urls = ""
    fields = ""

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for url in Path(self.urls).read_text().split():  # noqa: ASYNC240 -- nothing runs yet
            yield scrapy.Request(url)

    def parse(self, response: Response) -> Any:  # noqa: ANN401 -- Scrapy's
        if self.fields == "all":
            yield {"url": response.url, **extract(response.selector, response.url)}
            return
        links = response.css("a::attr(href)").getall()
        yield {
            "url": response.url,
            "title": response.css("title::text").get(),
            "links": [urljoin(response.url, href) for href in links],
        }

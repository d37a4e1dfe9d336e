"""aiohttp and BeautifulSoup as the tutorials have it: gather, a semaphore, `html.parser`."""

import asyncio
import json
from pathlib import Path
from typing import TextIO

import aiohttp

from bench.peers.soup import extract
from bench.subjects import CONCURRENCY, arguments, say


async def fetch(
    session: aiohttp.ClientSession, gate: asyncio.Semaphore, url: str, file: TextIO
) -> None:
    async with gate, session.get(url) as response:
        response.raise_for_status()
        html = await response.text()
        file.write(json.dumps({"url": url, **extract(html, url)}) + "\n")


async def scrape(urls: list[str], rows: Path) -> None:
    gate = asyncio.Semaphore(CONCURRENCY)
    with rows.open("w") as file:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(fetch(session, gate, url, file) for url in urls))


def main() -> None:
    warm, work, rows = arguments()
    asyncio.run(scrape(warm, rows))
    say("ready")
    asyncio.run(scrape(work, rows))
    say("done")


main()

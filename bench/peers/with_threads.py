"""requests in threads, each with a session of its own, and BeautifulSoup."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import requests

from bench.peers.soup import extract
from bench.subjects import CONCURRENCY, arguments, say

_thread = local()


def fetch(url: str) -> str:
    if not hasattr(_thread, "session"):
        _thread.session = requests.Session()
    response = _thread.session.get(url, timeout=30)
    response.raise_for_status()
    return json.dumps({"url": url, **extract(response.text, url)}) + "\n"


def scrape(urls: list[str], rows: Path) -> None:
    with ThreadPoolExecutor(CONCURRENCY) as threads, rows.open("w") as file:
        file.writelines(threads.map(fetch, urls))


def main() -> None:
    warm, work, rows = arguments()
    scrape(warm, rows)
    say("ready")
    scrape(work, rows)
    say("done")


main()

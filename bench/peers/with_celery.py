"""Celery on Redis: a task for each URL, with requests and BeautifulSoup, its row as the result."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from celery import Celery

from bench.peers.soup import extract
from bench.subjects import arguments, say

_PROCESSES = 4
app = Celery("pages", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])


@app.task(name="fetch")
def fetch(url: str) -> dict[str, Any]:
    response = requests.get(url, timeout=30)
    response.raise_for_status()
    return {"url": url, **extract(response.text, url)}


def scrape(urls: list[str], rows: Path) -> None:
    results = [fetch.delay(url) for url in urls]
    with rows.open("w") as file:
        file.writelines(json.dumps(result.get()) + "\n" for result in results)


def main() -> None:
    warm, work, rows = arguments()
    arguments_of_worker = ["worker", "-c", str(_PROCESSES), "-l", "ERROR"]
    with subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "bench.peers.with_celery", *arguments_of_worker]
    ) as worker:
        scrape(warm, rows)
        say("ready")
        scrape(work, rows)
        say("done")
        worker.terminate()


if __name__ == "__main__":
    main()

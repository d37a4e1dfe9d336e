"""
The whole command beside Scrapy's, each from its start to its exit: rows of `make bench-local`.

The pages of `make bench-worker`, from nginx, with no pauses, and what all its subjects take from
them; and a single one of them, whose time is the start and the end of a command and not more.
"""

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from statistics import median
from typing import NamedTuple

import msgspec

from bench import corpus
from bench.command import run_command
from bench.polite import came, runspider
from bench.spec import SPEC
from bench.subjects import CONCURRENCY, PER_HOST
from bench.timed import Timed, timed

_LIMIT = 600.0
_URL_ROUNDS = 3  # of a single URL, for each round of all
_Command = Callable[[Path, Path], list[str]]


class Beside(NamedTuple):
    """Seconds of the clock and of CPU, of ours and of Scrapy."""

    clock: float
    cpu: float
    scrapy_clock: float
    scrapy_cpu: float


def scatterfetch(urls: Path, _folder: Path) -> list[str]:
    return run_command(urls, msgspec.to_builtins(SPEC), {"AllowPrivateNetworks": "true"})


def scrapy(urls: Path, folder: Path) -> list[str]:
    settings = {
        "CONCURRENT_REQUESTS": CONCURRENCY,
        "CONCURRENT_REQUESTS_PER_DOMAIN": PER_HOST,
        "DOWNLOAD_DELAY": 0,
    }
    return runspider(urls, folder / "rows.jsonl", settings, fields="all")


PARTS = ("pages", "url")


def beside_scrapy(parts: Collection[str], rounds: int) -> dict[str, Beside]:
    """Return the medians for all pages and for one of them, as a table shows them meanwhile."""
    found = {}
    with _website() as (pages, port):
        every = corpus.urls(pages.pages, port, passes=1, name="whole")
        lists = {"pages": (every, rounds), "url": (every[:1], rounds * _URL_ROUNDS)}
        print("\n| the whole command | clock, s | Scrapy's | ratio | CPU, s | Scrapy's | ratio |")
        print("|---|---|---|---|---|---|---|")
        for part in parts:
            urls, times = lists[part]
            name = f"{len(urls):,} pages" if len(urls) > 1 else "one URL"
            found[name] = one = _compare(urls, times)
            print(
                f"| {name} | {one.clock:.2f} | {one.scrapy_clock:.2f} "
                f"| {one.clock / one.scrapy_clock:.2f} | {one.cpu:.2f} | {one.scrapy_cpu:.2f} "
                f"| {one.cpu / one.scrapy_cpu:.2f} |",
                flush=True,
            )
    return found


@contextmanager
def _website() -> Iterator[tuple[corpus.Corpus, int]]:
    pages = corpus.prepare()
    corpus.peers_python()
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        corpus.running(pages, port, core=None, folder=Path(folder)),
    ):
        yield pages, port


def _compare(urls: list[str], rounds: int) -> Beside:
    ours: list[Timed] = []
    theirs: list[Timed] = []
    for _ in range(rounds):
        ours.append(_run(scatterfetch, urls))
        theirs.append(_run(scrapy, urls))
    return Beside(
        median(used.wall for used in ours),
        median(used.cpu for used in ours),
        median(used.wall for used in theirs),
        median(used.cpu for used in theirs),
    )


def _run(command: _Command, urls: list[str]) -> Timed:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
        log = folder / "command.log"
        used = timed(command(folder / "urls.txt", folder), log, limit=_LIMIT)
        missing = set(urls) - came(folder)
        if used.status or missing:
            raise SystemExit(
                f"{len(missing)} of {len(urls)} pages did not come:\n{log.read_text()}"
            )
    return used

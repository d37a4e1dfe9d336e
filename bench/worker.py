"""
What a page costs, by the worker and by others: `make bench-worker`.

The worker's real handler, with all that it does, against Scrapy, Crawlee, BeautifulSoup in three
ways and the least that could be done, on the same real pages from nginx on this machine. See
docs/performance.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server
from statistics import median
from typing import Any, NamedTuple

from bench import corpus
from bench.aws import worker_environment
from bench.subjects import Used, started
from shared.errors import InvalidUrlError
from shared.urls import parse_url

_WARM_PAGES = 20
_SUBJECT_CORE, _SERVER_CORE = 0, 1


class _Named(NamedTuple):
    """`passes` is how often it does each page in a round: the fast ones would be over too soon."""

    name: str
    module: str
    passes: int
    ours: bool = False


WORKER = "scatterfetch worker"
FLOOR = "floor: sockets, Lexbor"
SUBJECTS = (
    _Named(WORKER, "bench.handler", 8, ours=True),
    _Named(FLOOR, "bench.floor", 8, ours=True),
    _Named("Scrapy", "bench.peers.with_scrapy", 2),
    _Named("Crawlee (parsel)", "bench.peers.with_crawlee", 2),
    _Named("aiohttp + BeautifulSoup", "bench.peers.with_aiohttp", 1),
    _Named("requests, threads + BeautifulSoup", "bench.peers.with_threads", 1),
    _Named("Celery, Redis, requests + BeautifulSoup", "bench.peers.with_celery", 1),
)


class Bench:
    """The servers, while they run, and what is asked of them."""

    def __init__(self, pages: corpus.Corpus, folder: Path, peers: Path, port: int) -> None:
        # The largest one too, for which the worker starts a process that then stays.
        self._warm = (*pages.pages[:_WARM_PAGES], pages.largest)
        self._folder = folder
        self._peers = peers
        self._port = port
        self.environment: dict[str, str] = {}

    def run(self, subject: _Named, pages: tuple[str, ...]) -> Used:
        """Have `pages` scraped; the rows are in `rows(subject)` afterwards."""
        warm = self._list("warm", self._warm, 1)
        work = self._list("work", pages, subject.passes)
        python = sys.executable if subject.ours else str(self._peers)
        command = [python, "-m", subject.module, str(warm), str(work), str(self.rows(subject))]
        with started(command, core=_SUBJECT_CORE, environment=self.environment) as running:
            running.wait_for("ready")
            cpu, began = running.cpu, time.perf_counter()
            running.go()
            running.wait_for("done")
            wall = time.perf_counter() - began
            used = Used(running.cpu - cpu, wall, running.memory)
            running.go()
        return used

    def rows(self, subject: _Named) -> Path:
        return self._folder / f"{subject.module}.jsonl"

    def _list(self, name: str, pages: tuple[str, ...], passes: int) -> Path:
        path = self._folder / f"{name}.txt"
        path.write_text("\n".join(corpus.urls(pages, self._port, passes=passes, name=name)))
        return path


@contextmanager
def bench() -> Iterator[tuple[Bench, corpus.Corpus]]:
    """Start the servers on a core of their own."""
    pages, peers = corpus.prepare(), corpus.peers_python()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        web, redis = _free_port(), _free_port()
        stack.enter_context(corpus.running(pages, web, core=_SERVER_CORE, folder=folder))
        stack.enter_context(
            corpus.redis(folder, "--bind", "127.0.0.1", "--port", f"{redis}", core=_SERVER_CORE)
        )
        aws = stack.enter_context(
            subprocess.Popen(
                ["taskset", "-c", str(_SERVER_CORE), sys.executable, "-m", "bench.aws"],
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(aws.terminate)
        assert aws.stdout is not None
        endpoint = f"http://127.0.0.1:{aws.stdout.readline().strip()}"
        ready = Bench(pages, folder, peers, web)
        ready.environment = {
            "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
            **worker_environment(endpoint),
        }
        yield ready, pages


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


# ---- whether all did the same


def disagreements(expected: Path, rows: Path) -> tuple[int, dict[str, int]]:
    """Return how many pages both have, and in how many of them which field differs."""
    ours, theirs = _by_url(expected), _by_url(rows)
    differing: dict[str, int] = {}
    both = ours.keys() & theirs.keys()
    for url in both:
        for name, value in ours[url].items():
            if theirs[url].get(name) != value:
                differing[name] = differing.get(name, 0) + 1
    return len(both), differing


def _by_url(rows: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for line in rows.read_text().splitlines():
        row = json.loads(line)
        url = row.pop("url")
        found[url] = {name: _comparable(name, value) for name, value in row.items()}
    return found


def _comparable(name: str, value: Any) -> Any:  # noqa: ANN401 -- JSON
    if name == "links":  # each once, as URLs that can be fetched
        return sorted({_href(url) for url in value} - {None})
    if name == "canonical":
        return _href(value)
    return value or None


def _href(url: str | None) -> str | None:
    try:
        return parse_url(url).href if url else None
    except InvalidUrlError:
        return None


# ---- rounds


def measure(rounds: int, names: list[str], first: int | None = None) -> dict[str, Any]:
    """Return medians of `rounds`, or of the first ones; all pages are in all of them together."""
    chosen = [subject for subject in SUBJECTS if not names or subject.module in names]
    per_page: dict[str, list[float]] = {subject.name: [] for subject in chosen}
    per_second: dict[str, list[float]] = {subject.name: [] for subject in chosen}
    memory: dict[str, int] = dict.fromkeys(per_page, 0)
    equal: dict[str, Any] = {}
    with bench() as (servers, pages):
        for number in range(first or rounds):
            part = pages.pages[number::rounds]  # every page in one of the rounds
            for subject in chosen:
                used = servers.run(subject, part)
                count = len(part) * subject.passes
                per_page[subject.name].append(used.cpu / count * 1000)
                per_second[subject.name].append(count / used.wall)
                memory[subject.name] = max(memory[subject.name], used.memory)
                print(
                    f"round {number + 1}: {subject.name}: {used.cpu / count * 1000:.2f} ms/page, "
                    f"{count / used.wall:.0f}/s, {used.memory / 1e6:.0f} MB",
                    file=sys.stderr,
                )
            if number == 0:
                equal = {
                    subject.name: disagreements(servers.rows(chosen[0]), servers.rows(subject))
                    for subject in chosen[1:]
                }
    base = per_page[chosen[0].name]
    return {
        "pages": len(pages.pages),
        "bytes_per_page": round(pages.bytes / len(pages.pages)),
        "rounds": first or rounds,
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "machine": platform.machine(),
        "subjects": {
            name: {
                "ms_cpu_per_page": round(median(values), 3),
                # Of each round for itself: what disturbs one disturbs all that run in it.
                "ratio": round(median(v / b for v, b in zip(values, base, strict=True)), 3),
                "spread": [round(min(values), 3), round(max(values), 3)],
                "pages_per_second": round(median(per_second[name])),
                "memory_mb": round(memory[name] / 1e6),
                "compared": equal.get(name),
            }
            for name, values in per_page.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="What a page costs, by the worker and by others.")
    parser.add_argument("--rounds", type=int, default=5, help="each with its share of the pages")
    parser.add_argument("--first", type=int, help="do only so many of these rounds")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="MODULE", help="of the subjects; the first is 1.0"
    )
    options = parser.parse_args()
    found = measure(options.rounds, options.only, options.first)
    print("| | CPU per page, ms | of the worker's | pages/s on one core | peak memory, MB |")
    print("|---|---|---|---|---|")
    for name, numbers in found["subjects"].items():
        print(
            f"| {name} | {numbers['ms_cpu_per_page']:.2f} | {numbers['ratio']:.2f} "
            f"| {numbers['pages_per_second']} | {numbers['memory_mb']} |"
        )
    for name, numbers in found["subjects"].items():
        if numbers["compared"]:
            pages, differing = numbers["compared"]
            print(f"{name}: of {pages} rows, differing: {differing or 'none'}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""
What the engine's features cost, in CPU, against a bare loop over aiohttp: `make bench-engine`.

Both get the same pages from the same server, extract the same rows and write the same outcomes,
in turns within one process, so that the ratio holds whatever else the machine does.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from random import Random
from statistics import median
from typing import NamedTuple

import aiohttp
from aiohttp.abc import ResolveResult

from bench.table import parse_options, print_table
from functions.worker.commit import OutcomeFile
from functions.worker.extraction.extractor import Extractor, extraction_process
from functions.worker.extraction.rows import compile_extraction
from functions.worker.politeness.partition import Partition, decode_state, encode_state
from functions.worker.politeness.robots import product_token
from functions.worker.scraping.means import Means
from functions.worker.scraping.scrape import Scraper
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import open_fetcher
from functions.worker.transport.page import FetchedPage
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Kind, Outcome
from shared.spec import FetchSpec, Spec

_USER_AGENT = "bench/1.0 (+https://bench.example/bot)"
_PER_HOST = 10


class Case(NamedTuple):
    """A batch."""

    name: str
    targets: int
    hosts: int
    size: int


CASES = (
    Case("30 KB, 10 hosts", 100, 10, 30_000),
    Case("100 KB, 10 hosts", 100, 10, 100_000),
    Case("1 KB, 10 hosts", 100, 10, 1_000),
    Case("1 KB, 200 hosts", 200, 200, 1_000),
    Case("1 KB, 1 host", 200, 1, 1_000),
)


class _Loopback(aiohttp.ThreadedResolver):
    """Finds every host where the website is, at the price of a look-up."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del host, port
        return await super().resolve("127.0.0.1", self._port, family)


def urls(case: Case) -> list[str]:
    return [f"http://h{n % case.hosts}.example/{case.size}?n={n}" for n in range(case.targets)]


async def bare(case: Case, port: int, *, extracting: bool) -> None:
    """Do what a script of twenty lines would do."""
    gate = asyncio.Semaphore(64)
    gates = {f"h{n}.example": asyncio.Semaphore(_PER_HOST) for n in range(case.hosts)}
    token = product_token(_USER_AGENT)
    outcomes = OutcomeFile()
    extraction = compile_extraction(Spec())

    async def fetch(session: aiohttp.ClientSession, line: int, url: str) -> None:
        host = url.split("/")[2]
        began = time.time()
        async with (
            gates[host],
            gate,
            session.get(url) as response,
        ):
            response.raise_for_status()
            body = await response.read()
        if not extracting:
            return
        page = FetchedPage(url, response.status, response.content_type, response.charset, body)
        extracted = extraction.extract(page, token=token)
        outcomes.add(
            Outcome(
                url=url,
                final_url=url,
                line=line,
                outcome=Kind.SCRAPED,
                status=200,
                attempt=1,
                fetched_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                elapsed_ms=round((time.time() - began) * 1000),
                bytes=len(body),
                content_type=page.content_type,
                rows=extracted.rows,
                problems=extracted.problems,
            )
        )

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=64, resolver=_Loopback(port)),
        headers={"User-Agent": _USER_AGENT},
    ) as session:
        await asyncio.gather(
            *(fetch(session, line, url) for line, url in enumerate(urls(case), start=1))
        )
    outcomes.close(time.time())


async def engine(case: Case, port: int, known: bytes | None) -> bytes:
    """Do what a worker does between its queue and its bucket; return the state it leaves."""
    state = decode_state(known)
    spec = FetchSpec(pause=0, per_host=_PER_HOST)
    network = Network(parse_connect_to(f":80:127.0.0.1:{port}"), allow_private_networks=True)
    outcomes = OutcomeFile()
    async with open_fetcher(
        user_agent=_USER_AGENT, connections=spec.concurrency, network=network
    ) as fetcher:
        means = Means(
            job=Manifest(
                job="bench", spec=Spec(fetch=spec), partitions=1, batch_size=200, created_at=""
            ),
            user_agent=_USER_AGENT,
            extractor=Extractor(
                Spec(fetch=spec),
                token=product_token(_USER_AGENT),
                process=extraction_process(400_000_000),
                careful=False,
            ),
        )
        end = time.time() + 100
        scraper = Scraper(
            Batch(
                job="bench",
                batch="00000-000000",
                partition=0,
                targets=tuple(Target(url, line) for line, url in enumerate(urls(case), start=1)),
            ),
            means,
            Partition(number=0, count=1, state=state),
            fetcher,
            clock=time.time,
            stop_at=lambda: end,
            rng=Random(0),  # noqa: S311 -- jitter
        )
        await scraper.scrape(outcomes.add)
    outcomes.close(time.time())
    if scraper.facts["Pages"] != case.targets:
        raise SystemExit(f"only {scraper.facts['Pages']} of {case.targets} pages came")
    return encode_state(state, time.time())


def seconds(run: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU time of `run`, of this process alone."""
    began = time.process_time()
    asyncio.run(run())  # type: ignore[arg-type] # a coroutine
    return time.process_time() - began


def measure(case: Case, port: int, rounds: int) -> dict[str, float]:
    """Return the medians in ms of CPU for each page, and ratios to the bare loop's."""
    state = asyncio.run(engine(case, port, None))
    runs: dict[str, Callable[[], Awaitable[object]]] = {
        "bare": lambda: bare(case, port, extracting=True),
        "engine": lambda: engine(case, port, state),
        "engine, robots.txt fetched": lambda: engine(case, port, None),
        "bare, nothing extracted": lambda: bare(case, port, extracting=False),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    medians = {name: median(values) / case.targets * 1000 for name, values in times.items()}
    # Of each round for itself: what disturbs one disturbs all that run in it.
    ratio = median(e / b for e, b in zip(times["engine"], times["bare"], strict=True))
    return {name: round(value, 4) for name, value in (medians | {"ratio": ratio}).items()}


def main() -> None:
    options = parse_options("What the engine costs against a bare loop.", rounds=15)
    with subprocess.Popen(
        [sys.executable, "-m", "bench.website"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            found = {case.name: measure(case, port, options.rounds) for case in CASES}
        finally:
            server.terminate()
    print_table(found, options.json)


if __name__ == "__main__":
    main()

"""
What politeness costs, and what tools make of it: `make bench-polite`.

`scatterfetch run`, a Scrapy process and Crawlee scrape the same list with the same politeness: a
pause between the starts of two requests to a host, so many of them open at a host at once,
robots.txt obeyed. The clock runs from a command's start to its exit. How they treated the hosts is
read from the website's own log. See docs/performance.md.
"""

import argparse
import gzip
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from statistics import median
from string import ascii_lowercase
from typing import Any, NamedTuple

from bench import corpus
from bench.command import run_command
from bench.pauses import Conduct, conduct, least, read_log, slowest
from bench.serving import serving
from bench.timed import timed

PAUSE = 0.5
PER_HOST = 2
CONCURRENCY = 64
_SPEC = {
    "fetch": {
        "pause": PAUSE,
        "per_host": PER_HOST,
        "concurrency": CONCURRENCY,
        "robots": "obey",
    }
}
_PATIENCE = 900.0  # seconds beyond what politeness takes at least


class Scenario(NamedTuple):
    """`late` is how many seconds one of the hosts takes for an answer."""

    hosts: int
    pages: int  # of each host
    late: float = 0.0

    @property
    def least(self) -> float:
        """Seconds for a host that answers at once; robots.txt is a request as others are."""
        return least(self.pages + 1, pause=PAUSE)

    @property
    def least_late(self) -> float:
        """Seconds for the host that is late."""
        return least(self.pages + 1, pause=PAUSE, answer=self.late, at_once=PER_HOST)

    def __str__(self) -> str:
        pages = f"{self.hosts * self.pages:,} pages of {self.hosts} hosts, {self.pages} each"
        return pages + (f", one of which answers after {self.late:g} s" if self.late else "")


SCENARIOS = {"A": Scenario(30, 40), "B": Scenario(300, 20), "C": Scenario(30, 40, late=10.0)}


class Tool(NamedTuple):
    """`command` is given the list, and a folder for what is written."""

    command: Callable[[Path, Path], list[str]]
    by_address: bool = False
    """Whether its hosts are addresses of 127/8, since its names cannot be led to this machine."""


def scatterfetch(urls: Path, _folder: Path) -> list[str]:
    parameters = {"AllowPrivateNetworks": "true", "ConnectTo": "::127.0.0.1:"}
    return run_command(urls, _SPEC, parameters)


def scrapy(urls: Path, folder: Path) -> list[str]:
    settings = {
        "CONCURRENT_REQUESTS": CONCURRENCY,
        "CONCURRENT_REQUESTS_PER_DOMAIN": PER_HOST,
        "DOWNLOAD_DELAY": PAUSE,  # Scrapy's jitter is 50 % as well
    }
    return runspider(urls, folder / "rows.jsonl", settings)


def runspider(
    urls: Path, rows: Path, settings: Mapping[str, object], **arguments: str
) -> list[str]:
    """Return the command that has Scrapy scrape a list from this machine."""
    settings = {
        **settings,
        "LOG_LEVEL": "WARNING",
        "ROBOTSTXT_OBEY": True,
        "TELNETCONSOLE_ENABLED": False,
        "TWISTED_DNS_RESOLVER": "bench.peers.one_spider.Loopback",
    }
    command = [str(corpus.peers_python()), "-m", "scrapy", "runspider"]
    command += ["bench/peers/one_spider.py", "-O", str(rows)]
    for name, value in (arguments | {"urls": str(urls)}).items():
        command += ["-a", f"{name}={value}"]
    for name, setting in settings.items():
        command += ["-s", f"{name}={setting}"]
    return command


def crawlee(urls: Path, folder: Path) -> list[str]:
    command = [str(corpus.peers_python()), "-m", "bench.peers.polite_crawlee", str(urls)]
    return [*command, str(folder / "rows.jsonl"), f"{PAUSE}", f"{CONCURRENCY}"]


TOOLS = {
    "scatterfetch": Tool(scatterfetch),
    "scrapy": Tool(scrapy),
    "crawlee": Tool(crawlee, by_address=True),
}


class Run(NamedTuple):
    """What a tool made of a scenario. Times in seconds from the start of the command."""

    clock: float
    cpu: float
    first: float
    """When the first request came."""
    last: float
    """When the last answer of the hosts that are not late had gone."""
    pages: int
    """Of the list, in the tool's output."""
    conduct: Conduct
    status: int
    left: int
    """Processes that it left running."""
    load: float
    """Of the machine, in the last minute of it."""


def run(scenario: Scenario, tool: Tool, size: int, folder: Path) -> Run:
    """Have `tool` scrape the scenario, with a website of its own."""
    hosts = host_names(scenario.hosts, by_address=tool.by_address)
    addresses = hosts if tool.by_address else []
    late = [f"{hosts[scenario.hosts // 2]}={scenario.late}"] if scenario.late else []
    log, urls = folder / "requests.log", folder / "urls.txt"
    with serving("bench.shops", str(log), *addresses, *late) as port:
        wanted = [
            f"http://{host}:{port}/{size}?n={number}"
            for number in range(scenario.pages)
            for host in hosts
        ]
        urls.write_text("".join(f"{url}\n" for url in wanted))
        command = tool.command(urls, folder)
        limit = max(scenario.least, scenario.least_late) + _PATIENCE
        used = timed(command, folder / "command.log", limit=limit)
    requests = read_log(log.read_text().splitlines())
    quick = [request for request in requests if f"{request.host}={scenario.late}" not in late]
    return Run(
        used.wall,
        used.cpu,
        min((request.began for request in requests), default=used.began) - used.began,
        max((request.ended for request in quick), default=used.began) - used.began,
        len(came(folder) & set(wanted)),
        conduct(requests, pause=PAUSE, at_once=PER_HOST),
        used.status,
        used.left,
        os.getloadavg()[0],
    )


def host_names(count: int, *, by_address: bool) -> list[str]:
    """Return names that differ as those of websites do, or addresses of 127/8."""
    if by_address:
        return [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(count)]
    rng = Random(0)  # noqa: S311 -- names
    return ["".join(rng.choices(ascii_lowercase, k=8)) + ".example" for _ in range(count)]


def came(folder: Path) -> set[str]:
    """Return the URLs of the pages in the JSON lines below `folder`."""
    found = set()
    for path in folder.rglob("*.jsonl*"):
        body = path.read_bytes()
        for line in (gzip.decompress(body) if path.suffix == ".gz" else body).splitlines():
            row = json.loads(line)
            if row.get("outcome", "scraped") == "scraped":
                found.add(row["url"])
    return found


def summary(scenario: Scenario, runs: list[Run]) -> dict[str, Any]:
    """Return medians of what was measured, and the worst of what must not be."""
    conducts = [found.conduct for found in runs]
    clock, last, cpu = (
        median(values) for values in zip(*((r.clock, r.last, r.cpu) for r in runs), strict=True)
    )
    pages = min(found.pages for found in runs)
    least = max(scenario.least, scenario.least_late)
    return {
        "clock, s": round(clock, 1),
        "of the least": round(clock / least, 2),
        "first request, s": round(median(found.first for found in runs), 1),
        "last answer, s": round(last, 1),
        "last, of the least": round(last / scenario.least, 2),
        "CPU, s": round(cpu, 1),
        "CPU per page, ms": round(cpu / pages * 1000, 2) if pages else None,
        "pages": pages,
        "shortest pause, s": round(min(c.shortest or 0.0 for c in conducts), 3),
        "too soon": max(c.hasty for c in conducts),
        "too soon at robots.txt": max(c.hasty_at_first for c in conducts),
        f"beyond {PER_HOST} open": max(c.crowded for c in conducts),
        "asked again": max(c.repeated for c in conducts),
        "left running": max(found.left for found in runs),
        "load": round(median(found.load for found in runs), 1),
    }


def ratios(runs: list[Run], base: list[Run]) -> dict[str, float]:
    """Return how runs compare with those of another tool, each with the one of its own round."""
    pairs = list(zip(runs, base, strict=True))
    return {
        "clock, of Scrapy's": round(median(one.clock / other.clock for one, other in pairs), 2),
        "CPU, of Scrapy's": round(median(one.cpu / other.cpu for one, other in pairs), 2),
    }


def measure(
    scenario: Scenario, names: Iterable[str], runs: int, size: int, keep: Path | None
) -> dict[str, dict[str, Any]]:
    """Have the tools scrape the scenario in turns."""
    found: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(runs):
        for name, before in found.items():
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                if keep:
                    folder = keep / f"{scenario.hosts}-{scenario.late:g}-{name}-{number + 1}"
                    folder.mkdir(parents=True)
                one = run(scenario, TOOLS[name], size, folder)
            before.append(one)
            print(f"run {number + 1}: {name}: {one}", file=sys.stderr, flush=True)
    base = found.get("scrapy")
    return {
        name: summary(scenario, done) | (ratios(done, base) if base else {})
        for name, done in found.items()
    }


def print_table(scenario: Scenario, found: dict[str, dict[str, Any]]) -> None:
    by_jitter = slowest(scenario.hosts, scenario.pages + 1, pause=PAUSE)
    print(f"\n{scenario}")
    print(f"The least that politeness allows: {scenario.least:.1f} s")
    print(f"The slowest host, by the jitter: {by_jitter:.1f} s, {by_jitter / scenario.least:.2f}")
    if scenario.late:
        print(f"The least for the host that is late: {scenario.least_late:.1f} s")
    print(f"\n| | {' | '.join(found)} |\n|{'---|' * (len(found) + 1)}")
    for measure in next(iter(found.values())):
        values = (numbers[measure] for numbers in found.values())
        shown = " | ".join("" if value is None else f"{value:,}" for value in values)
        print(f"| {measure} | {shown} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What politeness costs, by tools.")
    parser.add_argument("--runs", type=int, default=1, help="of which the medians are shown")
    parser.add_argument("--scenarios", nargs="+", choices=SCENARIOS, default=list(SCENARIOS))
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    parser.add_argument("--size", type=int, default=30_000, help="bytes of a page")
    parser.add_argument("--json", type=Path, help="a file for the numbers, as one line")
    parser.add_argument("--keep", type=Path, help="a folder where logs and rows stay")
    options = parser.parse_args()
    about: dict[str, Any] = {"python": platform.python_version(), "machine": platform.machine()}
    about |= {"cores": os.cpu_count(), "runs": options.runs}
    corpus.peers_python()
    tables = {}
    for name in options.scenarios:
        scenario = SCENARIOS[name]
        tables[name] = measure(scenario, options.tools, options.runs, options.size, options.keep)
        print_table(scenario, tables[name])
    if options.json:
        options.json.write_text(json.dumps(about | {"scenarios": tables}) + "\n")


if __name__ == "__main__":
    main()

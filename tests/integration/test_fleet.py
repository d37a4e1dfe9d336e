"""What a website sees of a whole fleet: several jobs over the same hosts, several workers."""

import itertools
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web

from scatterfetch.lists.url_list import UrlList
from shared.outcomes import Kind
from shared.urls import parse_url
from tests.integration.scatterfetch.runs.test_run import Runner
from tests.results import all_outcomes
from tests.site import LogEntry, Site

HOSTS = [f"www.shop{n}.example" for n in range(6)]
PAUSE = 0.4
SPEC = f"fetch: {{pause: {PAUSE}, per_host: 2}}".encode()


@pytest.fixture
def fleet(site: Site, tmp_path: Path) -> Runner:
    return Runner(site, tmp_path / "out")


def job(name: str, paths: range) -> UrlList:
    urls = "".join(f"http://{host}/{n}\n" for host in HOSTS for n in paths)
    return UrlList(f"{name}.txt", f"{name}/urls.txt", urls.encode(), SPEC)


def by_host(site: Site) -> dict[str, list[LogEntry]]:
    found = defaultdict(list)
    for entry in sorted(site.log, key=lambda entry: entry.began):
        found[entry.host].append(entry)
    return found


def most_at_once(entries: list[LogEntry]) -> int:
    changes = [(entry.began, 1) for entry in entries] + [(entry.ended, -1) for entry in entries]
    return max(itertools.accumulate(change for _, change in sorted(changes)))


def starts_by_host(folder: Path) -> dict[str, list[float]]:
    """Return when workers began to fetch pages, in order."""
    found = defaultdict(list)
    for outcome in all_outcomes(folder):
        began = datetime.fromisoformat(outcome.fetched_at).timestamp()
        found[parse_url(outcome.url).host].append(began)
    return {host: sorted(starts) for host, starts in found.items()}


def test_no_host_sees_more_than_it_should(fleet: Runner, site: Site) -> None:
    """
    Never too many at once by the website's own log, never too soon by the workers'.

    On its way to a busy website one request can catch up with the one before it.
    """
    for n in range(8):
        site.page(f"/{n}", f"{n}")
    jobs = [job("first", range(4)), job("second", range(2, 6)), job("third", range(4, 8))]

    finished = fleet(*jobs, workers=4, BatchSize="2")

    assert finished.complete
    assert finished.progress.outcomes == {"scraped": 72}
    log = by_host(site)
    assert set(log) == set(HOSTS)
    for entries in log.values():
        assert len([entry for entry in entries if entry.path == "/robots.txt"]) == 1
        assert len(entries) == 13
        assert most_at_once(entries) <= 2
    for starts in starts_by_host(fleet.folder).values():
        assert len(starts) == 12
        gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
        assert min(gaps) >= (PAUSE / 2) - 0.002  # half a pause at least, in whole milliseconds


@pytest.mark.long
def test_slow_down_is_heard_by_the_whole_fleet(fleet: Runner, site: Site) -> None:
    """And nobody's attempts are spent meanwhile."""
    good = web.Response(text="x", content_type="text/html")
    for n in range(8):
        site.reply(f"/{n}", good)
    # Every shop is asked for it first, and each visit counts down.
    site.reply("/0", *[web.Response(status=429, headers={"Retry-After": "7"})] * 6, good)

    jobs = [job("first", range(4)), job("second", range(4))]
    finished = fleet(*jobs, workers=4)

    assert finished.complete
    final = [o for o in all_outcomes(fleet.folder) if o.outcome is not Kind.DEFERRED]
    assert len(final) == 48
    assert {(o.outcome, o.attempt) for o in final} == {(Kind.SCRAPED, 1)}
    for entries in by_host(site).values():
        slowed = [n for n, entry in enumerate(entries) if entry.path == "/0"]
        first = entries[slowed[0]]
        later = [entry.began - first.ended for entry in entries if entry.began > first.ended]
        assert min(later) >= 6.9

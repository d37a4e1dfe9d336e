"""One page through the worker's own engine, for the commands that look at a page."""

import math
import time
from collections.abc import Mapping
from random import Random
from typing import Any, NamedTuple

from msgspec.structs import replace

from functions.worker.extraction.extractor import ExtractionProcess, Extractor
from functions.worker.extraction.rows import Extracted
from functions.worker.politeness.partition import Partition, PartitionState
from functions.worker.politeness.robots import product_token
from functions.worker.scraping.batch import network_of, scrape_batch
from functions.worker.scraping.frontier import (
    NOFOLLOW,
    NOTHING_FOLLOWED,
    Followed,
    Frontier,
)
from functions.worker.scraping.means import Means
from functions.worker.scraping.scope import scope_of
from functions.worker.scraping.visit import Visit
from functions.worker.secrets import ReadSecret, proxy_pool, secrets_of
from functions.worker.transport.budget import Budget, Slots
from functions.worker.transport.fetch import Pool
from functions.worker.transport.page import FetchedPage
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.template import WORKER, Template
from scatterfetch.output.sentences import complain
from shared.errors import FetchError, Reason
from shared.manifest import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Outcome
from shared.settings import WorkerSettings
from shared.spec import Spec
from shared.urls import parse_url

_SECONDS = 100.0  # as long as a worker has
_LONG_WAIT = 2.0  # seconds, which somebody who waits wants to know of
_EXAMPLES = 20
"""Links that are named of each limit that would cut them off."""
_PATIENCE = 60.0  # seconds; a worker would hand the target back sooner


class Seen(NamedTuple):
    """What came of a URL. `page` is None where there is none."""

    outcome: Outcome
    page: FetchedPage | None
    state: PartitionState
    """What has been learnt of the hosts."""
    followed: Followed = NOTHING_FOLLOWED
    """What would become of the links of the page."""
    is_kept: bool = False
    """Whether the page was there already, so that nothing was asked for."""


class _Keeper(Extractor):
    """Keeps the page that it extracts, and what it holds."""

    page: FetchedPage | None = None
    extracted: Extracted | None = None

    def at_once(self, page: FetchedPage, target: Target) -> Extracted | None:
        self.page = page
        self.extracted = super().at_once(page, target)
        return self.extracted

    async def elsewhere(self, page: FetchedPage, target: Target, time_left: float) -> Extracted:
        self.extracted = await super().elsewhere(page, target, time_left)
        return self.extracted


def worker_settings(parameters: Mapping[str, str]) -> WorkerSettings:
    """
    Return the settings that a worker of `scatterfetch run` has, as the owner of every host.

    Raises:
        InvalidJobError: template.yaml has no such parameter, or it cannot have that value.
    """
    template = Template(TEMPLATE, "http://127.0.0.1", parameters)
    settings = WorkerSettings.from_env(template.functions[WORKER].environment)
    return replace(settings, partitions=1)  # nobody else is there to own a host


async def fetch(
    url: str,
    spec: Spec,
    settings: WorkerSettings,
    process: ExtractionProcess,
    said: dict[str, Any] | None = None,
    read: ReadSecret | None = None,
) -> Seen:
    """
    Fetch `url` once, as politely as a worker, and extract what `spec` says; mention long waits.

    Args:
        url: Of the page.
        spec: How to fetch and what to extract.
        settings: Of the worker.
        process: For what must not be done here.
        said: What a list would say about the URL.
        read: Reads a secret; None: from AWS.

    Raises:
        InvalidUrlError: it is none.
        InvalidJobError: a secret is not there.
    """
    target = Target(parse_url(url).href, 1, input=said)
    once = _asking_once(spec)
    extractor = _Keeper(once, token=_token(once, settings), process=process, careful=False)
    state = PartitionState()
    outcomes: list[Outcome] = []
    job = Manifest(job="try", spec=once, partitions=1, batch_size=1, created_at="")
    rng = Random()  # noqa: S311 -- jitter
    async with Pool(network_of(settings), Budget(), Slots()) as pool:
        await scrape_batch(
            Batch(job="try", batch="00000-000000", partition=0, targets=(target,)),
            Means(
                job=job,
                user_agent=settings.user_agent,
                extractor=extractor,
                pool=proxy_pool(job, state, rng, read),
                secrets=secrets_of(job, read),
            ),
            Partition(number=0, count=settings.partitions, state=state),
            pool,
            outcomes.append,
            stop_at=lambda: time.time() + _SECONDS,
            clock=time.time,
            rng=rng,
            on_wait=_say_wait,
        )
    [outcome] = outcomes
    return Seen(outcome, extractor.page, state, _followed(spec, target, outcome, extractor))


def _asking_once(spec: Spec) -> Spec:
    """Return `spec` with one attempt at each page, whatever its kind and host."""
    hosts = tuple(replace(host, attempts=None) for host in spec.fetch.hosts)
    kinds = {
        name: replace(kind, fetch=replace(kind.fetch, attempts=None)) if kind.fetch else kind
        for name, kind in spec.pages.items()
    }
    fetch = replace(spec.fetch, attempts=1, max_idle=_PATIENCE, hosts=hosts)
    return replace(spec, fetch=fetch, pages=kinds)


def _say_wait(seconds: float, visit: Visit) -> None:
    if seconds < _LONG_WAIT:
        return
    why = visit.failure.detail if visit.failure else "the website wants to be left alone"
    complain(f"{why}; it is asked again in {math.ceil(seconds)} s, Ctrl-C stops")


def kept_before(outcome: Outcome, page: FetchedPage, said: dict[str, Any] | None) -> Seen:
    """
    Return a page that was kept as if it had been fetched just now; see `extract_again`.

    `said` is what a list would say about its URL, in place of what it has said.
    """
    given = outcome.input if said is None else said
    page = page._replace(input=given)
    return Seen(replace(outcome, input=given), page, PartitionState(), is_kept=True)


async def extract_again(
    seen: Seen, spec: Spec, settings: WorkerSettings, process: ExtractionProcess
) -> Seen:
    """Return what `spec` makes of the page that was fetched already."""
    assert seen.page is not None
    token = _token(spec, settings)
    extractor = _Keeper(spec, token=token, process=process, careful=False)
    visit = Visit(Target(seen.outcome.url, 1, input=seen.outcome.input))
    visit.kind = extractor.kinds.kind_of(seen.page.url)
    try:
        extracted = extractor.at_once(seen.page, visit.target)
        if extracted is None:
            await extractor.check(_SECONDS)
            extracted = await extractor.elsewhere(seen.page, visit.target, _SECONDS)
    except FetchError as error:
        outcome = visit.unreadable(seen.page, error, token=token, now=time.time())
    else:
        outcome = visit.scraped(seen.page, extracted, token=token, now=time.time())
        if extracted.unwanted is not None:
            why = FetchError(
                seen.page.url,
                Reason.UNWANTED_PAGE,
                extracted.unwanted,
                status=seen.page.status,
            )
            outcome = visit.ended(why, now=time.time())
    then = seen.outcome
    outcome = replace(
        outcome,
        redirects=then.redirects,
        fetched_at=then.fetched_at,
        elapsed_ms=then.elapsed_ms,
    )
    followed = _followed(spec, visit.target, outcome, extractor)
    return seen._replace(outcome=outcome, followed=followed)


def _followed(spec: Spec, target: Target, outcome: Outcome, extractor: _Keeper) -> Followed:
    """Return what would become of the links of the page, were it the only one of a crawl."""
    page, extracted = extractor.page, extractor.extracted
    if page is None or extracted is None or not spec.follows:
        return NOTHING_FOLLOWED
    batch = Batch(job="try", batch="00000-000000", partition=0, targets=(target,))
    frontier = Frontier(batch, scope_of(spec), None, partitions=1, examples=_EXAMPLES)
    nofollow = not NOFOLLOW.isdisjoint(outcome.robots_tags)
    cut = extracted.links_cut or {}
    return frontier.follow(target, page.url, extracted.links, nofollow=nofollow, cut=cut)


def _token(spec: Spec, settings: WorkerSettings) -> str:
    return product_token(spec.fetch.user_agent or settings.user_agent)

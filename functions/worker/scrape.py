"""
A batch's targets in, one outcome each out.

Owns the order of things: slots, the time budget, redirects, what becomes an outcome and what is
deferred. Knows nothing of SQS and S3.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from functions.worker.extract import extract
from functions.worker.fetch import Fetcher, Page, Redirect, Request
from shared.errors import FetchError, Reason
from shared.jobs import Manifest
from shared.messages import Batch, Target
from shared.outcomes import Kind, Outcome
from shared.urls import Url, parse_url, partition_of

MAX_REDIRECTS = 10
MAX_HOPS = 30  # how often a target may be handed back: ends what would go round for ever
_SKIPPED = {Reason.CONTENT_TYPE, Reason.NOT_MODIFIED, Reason.PRIVATE_ADDRESS}


class Scraper:
    """
    Scrapes one batch.

    `stop_at` is on the event loop's clock: from then on nothing is fetched, and what is not
    fetched yet is deferred. `now` is the wall clock, in UTC.
    """

    def __init__(
        self,
        manifest: Manifest,
        batch: Batch,
        fetcher: Fetcher,
        *,
        stop_at: float,
        now: Callable[[], datetime],
    ) -> None:
        self._spec = manifest.spec.fetch
        self._partitions = manifest.partitions
        self._batch = batch
        self._fetcher = fetcher
        self._stop_at = stop_at
        self._now = now
        self._slots = asyncio.Semaphore(self._spec.concurrency)
        self._host_slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(self._spec.per_host)
        )

    async def scrape(self, emit: Callable[[Outcome], None]) -> None:
        """Hand one outcome for each target to `emit`, as they come."""
        async with asyncio.TaskGroup() as tasks:
            for target in self._batch.targets:
                tasks.create_task(self._scrape_target(target, emit))

    async def _scrape_target(self, target: Target, emit: Callable[[Outcome], None]) -> None:
        visit = _Visit(target, self._now)
        try:
            page = await self._visit(visit)
        except FetchError as error:
            emit(visit.without_page(error, hops=self._batch.hops))
        else:
            emit(visit.scraped(page))

    async def _visit(self, visit: "_Visit") -> Page:
        """Return the page behind the redirects that this worker may follow."""
        url = parse_url(visit.target.location)
        clock = asyncio.get_running_loop().time
        while True:
            async with self._host_slots[url.host], self._slots:
                time_left = self._stop_at - clock()
                if time_left <= 0:
                    raise FetchError(url.href, Reason.OUT_OF_TIME, "the worker's time is up")
                began = clock()
                visit.begin()
                try:
                    answer = await self._fetcher.fetch(
                        Request(url.href),
                        time_limit=min(self._spec.timeout, time_left),
                        max_bytes=self._spec.max_bytes,
                    )
                except FetchError as error:
                    if error.reason == Reason.TIMEOUT and time_left < self._spec.timeout:
                        raise FetchError(
                            url.href, Reason.OUT_OF_TIME, "the worker's time is up"
                        ) from error
                    raise
                finally:
                    visit.elapsed += clock() - began
            if isinstance(answer, Page):
                return answer
            url = self._follow(visit, answer, url)

    def _follow(self, visit: "_Visit", answer: Redirect, url: Url) -> Url:
        location = answer.location
        if location.href in (visit.target.url, *visit.redirects):
            raise FetchError(
                url.href,
                Reason.TOO_MANY_REDIRECTS,
                f"redirects in a circle, back to {location.href}",
                status=answer.status,
            )
        if len(visit.redirects) == MAX_REDIRECTS:
            raise FetchError(
                url.href,
                Reason.TOO_MANY_REDIRECTS,
                f"more than {MAX_REDIRECTS} redirects",
                status=answer.status,
            )
        visit.redirects += (location.href,)
        if partition_of(location.host, self._partitions) != self._batch.partition:
            # Its host has another owner, and nobody else may talk to it.
            raise FetchError(
                location.href, Reason.REDIRECTED, f"{location.host} is another worker's"
            )
        return location


class _Visit:
    """A target on its way to its outcome."""

    def __init__(self, target: Target, now: Callable[[], datetime]) -> None:
        self.target = target
        self.redirects = target.redirects
        self.elapsed = 0.0
        self._now = now
        self._began: datetime | None = None

    def begin(self) -> None:
        self._began = self._began or self._now()

    def scraped(self, page: Page) -> Outcome:
        rows, problems = extract(page)
        return self._outcome(
            Kind.SCRAPED,
            final_url=page.url,
            status=page.status,
            bytes=len(page.body),
            content_type=page.content_type,
            rows=rows,
            problems=problems,
        )

    def without_page(self, error: FetchError, *, hops: int) -> Outcome:
        reason, detail = error.reason, error.detail
        if reason in {Reason.OUT_OF_TIME, Reason.REDIRECTED} and hops < MAX_HOPS:
            kind = Kind.DEFERRED
        elif reason in {Reason.OUT_OF_TIME, Reason.REDIRECTED}:
            kind, detail = Kind.FAILED, f"handed on {hops} times; at last: {detail} ({reason})"
            reason = Reason.TOO_MANY_HOPS
        else:
            kind = Kind.SKIPPED if reason in _SKIPPED else Kind.FAILED
        return self._outcome(
            kind, final_url=error.url, status=error.status, reason=reason, detail=detail
        )

    def _outcome(self, kind: Kind, **facts: Any) -> Outcome:  # noqa: ANN401 -- Outcome checks
        began = (self._began or self._now()).isoformat(timespec="milliseconds")
        return Outcome(
            url=self.target.url,
            line=self.target.line,
            outcome=kind,
            attempt=self.target.attempt,
            redirects=self.redirects,
            fetched_at=began.replace("+00:00", "Z"),
            elapsed_ms=round(self.elapsed * 1000),
            **facts,
        )

"""
A target on its way to its outcome.

Knows what happened to one target in this batch, and how to say so in a line of the results.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.worker.extract import Extracted, extract
from functions.worker.fetch import Page
from functions.worker.proxies import Proxy
from functions.worker.robots import robots_tags
from shared.errors import FetchError, Reason
from shared.messages import Target
from shared.outcomes import Kind, Outcome
from shared.urls import Url, parse_url

SKIPPED = {Reason.CONTENT_TYPE, Reason.PRIVATE_ADDRESS, Reason.ROBOTS_DISALLOWED}


@dataclass
class Visit:
    """`url` is to be fetched next. Times in seconds, `began` since the epoch."""

    target: Target
    url: Url = field(init=False)
    redirects: tuple[str, ...] = field(init=False)
    attempt: int = field(init=False)
    slowdowns: int = field(init=False)
    began: float | None = None
    elapsed: float = 0.0
    failure: FetchError | None = None
    """Of the last request."""
    proxy: Proxy | None = None
    """Of the last request."""

    def __post_init__(self) -> None:
        self.url = parse_url(self.target.location)
        self.redirects = self.target.redirects
        self.attempt = self.target.attempt
        self.slowdowns = self.target.slowdowns

    def follow(self, location: Url) -> None:
        """Go on to where the last request was redirected to."""
        self.redirects += (location.href,)
        self.url = location

    def scraped(self, page: Page, *, token: str, now: float) -> Outcome:
        """Return the outcome of a page; `token` is ours in robots.txt."""
        extracted = _extracted(page, token)
        header = (page.x_robots_tag,) if page.x_robots_tag else ()
        return self._outcome(
            Kind.SCRAPED,
            now,
            final_url=page.url,
            status=page.status,
            bytes=len(page.body),
            wire_bytes=page.wire_bytes,
            content_type=page.content_type,
            remote_address=page.remote_address,
            robots_tags=robots_tags(header, extracted.robots, token),
            rows=extracted.rows,
            problems=extracted.problems,
        )

    def ended(self, error: FetchError, *, now: float) -> Outcome:
        """Return the final outcome of a target without a page."""
        kind = Kind.SKIPPED if error.reason in SKIPPED else Kind.FAILED
        return self._without_page(kind, error, now)

    def deferred(self, error: FetchError, *, not_before: float | None, now: float) -> Outcome:
        """Return what leaves the target to a later batch."""
        return self._without_page(Kind.DEFERRED, error, now, not_before=not_before)

    def _without_page(
        self,
        kind: Kind,
        error: FetchError,
        now: float,
        **facts: Any,  # noqa: ANN401 -- Outcome checks
    ) -> Outcome:
        return self._outcome(
            kind,
            now,
            final_url=error.url,
            status=error.status,
            reason=error.reason,
            detail=error.detail,
            remote_address=error.remote_address,
            **facts,
        )

    def _outcome(self, kind: Kind, now: float, **facts: Any) -> Outcome:  # noqa: ANN401
        began = datetime.fromtimestamp(now if self.began is None else self.began, UTC)
        return Outcome(
            url=self.target.url,
            line=self.target.line,
            outcome=kind,
            attempt=self.attempt,
            slowdowns=self.slowdowns,
            redirects=self.redirects,
            fetched_at=began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            elapsed_ms=round(self.elapsed * 1000),
            proxy_tier=self.proxy.tier if self.proxy else None,
            **facts,
        )


def _extracted(page: Page, token: str) -> Extracted:
    try:
        return extract(page, token=token)
    except Exception as error:  # noqa: BLE001 -- or one page could take its whole batch with it
        problem = f"{type(error).__name__}: {error}"[:300]
        return Extracted(
            [], [{"field": None, "problem": "extraction_failed", "value": problem}], []
        )

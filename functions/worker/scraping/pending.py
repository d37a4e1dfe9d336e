"""
The targets of a batch that have no outcome yet, and the ways to an outcome.

Each target takes one of these ways, once. Decides nothing but when a target has been handed on too
often.
"""

from collections.abc import Callable

from functions.worker.extraction.rows import Extracted
from functions.worker.remembering.recollection import Judged
from functions.worker.scraping.frontier import NOTHING_FOLLOWED, Followed
from functions.worker.scraping.visit import Visit
from functions.worker.transport.page import FetchedPage
from shared.errors import FetchError, Reason
from shared.messages import Batch, Target
from shared.outcomes import Outcome

MAX_HOPS = 1_000  # how often a target may be handed back: ends what would go round for ever


class Pending:
    """
    Args:
        batch: The targets.
        clock: Returns the seconds since the epoch.
        token: Ours in robots.txt.
        has_jar: Whether the job keeps cookies.
    """

    def __init__(
        self, batch: Batch, clock: Callable[[], float], *, token: str, has_jar: bool
    ) -> None:
        self._visits = {target.id: Visit(target, has_jar) for target in batch.targets}
        self._has_jar = has_jar
        self._hops = batch.hops
        self._clock = clock
        self._token = token
        self._emit: Callable[[Outcome], None] = lambda _outcome: None

    def emit_to(self, emit: Callable[[Outcome], None]) -> None:
        """Hand the outcomes to `emit` from now on, as they come."""
        self._emit = emit

    def visits(self) -> list[Visit]:
        """Return those that are left."""
        return list(self._visits.values())

    def join(self, target: Target) -> Visit:
        """Let a target that was found join those of the batch."""
        visit = self._visits[target.id] = Visit(target, self._has_jar)
        return visit

    def scraped(
        self,
        visit: Visit,
        page: FetchedPage,
        extracted: Extracted,
        followed: Followed = NOTHING_FOLLOWED,
        judged: Judged | None = None,
        *,
        canonical: str | None = None,
        left_out: FetchError | None = None,
    ) -> None:
        """Give `visit` the outcome of its page; see `Visit.scraped`."""
        self._end(
            visit.scraped(
                page,
                extracted,
                followed,
                judged,
                canonical=canonical,
                left_out=left_out,
                token=self._token,
                now=self._clock(),
            )
        )

    def refuse_one(self, visit: Visit, error: FetchError) -> None:
        """End `visit`, which is none of the job's pages, or one that another target has."""
        self._end(visit.refused(error, now=self._clock()))

    def unreadable(self, visit: Visit, page: FetchedPage, error: FetchError) -> None:
        """Let nothing be extracted from the page of `visit`."""
        self._end(visit.unreadable(page, error, token=self._token, now=self._clock()))

    def end(self, visit: Visit, error: FetchError) -> None:
        """Give `visit` its final outcome, which has no page."""
        self._end(visit.ended(error, now=self._clock()))

    def give_up(self, visit: Visit, error: FetchError) -> None:
        """End `visit`, unless it is on an errand: then its page is elsewhere, and it returns."""
        if visit.is_errand:
            self.come_back(visit, error)
        else:
            self.end(visit, error)

    def defer(self, visit: Visit, error: FetchError, not_before: float | None = None) -> None:
        """Leave `visit` to a later batch, unless it was left to later ones too often."""
        if self._hops < MAX_HOPS:
            self._end(visit.deferred(error, not_before=not_before, now=self._clock()))
        else:
            detail = f"handed on {self._hops} times; at last: {error.detail} ({error.reason})"
            self.end(
                visit, FetchError(error.url, Reason.TOO_MANY_HOPS, detail, status=error.status)
            )

    def come_back(self, visit: Visit, why: FetchError | None = None) -> None:
        """Send `visit` back from its errand, to the owner of its page."""
        url = visit.url.href
        visit.come_back()
        detail = f"its robots.txt has led to {url}" + (f": {why.detail}" if why else "")
        self.defer(visit, FetchError(visit.url.href, Reason.REDIRECTED, detail))

    def refuse(self, error: FetchError) -> None:
        """Let all have the outcome that `error` means, without a request."""
        for visit in self.visits():
            why = FetchError(visit.url.href, error.reason, error.detail)
            if error.reason is Reason.OUT_OF_TIME:
                self.defer(visit, why)
            else:
                self.end(visit, why)

    def _end(self, outcome: Outcome) -> None:
        del self._visits[outcome.id]
        self._emit(outcome)

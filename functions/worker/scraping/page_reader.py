"""
From a page to its outcome: rows, and the links that lead to further targets.

Asks for nothing. Pages that may take long are read by something else, meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from functions.worker.extraction.rows import Extracted
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.frontier import NOFOLLOW, Frontier
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.turns import Turns
from functions.worker.scraping.verdicts import Judge
from functions.worker.scraping.visit import Visit
from functions.worker.transport.budget import Reservation
from functions.worker.transport.page import FetchedPage
from shared.errors import FetchError, Reason

NO_ROOM = "the outcomes of this batch have taken the memory that they may have"


class PageReader:
    """
    Args:
        means: Of the job.
        pending: The targets.
        turns: The hosts.
        judge: Tells whether a page is wanted.
        frontier: Of the batch.
        deadline: Of the batch.
        has_room: Tells whether there is memory for more outcomes.
        facts: For the metrics.
    """

    def __init__(
        self,
        means: Means,
        pending: Pending,
        turns: Turns,
        judge: Judge,
        frontier: Frontier,
        deadline: Deadline,
        has_room: Callable[[], bool],
        facts: Counter[str],
    ) -> None:
        self._means = means
        self._pending = pending
        self._turns = turns
        self._judge = judge
        self._frontier = frontier
        self._deadline = deadline
        self._has_room = has_room
        self._facts = facts
        self.under_way: set[asyncio.Future[None]] = set()
        """Pages that something else is made of meanwhile."""

    def read(self, visit: Visit, page: FetchedPage, reservation: Reservation) -> None:
        """Have rows made of `page`, whose memory is given back at the end; here, or meanwhile."""
        if not self._has_room():
            self._defer(visit)
            reservation.release()
            return
        self._facts["Pages"] += 1
        self._facts["Bytes"] += page.wire_bytes
        # Of a found target the link says what the list says of a listed one.
        given = visit.target.input or visit.target.carry
        page = page._replace(fetched_at=visit.began, input=given)
        extractor = self._means.extractor
        visit.kind = extractor.kinds.kind_of_page(page.url, visit.target)
        extracted = (
            Extracted([], [], [])  # it has no body, and none was asked for
            if visit.method == "HEAD"
            else extractor.at_once(page, visit.target)
        )
        if extracted is not None:
            self._scraped(visit, page, extracted)
            reservation.release()
        else:
            task = asyncio.ensure_future(self._read_elsewhere(visit, page, reservation))
            self.under_way.add(task)

    async def _read_elsewhere(
        self, visit: Visit, page: FetchedPage, reservation: Reservation
    ) -> None:
        """Have something else make rows of `page`, which keeps its memory until then."""
        try:
            left = self._deadline.left()
            extracted = await self._means.extractor.elsewhere(page, visit.target, left)
        except FetchError as error:
            if error.reason is Reason.OUT_OF_TIME:
                self._pending.defer(visit, error)
            else:
                self._pending.unreadable(visit, page, error)
        else:
            if self._has_room():
                self._scraped(visit, page, extracted)
            else:  # others have taken it while this page was extracted
                self._defer(visit)
        finally:
            reservation.release()

    def _scraped(self, visit: Visit, page: FetchedPage, extracted: Extracted) -> None:
        """Give `visit` its outcome, unless its page is not the one that was asked for."""
        if not self._judge.wants(visit, page, extracted.unwanted):
            return
        if visit.redirects and (met := self._frontier.landed(visit.going_on)) is not None:
            self._pending.end(visit, met)  # both have asked at once
            return
        tags = visit.tags(page, extracted, self._means.token) if extracted.links else ()
        followed = self._frontier.follow(
            visit.target,
            page.url,
            extracted.links,
            nofollow=not NOFOLLOW.isdisjoint(tags),
            cut=extracted.links_cut or {},
        )
        self._pending.scraped(visit, page, extracted, followed)
        for target in followed.joining:
            self._turns.enqueue(self._pending.join(target))

    def _defer(self, visit: Visit) -> None:
        self._pending.defer(visit, FetchError(visit.url.href, Reason.OUT_OF_ROOM, NO_ROOM))

"""
From a page to its outcome: rows, and the links that lead to further targets.

Asks for nothing. Pages that may take long are read by something else, meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from functions.worker.extraction.rows import Extracted
from functions.worker.remembering.recollection import Recollection
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.frontier import NOFOLLOW, Frontier
from functions.worker.scraping.keep import keep_page
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.turns import Turns
from functions.worker.scraping.verdicts import Judge
from functions.worker.scraping.visit import Visit
from functions.worker.transport.budget import Reservation
from functions.worker.transport.page import FetchedPage
from shared.crawl_spec import SITEMAP
from shared.errors import FetchError, Reason

NO_ROOM = "the outcomes, or the kept pages, have taken the room that they may have"


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
        recollection: Of the job before; None where nothing is remembered.
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
        recollection: Recollection | None = None,
    ) -> None:
        self._recollection = recollection
        self._means = means
        self._pending = pending
        self._turns = turns
        self._judge = judge
        self._frontier = frontier
        self._deadline = deadline
        self._has_room = has_room
        self._skips_noindex = means.job.spec.crawl.noindex == "skip"
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
        extracted = self._same(visit, page)
        if extracted is None:
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

    def read_same(self, visit: Visit) -> bool:
        """Give `visit` what its page had, if the website says that it is as it was."""
        if self._recollection is None:
            return False
        found = self._recollection.not_modified(visit.target, visit.url.href)
        if found is None:
            return False
        page, extracted = found
        if not self._has_room():
            self._defer(visit)
            return True
        self._facts["Pages"] += 1
        visit.kind = self._means.extractor.kinds.kind_of_page(page.url, visit.target)
        self._scraped(visit, page, extracted)
        return True

    def _same(self, visit: Visit, page: FetchedPage) -> Extracted | None:
        """Return what `page` had in the job before, if it is as it was."""
        if self._recollection is None or visit.target.method != "GET":
            return None
        return self._recollection.same(visit.target, page)

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
                keep_page(self._means, visit, page, failed=True)
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
        why = self._judge.unwanted(visit, page, extracted.unwanted)
        if why is not None:
            keep_page(self._means, visit, page, failed=True)
        if not self._judge.wants(visit, page, why):
            return
        if visit.redirects and (met := self._frontier.landed(visit.going_on)) is not None:
            self._pending.end(visit, met)  # both have asked at once
            return
        tags: tuple[str, ...] = ()
        if extracted.links or self._skips_noindex:
            tags = visit.tags(page, extracted, self._means.token)
        followed = self._frontier.follow(
            visit.target,
            page.url,
            extracted.links,
            kind=visit.kind,
            nofollow=not NOFOLLOW.isdisjoint(tags),
            cut=extracted.links_cut or {},
        )
        canonical = self._frontier.canonical(page.url, extracted.canonical)
        left_out = None
        if visit.kind != SITEMAP:  # search engines are not to list it, which is no word to crawlers
            left_out = self._left_out(page, extracted, tags, canonical)
        judged = None
        if left_out is None and self._recollection is not None and visit.target.method == "GET":
            # A memory of what a sitemap lists would be as long as it is itself.
            judged = self._recollection.judged(
                visit.target, page, extracted, anew=visit.kind == SITEMAP
            )
        if left_out is None:
            no_match = any(
                problem["problem"] == "no_match" and problem["field"] is None
                for problem in extracted.problems
            )
            failed = extracted.failure is not None
            keep_page(self._means, visit, page, failed=failed, no_match=no_match)
        self._pending.scraped(
            visit, page, extracted, followed, judged, canonical=canonical, left_out=left_out
        )
        joining = [self._pending.join(target) for target in followed.joining]
        if joining and self._recollection is not None:
            self.under_way.add(asyncio.ensure_future(self._look_up(self._recollection, joining)))
        else:
            self._enqueue(joining)

    def _left_out(
        self,
        page: FetchedPage,
        extracted: Extracted,
        tags: tuple[str, ...],
        canonical: str | None,
    ) -> FetchError | None:
        """Return why the rows of a page do not count, though its links may be followed."""
        if self._skips_noindex and "noindex" in tags:
            return FetchError(page.url, Reason.NOINDEX, "the page asks robots not to keep it")
        if canonical is not None and extracted.failure is None:
            return self._frontier.same(canonical)
        return None

    async def _look_up(self, recollection: Recollection, joining: list[Visit]) -> None:
        """Let targets that were found wait for their turn, once it is known what they were."""
        await recollection.look_up(visit.target for visit in joining)
        self._enqueue(joining)

    def _enqueue(self, joining: list[Visit]) -> None:
        for visit in joining:
            self._turns.enqueue(visit)

    def _defer(self, visit: Visit) -> None:
        self._pending.defer(visit, FetchError(visit.url.href, Reason.OUT_OF_ROOM, NO_ROOM))

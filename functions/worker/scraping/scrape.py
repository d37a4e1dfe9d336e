"""
A batch's targets in, one outcome each out.

Owns the order of things, and which requests are open: who waits for whose turn, robots.txt before
pages, what is extracted meanwhile, and when all is handed back. Knows nothing of SQS and S3. One
coroutine decides and keeps all state; tasks only fetch.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable
from math import inf
from random import Random
from typing import Any, Literal, TypeAlias

from functions.worker.politeness.partition import Partition
from functions.worker.politeness.proxies import Proxy
from functions.worker.remembering.recollection import Recollection
from functions.worker.scraping.asking import Asker
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.ending import Ending
from functions.worker.scraping.frontier import Frontier
from functions.worker.scraping.leading import refresh, sitemap_instead
from functions.worker.scraping.logging_in import LoggingIn
from functions.worker.scraping.logins import Logins
from functions.worker.scraping.means import Means
from functions.worker.scraping.page_reader import NO_ROOM, PageReader
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.requests import Requests
from functions.worker.scraping.robots_txt import RobotsReader
from functions.worker.scraping.rulebook import Rulebook, key_of
from functions.worker.scraping.turns import HostQueue, Turns
from functions.worker.scraping.verdicts import Judge
from functions.worker.scraping.visit import Visit
from functions.worker.transport.fetch import Fetcher
from functions.worker.transport.request import Redirect
from shared.errors import FetchError, Reason
from shared.messages import Batch
from shared.outcomes import Outcome

LAST_SECONDS = 5.0
"""That requests and parsers under way have at the end of a batch, where it came early."""
_SOONER_SECONDS = 0.5  # that an end is sooner by, for those who wait to be told
_SLOT_SECONDS = 0.2  # between two looks whether a request, or the process that extracts, is free
Alarm: TypeAlias = asyncio.Future[Literal[True]]
OnWait: TypeAlias = Callable[[float, Visit], None]
_NO_TIME = "the worker's time is up"


class Scraper:
    """
    Scrapes one batch.

    Args:
        batch: The targets.
        means: What they are fetched and extracted with.
        partition: The hosts that may be asked.
        fetcher: Does the fetching.
        clock: Returns the seconds since the epoch.
        stop_at: Returns when the end is, on that clock, which may be sooner at once: from then on
            nothing is begun, and what is left is deferred. What is under way has `LAST_SECONDS`
            more where the end came early.
        rng: Source of jitter and chance.
        frontier: Of the batch; None where the job neither follows links nor takes pages.
        has_room: Tells whether there is memory for more outcomes; if not, what is left is deferred.
        ending: Once it is set, nothing is fetched: the targets without an outcome are skipped.
        on_wait: Is told of each wait with nothing under way: its seconds, and a target that waits.
        recollection: Of the job before; None where nothing is remembered.
    """

    def __init__(
        self,
        batch: Batch,
        means: Means,
        partition: Partition,
        fetcher: Fetcher,
        *,
        clock: Callable[[], float],
        stop_at: Callable[[], float],
        rng: Random,
        frontier: Frontier | None = None,
        has_room: Callable[[], bool] = lambda: True,
        ending: Ending | None = None,
        on_wait: OnWait = lambda _seconds, _visit: None,
        recollection: Recollection | None = None,
    ) -> None:
        self._recollection = recollection
        self._frontier = frontier or Frontier(batch, None, None, partition.count)
        self._on_wait = on_wait
        self._means = means
        self._spec = means.fetch
        self._partition = partition
        self._fetcher = fetcher
        self._has_room: Callable[[], bool] = lambda: (
            has_room() and self._frontier.has_room and means.has_room
        )
        self.facts: Counter[str] = Counter()
        """For the metrics: Pages, Bytes, MillisecondsWaited, HostPauses, RobotsDenials."""
        self._stop_at = stop_at
        self._deadline = Deadline(clock, stop_at())
        self._logins = Logins(means, partition)
        self._requests = Requests(means, rng, recollection, self._logins)
        self._pending = Pending(batch, clock, token=means.token, has_jar=self._requests.has_jar)
        self._rulebook = Rulebook(means, partition.state, self._pending, self.facts)
        self._turns = Turns(means, partition, self._rulebook, clock, rng)
        self._judge = Judge(means, self._turns, self._pending, clock, rng, self.facts)
        self._asker = Asker(
            means, fetcher, self._requests, self._turns, self._judge, self._deadline
        )
        self._reader = RobotsReader(
            self._spec,
            partition,
            self._asker,
            self._rulebook,
            self._turns,
            self._judge,
            self._pending,
            self._deadline,
        )
        self._logging_in = LoggingIn(
            means,
            self._logins,
            self._asker,
            self._turns,
            self._judge,
            self._pending,
            self._deadline,
        )
        self._running: set[asyncio.Future[None]] = set()
        """Requests."""
        self._pages = PageReader(
            means,
            self._pending,
            self._turns,
            self._judge,
            self._frontier,
            self._deadline,
            self._has_room,
            self.facts,
            recollection,
        )
        self._ending = ending or Ending()
        self._is_sooner = asyncio.Event()
        """Set where the end has come nearer than whoever waits has heard."""

    async def scrape(self, emit: Callable[[Outcome], None]) -> None:
        """Hand one outcome for each target to `emit`, as they come."""
        self._pending.emit_to(emit)
        alarms = self._alarms()
        try:
            if not self._ending.is_set():
                await self._begin()
            while self._is_busy() and not self._ending.is_set():
                if self._deadline.now() >= self._deadline.at + LAST_SECONDS:
                    await self._leave_the_rest()
                    break
                if self._is_sooner.is_set():
                    self._is_sooner.clear()
                    alarms = self._alarms(alarms)
                await self._step(alarms)
            if self._ending.is_set():
                await self._skip_the_rest()
        finally:
            for alarm in alarms:
                alarm.cancel()
            for task in self._running | self._pages.under_way:
                task.cancel()
            self._turns.close()

    def look(self) -> None:
        """Notice if the end has come nearer; to be called while nothing else happens."""
        at = self._stop_at()
        if at < self._deadline.at - _SOONER_SECONDS:
            self._is_sooner.set()
        self._deadline.bring_forward(at)

    def _alarms(self, former: Iterable[Alarm] = ()) -> tuple[Alarm, ...]:
        """Return what whoever waits has to be woken by."""
        for alarm in former:
            alarm.cancel()
        return tuple(
            asyncio.ensure_future(event.wait()) for event in (self._ending, self._is_sooner)
        )

    async def _begin(self) -> None:
        for visit in self._pending.visits():
            if (refused := self._frontier.refused(visit.target)) is not None:
                self._pending.refuse_one(visit, refused)
        try:
            await self._means.extractor.check(self._deadline.left())
        except FetchError as error:
            self._pending.refuse(error)  # before any of them is fetched in vain
            return
        if self._recollection is not None:
            await self._recollection.look_up(visit.target for visit in self._pending.visits())
        for visit in self._pending.visits():
            # Some were put here by a release that had other partitions.
            self._go_on(visit, f"{visit.url.host} is another worker's by now")

    async def _leave_the_rest(self) -> None:
        self._judge.hand_back(Reason.OUT_OF_TIME, _NO_TIME)  # each knows when its turn is
        await self._break_off()
        self._pending.refuse(FetchError("", Reason.OUT_OF_TIME, _NO_TIME))

    async def _break_off(self) -> None:
        """End what is under way."""
        tasks = self._running | self._pages.under_way
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if ended is not None and not isinstance(ended, asyncio.CancelledError):
                raise ended

    async def _skip_the_rest(self) -> None:
        await self._break_off()
        for visit in self._pending.visits():
            error = self._ending.error(visit.url.href)
            if error.reason is Reason.OVER_LIMIT:
                self._pending.refuse_one(visit, error)
            else:
                self._pending.end(visit, error)

    def _is_busy(self) -> bool:
        return bool(self._running or self._pages.under_way) or self._turns.is_anybody_waiting()

    async def _step(self, alarms: Collection[Alarm]) -> None:
        """Start what may start, and wait until something else may, or an alarm."""
        self.look()  # before each request: who stops a run is promised that no more begin
        now, stop_at = self._deadline.now(), self._deadline.at
        if now >= stop_at:
            self._judge.hand_back(Reason.OUT_OF_TIME, _NO_TIME)
            wake = inf
        elif not self._has_room():
            self._judge.hand_back(Reason.OUT_OF_ROOM, NO_ROOM)
            wake = inf
        else:
            wake = self._turns.start_ready(now, lambda: self._room_at(now), self._start)
        is_waiting = self._turns.is_anybody_waiting()
        if self._running or self._pages.under_way:
            limit = min(wake, stop_at if is_waiting else stop_at + LAST_SECONDS)
            timeout = None if limit == inf else max(0.0, limit - now)
            everything: set[asyncio.Future[Any]] = {*self._running, *self._pages.under_way, *alarms}
            done, _ = await asyncio.wait(
                everything, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            self._running -= done
            self._pages.under_way -= done
            for task in done:
                task.result()  # a task that raises is a bug, and must not go unnoticed
        elif is_waiting:
            if wake - now > self._spec.max_idle or wake >= stop_at:
                self._judge.hand_back(Reason.HOST_BUSY, "the host must be left alone for a while")
            else:
                self.facts["MillisecondsWaited"] += round((wake - now) * 1000)
                self._on_wait(wake - now, next(h.first for h in self._turns if h.waiting))
                await asyncio.wait(alarms, timeout=wake - now, return_when=asyncio.FIRST_COMPLETED)

    def _room_at(self, now: float) -> float:
        """Return when another request may be open; it takes an answer where this is never."""
        if len(self._running) >= self._spec.concurrency:
            return inf
        others = self._fetcher.slots.are_taken() or self._means.extractor.is_behind()
        return now + _SLOT_SECONDS if others else now

    def _start(self, host: HostQueue, now: float) -> None:
        """Start what is first in line at `host`, or what must be done before."""
        if host.first.redirects and (met := self._frontier.met(host.first.going_on)) is not None:
            self._pending.end(host.take_first(), met)  # another one was led there meanwhile
            return
        if (refused := self._logins.refused(host.first, now)) is not None:
            self._pending.end(host.take_first(), refused)
            return
        key = key_of(host.first)
        before: Coroutine[Any, Any, None] | None = None
        if self._rulebook.must_learn(key, now):
            before = self._reader.learn(host, key)
        elif self._logins.must_log_in(host.first, now):
            before = self._logging_in.go_on(host, key)
        if before is not None:
            host.learning = True
            self._turns.open(host, now, self._rulebook.delay(key))
            self._run(before)
            return
        visit = host.take_first()
        pool = self._means.pool
        visit.proxy = pool.choose(host.name, now) if pool else None
        assert pool is None or visit.proxy is not None, "it is not the host's turn before"
        self._turns.open(host, now, self._rulebook.delay(key))
        self._run(self._visit(host, visit, visit.proxy))

    def _run(self, request: Coroutine[Any, Any, None]) -> None:
        slots = self._fetcher.slots
        slots.take()
        task = asyncio.ensure_future(request)
        task.add_done_callback(lambda _task: slots.give_back())
        self._running.add(task)

    async def _visit(self, host: HostQueue, visit: Visit, proxy: Proxy | None) -> None:
        reservation = self._fetcher.reserve()
        answer = await self._asker.page(host, visit, proxy, reservation)
        if self._logging_in.has_ended(visit, answer):
            reservation.release()
            return
        if isinstance(answer, FetchError):
            if answer.reason is Reason.NOT_MODIFIED and self._pages.read_same(visit):
                return
            if (elsewhere := sitemap_instead(self._means, visit, answer)) is not None:
                self._follow(visit, elsewhere)
                return
            self._judge.decide(visit, answer, proxy, self._deadline.now())
        elif isinstance(answer, Redirect):
            self._follow(visit, answer)
        elif (onward := refresh(self._means, visit, answer)) is not None:
            reservation.release()
            self._follow(visit, onward)
        else:
            self._pages.read(visit, answer, reservation)

    def _follow(self, visit: Visit, answer: Redirect) -> None:
        """Let `visit` go where `answer` leads."""
        location = answer.location
        visit.was_given_cookies = visit.was_given_cookies or bool(answer.set_cookies)
        cookies = self._requests.cookies(location, self._deadline.now())
        problem = None
        most = self._means.overrides.of(visit.url, visit.target).max_redirects
        if len(visit.redirects) >= most:
            problem = f"more than {most} redirects"
        elif not visit.follow(location, answer.status, cookies):
            problem = f"redirects in a circle, back to {location.href}"
            if visit.was_given_cookies and not self._requests.has_jar:
                problem += "; it sets cookies, which fetch.cookie_jar sends back"
        if problem is not None:
            error = FetchError(
                visit.url.href, Reason.TOO_MANY_REDIRECTS, problem, status=answer.status
            )
            self._pending.end(visit, error)
        elif (stopped := self._frontier.stopped(visit.going_on)) is not None:
            self._pending.end(visit, stopped)
        else:
            self._go_on(visit, f"{location.host} is another worker's")

    def _go_on(self, visit: Visit, why_not: str) -> None:
        """Let `visit` wait for its turn, or leave it to the owner of its host."""
        if self._partition.owns(visit.url.host):
            self._turns.enqueue(visit)
        else:
            # Nobody else may talk to a host.
            self._pending.defer(visit, FetchError(visit.url.href, Reason.REDIRECTED, why_not))

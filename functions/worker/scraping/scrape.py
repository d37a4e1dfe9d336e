"""
A batch's targets in, one outcome each out.

Owns the order of things: whose turn it is at which host, robots.txt before pages, what is tried
again, what waits here and what is left to a later batch. Knows nothing of SQS and S3. One
coroutine decides and keeps all state; tasks only fetch.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from typing import Any

from msgspec.structs import replace

from functions.worker.extraction.extractor import Extractor
from functions.worker.extraction.rows import Extracted
from functions.worker.politeness.cookies import CookieJar
from functions.worker.politeness.partition import PartitionState
from functions.worker.politeness.pause import COOL_JITTER, LONG_PAUSE, HostState, next_pause
from functions.worker.politeness.profiles import Headers, headers_for, may_be_told, without_secrets
from functions.worker.politeness.proxies import BLOCKS, Proxy, ProxyPool, Verdict
from functions.worker.politeness.retry import RetryPolicy, next_wait, parse_retry_after
from functions.worker.politeness.robots import MAX_BYTES as ROBOTS_BYTES
from functions.worker.politeness.robots import MAX_REDIRECTS as ROBOTS_REDIRECTS
from functions.worker.politeness.robots import (
    TTL_ERROR,
    CachedRobots,
    Rules,
    cached_robots,
    product_token,
    robots_url,
    rules_from_answer,
)
from functions.worker.scraping.visit import Visit
from functions.worker.transport.fetch import Fetcher, Redirect, Request
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.room import Place
from shared.errors import FetchError, Reason
from shared.manifest import Manifest
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.urls import Url, origin_of, parse_url, partition_of

MAX_HOPS = 1_000  # how often a target may be handed back: ends what would go round for ever
MAX_WAIT = 60 * 60.0  # seconds; a host that asks for more is given up on
MAX_SLOWDOWNS = 5  # answers of 429 or 503 to one target
_SLOW_DOWN = {Reason.HTTP_429, Reason.HTTP_503}
_NO_CONNECTION = {
    Reason.CONNECT_TIMEOUT,
    Reason.CONNECTION,
    Reason.CONNECTION_RESET,
    Reason.DNS,
}
_HOPELESS = {Reason.UNKNOWN_HOST, Reason.PRIVATE_ADDRESS, Reason.TLS, Reason.TLS_CERTIFICATE}
_BAD_PROXY = {Reason.PROXY_CONNECTION, Reason.PROXY_AUTH}  # for every host
_NO_WAY = {Reason.PROXY_REFUSED, Reason.PROXY_GATEWAY}  # by this proxy to this host
_OF_PROXY = _BAD_PROXY | _NO_WAY
# Of robots.txt: the host cannot be reached, or not by us, which is not what it says to crawlers.
_TRY_AGAIN = _NO_CONNECTION | _OF_PROXY
_OK = range(200, 300)
_MOMENT = 0.05  # seconds
_ERRAND_SECONDS = 600.0  # in which the owner of a host has read the rules that others asked for
_NO_ROOM = "the outcomes of this batch have taken the memory that they may have"


@dataclass
class _Host:
    """A host of the batch: who waits for it, and how many requests are open to it."""

    name: str
    state: HostState
    open: int = 0
    opened_at: float = 0.0
    """When the last one was, or began."""
    learning: bool = False
    """Its robots.txt is being fetched, and nothing else."""
    waiting: list[tuple[float, int, Visit]] = field(default_factory=list)
    """A heap of due times; the numbers keep the order of the list."""
    asked: float = 0.0
    """The longest time that it asked for, in seconds."""


class Scraper:
    """
    Scrapes one batch.

    Args:
        manifest: Of the job.
        batch: The targets.
        fetcher: Does the fetching.
        extractor: Makes rows of pages.
        state: What is known of the partition; it is kept up to date.
        pool: The job's proxies; None to fetch directly.
        user_agent: The deployment's.
        clock: Returns the seconds since the epoch.
        stop_at: On that clock: from then on nothing is fetched, and what is left is deferred.
        rng: Source of jitter and chance.
        partitions: Of this release, which may not be that of the job; None: the job's.
        has_room: Tells whether there is memory for more outcomes; if not, what is left is deferred.
        save_soon: Is called when `state` holds a pause that may outlast this worker.
    """

    def __init__(
        self,
        manifest: Manifest,
        batch: Batch,
        fetcher: Fetcher,
        extractor: Extractor,
        *,
        state: PartitionState,
        pool: ProxyPool | None,
        user_agent: str,
        clock: Callable[[], float],
        stop_at: float,
        rng: Random,
        rules_elsewhere: Callable[[str], CachedRobots | None] = lambda _url: None,
        partitions: int | None = None,
        has_room: Callable[[], bool] = lambda: True,
        save_soon: Callable[[], None] = lambda: None,
    ) -> None:
        self._spec = manifest.spec.fetch
        self._partitions = manifest.partitions if partitions is None else partitions
        self._batch = batch
        self._fetcher = fetcher
        self._extractor = extractor
        self._state = state
        self._pool = pool
        self._user_agent = self._spec.user_agent or user_agent
        self._token = product_token(self._user_agent)
        self._clock = clock
        self._stop_at = self._end_at = stop_at
        self._rng = rng
        self._has_room = has_room
        self._save_soon = save_soon
        self._policy = RetryPolicy(
            self._spec.attempts, self._spec.wait_initial, self._spec.wait_max
        )
        self._jar = CookieJar() if self._spec.cookie_jar else None
        self._rules_elsewhere = rules_elsewhere
        self._hosts: dict[str, _Host] = {}
        self._rules: dict[str, tuple[Rules, float]] = {}
        self._running: set[asyncio.Future[Any]] = set()
        """Requests."""
        self._extracting: set[asyncio.Future[Any]] = set()
        """Pages that something else is made of meanwhile."""
        self._numbers = count()
        self._cancelled = asyncio.Event()
        self._left: dict[int, Visit] = {}
        self._emit: Callable[[Outcome], None] = lambda _outcome: None
        self.facts: Counter[str] = Counter()
        """For the metrics: Pages, Bytes, MillisecondsWaited, HostPauses, RobotsDenials."""

    async def scrape(self, emit: Callable[[Outcome], None]) -> None:
        """Hand one outcome for each target to `emit`, as they come."""

        def note(outcome: Outcome) -> None:
            del self._left[outcome.line]
            emit(outcome)

        self._emit = note
        self._left = {
            target.line: Visit(target, self._jar is not None) for target in self._batch.targets
        }
        cancelled = asyncio.ensure_future(self._cancelled.wait())
        try:
            if not self._cancelled.is_set():
                await self._begin()
            while self._is_busy() and not self._cancelled.is_set():
                await self._step(cancelled)
            if self._cancelled.is_set():
                await self._skip_the_rest()
        finally:
            cancelled.cancel()
            for task in self._running | self._extracting:
                task.cancel()
            for host in self._hosts.values():
                self._state.hosts[host.name] = host.state

    def _note_pause(self, host: _Host, now: float) -> None:
        """Have it written soon, if `host` must be left alone for longer than workers live."""
        if host.state.ready_at(now) - now > LONG_PAUSE:
            self._state.hosts[host.name] = host.state
            self._save_soon()

    def cancel(self) -> None:
        """Fetch nothing from now on: the targets without an outcome are skipped."""
        self._cancelled.set()

    def stop_by(self, at: float) -> None:
        """Begin no request after `at`, if this is sooner than `stop_at`."""
        self._stop_at = min(self._stop_at, at)

    async def _begin(self) -> None:
        try:
            await self._extractor.check(self._end_at - self._clock())
        except FetchError as error:
            self._refuse_all(error)  # before any of them is fetched in vain
            return
        for visit in list(self._left.values()):
            if partition_of(visit.url.host, self._partitions) == self._batch.partition:
                self._enqueue(visit, 0.0)
            else:
                # It was put here by a release that had other partitions, and nobody else than
                # their owner may talk to a host.
                detail = f"{visit.url.host} is another worker's by now"
                self._defer(visit, FetchError(visit.url.href, Reason.REDIRECTED, detail), None)

    async def _skip_the_rest(self) -> None:
        tasks = self._running | self._extracting
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if ended is not None and not isinstance(ended, asyncio.CancelledError):
                raise ended
        for visit in list(self._left.values()):
            error = FetchError(visit.url.href, Reason.CANCELLED, "the job was cancelled")
            self._emit(visit.ended(error, now=self._clock()))

    async def _step(self, cancelled: "asyncio.Future[Any]") -> None:
        now = self._clock()
        if now >= self._stop_at:
            self._hand_back(Reason.OUT_OF_TIME, "the worker's time is up")
            wake = inf
        elif not self._has_room():
            self._hand_back(Reason.OUT_OF_ROOM, _NO_ROOM)
            wake = inf
        else:
            wake = self._start_ready(now)
        if self._running or self._extracting:
            limit = min(wake, self._stop_at if self._is_waiting() else inf)
            timeout = None if limit == inf else max(0.0, limit - now)
            done, _ = await asyncio.wait(
                {*self._running, *self._extracting, cancelled},
                timeout=timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            self._running -= done
            self._extracting -= done
            for task in done:
                task.result()  # a task that raises is a bug, and must not go unnoticed
        elif self._is_waiting():
            if wake - now > self._spec.max_idle or wake >= self._stop_at:
                self._hand_back(Reason.HOST_BUSY, "the host must be left alone for a while")
            else:
                self.facts["MillisecondsWaited"] += round((wake - now) * 1000)
                await asyncio.wait({cancelled}, timeout=wake - now)

    # ---- whose turn it is

    def _is_busy(self) -> bool:
        return bool(self._running or self._extracting) or self._is_waiting()

    def _is_waiting(self) -> bool:
        return any(host.waiting for host in self._hosts.values())

    def _start_ready(self, now: float) -> float:
        """Start what may start; return when more may, as far as no answer is needed for it."""
        wake = inf
        for host in list(self._hosts.values()):
            while host.waiting and not host.learning and host.open < self._spec.per_host:
                if len(self._running) >= self._spec.concurrency:
                    return inf
                ready = max(self._ready_at(host, now), host.waiting[0][0])
                if ready > now:
                    wake = min(wake, ready)
                    break
                self._start_next(host, now)
        return wake

    def _start_next(self, host: _Host, now: float) -> None:
        """Start what is first in line at `host`, or the fetching of the rules it needs."""
        visit = host.waiting[0][2]
        origin = _key_of(visit)
        if self._spec.robots == "obey" and self._known_rules(origin, now) is None:
            host.learning = True
            self._open(host, now, None)
            self._spawn(self._learn(host, origin))
            return
        heappop(host.waiting)
        proxy = self._pool.choose(host.name, now) if self._pool else None
        assert self._pool is None or proxy is not None, "it is not the host's turn before"
        rules = self._rules.get(origin)
        delay = rules[0].pause(self._spec.max_crawl_delay) if rules else None
        self._open(host, now, delay)
        visit.proxy = proxy
        self._spawn(self._visit(host, visit, proxy))

    def _ready_at(self, host: _Host, now: float) -> float:
        """Return when a request to `host` may start, and there is a proxy for it."""
        ready = host.state.ready_at(now)
        return ready if self._pool is None else max(ready, self._pool.back_at(host.name, now))

    def _open(self, host: _Host, now: float, crawl_delay: float | None) -> None:
        pause = self._spec.pause
        if self._spec.adaptive and host.state.pause is not None:
            pause = max(pause, host.state.pause)
        host.open += 1
        host.opened_at = now
        host.state = host.state.started(now, pause, self._rng, at_least=crawl_delay or 0.0)
        self._note_pause(host, now)

    def _note_begin(self, host: _Host) -> float:
        """Return when the request to `host` begins, now: its pause counts from here."""
        now = self._clock()  # the loop may have had a page to extract since it was the host's turn
        host.state = host.state.late(now - host.opened_at)
        host.opened_at = now
        return now

    def _spawn(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        self._running.add(asyncio.ensure_future(coroutine))  # type: ignore[arg-type]

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            known = self._state.hosts.get(name) or HostState()
            host = self._hosts[name] = _Host(name, known)
        return host

    def _enqueue(self, visit: Visit, due: float) -> None:
        """Let `visit` wait for its turn, unless robots.txt already says no."""
        now = self._clock()
        known = self._known_rules(_key_of(visit), now)
        if known is not None and visit.is_errand:
            self._come_back(visit)
        elif known is None or self._is_allowed(visit, *known):
            host = self._host(visit.url.host)
            heappush(host.waiting, (due, next(self._numbers), visit))

    # ---- robots.txt

    def _known_rules(self, origin: str, now: float) -> tuple[Rules, float] | None:
        """Return the rules of `origin` and when they are to be read again, as far as known."""
        if self._spec.robots == "ignore":
            return None
        known = self._rules.get(origin)
        if known is None:
            cached = self._state.robots.get(origin)
            if cached is not None and cached.is_fresh(now):
                rules = cached.rules(self._user_agent)
                if rules is not None:
                    known = self._rules[origin] = rules, cached.fetched_at + TTL_ERROR
        return known

    def _is_allowed(self, visit: Visit, rules: Rules, read_again_at: float) -> bool:
        """Tell whether robots.txt lets us fetch; if not, the visit has its outcome."""
        url = visit.url.href
        if rules.unreachable:
            # Nobody has asked for the page: it is the file that has attempts, an hour apart.
            known = self._state.robots[visit.url.origin]
            detail = f"robots.txt could not be had, {known.failures} times in a row"
            if known.why:
                detail += f": {known.why}"
            error = FetchError(url, Reason.ROBOTS_UNREACHABLE, detail)
            if known.failures >= self._spec.attempts:
                self._emit(visit.ended(error, now=self._clock()))
            else:
                self._defer(visit, error, read_again_at)
            return False
        if not rules.can_fetch(url):
            self.facts["RobotsDenials"] += 1
            detail = f"robots.txt forbids it to {self._token}"
            error = FetchError(url, Reason.ROBOTS_DISALLOWED, detail)
            self._emit(visit.ended(error, now=self._clock()))
            return False
        return True

    async def _learn(self, host: _Host, origin: str) -> None:
        """Fetch the robots.txt of `origin`, and let its rules decide on those who wait."""
        status: int | None = None
        body = b""
        failure: FetchError | None = None
        try:
            answer = await self._fetch_robots(host, origin)
        except FetchError as error:
            failure = _without_frames(error)
            # Of a file that broke off we do not know what it forbids, and a proxy does not know.
            says_nothing = error.status in _OK or error.reason in _OF_PROXY
            status = None if says_nothing else error.status
        else:
            status = answer.status
            body = answer.body if isinstance(answer, FetchedPage) else b""
        finally:
            host.learning = False
        now = self._clock()
        if failure is not None and (now >= self._stop_at or failure.reason is Reason.OUT_OF_TIME):
            return  # it says nothing: time is up, and those who wait are handed back
        if failure is not None and failure.reason is Reason.NO_PROXY:
            return  # it was not asked for, and those who wait go on waiting
        if failure is not None and failure.reason is Reason.REDIRECTED:
            if self._ask_owner(host, origin, failure, now):
                return
        elif failure is not None and parse_url(failure.url).origin == origin_of(origin):
            # What keeps us from its robots.txt keeps us from its pages.
            if failure.reason in _HOPELESS or self._is_locked_out(failure):
                for visit in self._take_waiting(host, origin):
                    self._end(visit, failure, now)
                return
            if failure.reason in _TRY_AGAIN:
                self._blame_first(host, origin, failure, now)
                return
        why = "" if failure is None else failure.detail
        self._keep_rules(host, origin, status, body, now, why=why)

    def _ask_owner(self, host: _Host, origin: str, failure: FetchError, now: float) -> bool:
        """
        Have rules read by the owner of the host that they are at, if there is time for it.

        Those who wait go there and come back, to look into what the owner has learnt.
        """
        before = self._state.robots.get(origin)
        since = before.fetched_at if before and before.asked_owner else now
        if now - since > _ERRAND_SECONDS:
            return False
        self._state.robots[origin] = CachedRobots(
            status=None,
            fetched_at=since,
            failures=before.failures if before else 0,
            why=failure.detail,
            asked_owner=True,
        )
        for visit in self._take_waiting(host, origin):
            if visit.is_errand:
                self._come_back(visit, failure)
            else:
                visit.send_for_rules(parse_url(failure.url))
                self._defer(visit, failure, None)
        return True

    def _come_back(self, visit: Visit, why: FetchError | None = None) -> None:
        url = visit.url.href
        visit.come_back()
        detail = f"its robots.txt has led to {url}" + (f": {why.detail}" if why else "")
        self._defer(visit, FetchError(visit.url.href, Reason.REDIRECTED, detail), None)

    def _blame_first(self, host: _Host, origin: str, failure: FetchError, now: float) -> None:
        """Let the first in line have made this attempt; the next one asks again."""
        waiting = self._take_waiting(host, origin)
        if not waiting:
            return  # all were handed back meanwhile
        first, *others = waiting
        for visit in others:
            self._enqueue(visit, 0.0)
        error = FetchError(
            failure.url, failure.reason, f"robots.txt: {failure.detail}", status=failure.status
        )
        self._try_again(first, error, now, at_least=None)

    def _keep_rules(
        self, host: _Host, origin: str, status: int | None, body: bytes, now: float, *, why: str
    ) -> None:
        rules = rules_from_answer(status, body, user_agent=self._user_agent)
        self._rules[origin] = rules, now + TTL_ERROR
        before = self._state.robots.pop(origin, None)
        cached = cached_robots(
            status, body, user_agent=self._user_agent, now=now, before=before, why=why
        )
        if cached is not None:
            self._state.robots[origin] = cached
        delay = rules.pause(self._spec.max_crawl_delay)
        if delay is not None:  # it holds from the first request on
            host.state = replace(host.state, next_at=max(host.state.next_at, now + delay))
        for visit in self._take_waiting(host, origin):
            self._enqueue(visit, 0.0)

    async def _fetch_robots(self, host: _Host, origin: str) -> FetchedPage | Redirect:
        """
        Return the answer behind the redirects.

        Raises:
            FetchError: it cannot be had. Of reason REDIRECTED: its host has another owner, who has
                not read it yet, and of rules that nobody has read we do not know what they forbid.
        """
        at, url = host, _rules_url(origin)
        for redirects_left in range(ROBOTS_REDIRECTS, -1, -1):
            try:
                answer = await self._ask_robots(at, url)
            finally:
                at.open -= 1
            if isinstance(answer, FetchedPage) or not redirects_left:
                break
            url = answer.location
            if partition_of(url.host, self._partitions) != self._batch.partition:
                return await self._read_by_owner(url)
            at = self._host(url.host)
            await self._turn(at, url)
            self._open(at, self._clock(), None)
        return answer

    async def _read_by_owner(self, url: Url) -> FetchedPage:
        """Return what the owner of another host has learnt of the rules at `url`."""
        read = await asyncio.to_thread(self._rules_elsewhere, _rules_key(url))
        now = self._clock()
        rules = read.rules(self._user_agent) if read is not None and read.is_fresh(now) else None
        if read is not None and rules is not None:
            if rules.unreachable:
                detail = f"it leads to {url.host}, and could not be had there: {read.why}"
                raise FetchError(url.href, Reason.ROBOTS_UNREACHABLE, detail)
            return FetchedPage(url.href, read.status or 0, None, None, read.text.encode())
        detail = f"it leads to {url.host}, which is another worker's"
        raise FetchError(url.href, Reason.REDIRECTED, detail)

    async def _turn(self, host: _Host, url: Url) -> None:
        """Wait until a request to `host` may be started; it has not been learnt that it may."""
        while True:
            now = self._clock()
            ready = self._ready_at(host, now)
            if ready <= now and host.open < self._spec.per_host:
                return
            if ready - now > self._spec.max_idle or ready >= self._stop_at or now >= self._stop_at:
                detail = f"robots.txt leads to {host.name}, which must be left alone for a while"
                raise FetchError(url.href, Reason.HOST_BUSY, detail)
            await asyncio.sleep(max(ready - now, _MOMENT))

    async def _ask_robots(self, host: _Host, url: Url) -> FetchedPage | Redirect:
        began = self._note_begin(host)
        proxy = self._pool.choose(host.name, began) if self._pool else None
        if self._pool is not None and proxy is None:
            raise FetchError(url.href, Reason.NO_PROXY, "all proxies rest")
        try:
            answer = await self._fetcher.fetch(
                Request(
                    url.href,
                    headers=self._headers(url, {}, private=False),
                    proxy=proxy.url if proxy else None,
                ),
                time_limit=self._time_limit(began),
                max_bytes=ROBOTS_BYTES,
                accepts=lambda _type: True,
                connect_limit=self._spec.connect_timeout,
                cut=True,
                any_answer=True,
            )
        except FetchError as error:
            if self._clock() < self._stop_at:
                self._note_failure(host, error, proxy, self._clock())
            raise
        now = self._clock()
        host.state = host.state.answered(now)
        if self._pool is not None and proxy is not None:
            self._pool.report(proxy, host.name, Verdict.OK, now)
        return answer

    def _take_waiting(self, host: _Host, origin: str) -> list[Visit]:
        taken = [visit for _, _, visit in sorted(host.waiting) if _key_of(visit) == origin]
        host.waiting = [entry for entry in sorted(host.waiting) if _key_of(entry[2]) != origin]
        return taken

    # ---- pages

    async def _visit(self, host: _Host, visit: Visit, proxy: Proxy | None) -> None:
        began = self._note_begin(host)
        visit.began = began if visit.began is None else visit.began
        visit.asks(self._cookies(visit.url, began))
        place = self._fetcher.place()
        answer: FetchedPage | Redirect | FetchError
        try:
            answer = await self._fetcher.fetch(
                Request(
                    visit.url.href,
                    visit.method,
                    self._with_cookies(
                        self._headers(visit.url, visit.headers, private=_same_site(visit)),
                        visit.url,
                        began,
                    ),
                    visit.body,
                    proxy.url if proxy else None,
                ),
                place=place,
                time_limit=self._time_limit(began),
                max_bytes=self._spec.max_bytes,
                accepts=self._spec.accepts,
                connect_limit=self._spec.connect_timeout,
            )
        except FetchError as error:
            answer = _without_frames(error)
        finally:
            host.open -= 1
        now = self._clock()
        visit.elapsed += now - began
        if self._jar is not None and answer.set_cookies:
            self._jar.take(answer.set_cookies, visit.url, now)
        if isinstance(answer, FetchError):
            if answer.reason is Reason.TIMEOUT and now >= self._stop_at:
                late = FetchError(visit.url.href, Reason.OUT_OF_TIME, "the worker's time is up")
                self._defer(visit, late, None)
                return
            latency = now - began if answer.latency is None else answer.latency
            self._note_failure(host, answer, proxy, now, latency=latency)
            self._failed(visit, answer, proxy, now)
            return
        host.state = host.state.answered(now, pause=self._adapted(host, answer.latency, ok=True))
        if self._pool is not None and proxy is not None:
            self._pool.report(proxy, host.name, Verdict.OK, now)
        if isinstance(answer, Redirect):
            self._follow(visit, answer, now)
        elif not self._has_room():
            self._defer(visit, FetchError(visit.url.href, Reason.OUT_OF_ROOM, _NO_ROOM), None)
            place.leave()
        else:
            self.facts["Pages"] += 1
            self.facts["Bytes"] += answer.wire_bytes
            answer = answer._replace(fetched_at=visit.began)
            extracted = (
                Extracted([], [], [])  # it has no body, and none was asked for
                if visit.method == "HEAD"
                else self._extractor.at_once(answer)
            )
            if extracted is not None:
                self._emit(visit.scraped(answer, extracted, token=self._token, now=now))
                place.leave()
            else:
                task = asyncio.ensure_future(self._extract(visit, answer, place))
                self._extracting.add(task)

    async def _extract(self, visit: Visit, page: FetchedPage, place: Place) -> None:
        """Have something else make rows of `page`, which keeps its place until then."""
        try:
            extracted = await self._extractor.elsewhere(page, self._end_at - self._clock())
        except FetchError as error:
            if error.reason is Reason.OUT_OF_TIME:
                self._defer(visit, error, None)
            else:
                now = self._clock()
                self._emit(visit.unreadable(page, error, token=self._token, now=now))
        else:
            self._emit_page(visit, page, extracted)
        finally:
            place.leave()

    def _emit_page(self, visit: Visit, page: FetchedPage, extracted: Extracted) -> None:
        """
        Let `visit` have its outcome, or another batch, where this one has no room for its rows.

        Others may have taken it while this page was extracted.
        """
        if self._has_room():
            now = self._clock()
            self._emit(visit.scraped(page, extracted, token=self._token, now=now))
        else:
            self._defer(visit, FetchError(page.url, Reason.OUT_OF_ROOM, _NO_ROOM), None)

    def _refuse_all(self, error: FetchError) -> None:
        for visit in list(self._left.values()):
            why = FetchError(visit.url.href, error.reason, error.detail)
            if error.reason is Reason.OUT_OF_TIME:
                self._defer(visit, why, None)
            else:
                self._emit(visit.ended(why, now=self._clock()))

    def _follow(self, visit: Visit, answer: Redirect, now: float) -> None:
        location = answer.location
        visit.was_given_cookies = visit.was_given_cookies or bool(answer.set_cookies)
        problem = None
        if len(visit.redirects) >= self._spec.max_redirects:
            problem = f"more than {self._spec.max_redirects} redirects"
        elif not visit.follow(location, answer.status, self._cookies(location, now)):
            problem = f"redirects in a circle, back to {location.href}"
            if visit.was_given_cookies and self._jar is None:
                problem += "; it sets cookies, which fetch.cookie_jar sends back"
        if problem is not None:
            error = FetchError(
                visit.url.href, Reason.TOO_MANY_REDIRECTS, problem, status=answer.status
            )
            self._emit(visit.ended(error, now=self._clock()))
            return
        if partition_of(location.host, self._partitions) != self._batch.partition:
            # Its host has another owner, and nobody else may talk to it.
            detail = f"{location.host} is another worker's"
            self._defer(visit, FetchError(location.href, Reason.REDIRECTED, detail), None)
        else:
            self._enqueue(visit, 0.0)

    def _note_failure(
        self,
        host: _Host,
        error: FetchError,
        proxy: Proxy | None,
        now: float,
        *,
        latency: float = 0.0,
    ) -> None:
        """Take note of what a failure says of the host and of the proxy."""
        if self._pool is not None and proxy is not None:
            if error.reason in _BAD_PROXY:
                self._pool.report(proxy, host.name, Verdict.FAILED, now)
            elif error.reason in _NO_WAY:
                self._pool.report(proxy, host.name, Verdict.NO_WAY, now)
            elif _is_block(error):
                self._pool.report(proxy, host.name, Verdict.BLOCKED, now)
            elif error.status is not None:
                self._pool.report(proxy, host.name, Verdict.OK, now)
        if error.reason in _SLOW_DOWN:
            self.facts["HostPauses"] += 1
            asked = self._retry_after(error, now)
            host.asked = max(host.asked, asked or 0.0)
            host.state = host.state.slowed_down(now, asked, self._rng)
            self._note_pause(host, now)
        elif error.reason in _NO_CONNECTION or (
            error.reason in _OF_PROXY and not self._has_another_proxy(host, now)
        ):
            host.state = host.state.connection_failed(now)
            self._note_pause(host, now)
        elif error.status is not None and error.reason not in _OF_PROXY:
            pause = self._adapted(host, latency, ok=False)
            host.state = host.state.answered(now, pause=pause)

    def _has_another_proxy(self, host: _Host, now: float) -> bool:
        """Tell whether there is another way to `host` than the one that has just failed."""
        pool = self._pool
        return pool is not None and not pool.has_one and pool.back_at(host.name, now) <= now

    def _is_locked_out(self, error: FetchError) -> bool:
        """Tell whether the only proxy wants other credentials than it will ever get."""
        only = self._pool is not None and self._pool.has_one
        return only and error.reason is Reason.PROXY_AUTH

    def _failed(self, visit: Visit, error: FetchError, proxy: Proxy | None, now: float) -> None:
        """Decide whether there is another attempt."""
        visit.failure = error
        asked = self._retry_after(error, now)
        if error.reason is Reason.OUT_OF_TIME:
            self._defer(visit, error, None)
        elif error.reason.retryable and (asked or 0.0) > MAX_WAIT:
            self._emit(visit.ended(_asks_too_much(error.url, asked, error.status), now=now))
        elif error.reason in _SLOW_DOWN and visit.slowdowns < MAX_SLOWDOWNS:
            # A word about the host and not about the page: it waits with all the others.
            visit.slowdowns += 1
            self._enqueue(visit, 0.0)
        elif error.reason not in _SLOW_DOWN and self._may_go_otherwise(error, proxy):
            self._try_again(visit, error, now, at_least=asked)
        else:
            self._emit(visit.ended(error, now=now))

    def _may_go_otherwise(self, error: FetchError, proxy: Proxy | None) -> bool:
        """Tell whether the same request may succeed later, or by another proxy or connection."""
        by_proxy = proxy is not None and (error.reason in _BAD_PROXY or _is_block(error))
        return (error.reason.retryable or by_proxy) and not self._is_locked_out(error)

    def _try_again(
        self, visit: Visit, error: FetchError, now: float, *, at_least: float | None
    ) -> None:
        visit.failure = error
        if error.reason in _BAD_PROXY:
            # Nobody has asked the host for anything: its turn comes again, and that is no attempt.
            self._enqueue(visit, now + self._rng.uniform(0.0, self._policy.wait_initial))
            return
        wait = next_wait(self._policy, attempt=visit.attempt, rng=self._rng, retry_after=at_least)
        if wait is None:
            self._end(visit, error, now)
        else:
            visit.attempt += 1
            self._enqueue(visit, now + wait)

    # ---- what is left to a later batch

    def _hand_back(self, reason: Reason, detail: str) -> None:
        """Defer all who wait, each until its turn."""
        now = self._clock()
        for host in self._hosts.values():
            waiting, host.waiting = host.waiting, []
            ready = self._ready_at(host, now)
            why_host = reason, detail
            if reason is Reason.HOST_BUSY and ready > host.state.ready_at(now):
                why_host = Reason.NO_PROXY, "all proxies rest, as far as the host is concerned"
            for due, _, visit in sorted(waiting):
                turn = max(ready, due)
                why = visit.failure
                if (given_up := self._given_up(host, visit, now)) is not None:
                    self._end(visit, given_up, now)
                    continue
                if reason is Reason.HOST_BUSY and due <= now:
                    host.state, turn = host.state.booked(now, self._pause(host, visit))
                    turn = max(turn, ready)
                error = FetchError(
                    visit.url.href,
                    why.reason if why else why_host[0],
                    why.detail if why else why_host[1],
                    status=why.status if why else None,
                )
                self._defer(visit, error, turn if turn > now else None)

    def _given_up(self, host: _Host, visit: Visit, now: float) -> FetchError | None:
        """Return why nobody waits for `host` any more, if so."""
        state, url, why = host.state, visit.url.href, visit.failure
        status = why.status if why else None
        cool, slow = state.cool_until - now, state.slow_for(now)
        if cool > MAX_WAIT * COOL_JITTER or host.asked > MAX_WAIT:
            return _asks_too_much(url, cool, status)
        if slow > MAX_WAIT:
            detail = f'the host has said "slow down", and nothing else, for {slow:,.0f} s'
            return FetchError(url, Reason.WAIT_TOO_LONG, detail, status=status)
        if state.is_given_up(now, self._spec.attempts):
            cause = Reason.CONNECTION if self._pool is None else Reason.NO_PROXY
            if why and why.reason in _TRY_AGAIN:
                cause = why.reason
            by = "" if self._pool is None else " by any proxy"
            detail = f"the host cannot be reached{by}, and was tried again in vain"
            return FetchError(url, cause, detail, status=status)
        if self._pool is not None and self._pool.back_at(host.name, now) > now:
            bad = self._pool.bad_for(host.name, now)
            if bad > MAX_WAIT:
                detail = f"all proxies rest, and none has got through to the host for {bad:,.0f} s"
                return FetchError(
                    url, why.reason if why else Reason.NO_PROXY, detail, status=status
                )
        return None

    def _pause(self, host: _Host, visit: Visit) -> float:
        """Return the pause after a request for `visit`, before jitter."""
        rules = self._rules.get(visit.url.origin)
        delay = rules[0].pause(self._spec.max_crawl_delay) if rules else None
        adapted = host.state.pause if self._spec.adaptive else None
        return max(self._spec.pause, delay or 0.0, adapted or 0.0)

    def _end(self, visit: Visit, error: FetchError, now: float) -> None:
        """Give the target its outcome, unless it is about rules that were sent for."""
        if visit.is_errand:
            self._come_back(visit, error)
        else:
            self._emit(visit.ended(error, now=now))

    def _defer(self, visit: Visit, error: FetchError, not_before: float | None) -> None:
        now = self._clock()
        if self._batch.hops < MAX_HOPS:
            self._emit(visit.deferred(error, not_before=not_before, now=now))
        else:
            detail = f"handed on {self._batch.hops} times; at last: {error.detail} ({error.reason})"
            last = FetchError(error.url, Reason.TOO_MANY_HOPS, detail, status=error.status)
            self._emit(visit.ended(last, now=now))

    # ---- arithmetic

    def _time_limit(self, now: float) -> float:
        return max(0.001, min(self._spec.timeout, self._stop_at - now))

    def _cookies(self, url: Url, now: float) -> str | None:
        """Return what the jar has for `url`."""
        return None if self._jar is None else self._jar.header(None, url, now)

    def _with_cookies(self, headers: Headers, url: Url, now: float) -> Headers:
        """Return `headers` with what the jar has for `url`."""
        if self._jar is None:
            return headers
        rest = tuple(entry for entry in headers if entry[0].lower() != "cookie")
        own = next((value for name, value in headers if name.lower() == "cookie"), None)
        cookie = self._jar.header(own, url, now)
        return (*rest, ("Cookie", cookie)) if cookie else rest

    def _headers(self, url: Url, own: Mapping[str, str], *, private: bool) -> Headers:
        """
        Return the headers of a request; without `private` those that anybody may see.

        Those that are its `own` are in the place of others.
        """
        secure = url.href.startswith("https:")
        headers = headers_for(
            self._spec, url.host, user_agent=self._user_agent, secure=secure, rng=self._rng
        )
        if own:
            names = {name.lower() for name in own}
            others = (entry for entry in headers if entry[0].lower() not in names)
            headers = (*others, *own.items())
        return headers if private else without_secrets(headers, self._spec)

    def _adapted(self, host: _Host, latency: float, *, ok: bool) -> float | None:
        if not self._spec.adaptive:
            return None
        return next_pause(
            self._spec.pause if host.state.pause is None else host.state.pause,
            latency,
            target_concurrency=self._spec.target_concurrency,
            minimum=self._spec.pause,
            maximum=max(self._spec.pause, self._spec.max_crawl_delay),
            ok=ok,
        )

    @staticmethod
    def _retry_after(error: FetchError, now: float) -> float | None:
        return parse_retry_after(error.retry_after, now=datetime.fromtimestamp(now, UTC))


def _asks_too_much(url: str, seconds: float | None, status: int | None = None) -> FetchError:
    detail = f"the host asks for {seconds:,.0f} s, more than a job waits"
    return FetchError(url, Reason.WAIT_TOO_LONG, detail, status=status)


def _same_site(visit: Visit) -> bool:
    """Tell whether a visit is still where the list has sent it: what is told there stays there."""
    return not visit.redirects or may_be_told(visit.url, home=parse_url(visit.target.url))


def _is_block(error: FetchError) -> bool:
    """Tell whether the host does not want this proxy, and may want another one."""
    return error.status in BLOCKS or error.reason is Reason.CHALLENGE


def _without_frames(error: FetchError) -> FetchError:
    """Return `error` without what it was raised from: the frames hold the body, for good."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _key_of(visit: Visit) -> str:
    """Return what the rules that `visit` waits for are known by."""
    return _rules_key(visit.url) if visit.is_errand else visit.url.origin


def _rules_key(url: Url) -> str:
    """Return what the rules at `url` are known by: their origin, where they are at home."""
    return url.origin if robots_url(url.href) == url.href else url.href


def _rules_url(key: str) -> Url:
    return parse_url(robots_url(f"{key}/") if key == origin_of(key) else key)

"""
A batch's targets in, one outcome each out.

Owns the order of things: whose turn it is at which host, robots.txt before pages, what is tried
again, what waits here and what is left to a later batch. Knows nothing of SQS and S3. One
coroutine decides and keeps all state; tasks only fetch.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random

from msgspec.structs import replace

from functions.worker.cookies import CookieJar
from functions.worker.fetch import Fetcher, Page, Redirect, Request
from functions.worker.partition import PartitionState
from functions.worker.pause import COOL_LONGEST, HostState, next_pause
from functions.worker.profiles import Headers, headers_for
from functions.worker.proxies import Proxy, ProxyPool, Verdict
from functions.worker.retry import RetryPolicy, next_wait, parse_retry_after
from functions.worker.robots import MAX_BYTES as ROBOTS_BYTES
from functions.worker.robots import MAX_REDIRECTS as ROBOTS_REDIRECTS
from functions.worker.robots import (
    TTL_ERROR,
    Rules,
    cached_robots,
    product_token,
    robots_url,
    rules_from_answer,
)
from functions.worker.visit import Visit
from shared.errors import FetchError, Reason
from shared.jobs import Manifest
from shared.messages import Batch
from shared.outcomes import Outcome
from shared.urls import Url, parse_url, partition_of, registrable_domain

MAX_HOPS = 1_000  # how often a target may be handed back: ends what would go round for ever
MAX_SLOWDOWNS = 5  # answers of 429 or 503 to one target
_SLOW_DOWN = {Reason.HTTP_429, Reason.HTTP_503}
_NO_CONNECTION = {
    Reason.CONNECT_TIMEOUT,
    Reason.CONNECTION,
    Reason.CONNECTION_RESET,
    Reason.DNS,
}
_HOPELESS = {Reason.UNKNOWN_HOST, Reason.PRIVATE_ADDRESS, Reason.TLS, Reason.TLS_CERTIFICATE}
_BAD_PROXY = {Reason.PROXY_CONNECTION, Reason.PROXY_AUTH, Reason.PROXY_REFUSED}
_BLOCKS = {403, 429}
# Of robots.txt: the host cannot be reached, or not by us, which is not what it says to crawlers.
_TRY_AGAIN = _NO_CONNECTION | _BAD_PROXY | {Reason.NO_PROXY, Reason.PROXY_GATEWAY}
_OK = range(200, 300)
_PRIVATE = {"authorization", "cookie"}
_MOMENT = 0.05  # seconds


@dataclass
class _Host:
    """A host of the batch: who waits for it, and how many requests are open to it."""

    name: str
    state: HostState
    open: int = 0
    learning: bool = False
    """Its robots.txt is being fetched, and nothing else."""
    waiting: list[tuple[float, int, Visit]] = field(default_factory=list)
    """A heap of due times; the numbers keep the order of the list."""
    jar: CookieJar | None = None


class Scraper:
    """
    Scrapes one batch.

    Args:
        manifest: Of the job.
        batch: The targets.
        fetcher: Does the fetching.
        state: What is known of the partition; it is kept up to date.
        pool: The job's proxies; None to fetch directly.
        user_agent: The deployment's.
        clock: Returns the seconds since the epoch.
        stop_at: On that clock: from then on nothing is fetched, and what is left is deferred.
        rng: Source of jitter and chance.
    """

    def __init__(
        self,
        manifest: Manifest,
        batch: Batch,
        fetcher: Fetcher,
        *,
        state: PartitionState,
        pool: ProxyPool | None,
        user_agent: str,
        clock: Callable[[], float],
        stop_at: float,
        rng: Random,
    ) -> None:
        self._spec = manifest.spec.fetch
        self._partitions = manifest.partitions
        self._batch = batch
        self._fetcher = fetcher
        self._state = state
        self._pool = pool
        self._user_agent = self._spec.user_agent or user_agent
        self._token = product_token(self._user_agent)
        self._clock = clock
        self._stop_at = stop_at
        self._rng = rng
        self._policy = RetryPolicy(
            self._spec.attempts, self._spec.wait_initial, self._spec.wait_max
        )
        self._hosts: dict[str, _Host] = {}
        self._rules: dict[str, tuple[Rules, float]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._numbers = count()
        self._emit: Callable[[Outcome], None] = lambda _outcome: None
        self.facts: Counter[str] = Counter()
        """For the metrics: Pages, Bytes, MillisecondsWaited, HostPauses, RobotsDenials."""

    async def scrape(self, emit: Callable[[Outcome], None]) -> None:
        """Hand one outcome for each target to `emit`, as they come."""
        self._emit = emit
        for target in self._batch.targets:
            self._enqueue(Visit(target), 0.0)
        try:
            while self._is_waiting() or self._running:
                await self._step()
        finally:
            for task in self._running:
                task.cancel()
            for host in self._hosts.values():
                self._state.hosts[host.name] = host.state

    async def _step(self) -> None:
        now = self._clock()
        if now >= self._stop_at:
            self._hand_back(Reason.OUT_OF_TIME, "the worker's time is up")
            wake = inf
        else:
            wake = self._start_ready(now)
        if self._running:
            limit = min(wake, self._stop_at if self._is_waiting() else inf)
            timeout = None if limit == inf else max(0.0, limit - now)
            done, self._running = await asyncio.wait(
                self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()  # a task that raises is a bug, and must not go unnoticed
        elif self._is_waiting():
            if wake - now > self._spec.max_idle or wake >= self._stop_at:
                self._hand_back(Reason.HOST_BUSY, "the host must be left alone for a while")
            else:
                self.facts["MillisecondsWaited"] += round((wake - now) * 1000)
                await asyncio.sleep(wake - now)

    # ---- whose turn it is

    def _is_waiting(self) -> bool:
        return any(host.waiting for host in self._hosts.values())

    def _start_ready(self, now: float) -> float:
        """Start what may start; return when more may, as far as no answer is needed for it."""
        wake = inf
        for host in list(self._hosts.values()):
            while host.waiting and not host.learning and host.open < self._spec.per_host:
                if len(self._running) >= self._spec.concurrency:
                    return inf
                ready = max(host.state.ready_at(now), host.waiting[0][0])
                if ready > now:
                    wake = min(wake, ready)
                    break
                self._start_next(host, now)
        return wake

    def _start_next(self, host: _Host, now: float) -> None:
        """Start what is first in line at `host`, or the fetching of the rules it needs."""
        visit = host.waiting[0][2]
        origin = _origin(visit.url)
        if self._spec.robots == "obey" and self._known_rules(origin, now) is None:
            host.learning = True
            self._open(host, now, None)
            self._spawn(self._learn(host, origin))
            return
        heappop(host.waiting)
        proxy = None
        if self._pool is not None:
            proxy = self._pool.choose(host.name, now)
            if proxy is None:
                back = self._pool.back_at(host.name, now)
                error = FetchError(visit.url.href, Reason.NO_PROXY, "all proxies rest")
                self._try_again(visit, error, now, at_least=back - now)
                return
        rules = self._rules.get(origin)
        delay = rules[0].pause(self._spec.max_crawl_delay) if rules else None
        self._open(host, now, delay)
        visit.began = now if visit.began is None else visit.began
        visit.proxy = proxy
        self._spawn(self._visit(host, visit, proxy))

    def _open(self, host: _Host, now: float, crawl_delay: float | None) -> None:
        pause = self._spec.pause
        if self._spec.adaptive and host.state.pause is not None:
            pause = max(pause, host.state.pause)
        host.open += 1
        host.state = host.state.started(now, pause, self._rng, at_least=crawl_delay or 0.0)

    def _spawn(self, coroutine: "asyncio._CoroutineLike[None]") -> None:
        self._running.add(asyncio.ensure_future(coroutine))  # type: ignore[arg-type]

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            known = self._state.hosts.get(name) or HostState()
            jar = CookieJar() if self._spec.cookie_jar else None
            host = self._hosts[name] = _Host(name, known, jar=jar)
        return host

    def _enqueue(self, visit: Visit, due: float) -> None:
        """Let `visit` wait for its turn, unless robots.txt already says no."""
        now = self._clock()
        known = self._known_rules(_origin(visit.url), now)
        if known is None or self._is_allowed(visit, *known):
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
            error = FetchError(url, Reason.ROBOTS_UNREACHABLE, "robots.txt cannot be had for now")
            if visit.attempt >= self._spec.attempts:
                self._emit(visit.ended(error, now=self._clock()))
            else:
                visit.attempt += 1
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
            # Of a file that broke off we do not know what it forbids.
            status = None if error.status in _OK else error.status
        else:
            status = answer.status
            body = answer.body if isinstance(answer, Page) else b""
        finally:
            host.open -= 1
            host.learning = False
        now = self._clock()
        if failure is not None and (now >= self._stop_at or failure.reason is Reason.OUT_OF_TIME):
            return  # it says nothing: time is up, and those who wait are handed back
        if failure is not None and failure.url.startswith(f"{origin}/"):
            # What keeps us from its robots.txt keeps us from its pages.
            if failure.reason in _HOPELESS:
                for visit in self._take_waiting(host, origin):
                    self._emit(visit.ended(failure, now=now))
                return
            if failure.reason in _TRY_AGAIN:
                self._blame_first(host, origin, failure, now)
                return
        self._keep_rules(host, origin, status, body, now)

    def _blame_first(self, host: _Host, origin: str, failure: FetchError, now: float) -> None:
        """Let the first in line have made this attempt; the next one asks again."""
        first, *others = self._take_waiting(host, origin)
        for visit in others:
            self._enqueue(visit, 0.0)
        error = FetchError(failure.url, failure.reason, f"robots.txt: {failure.detail}")
        back = None
        if self._pool is not None and failure.reason is Reason.NO_PROXY:
            back = self._pool.back_at(host.name, now) - now
        self._try_again(first, error, now, at_least=back)

    def _keep_rules(
        self, host: _Host, origin: str, status: int | None, body: bytes, now: float
    ) -> None:
        rules = rules_from_answer(status, body, user_agent=self._user_agent)
        self._rules[origin] = rules, now + TTL_ERROR
        cached = cached_robots(status, body, user_agent=self._user_agent, now=now)
        if cached is not None:
            self._state.robots[origin] = cached
        delay = rules.pause(self._spec.max_crawl_delay)
        if delay is not None:  # it holds from the first request on
            host.state = replace(host.state, next_at=max(host.state.next_at, now + delay))
        for visit in self._take_waiting(host, origin):
            self._enqueue(visit, 0.0)

    async def _fetch_robots(self, host: _Host, origin: str) -> Page | Redirect:
        """Return the answer behind the redirects that stay with hosts of this partition."""
        url = parse_url(robots_url(origin + "/"))
        answer = await self._ask_robots(host, url)
        for _ in range(ROBOTS_REDIRECTS):
            if isinstance(answer, Page):
                break
            url = answer.location
            if partition_of(url.host, self._partitions) != self._batch.partition:
                break  # another worker's host: as if there were no rules
            at = self._host(url.host)
            await self._turn(at, url)
            self._open(at, self._clock(), None)
            try:
                answer = await self._ask_robots(at, url)
            finally:
                at.open -= 1
        return answer

    async def _turn(self, host: _Host, url: Url) -> None:
        """Wait until a request to `host` may be started; it has not been learnt that it may."""
        while True:
            now = self._clock()
            ready = host.state.ready_at(now)
            if ready <= now and host.open < self._spec.per_host:
                return
            if ready - now > self._spec.max_idle or ready >= self._stop_at or now >= self._stop_at:
                detail = f"robots.txt leads to {host.name}, which must be left alone for a while"
                raise FetchError(url.href, Reason.HOST_BUSY, detail)
            await asyncio.sleep(max(ready - now, _MOMENT))

    async def _ask_robots(self, host: _Host, url: Url) -> Page | Redirect:
        proxy = self._pool.choose(host.name, self._clock()) if self._pool else None
        if self._pool is not None and proxy is None:
            raise FetchError(url.href, Reason.NO_PROXY, "all proxies rest")
        try:
            answer = await self._fetcher.fetch(
                Request(
                    url.href,
                    headers=self._headers(url, private=False),
                    proxy=proxy.url if proxy else None,
                ),
                time_limit=self._time_limit(),
                max_bytes=ROBOTS_BYTES,
                accepts=lambda _type: True,
                connect_limit=self._spec.connect_timeout,
                cut=True,
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
        taken = [visit for _, _, visit in sorted(host.waiting) if _origin(visit.url) == origin]
        host.waiting = [entry for entry in sorted(host.waiting) if _origin(entry[2].url) != origin]
        return taken

    # ---- pages

    async def _visit(self, host: _Host, visit: Visit, proxy: Proxy | None) -> None:
        began = self._clock()
        answer: Page | Redirect | FetchError
        try:
            answer = await self._fetcher.fetch(
                Request(
                    visit.url.href,
                    headers=self._headers(visit.url, private=_same_site(visit), jar=host.jar),
                    proxy=proxy.url if proxy else None,
                ),
                time_limit=self._time_limit(),
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
        if isinstance(answer, FetchError):
            if answer.reason is Reason.TIMEOUT and now >= self._stop_at:
                late = FetchError(visit.url.href, Reason.OUT_OF_TIME, "the worker's time is up")
                self._defer(visit, late, None)
                return
            self._note_failure(host, answer, proxy, now, latency=now - began)
            self._failed(visit, answer, proxy, now)
            return
        host.state = host.state.answered(now, pause=self._adapted(host, now - began, ok=True))
        if host.jar is not None:
            host.jar.take(answer.set_cookies)
        if self._pool is not None and proxy is not None:
            self._pool.report(proxy, host.name, Verdict.OK, now)
        if isinstance(answer, Redirect):
            self._follow(visit, answer)
        else:
            self.facts["Pages"] += 1
            self.facts["Bytes"] += answer.wire_bytes
            self._emit(visit.scraped(answer, token=self._token, now=now))

    def _follow(self, visit: Visit, answer: Redirect) -> None:
        location = answer.location
        problem = None
        if location.href in (visit.target.url, *visit.redirects):
            problem = f"redirects in a circle, back to {location.href}"
        elif len(visit.redirects) >= self._spec.max_redirects:
            problem = f"more than {self._spec.max_redirects} redirects"
        if problem is not None:
            error = FetchError(
                visit.url.href, Reason.TOO_MANY_REDIRECTS, problem, status=answer.status
            )
            self._emit(visit.ended(error, now=self._clock()))
            return
        visit.follow(location)
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
            elif error.status in _BLOCKS:
                self._pool.report(proxy, host.name, Verdict.BLOCKED, now)
            elif error.status is not None:
                self._pool.report(proxy, host.name, Verdict.OK, now)
        if error.reason in _SLOW_DOWN:
            self.facts["HostPauses"] += 1
            host.state = host.state.slowed_down(now, self._retry_after(error, now), self._rng)
        elif error.reason in _NO_CONNECTION:
            host.state = host.state.connection_failed(now)
        elif error.status is not None:
            pause = self._adapted(host, latency, ok=False)
            host.state = host.state.answered(now, pause=pause)

    def _failed(self, visit: Visit, error: FetchError, proxy: Proxy | None, now: float) -> None:
        """Decide whether there is another attempt."""
        visit.failure = error
        if error.reason is Reason.OUT_OF_TIME:
            self._defer(visit, error, None)
        elif error.reason in _SLOW_DOWN and visit.slowdowns < MAX_SLOWDOWNS:
            # A word about the host and not about the page: it waits with all the others.
            visit.slowdowns += 1
            self._enqueue(visit, 0.0)
        elif error.reason in _SLOW_DOWN or not (
            error.reason.retryable or (proxy is not None and error.status in _BLOCKS)
        ):
            self._emit(visit.ended(error, now=now))
        else:
            self._try_again(visit, error, now, at_least=self._retry_after(error, now))

    def _try_again(
        self, visit: Visit, error: FetchError, now: float, *, at_least: float | None
    ) -> None:
        visit.failure = error
        at_least = None if at_least is None else min(at_least, COOL_LONGEST)
        wait = next_wait(self._policy, attempt=visit.attempt, rng=self._rng, retry_after=at_least)
        if wait is None:
            self._emit(visit.ended(error, now=now))
        else:
            visit.attempt += 1
            self._enqueue(visit, now + wait)

    # ---- what is left to a later batch

    def _hand_back(self, reason: Reason, detail: str) -> None:
        """Defer all who wait, each until its turn."""
        now = self._clock()
        for host in self._hosts.values():
            waiting, host.waiting = host.waiting, []
            for due, _, visit in sorted(waiting):
                turn = max(host.state.ready_at(now), due)
                if host.state.is_down(now):
                    self._without_host(visit, turn, now)
                    continue
                if reason is Reason.HOST_BUSY and due <= now:
                    host.state, turn = host.state.booked(now, self._pause(host, visit))
                why = visit.failure
                error = FetchError(
                    visit.url.href,
                    why.reason if why else reason,
                    why.detail if why else detail,
                    status=why.status if why else None,
                )
                self._defer(visit, error, turn if turn > now else None)

    def _without_host(self, visit: Visit, turn: float, now: float) -> None:
        """Count an attempt that somebody has made for all who wait for the host."""
        error = FetchError(visit.url.href, Reason.CONNECTION, "the host cannot be reached")
        if visit.attempt >= self._spec.attempts:
            self._emit(visit.ended(error, now=now))
        else:
            visit.attempt += 1
            self._defer(visit, error, turn)

    def _pause(self, host: _Host, visit: Visit) -> float:
        """Return the pause after a request for `visit`, before jitter."""
        rules = self._rules.get(_origin(visit.url))
        delay = rules[0].pause(self._spec.max_crawl_delay) if rules else None
        adapted = host.state.pause if self._spec.adaptive else None
        return max(self._spec.pause, delay or 0.0, adapted or 0.0)

    def _defer(self, visit: Visit, error: FetchError, not_before: float | None) -> None:
        now = self._clock()
        if self._batch.hops < MAX_HOPS:
            self._emit(visit.deferred(error, not_before=not_before, now=now))
        else:
            detail = f"handed on {self._batch.hops} times; at last: {error.detail} ({error.reason})"
            last = FetchError(error.url, Reason.TOO_MANY_HOPS, detail, status=error.status)
            self._emit(visit.ended(last, now=now))

    # ---- arithmetic

    def _time_limit(self) -> float:
        return max(0.001, min(self._spec.timeout, self._stop_at - self._clock()))

    def _headers(self, url: Url, *, private: bool, jar: CookieJar | None = None) -> Headers:
        """Return the headers of a request; without `private` those that anybody may see."""
        secure = url.href.startswith("https:")
        headers = headers_for(
            self._spec, url.host, user_agent=self._user_agent, secure=secure, rng=self._rng
        )
        if not private:
            headers = tuple(entry for entry in headers if entry[0].lower() not in _PRIVATE)
        if jar is None:
            return headers
        cookie = jar.header(dict(headers).get("Cookie"))
        rest = tuple(entry for entry in headers if entry[0] != "Cookie")
        return (*rest, ("Cookie", cookie)) if cookie else rest

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


def _same_site(visit: Visit) -> bool:
    """Tell whether a visit is still where the list has sent it: what is told there stays there."""
    home = parse_url(visit.target.url).host if visit.redirects else visit.url.host
    return registrable_domain(home) == registrable_domain(visit.url.host)


def _without_frames(error: FetchError) -> FetchError:
    """Return `error` without what it was raised from: the frames hold the body, for good."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _origin(url: Url) -> str:
    """Return ``https://host:port`` of a URL."""
    return "/".join(url.href.split("/", 3)[:3])

"""
What an answer, or that there is none, says of the host, of the proxy and of the target.

Decides and notes; asks for nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from random import Random

from functions.worker.politeness.pause import COOL_JITTER, next_pause
from functions.worker.politeness.proxies import Proxy, Verdict
from functions.worker.politeness.retry import RetryPolicy, next_wait, parse_retry_after
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.turns import HostQueue, Turns
from functions.worker.scraping.visit import Visit
from functions.worker.transport.failures import BLOCKS
from functions.worker.transport.page import FetchedPage
from shared.errors import FetchError, Reason
from shared.fetch_spec import FetchSpec
from shared.unwanted_spec import UnwantedSpec

MAX_WAIT = 60 * 60.0  # seconds; a host that asks for more is given up on
MAX_SLOWDOWNS = 5  # answers of 429 or 503 to one target
_SLOW_DOWN = {Reason.HTTP_429, Reason.HTTP_503}
_NO_CONNECTION = {
    Reason.CONNECT_TIMEOUT,
    Reason.CONNECTION,
    Reason.CONNECTION_RESET,
    Reason.DNS,
}
# Which no other attempt follows, unless the spec says so.
_OF_STATUS = {Reason.HTTP_4XX, Reason.HTTP_404, Reason.HTTP_5XX_FINAL, Reason.CHALLENGE}
_HOPELESS = {Reason.UNKNOWN_HOST, Reason.PRIVATE_ADDRESS, Reason.TLS, Reason.TLS_CERTIFICATE}
_BAD_PROXY = {Reason.PROXY_CONNECTION, Reason.PROXY_AUTH}  # for every host
_NO_WAY = {Reason.PROXY_REFUSED, Reason.PROXY_GATEWAY}  # by this proxy to this host
OF_PROXY = _BAD_PROXY | _NO_WAY
# Of robots.txt: the host cannot be reached, or not by us, which is not what it says to crawlers.
TRY_AGAIN = _NO_CONNECTION | OF_PROXY


class Judge:
    """
    Args:
        means: Of the job.
        turns: The hosts.
        pending: The targets.
        clock: Returns the seconds since the epoch.
        rng: Source of jitter.
        facts: For the metrics.
    """

    def __init__(
        self,
        means: Means,
        turns: Turns,
        pending: Pending,
        clock: Callable[[], float],
        rng: Random,
        facts: Counter[str],
    ) -> None:
        self._means = means
        self._spec = means.fetch
        self._pool = means.pool
        self._turns = turns
        self._pending = pending
        self._clock = clock
        self._rng = rng
        self._facts = facts

    def _spec_of(self, visit: Visit) -> FetchSpec:
        return self._means.overrides.of(visit.url, visit.target)

    # ---- of the host and of the proxy

    def note_answer(
        self, host: HostQueue, proxy: Proxy | None, now: float, *, latency: float | None = None
    ) -> None:
        """Take note of an answer, which took `latency` seconds where the pause is to fit it."""
        pause = None if latency is None else self._adapted(host, latency, ok=True)
        host.state = host.state.answered(now, pause=pause)
        if self._pool is not None and proxy is not None:
            self._pool.report(proxy, host.name, Verdict.OK, now)

    def note_failure(
        self,
        host: HostQueue,
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
            self._facts["HostPauses"] += 1
            asked = _retry_after(error, now)
            host.asked = max(host.asked, asked or 0.0)
            host.state = host.state.slowed_down(now, asked, self._rng)
            self._turns.note_pause(host, now)
        elif error.reason in _NO_CONNECTION or (
            error.reason in OF_PROXY and not self._has_another_proxy(host, now)
        ):
            host.state = host.state.connection_failed(now)
            self._turns.note_pause(host, now)
        elif error.status is not None and error.reason not in OF_PROXY:
            pause = self._adapted(host, latency, ok=False)
            host.state = host.state.answered(now, pause=pause)

    def _has_another_proxy(self, host: HostQueue, now: float) -> bool:
        """Tell whether there is another way to `host` than the one that has just failed."""
        pool = self._pool
        return pool is not None and not pool.has_one and pool.back_at(host.name, now) <= now

    def _adapted(self, host: HostQueue, latency: float, *, ok: bool) -> float | None:
        if not self._spec.adaptive:
            return None
        pause = self._turns.pause_of(host)
        return next_pause(
            pause if host.state.pause is None else host.state.pause,
            latency,
            target_concurrency=self._spec.target_concurrency,
            minimum=pause,
            maximum=max(pause, self._spec.max_crawl_delay),
            ok=ok,
        )

    def unwanted(self, visit: Visit, page: FetchedPage, unwanted: str | None) -> str | None:
        """
        Return why a page is not the one that `visit` asked for; None: it is.

        `unwanted` says so of its content, as far as it was looked at.
        """
        is_status = _is_unwanted(page.status, self._spec_of(visit).retry_when)
        return f"retry_when: the status is {page.status}" if is_status else unwanted

    def wants(self, visit: Visit, page: FetchedPage, why: str | None) -> bool:
        """Tell whether a page is wanted, which `why` is not; if not, it is a failed attempt."""
        retry_when = self._spec_of(visit).retry_when
        now, proxy = self._clock(), visit.proxy
        if self._pool is not None and proxy is not None and retry_when:
            verdict = Verdict.OK if why is None else Verdict.BLOCKED
            self._pool.report(proxy, visit.url.host, verdict, now)
        if why is not None:
            error = FetchError(
                page.url,
                Reason.UNWANTED_PAGE,
                why,
                status=page.status,
                remote_address=page.remote_address,
            )
            self.decide(visit, error, proxy, now)
        return why is None

    def judged(self, visit: Visit, error: FetchError) -> FetchError:
        """Return what an answer that is no page is by what the spec says of its status."""
        if error.reason not in _OF_STATUS or not _is_unwanted(
            error.status, self._spec_of(visit).retry_when
        ):
            return error
        return FetchError(
            error.url,
            Reason.UNWANTED_PAGE,
            error.detail,
            status=error.status,
            retry_after=error.retry_after,
            remote_address=error.remote_address,
            set_cookies=error.set_cookies,
            latency=error.latency,
        )

    # ---- of the target

    def is_hopeless(self, error: FetchError) -> bool:
        """Tell whether no request to the host of `error` will succeed, now or later."""
        return error.reason in _HOPELESS or self._is_locked_out(error)

    def decide(self, visit: Visit, error: FetchError, proxy: Proxy | None, now: float) -> None:
        """Let `visit` have another attempt, or its outcome."""
        visit.failure = error
        asked = _retry_after(error, now)
        if error.reason is Reason.OUT_OF_TIME:
            self._pending.defer(visit, error)
        elif error.reason.retryable and (asked or 0.0) > MAX_WAIT:
            self._pending.end(visit, _asks_too_much(error.url, asked, error.status))
        elif error.reason in _SLOW_DOWN and visit.slowdowns < MAX_SLOWDOWNS:
            # A word about the host and not about the page: it waits with all the others.
            visit.slowdowns += 1
            self._turns.enqueue(visit)
        elif error.reason not in _SLOW_DOWN and self._may_go_otherwise(error, proxy):
            self.try_again(visit, error, now, at_least=asked)
        else:
            self._pending.end(visit, error)

    def try_again(
        self, visit: Visit, error: FetchError, now: float, *, at_least: float | None = None
    ) -> None:
        """Let `visit` have another attempt in `at_least` seconds, if it has not had them all."""
        visit.failure = error
        spec = self._spec_of(visit)
        if error.reason in _BAD_PROXY:
            # Nobody has asked the host for anything: its turn comes again, and that is no attempt.
            self._turns.enqueue(visit, now + self._rng.uniform(0.0, spec.wait_initial))
            return
        policy = RetryPolicy(spec.attempts, spec.wait_initial, spec.wait_max)
        wait = next_wait(policy, attempt=visit.attempt, rng=self._rng, retry_after=at_least)
        if wait is None:
            self._pending.give_up(visit, error)
        else:
            visit.attempt += 1
            self._turns.enqueue(visit, now + wait)

    def _may_go_otherwise(self, error: FetchError, proxy: Proxy | None) -> bool:
        """Tell whether the same request may succeed later, or by another proxy or connection."""
        by_proxy = proxy is not None and (error.reason in _BAD_PROXY or _is_block(error))
        return (error.reason.retryable or by_proxy) and not self._is_locked_out(error)

    def _is_locked_out(self, error: FetchError) -> bool:
        """Tell whether the only proxy wants other credentials than it will ever get."""
        only = self._pool is not None and self._pool.has_one
        return only and error.reason is Reason.PROXY_AUTH

    # ---- of those who wait

    def hand_back(self, reason: Reason, detail: str) -> None:
        """Leave all who wait to a later batch, each until its turn."""
        now = self._clock()
        for host in self._turns:
            waiting = host.take_all()
            ready = self._turns.ready_at(host, now)
            why_host = reason, detail
            if reason is Reason.HOST_BUSY and ready > host.state.ready_at(now):
                why_host = Reason.NO_PROXY, "all proxies rest, as far as the host is concerned"
            for due, visit in waiting:
                turn = max(ready, due)
                why = visit.failure
                if (given_up := self._given_up(host, visit, now)) is not None:
                    self._pending.give_up(visit, given_up)
                    continue
                if reason is Reason.HOST_BUSY and due <= now:
                    turn = max(self._turns.book(host, visit, now), ready)
                error = FetchError(
                    visit.url.href,
                    why.reason if why else why_host[0],
                    why.detail if why else why_host[1],
                    status=why.status if why else None,
                )
                self._pending.defer(visit, error, turn if turn > now else None)

    def _given_up(self, host: HostQueue, visit: Visit, now: float) -> FetchError | None:
        """Return why nobody waits for `host` any more, if so."""
        state, url, why = host.state, visit.url.href, visit.failure
        status = why.status if why else None
        cool, slow = state.cool_until - now, state.slow_for(now)
        if cool > MAX_WAIT * COOL_JITTER or host.asked > MAX_WAIT:
            return _asks_too_much(url, cool, status)
        if slow > MAX_WAIT:
            detail = f'the host has said "slow down", and nothing else, for {slow:,.0f} s'
            return FetchError(url, Reason.WAIT_TOO_LONG, detail, status=status)
        if state.is_given_up(now, self._spec_of(visit).attempts):
            cause = Reason.CONNECTION if self._pool is None else Reason.NO_PROXY
            if why and why.reason in TRY_AGAIN:
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


def _asks_too_much(url: str, seconds: float | None, status: int | None = None) -> FetchError:
    detail = f"the host asks for {seconds:,.0f} s, more than a job waits"
    return FetchError(url, Reason.WAIT_TOO_LONG, detail, status=status)


def _is_unwanted(status: int | None, retry_when: Iterable[UnwantedSpec]) -> bool:
    """Tell whether one condition is about `status` alone, and holds."""
    return any(one.is_status_alone and one.status == status for one in retry_when)


def _is_block(error: FetchError) -> bool:
    """Tell whether the host does not want this proxy, and may want another one."""
    return error.status in BLOCKS or error.reason in {Reason.CHALLENGE, Reason.UNWANTED_PAGE}


def _retry_after(error: FetchError, now: float) -> float | None:
    return parse_retry_after(error.retry_after, now=datetime.fromtimestamp(now, UTC))

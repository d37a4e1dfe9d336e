"""
One request to a host, from its turn to what its end says of the host and of the proxy.

Knows how long a request may take and what it looks like. What the answer means for a target, the
caller knows.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from functions.worker.politeness.proxies import Proxy
from functions.worker.politeness.robots import MAX_BYTES as ROBOTS_BYTES
from functions.worker.scraping.deadline import Deadline
from functions.worker.scraping.keep import keep_page
from functions.worker.scraping.means import Means
from functions.worker.scraping.requests import Requests
from functions.worker.scraping.turns import HostQueue, Turns
from functions.worker.scraping.verdicts import Judge
from functions.worker.scraping.visit import Visit
from functions.worker.transport.budget import Reservation
from functions.worker.transport.fetch import Fetcher, OnRefused
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, Reason
from shared.urls import Url

_LOGIN_BYTES = 1_000_000  # that are read of an answer


class Asker:
    """
    Args:
        means: Of the job.
        fetcher: Does the fetching.
        requests: Says what requests look like.
        turns: The hosts.
        judge: Takes note of what answers say.
        deadline: Of the batch.
    """

    def __init__(
        self,
        means: Means,
        fetcher: Fetcher,
        requests: Requests,
        turns: Turns,
        judge: Judge,
        deadline: Deadline,
    ) -> None:
        self._means = means
        self._pool = means.pool
        self._fetcher = fetcher
        self._requests = requests
        self._turns = turns
        self._judge = judge
        self._deadline = deadline

    async def page(
        self, host: HostQueue, visit: Visit, proxy: Proxy | None, reservation: Reservation
    ) -> FetchedPage | Redirect | FetchError:
        """
        Return the answer to what `visit` asks for, or why there is none.

        Args:
            host: Whose turn it is.
            visit: It takes note of the request.
            proxy: To go through.
            reservation: Is held by the page that is returned.
        """
        began = self._turns.begin(host)
        spec = self._means.overrides.of(visit.url, visit.target)
        visit.began = began if visit.began is None else visit.began
        request = sent = self._requests.for_page(visit, proxy, began)
        if self._means.keeping is not None:
            sent = request._replace(headers=self._fetcher.headers(request))
        visit.asks(sent, self._requests.cookies(visit.url, began), began)
        answer: FetchedPage | Redirect | FetchError
        try:
            answer = await self._fetcher.fetch(
                request,
                reservation=reservation,
                time_limit=self._deadline.limit(spec.timeout, began),
                max_bytes=spec.max_bytes,
                accepts=spec.accepts,
                connect_limit=spec.connect_timeout,
                on_refused=self._on_refused(visit),
            )
        except FetchError as error:
            answer = self._judge.judged(visit, without_frames(error))
        finally:
            host.open -= 1
        now = self._deadline.now()
        visit.elapsed += now - began
        self._requests.keep_cookies(answer.set_cookies, visit.url, now)
        is_same = isinstance(answer, FetchError) and answer.reason is Reason.NOT_MODIFIED
        if is_same or not isinstance(answer, FetchError):
            # What a page says of the proxy is not known before it is read, if it may be unwanted.
            is_known = isinstance(answer, Redirect) or not spec.retry_when
            self._judge.note_answer(host, proxy if is_known else None, now, latency=answer.latency)
        elif answer.reason is Reason.TIMEOUT and now >= self._deadline.at:
            return FetchError(visit.url.href, Reason.OUT_OF_TIME, "the worker's time is up")
        else:
            latency = now - began if answer.latency is None else answer.latency
            self._judge.note_failure(host, answer, proxy, now, latency=latency)
        return answer

    def _on_refused(self, visit: Visit) -> OnRefused | None:
        """Return what is to be done with the body of an answer that is no page."""
        if self._means.keeping is None:
            return None
        return lambda page: keep_page(self._means, visit, page, failed=True)

    async def rules(self, host: HostQueue, url: Url) -> FetchedPage | Redirect:
        """
        Return the answer to a request for the robots.txt at `url`.

        Raises:
            FetchError: there is none, or none that says anything.
        """
        return await self._aside(
            host, url, partial(self._requests.for_rules, url), ROBOTS_BYTES, any_answer=True
        )

    async def login(
        self,
        host: HostQueue,
        url: Url,
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> FetchedPage | Redirect:
        """
        Return the answer to a request of a login, with a body of a POST.

        Raises:
            FetchError: there is neither a page nor a redirect.
        """
        request_by = partial(self._requests.for_login, url, headers, body)
        return await self._aside(host, url, request_by, _LOGIN_BYTES, any_answer=False)

    async def _aside(
        self,
        host: HostQueue,
        url: Url,
        request_by: Callable[[Proxy | None], Request],
        max_bytes: int,
        *,
        any_answer: bool,
    ) -> FetchedPage | Redirect:
        """Return the answer to a request for what is no page of a target."""
        began = self._turns.begin(host)
        spec = self._means.overrides.of_host(host.name)
        proxy = self._pool.choose(host.name, began) if self._pool else None
        if self._pool is not None and proxy is None:
            raise FetchError(url.href, Reason.NO_PROXY, "all proxies rest")
        try:
            answer = await self._fetcher.fetch(
                request_by(proxy),
                time_limit=self._deadline.limit(spec.timeout, began),
                max_bytes=max_bytes,
                accepts=lambda _type: True,
                connect_limit=spec.connect_timeout,
                cut=True,
                any_answer=any_answer,
            )
        except FetchError as error:
            if not self._deadline.has_passed():
                self._judge.note_failure(host, error, proxy, self._deadline.now())
            raise
        self._judge.note_answer(host, proxy, self._deadline.now())
        return answer


def without_frames(error: FetchError) -> FetchError:
    """Return `error` without what it was raised from: the frames hold the body, for good."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)

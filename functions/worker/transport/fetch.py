"""
One request in, one page or one redirect out.

Knows nothing of retries, robots.txt or Lambda. It translates whatever aiohttp can raise into
`FetchError`, so no caller ever imports aiohttp to catch an error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from functions.worker.transport.addresses import is_public
from functions.worker.transport.body import read_body
from functions.worker.transport.budget import Budget, NoMemoryLeftError, Reservation, Slots
from functions.worker.transport.connections import (
    CONNECT_LIMIT,
    MAX_OPEN,
    Network,
    Response,
    Sessions,
)
from functions.worker.transport.content_coding import ACCEPT_ENCODING
from functions.worker.transport.exchange import Exchange, text_of
from functions.worker.transport.failures import BLOCKS, challenge, no_answer, refusal
from functions.worker.transport.media_types import binary_type, declared_type
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, Reason
from shared.spec import FetchSpec
from shared.urls import is_ip_literal

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_PAGES = FetchSpec().accepts
_REDIRECTS = {301, 302, 303, 307, 308}
_CONDITIONS = {"if-none-match", "if-modified-since"}
_REFUSED_BYTES = 1_000_000
_REFUSED_SECONDS = 5.0  # that a body which is no page is waited for
_NO_GUESS = ("Content-Type",)  # of aiohttp's about a body


OnRefused = Callable[[FetchedPage], None]
"""Gets what came of an answer that is no page, or the beginning of it."""


class _Wanted(NamedTuple):
    """Which answers are a page; see `Fetcher.fetch`."""

    max_bytes: int
    accepts: Callable[[str | None], bool]
    cut: bool
    any_answer: bool
    on_refused: OnRefused | None


class Fetcher:
    """
    Fetches pages; see `Pool` and `open_fetcher`.

    `slots` are those for requests, which others may take as well.
    """

    def __init__(
        self,
        sessions: Sessions,
        user_agent: str,
        *,
        private_targets: bool,
        budget: Budget | None = None,
        slots: Slots | None = None,
    ) -> None:
        self._sessions = sessions
        self._private_targets = private_targets
        self._budget = budget or Budget()
        self.slots = slots or Slots()
        self._defaults = (
            ("User-Agent", user_agent),
            ("Accept", _ACCEPT),
            ("Accept-Encoding", ACCEPT_ENCODING),
        )

    def reserve(self) -> Reservation:
        """Return a reservation of memory for a body, of nothing so far; see `fetch`."""
        return Reservation(self._budget)

    async def fetch(
        self,
        request: Request,
        *,
        reservation: Reservation | None = None,
        time_limit: float,
        max_bytes: int,
        accepts: Callable[[str | None], bool] = _PAGES,
        connect_limit: float = CONNECT_LIMIT,
        cut: bool = False,
        any_answer: bool = False,
        on_refused: OnRefused | None = None,
    ) -> FetchedPage | Redirect:
        """
        Send `request` and read the answer.

        Args:
            request: Its URL is as `Url.href`, and sent as it is.
            reservation: Is held by the page that is returned, until the caller releases it. None
                where nothing is waited for before the page is done with.
            time_limit: In seconds, from connecting to the last byte.
            max_bytes: Of the body, as sent and after decompression.
            accepts: Tells whether a media type, lower case, is a page's; None: not declared.
            connect_limit: In seconds, for name, connection and TLS.
            cut: Whether the beginning of a body longer than `max_bytes` is a page.
            any_answer: Whether the status alone counts, though it may be that of a challenge.
            on_refused: Is shown the body of an answer that is refused for its status, or as a
                challenge, if it can be read.

        Raises:
            FetchError: there is neither a page nor a redirect. `reason` says why.
        """
        url = _url(request.url)
        deadline = asyncio.get_running_loop().time() + time_limit
        response: aiohttp.ClientResponse | None = None
        body_memory = reservation or self.reserve()
        page = None
        try:
            session = await self._session(request, url, time_limit)
            async with session.request(
                request.method,
                url,
                headers=self.headers(request),
                data=request.body,
                skip_auto_headers=None if request.body is None else _NO_GUESS,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=time_limit, connect=connect_limit),
            ) as response:
                assert isinstance(response, Response)
                wanted = _Wanted(max_bytes, accepts, cut, any_answer, on_refused)
                exchange = Exchange(request, response)
                answer = await self._answer(exchange, wanted, body_memory, deadline)
                page = answer if isinstance(answer, FetchedPage) else None
                return answer
        except NoMemoryLeftError:
            detail = "the worker had no memory free for the body"
            assert isinstance(response, Response)
            failure = Exchange(request, response).failure(Reason.OUT_OF_TIME, detail)
            raise failure from None
        except self._sessions.errors as error:
            failure = no_answer(request.url, request.proxy, error, response)
            # Behind a proxy without its cause, which would know the proxy's password.
            raise failure from (None if request.proxy else error)
        finally:
            if request.once and isinstance(response, Response):
                response.close_connection()
            if page is None or reservation is None:
                body_memory.release()

    async def _session(
        self, request: Request, url: URL, time_limit: float
    ) -> aiohttp.ClientSession:
        if request.proxy is None:
            return await self._sessions.session(None)
        self._check_target(request.url, url)
        async with asyncio.timeout(time_limit):  # aiohttp's does not know of a proxy's name yet
            return await self._sessions.session(request.proxy)

    def _check_target(self, href: str, url: URL) -> None:
        # A name is the proxy's to resolve; what needs no resolving can be seen here.
        host = url.host or ""
        is_local = f".{host.rstrip('.')}".endswith(".localhost")
        if not self._private_targets and (
            is_local or (is_ip_literal(url.host_subcomponent or "") and not is_public(host))
        ):
            raise FetchError(href, Reason.PRIVATE_ADDRESS, "the host has no public address")

    def headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        """Return all headers that `request` is sent with, but for those that follow from it."""
        if not request.headers:
            return self._defaults
        named = {name.lower() for name, _ in request.headers}
        return (
            *request.headers,
            *(default for default in self._defaults if default[0].lower() not in named),
        )

    async def _answer(
        self, exchange: Exchange, wanted: _Wanted, reservation: Reservation, deadline: float
    ) -> FetchedPage | Redirect:
        request, response = exchange
        status = response.status
        headers = response.headers
        if status in _REDIRECTS:
            await exchange.drain()
            return exchange.redirect()
        challenged = challenge(status, headers)
        if challenged is not None and not wanted.any_answer:
            await self._show(exchange, wanted, reservation, deadline)
            await exchange.leave(is_block=True)
            raise exchange.failure(Reason.CHALLENGE, challenged)
        if not 200 <= status < 300:  # noqa: PLR2004
            await self._show(exchange, wanted, reservation, deadline)
            await exchange.leave(is_block=status in BLOCKS)
            conditional = any(name.lower() in _CONDITIONS for name, _ in request.headers)
            proxied = request.proxy is not None
            raise exchange.failure(*refusal(status, proxied=proxied, conditional=conditional))
        content_type, charset = declared_type(tuple(headers.getall(hdrs.CONTENT_TYPE, ())))
        if not wanted.accepts(content_type):
            detail = f"{content_type} is not what was asked for"
            raise exchange.failure(Reason.CONTENT_TYPE, detail, content_type=content_type)
        body, wire_bytes = await read_body(
            exchange, reservation, deadline, wanted.max_bytes, cut=wanted.cut
        )
        if content_type is None and (kind := binary_type(body)) is not None:
            if not wanted.accepts(kind):
                detail = f"no type is declared, and {kind} is not what was asked for"
                raise exchange.failure(Reason.CONTENT_TYPE, detail, content_type=kind)
            content_type = kind
        return _page(exchange, body, wire_bytes, content_type, charset)

    async def _show(
        self, exchange: Exchange, wanted: _Wanted, reservation: Reservation, deadline: float
    ) -> None:
        """Show the body of an answer that is no page to whoever wants to see it."""
        headers = exchange.response.headers
        if wanted.on_refused is None:
            return
        most = min(wanted.max_bytes, _REFUSED_BYTES)
        try:
            async with asyncio.timeout(_REFUSED_SECONDS):
                body, size = await read_body(exchange, reservation, deadline, most, cut=True)
        except (FetchError, NoMemoryLeftError, aiohttp.ClientError, OSError):
            return  # it includes TimeoutError; what counts is the status
        declared = declared_type(tuple(headers.getall(hdrs.CONTENT_TYPE, ())))
        wanted.on_refused(_page(exchange, body, size, *declared))


class Pool:
    """
    The connections of a worker, which all its batches share, as far as their jobs allow.

    Hosts that two jobs ask have one connection for both, and a name is looked up once.

    Args:
        network: Where they may go.
        budget: The memory for bodies.
        slots: How many requests may be open.
    """

    def __init__(self, network: Network, budget: Budget, slots: Slots) -> None:
        self._network = network
        self._stack = AsyncExitStack()
        self._sessions: dict[bool, Sessions] = {}
        self.budget = budget
        self.slots = slots

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def fetcher(self, *, user_agent: str, verify_tls: bool) -> Fetcher:
        """Return what fetches the pages of a job, which may be wrong about its certificates."""
        if verify_tls not in self._sessions:
            network = self._network._replace(verify_tls=verify_tls)
            sessions = self._sessions[verify_tls] = Sessions(network, MAX_OPEN)
            await self._stack.enter_async_context(sessions)
        return Fetcher(
            self._sessions[verify_tls],
            user_agent,
            private_targets=self._network.allow_private_networks,
            budget=self.budget,
            slots=self.slots,
        )


@asynccontextmanager
async def open_fetcher(
    *, user_agent: str, connections: int, network: Network, budget: Budget | None = None
) -> AsyncIterator[Fetcher]:
    """
    Open connections for one fetcher alone.

    Args:
        user_agent: Sent with every request that does not bring its own.
        connections: Open at once at most, for each proxy.
        network: Where they may go.
        budget: The memory for bodies; None: as much as they take.
    """
    async with Sessions(network, connections) as sessions:
        private_targets = network.allow_private_networks
        yield Fetcher(sessions, user_agent, private_targets=private_targets, budget=budget)


def _page(
    exchange: Exchange, body: bytes, wire_bytes: int, content_type: str | None, charset: str | None
) -> FetchedPage:
    request, response = exchange
    headers = response.headers
    return FetchedPage(
        request.url,
        response.status,
        content_type,
        charset,
        body,
        wire_bytes,
        text_of(headers.get("ETag")),
        text_of(headers.get("Last-Modified")),
        text_of(", ".join(headers.getall("X-Robots-Tag", ()))),
        exchange.set_cookies,
        exchange.remote_address,
        response.raw_headers,
        response.latency,
    )


def _url(href: str) -> URL:
    url = URL(href, encoded=True)
    # An empty query is a query, and yarl has no other place for its question mark.
    is_empty = href.endswith("?") and href.index("?") == len(href) - 1
    return url.with_path(url.raw_path + "?", encoded=True) if is_empty else url

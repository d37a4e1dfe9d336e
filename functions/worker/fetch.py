"""
One request in, one page or one redirect out: the only module that speaks HTTP.

Knows nothing of retries, robots.txt or Lambda. It translates whatever aiohttp can raise into
`FetchError`, so no caller ever imports aiohttp to catch an error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Literal, NamedTuple

import aiohttp
from yarl import URL

from functions.worker.addresses import is_public
from functions.worker.connections import CONNECT_LIMIT, Network, Response, Sessions
from functions.worker.content_coding import ACCEPT_ENCODING, ContentCodingError, decode
from functions.worker.failures import no_answer, refusal
from functions.worker.page import Page
from functions.worker.proxies import BLOCKS
from shared.errors import FetchError, InvalidUrlError, Reason
from shared.spec import FetchSpec
from shared.urls import Url, is_ip_literal, parse_url

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_PAGES = FetchSpec().accepts
_REDIRECTS = {301, 302, 303, 307, 308}
_NO_GUESS = ("Content-Type",)  # of aiohttp's about a body
BODIES_BYTES = 200_000_000
_DRAIN_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.5


class Request(NamedTuple):
    """
    What to ask for.

    `headers` are sent in their order; User-Agent, Accept and Accept-Encoding follow where they
    are not among them. `proxy` is ``SCHEME://[USER:PASSWORD@]HOST:PORT``, of scheme http, https,
    socks5 or socks5h; a name in `url` is then resolved by the proxy, so only it can tell where that
    leads.
    """

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    proxy: str | None = None

    def __repr__(self) -> str:
        """Show the URL, but neither headers nor proxy: they hold secrets."""
        return f"Request({self.method} {self.url})"


class Redirect(NamedTuple):
    status: int
    location: Url
    set_cookies: tuple[str, ...] = ()
    remote_address: str | None = None


class _Room:
    """
    The memory for bodies, shared by the requests of one invocation.

    Up to `BODIES_BYTES` they all grow. Beyond, one at a time does, until it is done with, while
    the others leave theirs to TCP: so they never all wait for each other.
    """

    def __init__(self) -> None:
        self.taken = 0
        self.turn = asyncio.Lock()


class Place:
    """What one body takes of the memory for bodies."""

    def __init__(self, room: _Room) -> None:
        self._room = room
        self._size = 0
        self._our_turn = False

    def take(self, size: int) -> None:
        self._room.taken += size
        self._size += size

    async def may_grow(self, deadline: float) -> None:
        """
        Wait until the body may become larger, until `deadline` of the event loop at most.

        Raises:
            NoMemoryLeftError: it may not.
        """
        if self._room.taken <= BODIES_BYTES or self._our_turn:
            return
        try:
            async with asyncio.timeout_at(deadline):
                self._our_turn = await self._room.turn.acquire()
        except TimeoutError:
            raise NoMemoryLeftError from None

    def leave(self) -> None:
        """Give back what was taken."""
        self.take(-self._size)
        if self._our_turn:
            self._our_turn = False
            self._room.turn.release()


class NoMemoryLeftError(Exception):
    """Other bodies have it all, for longer than a request may take."""


class Fetcher:
    """Fetches pages over the connections of one invocation; see `open_fetcher`."""

    def __init__(self, sessions: Sessions, user_agent: str, *, private_targets: bool) -> None:
        self._sessions = sessions
        self._private_targets = private_targets
        self._room = _Room()
        self._defaults = (
            ("User-Agent", user_agent),
            ("Accept", _ACCEPT),
            ("Accept-Encoding", ACCEPT_ENCODING),
        )

    def place(self) -> Place:
        """Return a place in the memory for bodies; see `fetch`."""
        return Place(self._room)

    async def fetch(
        self,
        request: Request,
        *,
        place: Place | None = None,
        time_limit: float,
        max_bytes: int,
        accepts: Callable[[str | None], bool] = _PAGES,
        connect_limit: float = CONNECT_LIMIT,
        cut: bool = False,
    ) -> Page | Redirect:
        """
        Send `request` and read the answer.

        Args:
            request: Its URL is as `Url.href`, and sent as it is.
            place: Is held by the page that is returned, until the caller leaves it. None where
                nothing is waited for before the page is done with.
            time_limit: In seconds, from connecting to the last byte.
            max_bytes: Of the body, as sent and after decompression.
            accepts: Tells whether a media type, lower case, is a page's; None: not declared.
            connect_limit: In seconds, for name, connection and TLS.
            cut: Whether the beginning of a body longer than `max_bytes` is a page.

        Raises:
            FetchError: there is neither a page nor a redirect. `reason` says why.
        """
        url = URL(request.url, encoded=True)
        deadline = asyncio.get_running_loop().time() + time_limit
        response: aiohttp.ClientResponse | None = None
        body_place = place or self.place()
        page = None
        try:
            session = await self._session(request, url, time_limit)
            async with session.request(
                request.method,
                url,
                headers=self._headers(request),
                data=request.body,
                skip_auto_headers=None if request.body is None else _NO_GUESS,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=time_limit, connect=connect_limit),
            ) as response:
                assert isinstance(response, Response)
                answer = await self._answer(
                    request, response, body_place, max_bytes, accepts, cut=cut, deadline=deadline
                )
                page = answer if isinstance(answer, Page) else None
                return answer
        except NoMemoryLeftError:
            detail = "the worker had no memory free for the body"
            assert isinstance(response, Response)
            raise _failure(request, response, Reason.OUT_OF_TIME, detail) from None
        except self._sessions.errors as error:
            failure = no_answer(request.url, request.proxy, error, response)
            # Behind a proxy without its cause, which would know the proxy's password.
            raise failure from (None if request.proxy else error)
        finally:
            if page is None or place is None:
                body_place.leave()

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

    def _headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        if not request.headers:
            return self._defaults
        named = {name.lower() for name, _ in request.headers}
        return (
            *request.headers,
            *(default for default in self._defaults if default[0].lower() not in named),
        )

    async def _answer(
        self,
        request: Request,
        response: Response,
        place: Place,
        max_bytes: int,
        accepts: Callable[[str | None], bool],
        *,
        cut: bool,
        deadline: float,
    ) -> Page | Redirect:
        status = response.status
        headers = response.headers
        if status in _REDIRECTS:
            await _drain(response)
            location = _location(request, response)
            return Redirect(status, location, _cookies(response), _address(request, response))
        if not 200 <= status < 300:  # noqa: PLR2004
            if request.proxy is not None and status in BLOCKS:
                response.close_connection()  # the next one may come from another address
            else:
                await _drain(response)
            raise _failure(request, response, *refusal(status, proxied=request.proxy is not None))
        content_type, charset = _content_type(headers.get("Content-Type", ""))
        if not accepts(content_type):
            detail = f"{content_type} is not what was asked for"
            failure = _failure(request, response, Reason.CONTENT_TYPE, detail)
            failure.content_type = content_type
            raise failure
        if not cut:
            _check_length(request, response, max_bytes)
        sent = await _read(response, max_bytes, place, deadline)
        await place.may_grow(deadline)  # a body may be much more than what was sent
        body = _content(request, response, sent, max_bytes, cut=cut)
        place.take(len(body) - len(sent))
        return Page(
            request.url,
            status,
            content_type,
            charset,
            body,
            len(sent),
            _text(headers.get("ETag")),
            _text(headers.get("Last-Modified")),
            _text(", ".join(headers.getall("X-Robots-Tag", ()))),
            _cookies(response),
            _address(request, response),
            response.raw_headers,
        )


@asynccontextmanager
async def open_fetcher(
    *, user_agent: str, connections: int, network: Network
) -> AsyncIterator[Fetcher]:
    """
    Open the connections of one invocation.

    Args:
        user_agent: Sent with every request that does not bring its own.
        connections: Open at once at most, for each proxy.
        network: Where they may go.
    """
    async with Sessions(network, connections) as sessions:
        yield Fetcher(sessions, user_agent, private_targets=network.allow_private_networks)


def _check_length(request: Request, response: Response, max_bytes: int) -> None:
    length = response.content_length
    if length is not None and length > max_bytes and request.method != "HEAD":
        raise _failure(request, response, Reason.TOO_LARGE, _too_large(max_bytes))


async def _read(response: Response, max_bytes: int, place: Place, deadline: float) -> bytes:
    """Return the body as sent, or so much of it that it is more than `max_bytes`."""
    # Not response.read(): it buffers whatever the server sends, and a worker has a few hundred MB.
    content = response.content
    pieces = []
    size = 0
    try:
        while piece := await content.readany():
            pieces.append(piece)
            size += len(piece)
            place.take(len(piece))
            if size > max_bytes:
                response.close()
                break
            await place.may_grow(deadline)  # aiohttp's time limit is for what it waits for
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    finally:
        pieces.clear()  # an error of aiohttp's holds this frame, in a circle


def _content(
    request: Request, response: Response, sent: bytes, max_bytes: int, *, cut: bool
) -> bytes:
    """Return what a body is without its content coding."""
    if len(sent) <= max_bytes and response.was_reset:
        raise _failure(request, response, Reason.TRUNCATED, "the connection broke in the body")
    coding = response.headers.get("Content-Encoding")
    try:
        body = sent if coding is None else decode(sent, coding, max_bytes + 1)
    except ContentCodingError as error:
        # What is cut off already says nothing about the coding.
        reason = error.reason if len(sent) <= max_bytes else Reason.TOO_LARGE
        raise _failure(request, response, reason, str(error)) from error
    if len(body) > max_bytes or len(sent) > max_bytes:
        if not cut:
            raise _failure(request, response, Reason.TOO_LARGE, _too_large(max_bytes))
        body = body[:max_bytes]
    return body


def _too_large(max_bytes: int) -> str:
    return f"the body exceeds {max_bytes:,} bytes"


async def _drain(response: Response) -> None:
    """Read a body that nobody wants, where that is cheaper than another connection."""
    content = response.content
    if content.is_eof() or (response.content_length or 0) > _DRAIN_BYTES:
        return
    with suppress(aiohttp.ClientError, OSError):  # it includes TimeoutError
        async with asyncio.timeout(_DRAIN_SECONDS):
            while content.total_bytes <= _DRAIN_BYTES and await content.readany():
                pass


def _location(request: Request, response: Response) -> Url:
    location = response.headers.get("Location")
    if not location:
        raise _failure(request, response, Reason.BAD_REDIRECT, "redirect without a Location")
    try:
        # A location that is UTF-8 is read as such.
        text = location.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return parse_url(text, base=request.url)
    except InvalidUrlError as error:
        detail = f"redirect to {location[:200]!a}: {error}"
        raise _failure(request, response, Reason.BAD_REDIRECT, detail) from error


def _failure(request: Request, response: Response, reason: Reason, detail: str) -> FetchError:
    return FetchError(
        request.url,
        reason,
        detail,
        status=response.status,
        retry_after=_text(response.headers.get("Retry-After")),
        remote_address=_address(request, response),
        set_cookies=_cookies(response),
    )


def _address(request: Request, response: Response) -> str | None:
    return None if request.proxy else response.remote_address


def _cookies(response: Response) -> tuple[str, ...]:
    values = response.headers.getall("Set-Cookie", ())
    return tuple(value for value in map(_text, values) if value) if values else ()


def _text(value: str | None) -> str | None:
    """Return a header's value as text that JSON can hold, None where there is nothing."""
    if not value or value.isascii():
        return value or None
    # Bytes that are not UTF-8 come as surrogates.
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@lru_cache(maxsize=256)
def _content_type(value: str) -> tuple[str | None, str | None]:
    kind, *parameters = (_text(value) or "").split(";")
    for parameter in parameters:
        name, _, charset = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower() or None, charset.strip().strip("\"'") or None
    return kind.strip().lower() or None, None

"""
One request in, one page or one redirect out: the only module that speaks HTTP.

Knows nothing of retries, robots.txt or Lambda. It translates whatever aiohttp can raise into
`FetchError`, so no caller ever imports aiohttp to catch an error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal, NamedTuple

import aiohttp
from aiohttp import hdrs
from yarl import URL

from functions.worker.politeness.proxies import BLOCKS
from functions.worker.transport.addresses import is_public
from functions.worker.transport.connections import CONNECT_LIMIT, Network, Response, Sessions
from functions.worker.transport.content_coding import (
    ACCEPT_ENCODING,
    ContentCodingError,
    codings_of,
    decode,
)
from functions.worker.transport.failures import challenge, is_cut_off, no_answer, refusal
from functions.worker.transport.media_types import binary_type, declared_type
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.room import NoMemoryLeftError, Place, Room
from shared.errors import FetchError, InvalidUrlError, Reason
from shared.spec import FetchSpec
from shared.urls import Url, is_ip_literal, parse_url

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_PAGES = FetchSpec().accepts
_REDIRECTS = {301, 302, 303, 307, 308}
_CONDITIONS = {"if-none-match", "if-modified-since"}
_NO_GUESS = ("Content-Type",)  # of aiohttp's about a body
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
    latency: float = 0.0
    """Seconds from the request to the headers of the answer."""


class Fetcher:
    """Fetches pages over the connections of one invocation; see `open_fetcher`."""

    def __init__(self, sessions: Sessions, user_agent: str, *, private_targets: bool) -> None:
        self._sessions = sessions
        self._private_targets = private_targets
        self._room = Room()
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
        any_answer: bool = False,
    ) -> FetchedPage | Redirect:
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
            any_answer: Whether the status alone counts, though it may be that of a challenge.

        Raises:
            FetchError: there is neither a page nor a redirect. `reason` says why.
        """
        url = _url(request.url)
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
                    request,
                    response,
                    body_place,
                    max_bytes,
                    accepts,
                    cut=cut,
                    any_answer=any_answer,
                    deadline=deadline,
                )
                page = answer if isinstance(answer, FetchedPage) else None
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
        any_answer: bool,
        deadline: float,
    ) -> FetchedPage | Redirect:
        status = response.status
        headers = response.headers
        if status in _REDIRECTS:
            await _drain(response)
            location = _location(request, response)
            return Redirect(
                status, location, _cookies(response), _address(request, response), response.latency
            )
        challenged = challenge(status, headers)
        if challenged is not None and not any_answer:
            await _leave(request, response, is_block=True)
            raise _failure(request, response, Reason.CHALLENGE, challenged)
        if not 200 <= status < 300:  # noqa: PLR2004
            await _leave(request, response, is_block=status in BLOCKS)
            conditional = any(name.lower() in _CONDITIONS for name, _ in request.headers)
            raise _failure(
                request,
                response,
                *refusal(status, proxied=request.proxy is not None, conditional=conditional),
            )
        content_type, charset = declared_type(tuple(headers.getall(hdrs.CONTENT_TYPE, ())))
        if not accepts(content_type):
            detail = f"{content_type} is not what was asked for"
            raise _not_wanted(request, response, content_type, detail)
        if not cut:
            _check_length(request, response, max_bytes)
        sent, is_whole = await _read(response, max_bytes, place, deadline)
        await place.may_grow(deadline)  # a body may be much more than what was sent
        body = _content(request, response, sent, max_bytes, cut=cut, is_whole=is_whole)
        place.take(len(body) - len(sent))
        if content_type is None and (kind := binary_type(body)) is not None:
            if not accepts(kind):
                detail = f"no type is declared, and {kind} is not what was asked for"
                raise _not_wanted(request, response, kind, detail)
            content_type = kind
        return FetchedPage(
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
            response.latency,
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


async def _read(
    response: Response, max_bytes: int, place: Place, deadline: float
) -> tuple[bytes, bool]:
    """
    Return the body as sent, or so much of it that it is more than `max_bytes`.

    And whether that is all of it, as far as HTTP tells.
    """
    # Not response.read(): it buffers whatever the server sends, and a worker has a few hundred MB.
    content = response.content
    pieces = []
    size = 0
    is_whole = True
    try:
        try:
            while piece := await content.readany():
                pieces.append(piece)
                size += len(piece)
                place.take(len(piece))
                if size > max_bytes:
                    response.close()
                    break
                await place.may_grow(deadline)  # aiohttp's time limit is for what it waits for
        except aiohttp.ClientPayloadError as error:
            if not is_cut_off(error):
                raise
            is_whole = False
        is_whole = is_whole and not response.was_reset
        # No name for it: an error of aiohttp's holds this frame, in a circle, and so would the body
        # be held.
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), is_whole
    finally:
        pieces.clear()


def _content(
    request: Request,
    response: Response,
    sent: bytes,
    max_bytes: int,
    *,
    cut: bool,
    is_whole: bool,
) -> bytes:
    """Return what a body is without its codings."""
    headers = response.headers
    coded = headers.getall(hdrs.CONTENT_ENCODING, ())
    # Those of the transfer come on top; nearly all say "chunked", which is undone already.
    transferred = headers.getall(hdrs.TRANSFER_ENCODING, ())
    try:
        codings = codings_of((*coded, *transferred)) if coded or transferred else ()
        if not is_whole and not codings:
            detail = "the connection closed before the end of the body"
            raise _failure(request, response, Reason.TRUNCATED, detail)
        # The end of what is coded shows in itself: many servers announce the length before coding.
        body = decode(sent, codings, max_bytes + 1)
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


async def _leave(request: Request, response: Response, *, is_block: bool) -> None:
    """Be done with an answer that is no page."""
    if request.proxy is not None and is_block:
        response.close_connection()  # the next one may come from another address
    else:
        await _drain(response)


async def _drain(response: Response) -> None:
    """Read a body that nobody wants, where that is cheaper than another connection."""
    content = response.content
    if content.is_eof() or (response.content_length or 0) > _DRAIN_BYTES:
        return
    with suppress(aiohttp.ClientError, OSError):  # it includes TimeoutError
        async with asyncio.timeout(_DRAIN_SECONDS):
            while content.total_bytes <= _DRAIN_BYTES and await content.readany():
                pass


def _url(href: str) -> URL:
    url = URL(href, encoded=True)
    # An empty query is a query, and yarl has no other place for its question mark.
    is_empty = href.endswith("?") and href.index("?") == len(href) - 1
    return url.with_path(url.raw_path + "?", encoded=True) if is_empty else url


def _location(request: Request, response: Response) -> Url:
    location = response.headers.get(hdrs.LOCATION)
    if not location:
        raise _failure(request, response, Reason.BAD_REDIRECT, "redirect without a Location")
    try:
        return parse_url(_escaped(location), base=request.url)
    except InvalidUrlError as error:
        detail = f"redirect to {location[:200]!a}: {error}"
        raise _failure(request, response, Reason.BAD_REDIRECT, detail) from error


def _escaped(location: str) -> str:
    """Return a Location in ASCII: bytes that are none go back to the server as it has sent them."""
    if location.isascii():
        return location
    octets = location.encode("utf-8", "surrogateescape")
    return "".join(chr(octet) if octet < 0x80 else f"%{octet:02X}" for octet in octets)  # noqa: PLR2004


def _failure(request: Request, response: Response, reason: Reason, detail: str) -> FetchError:
    return FetchError(
        request.url,
        reason,
        detail,
        status=response.status,
        retry_after=_text(response.headers.get("Retry-After")),
        remote_address=_address(request, response),
        set_cookies=_cookies(response),
        latency=response.latency,
    )


def _not_wanted(
    request: Request, response: Response, content_type: str | None, detail: str
) -> FetchError:
    failure = _failure(request, response, Reason.CONTENT_TYPE, detail)
    failure.content_type = content_type
    return failure


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

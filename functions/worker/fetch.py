"""
One URL in, one page or one redirect out: the only module that speaks HTTP.

Knows nothing of retries, robots.txt or Lambda. It translates whatever aiohttp can raise into
`FetchError`, so no caller ever imports aiohttp to catch an error.
"""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import ResolveResult
from isal import isal_zlib
from yarl import URL

from functions.worker.addresses import ConnectTo, is_public, route
from shared.errors import FetchError, InvalidUrlError, Reason
from shared.urls import Url, parse_url

_ACCEPT = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1"
_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = {"text/html", "application/xhtml+xml"}
_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class Page(NamedTuple):
    """A body as sent, but for content codings; `charset` is what the Content-Type says."""

    url: str
    status: int
    content_type: str | None
    charset: str | None
    body: bytes


class Redirect(NamedTuple):
    status: int
    location: Url


class _PrivateAddressError(OSError):
    """Raised where a socket would be made; aiohttp passes it on as the cause."""


class Fetcher:
    """Fetches pages through one aiohttp session; see `open_fetcher`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def fetch(self, url: str, *, time_limit: float, max_bytes: int) -> Page | Redirect:
        """
        GET `url`.

        Args:
            url: As `Url.href`; it is sent as it is.
            time_limit: In seconds, from connecting to the last byte.
            max_bytes: Of the body, after decompression.

        Raises:
            FetchError: there is neither a page nor a redirect. `reason` says why.
        """
        try:
            async with self._session.get(
                URL(url, encoded=True),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=time_limit),
            ) as response:
                status = response.status
                if status in _REDIRECTS:
                    return Redirect(status, _location(url, response))
                if status >= 300:  # noqa: PLR2004
                    raise _status_failure(url, status, response.reason)
                content_type = _content_type(response)
                if content_type is not None and content_type not in _HTML:
                    raise FetchError(
                        url,
                        Reason.CONTENT_TYPE,
                        f"{content_type} is not HTML",
                        status=status,
                    )
                body = await _read_at_most(url, response, max_bytes)
                return Page(url, status, content_type, response.charset, body)
        except TimeoutError as error:
            raise FetchError(
                url, Reason.TIMEOUT, f"no complete answer within {time_limit:.3g} s"
            ) from error
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            raise _connection_failure(url, error) from error


@asynccontextmanager
async def open_fetcher(
    *, user_agent: str, connections: int, connect_to: ConnectTo, allow_private_networks: bool
) -> AsyncIterator[Fetcher]:
    """
    Open the session of one invocation.

    Args:
        user_agent: Sent with every request.
        connections: Open at once at most.
        connect_to: See `functions.worker.addresses`.
        allow_private_networks: Whether addresses that are not public may be connected to.
    """
    aiohttp.set_zlib_backend(isal_zlib)
    connector = aiohttp.TCPConnector(
        limit=connections,
        ssl=_ssl_context(),
        resolver=_Resolver(connect_to),
        # Not in the resolver: what counts is the address that is connected to, and a URL may
        # hold an address, which nobody resolves.
        socket_factory=None if allow_private_networks else _public_socket,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"User-Agent": user_agent, "Accept": _ACCEPT},
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Fetcher(session)


@cache
def _ssl_context() -> ssl.SSLContext:
    # 19 ms of CPU, so once a process and not once an invocation.
    return ssl.create_default_context()


class _Resolver(aiohttp.ThreadedResolver):
    def __init__(self, connect_to: ConnectTo) -> None:
        super().__init__()
        self._connect_to = connect_to

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        # Results carry a port of their own, which is the one connected to.
        return await super().resolve(*route(self._connect_to, host, port), family)


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, where = address
    if not is_public(where[0]):
        # The same text for each address of a host, so that the first error stands for all.
        raise _PrivateAddressError("not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


def _location(url: str, response: aiohttp.ClientResponse) -> Url:
    location = response.headers.get("Location")
    if not location:
        raise FetchError(
            url, Reason.BAD_REDIRECT, "redirect without a Location", status=response.status
        )
    try:
        # Header bytes come as surrogates; a location that is UTF-8 is read as such.
        text = location.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return parse_url(text, base=url)
    except InvalidUrlError as error:
        raise FetchError(
            url,
            Reason.BAD_REDIRECT,
            f"redirect to {location[:200]!r}: {error}",
            status=response.status,
        ) from error


async def _read_at_most(url: str, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    # Not response.read(): it buffers whatever the server sends, and a worker has a few hundred
    # MB. Content-Length is no help, it may be absent or wrong.
    pieces = []
    size = 0
    async for piece in response.content.iter_any():
        pieces.append(piece)
        size += len(piece)
        if size > max_bytes:
            raise FetchError(
                url,
                Reason.TOO_LARGE,
                f"the body exceeds {max_bytes:,} bytes",
                status=response.status,
            )
    return b"".join(pieces)


def _content_type(response: aiohttp.ClientResponse) -> str | None:
    value = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return value or None


def _status_failure(url: str, status: int, phrase: str | None) -> FetchError:
    if status == 404:  # noqa: PLR2004
        reason = Reason.HTTP_404
    elif status == 429:  # noqa: PLR2004
        reason = Reason.HTTP_429
    elif status >= 500:  # noqa: PLR2004
        reason = Reason.HTTP_5XX
    elif status >= 400:  # noqa: PLR2004
        reason = Reason.HTTP_4XX
    else:
        reason = Reason.HTTP_3XX
    detail = f"the server answered {status} {phrase or ''}".rstrip()
    return FetchError(url, reason, detail, status=status)


def _connection_failure(url: str, error: Exception) -> FetchError:
    detail = str(error) or type(error).__name__
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match error:
        case _ if isinstance(cause, _PrivateAddressError):
            return FetchError(url, Reason.PRIVATE_ADDRESS, "the host has no public address")
        case UnicodeError():  # a name that DNS cannot carry, such as a..b
            reason = Reason.UNKNOWN_HOST
        case aiohttp.ClientConnectorDNSError():
            known = getattr(cause, "errno", None) not in _NO_SUCH_NAME
            reason = Reason.CONNECTION if known else Reason.UNKNOWN_HOST
        case aiohttp.ClientSSLError():
            reason = Reason.TLS
        case aiohttp.ClientResponseError() | aiohttp.InvalidURL():
            reason = Reason.PROTOCOL
        case _:
            reason = Reason.CONNECTION
    return FetchError(url, reason, detail[:300])

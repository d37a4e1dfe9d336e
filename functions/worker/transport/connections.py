"""
The connections of a worker: where they may go, how many there are, and through which proxy.

The only module that makes sockets. Each proxy has a pool of its own, as the direct connections
have.
"""

import asyncio
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NamedTuple, Self, cast
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from functions.worker.transport.addresses import ConnectTo, is_public
from functions.worker.transport.dns import TTL, DnsResolver
from functions.worker.transport.framing import AnswerReader

CONNECT_LIMIT = 10.0  # seconds for name, socket, proxy and TLS; a page's own limit may be shorter
MAX_OPEN = 500
"""
Connections in use, and so requests that are open: aiohttp would let others wait, and time out.

With as many as MAX_IDLE they stay below 1,024 descriptors.
"""
MAX_IDLE = 400
_MAX_LINE = 16 * 1024  # of a status
_MAX_FIELD = 64 * 1024  # of one header: some sites send 20 KB of Content-Security-Policy
_MAX_HEADERS = 256
_READ_AHEAD = 64 * 1024  # bytes of a body that wait to be read; twice that, at most
_TLS_BUFFER = 32 * 1024  # bytes for each connection; a record of TLS has 16 KB


SOCKS = {"socks5", "socks5h"}  # both leave names to the proxy
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"}
_SOCKS_PORT = 1080


class PrivateAddressError(OSError):
    """Raised where a socket would be made; aiohttp passes it on as the cause."""


class ProxyCredentialsError(OSError):
    """No proxy could take these."""


class TunnelError(aiohttp.ClientHttpProxyError):
    """A proxy has answered CONNECT with 200, and then with something that is no tunnel."""


class NoAnswerError(aiohttp.ClientError):
    """A connection broke, or brought something else, before the headers were complete."""

    def __init__(self, remote_address: str | None) -> None:
        super().__init__("no answer")
        self.remote_address = remote_address


class Network(NamedTuple):
    """
    Where connections may go.

    `connect_to` is described in `addresses`. A proxy is somebody's choice, a
    target is anybody's: hence two permissions for addresses that are not public.
    """

    connect_to: ConnectTo
    allow_private_networks: bool = False
    allow_private_proxies: bool = False
    verify_tls: bool = True


class AnswerHandler(ResponseHandler):
    """One connection; reads answers more generously than aiohttp does."""

    remote_address: str | None = None
    reader: AnswerReader | None = None
    """Of the last answer."""
    keeps: object = None
    """What must not be collected before the connection is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self.remote_address = peer[0] if peer else None

    def set_response_params(self, **params: Any) -> None:  # noqa: ANN401 -- aiohttp's
        tail, self._tail = self._tail, b""  # it is for our own reader
        super().set_response_params(**params)
        self._params = params
        theirs: Any = self._parser
        self.reader = AnswerReader(theirs, self._new_parser, self._end)
        self._parser = cast("Any", self.reader)
        self._tail = tail
        self._drain_tail()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.reader is not None:
            self.reader.release()

    def _new_parser(self) -> Any:  # noqa: ANN401 -- it is written in C
        """Return another parser like the one that aiohttp has made for the current answer."""
        ours, self._parser = self._parser, None
        super().set_response_params(**self._params)
        theirs, self._parser = self._parser, ours
        return theirs

    def _end(self, at_once: bool) -> None:  # noqa: FBT001 -- a callback
        self.force_close()
        if at_once and self.transport is not None:
            self.transport.close()


class Response(aiohttp.ClientResponse):
    """Knows its connection beyond its end, which aiohttp's own does not."""

    remote_address: str | None = None
    protocol: AnswerHandler
    reader: AnswerReader | None = None
    latency: float = 0.0
    """Seconds from the request, when the connection is there, to the headers of the answer."""

    async def start(self, connection: aiohttp.connector.Connection) -> "Response":
        protocol = connection.protocol
        assert isinstance(protocol, AnswerHandler)
        self.protocol = protocol
        self.reader = protocol.reader
        self.remote_address = protocol.remote_address
        used_before = protocol in _connections
        _connections.add(protocol)
        if len(_connections) > MAX_IDLE:
            protocol.force_close()
        began = self._loop.time()
        try:
            await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            # aiohttp asks again at once, which is right where the server closed an idle
            # connection, and impolite where it closed this one on our request.
            if used_before:
                raise
            raise NoAnswerError(self.remote_address) from error
        except aiohttp.ClientResponseError as error:
            raise NoAnswerError(self.remote_address) from error
        self.latency = self._loop.time() - began
        return self

    def close_connection(self) -> None:
        """Close the connection, also where it is back among the idle ones already."""
        self.close()
        self.protocol.close()

    @property
    def was_reset(self) -> bool:
        """Whether a connection that would have ended the body broke: to aiohttp it is the same."""
        by_close = self.reader is not None and self.reader.ended_by_close
        return by_close and isinstance(self.protocol.exception(), OSError)


class _Connector(aiohttp.TCPConnector):
    """Tells a tunnel from a page that a proxy answers CONNECT with, and a status of 200."""

    async def _start_tls_connection(  # type: ignore[override] # it has more that nobody gives
        self,
        underlying_transport: asyncio.Transport,
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- aiohttp's
    ) -> tuple[asyncio.BaseTransport, ResponseHandler]:
        # A host's TLS waits for us to begin, so what has come already is the proxy's.
        payload = getattr(underlying_transport.get_protocol(), "_payload", None)
        if payload is not None and payload.total_bytes:
            underlying_transport.close()
            raise TunnelError(req.request_info, (), status=200)
        try:
            return await super()._start_tls_connection(underlying_transport, req, timeout)
        except aiohttp.ClientConnectorSSLError as error:
            if getattr(error.os_error, "reason", None) not in _NOT_TLS:
                raise
            raise TunnelError(req.request_info, (), status=200) from error


# Of the process, because so is the limit on descriptors. The connections in it are those that
# somebody still holds: in use or idle.
_connections: WeakSet[ResponseHandler] = WeakSet()


class Sessions:
    """One aiohttp session for each proxy, and one for none; made when they are first used."""

    def __init__(self, network: Network, connections: int) -> None:
        self._network = network
        self._connections = min(connections, MAX_OPEN)
        self._resolver = DnsResolver(network.connect_to, asyncio.get_running_loop().time)
        self._stack = AsyncExitStack()
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}
        self.errors: tuple[type[Exception], ...] = (aiohttp.ClientError, OSError, UnicodeError)
        """What requests may raise."""

    async def __aenter__(self) -> Self:
        # asyncio would have 256 KB for each, of which 900 connections have 230 MB.
        SSLProtocol.max_size = _TLS_BUFFER
        self._stack.push_async_callback(self._resolver.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def session(self, proxy: str | None) -> aiohttp.ClientSession:
        """
        Return the session whose connections go through `proxy`.

        Raises:
            OSError: the proxy's name could not be resolved, or, as a `PrivateAddressError`, it is
                where no connection may go.
        """
        if proxy not in self._sessions and proxy is not None and URL(proxy).scheme in SOCKS:
            address = await self._address_of(URL(proxy))
            if proxy not in self._sessions:  # somebody may have been faster
                await self._open(proxy, self._socks(URL(proxy), address))
        if proxy not in self._sessions:
            await self._open(proxy, self._tcp(proxy))
        return self._sessions[proxy]

    async def _open(self, proxy: str | None, connector: aiohttp.TCPConnector) -> None:
        if proxy is None or URL(proxy).scheme not in SOCKS:
            # There is no other door to it.
            factory: Any = partial(AnswerHandler, loop=connector._loop)  # noqa: SLF001
            connector._factory = factory  # noqa: SLF001
        self._sessions[proxy] = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                response_class=Response,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_READ_AHEAD,
                proxy=None if proxy is None or URL(proxy).scheme in SOCKS else URL(proxy),
                max_line_size=_MAX_LINE,
                max_field_size=_MAX_FIELD,
                max_headers=_MAX_HEADERS,
            )
        )

    def _tcp(self, proxy: str | None) -> aiohttp.TCPConnector:
        network = self._network
        anywhere = network.allow_private_proxies if proxy else network.allow_private_networks
        connector = _Connector if proxy else aiohttp.TCPConnector
        return connector(
            limit=self._connections,
            ssl=_ssl_context(verify=network.verify_tls),
            resolver=self._resolver,
            ttl_dns_cache=TTL,
            # Not in the resolver: what counts is the address that is connected to, and a URL may
            # hold an address, which nobody resolves.
            socket_factory=None if anywhere else _public_socket,
        )

    def _socks(self, proxy: URL, address: str) -> aiohttp.TCPConnector:
        from aiohttp_socks import (  # noqa: PLC0415 -- 0.2 s, for who has such a proxy
            ProxyConnectionError,
            ProxyConnector,
            ProxyError,
            ProxyTimeoutError,
            ProxyType,
        )

        class Connector(ProxyConnector):
            async def _connect_via_proxy(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
                transport, theirs = await super()._connect_via_proxy(*args, **kwargs)
                ours = AnswerHandler(self._loop)
                ours.keeps = theirs  # and with it what must live as long as the connection
                transport.set_protocol(ours)
                ours.connection_made(transport)
                return transport, ours

        # An EOFError is where a proxy hangs up.
        socks_errors = (ProxyError, ProxyConnectionError, ProxyTimeoutError, EOFError)
        self.errors = (*self.errors[:3], *socks_errors)
        return Connector(
            address,
            proxy.port or _SOCKS_PORT,
            ProxyType.SOCKS5,
            proxy.user,
            proxy.password,
            rdns=True,
            limit=self._connections,
            ssl=_ssl_context(verify=self._network.verify_tls),
        )

    async def _address_of(self, proxy: URL) -> str:
        # The connector is given an address, because it would resolve and connect unchecked.
        if not f"{proxy.user or ''}{proxy.password or ''}".isascii():
            raise ProxyCredentialsError("a SOCKS proxy's user name and password must be ASCII")
        try:
            [result, *_] = await self._resolver.resolve(proxy.host or "", proxy.port or _SOCKS_PORT)
        except UnicodeError as error:  # a..b
            raise OSError("the proxy's host name is none") from error
        if not self._network.allow_private_proxies and not is_public(result["host"]):
            raise PrivateAddressError("not a public address")
        return result["host"]


def _ssl_context(*, verify: bool) -> ssl.SSLContext | bool:
    # aiohttp has made one of each while it was imported, and another takes 19 ms.
    return verify


def _public_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, where = address
    if not is_public(where[0]):
        # The same text for each address of a host, so that the first error stands for all.
        raise PrivateAddressError("not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)

"""
Real proxies on 127.0.0.1: one of HTTP, with CONNECT and Basic credentials, and one of SOCKS 5.

A proxy resolves names itself, so each takes a table of where names lead.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Hosts = Mapping[str, str]


@dataclass
class Proxy:
    """
    A proxy that runs.

    `credentials` is ``user:password``; without any, everybody may. `status` is what it answers
    to everybody instead of doing its work: an HTTP status, or a SOCKS reply code.
    """

    scheme: str
    hosts: Hosts
    credentials: str = ""
    status: int | None = None
    connect_status: int | None = None
    """What it answers to CONNECT alone."""
    port: int = 0
    targets: list[str] = field(default_factory=list)
    """``host:port`` of each request or tunnel."""
    heads: list[bytes] = field(default_factory=list)
    """What an HTTP proxy was sent before each."""

    def url(self, credentials: str | None = None) -> str:
        given = self.credentials if credentials is None else credentials
        return f"{self.scheme}://{given + '@' if given else ''}127.0.0.1:{self.port}"

    async def connect(self, host: str, port: int) -> Streams:
        self.targets.append(f"{host}:{port}")
        return await asyncio.open_connection(self.hosts.get(host, host), port)


@asynccontextmanager
async def http_proxy(
    *,
    hosts: Hosts | None = None,
    credentials: str = "",
    status: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Proxy]:
    proxy = Proxy("https" if tls else "http", hosts or {}, credentials, status)
    async with _listening(proxy, _serve_http, tls):
        yield proxy


@asynccontextmanager
async def socks_proxy(
    *, hosts: Hosts | None = None, credentials: str = "", status: int | None = None
) -> AsyncIterator[Proxy]:
    proxy = Proxy("socks5", hosts or {}, credentials, status)
    async with _listening(proxy, _serve_socks, None):
        yield proxy


@asynccontextmanager
async def _listening(
    proxy: Proxy,
    serve: Callable[[Proxy, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None,
) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(proxy, reader, writer)
        tasks.discard(task)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve_http(
    proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        proxy.heads.append(head)
        expected = base64.b64encode(proxy.credentials.encode())
        if proxy.credentials and b"Proxy-Authorization: Basic " + expected not in head:
            writer.write(
                b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
            )
            continue
        if proxy.status is not None:
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % proxy.status)
            continue
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "CONNECT" and proxy.connect_status is not None:
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % proxy.connect_status)
            continue
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            try:
                upstream = await proxy.connect(host, int(port))
            except OSError:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                continue
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _relay((reader, writer), upstream)
            return
        # One request for each connection to the site is enough here.
        url = urlsplit(target)
        upstream = await proxy.connect(url.hostname or "", url.port or 80)
        lines = [line for line in head.split(b"\r\n")[1:] if not line.startswith(b"Proxy-")]
        path = url._replace(scheme="", netloc="").geturl() or "/"
        upstream[1].write(f"{method} {path} HTTP/1.1\r\n".encode() + b"\r\n".join(lines))
        await _relay((reader, writer), upstream)
        return


async def _serve_socks(
    proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Speak RFC 1928, with the credentials of RFC 1929."""
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    method = 2 if proxy.credentials else 0
    if method not in methods:
        writer.write(b"\x05\xff")
        return
    writer.write(bytes([5, method]))
    if proxy.credentials:
        await reader.readexactly(1)
        user = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = f"{user.decode()}:{password.decode()}" == proxy.credentials
        writer.write(b"\x01\x00" if right else b"\x01\x01")
        if not right:
            return
    _, _, _, kind = await reader.readexactly(4)
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        host = ".".join(str(byte) for byte in await reader.readexactly(4))
    port = int.from_bytes(await reader.readexactly(2), "big")
    bound = b"\x00\x01" + bytes(6)
    if proxy.status is not None:
        writer.write(bytes([5, proxy.status]) + bound)
        return
    try:
        upstream = await proxy.connect(host, port)
    except OSError:
        writer.write(b"\x05\x05" + bound)
        return
    writer.write(b"\x05\x00" + bound)
    await _relay((reader, writer), upstream)


async def _relay(client: Streams, upstream: Streams) -> None:
    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    try:
        await asyncio.gather(copy(client[0], upstream[1]), copy(upstream[0], client[1]))
    finally:
        upstream[1].close()

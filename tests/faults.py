"""
A server on 127.0.0.1 that misbehaves as scripted, byte by byte.

It speaks no HTTP of its own: a script reads what it likes and writes what it likes.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Peer:
    """One connection, from the server's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self) -> bytes:
        """Return the head of the next request; none once the client is gone."""
        try:
            return await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End with a TCP reset instead of a farewell."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client hangs up."""
        while await self.reader.read(65_536):
            pass


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class FaultyServer:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def faulty_server(
    script: Script, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[FaultyServer]:
    """Run `script` for each connection, until the end of the block."""
    server = FaultyServer(scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
            await script(Peer(reader, writer))
        tasks.discard(task)
        writer.close()

    listener = await asyncio.start_server(serve, host, 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer of type text/html."""
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, *headers, "", ""]).encode() + body


def sends(*pieces: bytes, then: str = "close") -> Script:
    """
    Return a script that reads one request and sends `pieces`.

    Args:
        pieces: Each is flushed before the next.
        then: Whether to `close`, `reset` or `hang` afterwards.
    """

    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.send(piece)
        if then == "reset":
            # What was sent must arrive first: a reset overtakes it.
            await asyncio.sleep(0.05)
            peer.reset()
        elif then == "hang":
            await peer.gone()

    return script

"""
A website of plain pages on 127.0.0.1 that costs next to nothing: `python -m bench.website`.

Prints its port. ``/N`` is a page of about N bytes, whatever follows in the query and whatever the
host. One process, an asyncio Protocol, answers made beforehand.
"""

import asyncio
from functools import cache
from random import Random
from string import ascii_lowercase
from typing import cast

_ROBOTS = b"User-agent: *\nDisallow: /private\n"


@cache
def page(size: int) -> bytes:
    """Return HTML of about `size` bytes: a head, and paragraphs with a link in every third."""
    rng = Random(size)  # noqa: S311 -- words
    words = ["".join(rng.choices(ascii_lowercase, k=rng.randint(2, 9))) for _ in range(500)]
    head = (
        '<!doctype html><html lang=en><head><meta charset="utf-8"><title>A plain page</title>'
        '<meta name="description" content="What it is about"><link rel="canonical" href="/">'
        "</head><body>"
    )
    parts = [head]
    length = 0
    while length < size:
        text = " ".join(rng.choices(words, k=60))
        link = f'<a class="more" href="/page/{len(parts)}">{rng.choice(words)}</a>'
        part = f'<div class="entry"><p>{text}</p>{link if len(parts) % 3 == 0 else ""}</div>\n'
        parts.append(part)
        length += len(part)
    return "".join([*parts, "</body></html>"]).encode()


@cache
def answer(path: bytes) -> bytes:
    """Return the whole answer to a request for `path`."""
    if path == b"/robots.txt":
        kind, body = b"text/plain", _ROBOTS
    else:
        kind, body = b"text/html; charset=utf-8", page(int(path[1:]))
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        kind,
        len(body),
        body,
    )


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].partition(b"?")[0]
            self._transport.write(answer(path))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())

"""A real website on 127.0.0.1, scripted page by page."""

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from aiohttp import web

Reply = web.Response | float


class LogEntry(NamedTuple):
    """When a request came and when it was answered, in seconds since the epoch."""

    host: str
    path: str
    began: float
    ended: float
    """Or when the client was gone."""
    user_agent: str


@dataclass
class Site:
    """
    Answers each path with its scripted replies in turn, the last one forever; else 404.

    It runs in a thread of its own, so that worker processes reach it whatever the test waits for.
    """

    port: int = 0
    visits: list[tuple[str, str]] = field(default_factory=list)
    """Host (without port) and path of each request, in order; without robots.txt."""
    log: list[LogEntry] = field(default_factory=list)
    """Every request that was answered, in the order of the answers."""
    user_agents: set[str] = field(default_factory=set)
    headers: list[dict[str, str]] = field(default_factory=list)
    """Of each request, in order."""
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Method, path and body of each request, in order; without robots.txt."""
    answers: list[tuple[str, int]] = field(default_factory=list)
    """Path and status of each answer, in order; without robots.txt."""
    revalidates: bool = True
    """Whether a page with the ETag that is asked about is not sent again."""
    most_open: int = 0
    """The most requests that were open at once."""
    on_visit: Callable[[str], None] = lambda _path: None
    """Is called with the path of each request, before it is answered."""
    failures: float = 0.0
    """The share of requests that fail by chance: resets, hangs and 503 in equal parts."""
    rng: Random = field(default_factory=Random)
    _open: int = 0
    _replies: dict[str, list[Reply]] = field(default_factory=dict)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def reply(self, path: str, *replies: Reply) -> str:
        """Script `path`; a float is a reply that only comes after that many seconds."""
        self._replies[path] = list(replies)
        return self.url(path)

    def robots(self, text: str, status: int = 200) -> None:
        """Script the robots.txt of all hosts."""
        self.reply("/robots.txt", web.Response(text=text, status=status))

    def page(self, path: str, title: str) -> str:
        """Script `path` to be an HTML page of that title."""
        html = f"<!doctype html><title>{title}</title><a href='/other'>other</a>"
        return self.reply(path, web.Response(text=html, content_type="text/html"))

    def paths(self) -> list[str]:
        return [path for _, path in self.visits]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        host, began = request.host.partition(":")[0], time.time()
        if request.path != "/robots.txt":
            self.visits.append((host, request.path))
            self.requests.append((request.method, request.path, await request.read()))
        self.headers.append(dict(request.headers))
        self.user_agents.add(request.headers.get("User-Agent", ""))
        self.on_visit(request.path)
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        try:
            await asyncio.sleep(0)  # lets in whoever else is at the door
            return self._noted(request, await self._scripted(request))
        finally:
            self._open -= 1
            user_agent = request.headers.get("User-Agent", "")
            self.log.append(LogEntry(host, request.path, began, time.time(), user_agent))

    def _noted(self, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
        asked = request.headers.get("If-None-Match")
        if self.revalidates and asked is not None and asked == response.headers.get("ETag"):
            response = web.Response(status=304)
        if request.path != "/robots.txt":
            self.answers.append((request.path, response.status))
        return response

    async def _scripted(self, request: web.Request) -> web.StreamResponse:
        if self.rng.random() < self.failures:
            return await self._fail(request)
        queue = self._replies.get(request.path, [web.Response(status=404)])
        reply = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(reply, float):
            await asyncio.sleep(reply)
            return web.Response(text="late", content_type="text/html")
        # A Response may be sent once, so send a copy of the scripted one.
        return web.Response(body=reply.body, status=reply.status, headers=reply.headers)

    async def _fail(self, request: web.Request) -> web.Response:
        match self.rng.choice(["reset", "hang", "busy"]):
            case "reset":
                assert request.transport is not None
                sock = request.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                request.transport.abort()
            case "hang":
                await asyncio.sleep(60)
        return web.Response(status=503, headers={"Retry-After": "1"})


@contextmanager
def running_site(site: Site | None = None) -> Iterator[Site]:
    """Run a website until the end of the block; a new one, if none is given."""
    site = site or Site()
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", site.answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.port = runner.addresses[0][1]
        return runner

    def main() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(serve())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    started.wait()
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()

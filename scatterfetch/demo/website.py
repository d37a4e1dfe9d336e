"""
The bookshops as websites: one server on loopback, where the Host header tells the shop.

The same request gets the same answer every time. robots.txt never redirects, not even at the shop
that has closed, so that reading the rules of a host takes that host alone.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread

from aiohttp import web

from scatterfetch.demo.books import (
    BASKET,
    BROKEN,
    BUSY,
    CIRCLE,
    PRICE_LIST,
    SHOPS,
    SLOW_BOOK,
    Shop,
    books_of,
)
from scatterfetch.demo.pages import PDF, not_found, pages_of

_SHOP_OF = {host: shop for shop in SHOPS.values() for host in (shop.domain, f"www.{shop.domain}")}
_MOMENT = 0.01  # seconds: some turns of the event loop
_ODD_PAGES: dict[str, Callable[[], web.Response]] = {
    PRICE_LIST: lambda: web.Response(body=PDF, content_type="application/pdf"),
    BROKEN: lambda: web.Response(status=500, text="The staff could not agree.\n"),
}
_VISITED = web.AppKey("visited", set[str])


def hosts() -> list[str]:
    """Return the names of the bookshops' hosts."""
    return [*_SHOP_OF]


def make_app() -> web.Application:
    app = web.Application()
    app[_VISITED] = set()
    app.router.add_get("/{path:.*}", _answer)
    return app


@contextmanager
def running_website(host: str = "127.0.0.1") -> Iterator[int]:
    """Serve the bookshops from a thread of its own and yield the port."""
    # Bound here, so that the port is known; who connects before the thread serves waits in line.
    listener = socket.create_server((host, 0), backlog=128)
    loop, closing = asyncio.new_event_loop(), asyncio.Event()
    serving = _serve(listener, closing)
    thread = Thread(target=loop.run_until_complete, args=[serving], name="demo", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        loop.call_soon_threadsafe(closing.set)
        thread.join()
        loop.close()


async def _serve(listener: socket.socket, closing: asyncio.Event) -> None:
    # Without cancellation a slow page that nobody waits for any more would outlive the server.
    runner = web.AppRunner(
        make_app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await closing.wait()
    # Accept no more, then close: asyncio trips over a connection accepted while its server closes
    # (an AssertionError in 3.11), and what is still open when the loop ends is a ResourceWarning.
    asyncio.get_running_loop().remove_reader(listener)
    await asyncio.sleep(_MOMENT)
    await runner.cleanup()
    await asyncio.sleep(_MOMENT)


async def _answer(request: web.Request) -> web.Response:
    host, path = request.url.host or "", request.path
    shop = _SHOP_OF.get(host)
    if shop is None:
        return web.Response(status=404, text=f"no shop is called {host!r}\n")
    if path == "/robots.txt":
        return web.Response(text=_robots(shop))
    location = _location(shop, host, request)
    if location is not None:
        return web.Response(status=301, headers={"Location": location})
    if path == BUSY and path not in request.app[_VISITED]:
        request.app[_VISITED].add(path)  # only the first visitor comes at a bad moment
        return web.Response(status=429, text="Not so fast.\n", headers={"Retry-After": "1"})
    if path == BUSY:
        path = "/"
    if path in _ODD_PAGES:
        return _ODD_PAGES[path]()
    if path == books_of(shop)[SLOW_BOOK - 1].path:
        await asyncio.sleep(shop.slow)
    body = pages_of(shop).get(path)
    return web.Response(
        status=200 if body else 404,
        body=body or not_found(shop),
        content_type="text/html",
        charset="utf-8",
    )


def _location(shop: Shop, host: str, request: web.Request) -> str | None:
    """Return where the page has moved to; a path where it stays with its host."""
    if shop.moved_to:
        return SHOPS[shop.moved_to].origin + request.path_qs
    if host == shop.domain:
        return shop.origin + request.path_qs
    return _moves(shop).get(request.path)


@cache
def _moves(shop: Shop) -> dict[str, str]:
    there, back = CIRCLE
    old = {f"/books/{book.number}.html": book.path for book in books_of(shop)}
    return old | {there: back, back: there}


def _robots(shop: Shop) -> str:
    delay = f"Crawl-delay: {shop.crawl_delay}\n" if shop.crawl_delay else ""
    return f"User-agent: *\n{delay}Disallow: {BASKET}\n"

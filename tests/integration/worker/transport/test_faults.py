"""Servers that misbehave: each fault ends in its reason, and hurts nobody else."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import brotli
import pytest
from backports import zstd

from functions.worker.transport.connections import Network
from functions.worker.transport.content_coding import decode
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import FetchError, Reason
from tests.faults import Peer, Script, answer, faulty_server, sends

LIMIT = 100_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ZEROS = bytes(10_000_000)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    network = Network({}, allow_private_networks=True)
    async with open_fetcher(user_agent="test", connections=20, network=network) as fetcher:
        yield fetcher


async def failure(fetcher: Fetcher, url: str, **limits: Any) -> FetchError:
    limits = {"time_limit": 60} | limits
    async with asyncio.timeout(90):
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(Request(url), max_bytes=LIMIT, **limits)
    return caught.value


def forever(piece: bytes, *, first: bytes = b"", every: float = 0) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(first)
        while True:
            await peer.send(piece)
            await asyncio.sleep(every)

    return script


async def at_connect(peer: Peer) -> None:
    peer.reset()


async def closes_at_connect(peer: Peer) -> None:
    pass


def coded(coding: str, body: bytes) -> bytes:
    return answer(body, f"Content-Encoding: {coding}")


def wide_zstd() -> bytes:
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 27}
    compressor = zstd.ZstdCompressor(options=options)
    return compressor.compress(b"hello") + compressor.flush()


FAULTS: dict[str, tuple[Script, Reason]] = {
    "reset at connect": (at_connect, Reason.CONNECTION_RESET),
    "closed at connect": (closes_at_connect, Reason.CONNECTION_RESET),
    "reset before headers": (sends(then="reset"), Reason.CONNECTION_RESET),
    "closed before headers": (sends(), Reason.CONNECTION_RESET),
    "reset in the headers": (sends(HEAD, then="reset"), Reason.CONNECTION_RESET),
    "closed in the headers": (sends(HEAD), Reason.CONNECTION_RESET),
    "reset in the body": (
        sends(HEAD + b"Content-Length: 9\r\n\r\nabc", then="reset"),
        Reason.TRUNCATED,
    ),
    "reset in a body without length": (sends(HEAD + b"\r\nabc", then="reset"), Reason.TRUNCATED),
    "reset in a chunked body": (sends(CHUNKED + b"3\r\nabc\r\n", then="reset"), Reason.TRUNCATED),
    "truncated Content-Length": (sends(HEAD + b"Content-Length: 9\r\n\r\nabc"), Reason.TRUNCATED),
    "truncated chunked body": (sends(CHUNKED + b"3\r\nabc\r\n"), Reason.TRUNCATED),
    "truncated in a chunk": (sends(CHUNKED + b"9\r\nabc"), Reason.TRUNCATED),
    "a chunk size that is none": (
        sends(CHUNKED + b"3\r\nabc\r\n", b"xyz\r\nabc\r\n", then="hang"),
        Reason.PROTOCOL,
    ),
    "a broken first chunk": (sends(CHUNKED + b"xyz\r\nabc\r\n", then="hang"), Reason.PROTOCOL),
    "a chunk longer than it says": (
        sends(CHUNKED, b"3\r\nabcdef\r\n", then="hang"),
        Reason.PROTOCOL,
    ),
    "a status line that is none": (sends(b"garbage\r\n\r\n", then="hang"), Reason.PROTOCOL),
    "HTTP/0.9": (sends(b"<html>hello</html>"), Reason.PROTOCOL),
    "TLS on a plain port": (sends(b"\x15\x03\x01\x00\x02\x02\x46"), Reason.PROTOCOL),
    "two lengths that differ": (
        sends(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        Reason.PROTOCOL,
    ),
    "a zero byte in a header": (sends(HEAD + b"X: \0\r\n\r\nabcd"), Reason.PROTOCOL),
    "a header of 1 MB": (
        sends(HEAD + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n", then="hang"),
        Reason.HEADERS_TOO_LARGE,
    ),
    "a status line of 1 MB": (
        sends(b"HTTP/1.1 200 " + b"x" * 1_000_000 + b"\r\n\r\n", then="hang"),
        Reason.HEADERS_TOO_LARGE,
    ),
    "endless headers": (forever(b"X: x\r\n" * 100, first=HEAD), Reason.HEADERS_TOO_LARGE),
    "an endless body": (forever(b"x" * 10_000, first=HEAD + b"\r\n"), Reason.TOO_LARGE),
    "endless chunks": (forever(b"1\r\nx\r\n" * 1_000, first=CHUNKED), Reason.TOO_LARGE),
    "a body announced as too large": (
        sends(HEAD + b"Content-Length: 100001\r\n\r\n", then="hang"),
        Reason.TOO_LARGE,
    ),
    "gzip that is none": (sends(coded("gzip", b"hello world")), Reason.BAD_ENCODING),
    "gzip that breaks": (
        sends(coded("gzip", gzip.compress(b"hello")[:10] + b"\xff" * 20)),
        Reason.BAD_ENCODING,
    ),
    "deflate that is none": (sends(coded("deflate", b"\xff\xff\xff")), Reason.BAD_ENCODING),
    "brotli that is none": (sends(coded("br", b"hello world")), Reason.BAD_ENCODING),
    "zstd that is none": (sends(coded("zstd", b"hello world")), Reason.BAD_ENCODING),
    "a coding nobody asked for": (sends(coded("compress", b"x")), Reason.BAD_ENCODING),
    "two codings where one is": (
        sends(coded("gzip, gzip", gzip.compress(b"hello"))),
        Reason.BAD_ENCODING,
    ),
    "a bomb in a bomb": (
        sends(coded("gzip, gzip", gzip.compress(gzip.compress(ZEROS)))),
        Reason.TOO_LARGE,
    ),
    "gzip cut off": (sends(coded("gzip", gzip.compress(b"hello")[:-9])), Reason.TRUNCATED),
    "brotli cut off": (sends(coded("br", brotli.compress(b"hello")[:-2])), Reason.TRUNCATED),
    "zstd cut off": (sends(coded("zstd", zstd.compress(b"hello")[:-2])), Reason.TRUNCATED),
    "a gzip bomb": (sends(coded("gzip", gzip.compress(ZEROS))), Reason.TOO_LARGE),
    "a gzip bomb of many members": (
        sends(coded("gzip", gzip.compress(bytes(1_000)) * 500)),
        Reason.TOO_LARGE,
    ),
    "gzip of nothing, often": (
        sends(coded("gzip", gzip.compress(b"") * 2_000)),
        Reason.BAD_ENCODING,
    ),
    "a deflate bomb": (sends(coded("deflate", zlib.compress(ZEROS))), Reason.TOO_LARGE),
    "a brotli bomb": (sends(coded("br", brotli.compress(ZEROS))), Reason.TOO_LARGE),
    "a zstd bomb": (sends(coded("zstd", zstd.compress(ZEROS))), Reason.TOO_LARGE),
    "zstd that wants 128 MB": (sends(coded("zstd", wide_zstd())), Reason.BAD_ENCODING),
    "a redirect to nowhere": (sends(answer(b"", status="302 Found")), Reason.BAD_REDIRECT),
    "a redirect to what is no URL": (
        sends(answer(b"", "Location: http://[", status="302 Found")),
        Reason.BAD_REDIRECT,
    ),
    "a redirect to a file": (
        sends(answer(b"", "Location: file:///etc/passwd", status="301 Moved")),
        Reason.BAD_REDIRECT,
    ),
    "a redirect of bytes": (
        sends(b"HTTP/1.1 301 x\r\nLocation: gopher:\xff\xfe\r\nContent-Length: 0\r\n\r\n"),
        Reason.BAD_REDIRECT,
    ),
}
HANGS: dict[str, Script] = {
    "before the headers": sends(then="hang"),
    "in the headers": sends(HEAD, then="hang"),
    "in the body": sends(HEAD + b"Content-Length: 9\r\n\r\nabc", then="hang"),
    "in a chunk": sends(CHUNKED + b"9\r\nabc", then="hang"),
    "a drip of bytes": forever(b"x", first=HEAD + b"Content-Length: 1000\r\n\r\n", every=0.1),
    "a drip of header bytes": forever(b"x", first=HEAD + b"X: ", every=0.1),
    "endless interim answers": forever(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10, every=0.01),
}


async def healthy(peer: Peer) -> None:
    while await peer.request():
        await peer.send(answer(b"hello"))


async def hello(fetcher: Fetcher, url: str) -> bytes:
    page = await fetcher.fetch(Request(url), time_limit=30, max_bytes=LIMIT)
    assert isinstance(page, FetchedPage)
    return page.body


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_has_a_reason_and_others_go_on(fetcher: Fetcher, fault: str) -> None:
    script, reason = FAULTS[fault]

    async with faulty_server(script) as server, faulty_server(healthy) as other:
        failing = asyncio.create_task(failure(fetcher, server.url()))
        bodies = await asyncio.gather(*(hello(fetcher, other.url()) for _ in range(5)))
        error = await failing

    assert error.reason == reason
    assert bodies == [b"hello"] * 5
    assert server.connections == 1, "it is for the caller to decide whether to ask again"


@pytest.mark.parametrize("hang", HANGS)
async def test_what_hangs_ends_at_the_time_limit(fetcher: Fetcher, hang: str) -> None:
    async with faulty_server(HANGS[hang]) as server, faulty_server(healthy) as other:
        failing = asyncio.create_task(failure(fetcher, server.url(), time_limit=0.3))
        bodies = await asyncio.gather(*(hello(fetcher, other.url()) for _ in range(5)))
        error = await failing

    assert error.reason == Reason.TIMEOUT
    assert bodies == [b"hello"] * 5


async def test_a_server_that_never_speaks_tls_ends_at_the_time_limit(fetcher: Fetcher) -> None:
    async with faulty_server(sends(then="hang")) as server:
        error = await failure(fetcher, server.url().replace("http", "https"), time_limit=0.3)

    assert error.reason == Reason.TIMEOUT


async def test_a_connection_that_is_never_ready_ends_at_its_own_limit(fetcher: Fetcher) -> None:
    async with faulty_server(sends(then="hang")) as server:
        url = server.url().replace("http", "https")
        error = await failure(fetcher, url, connect_limit=0.2)

    assert error.reason == Reason.CONNECT_TIMEOUT


async def test_nobody_listening_is_a_failed_connection(
    fetcher: Fetcher, unreachable_url: str
) -> None:
    error = await failure(fetcher, unreachable_url)

    assert error.reason == Reason.CONNECTION


async def test_a_plain_server_on_a_tls_port_is_a_failed_handshake(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(answer(b"hello"))
        await peer.gone()

    async with faulty_server(script) as server:
        error = await failure(fetcher, server.url().replace("http", "https"))

    assert error.reason == Reason.TLS


async def test_an_error_whose_body_hangs_is_still_that_error(fetcher: Fetcher) -> None:
    head = b"HTTP/1.1 429 Slow down\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n"
    async with faulty_server(sends(head, then="hang")) as server:
        error = await failure(fetcher, server.url())

    assert (error.reason, error.status, error.retry_after) == (Reason.HTTP_429, 429, "7")
    assert error.remote_address == "127.0.0.1"


async def test_a_connection_closed_between_two_requests_fails_neither(fetcher: Fetcher) -> None:
    closed = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"hello"))
        if server.connections == 1:
            # The client takes it for alive, as the end of it comes with the next request.
            await peer.request()
            closed.set()
            return
        await peer.gone()

    async with faulty_server(script) as server:
        assert await hello(fetcher, server.url()) == b"hello"
        assert await hello(fetcher, server.url()) == b"hello"

    assert closed.is_set()
    assert server.connections == 2


async def test_a_post_is_not_sent_twice(fetcher: Fetcher) -> None:
    posts = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"hello"))
        posts.append(await peer.request())

    async with faulty_server(script) as server:
        await hello(fetcher, server.url())
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(
                Request(server.url(), "POST", body=b"x=1"), time_limit=30, max_bytes=LIMIT
            )

    assert caught.value.reason == Reason.CONNECTION_RESET
    assert len(posts) == 1


async def test_interim_answers_are_passed_over(fetcher: Fetcher) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    async with faulty_server(sends(hints * 3 + answer(b"hello"))) as server:
        assert await hello(fetcher, server.url()) == b"hello"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hello")),
        ("GZIP", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("gzip", gzip.compress(b"hello") + b"\0\0\0"),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
        ("br", brotli.compress(b"hello")),
        ("zstd", zstd.compress(b"hello")),
        ("zstd", zstd.compress(b"hel") + zstd.compress(b"lo")),
        ("identity", b"hello"),
        ("", b"hello"),
    ],
)
async def test_content_codings_are_undone(fetcher: Fetcher, coding: str, body: bytes) -> None:
    async with faulty_server(sends(coded(coding, body))) as server:
        page = await fetcher.fetch(Request(server.url()), time_limit=30, max_bytes=LIMIT)

    assert isinstance(page, FetchedPage)
    assert page.body == b"hello"
    assert page.wire_bytes == len(body)


BOMBS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_takes_no_more_memory_than_its_limit(coding: str) -> None:
    bomb = BOMBS[coding](ZEROS * 5)
    decode(bomb, (coding,), 10)  # imports the library
    tracemalloc.start()
    try:
        body = decode(bomb, (coding,), 1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 1_000_000 <= len(body) < 1_050_000
    assert peak < 2_500_000, "the pieces, and the whole that is made of them"

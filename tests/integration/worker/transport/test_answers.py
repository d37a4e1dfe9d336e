"""Answers as servers write them, over real connections: what comes of them for a page."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import brotli
import pytest

from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, Reason
from tests.faults import Peer, Script, answer, faulty_server, sends

PAGE = b"<!doctype html><title>Lamps</title>" + b"<p>lamp</p>" * 50
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
GZIP = gzip.compress(PAGE)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    network = Network({}, allow_private_networks=True)
    async with open_fetcher(user_agent="test", connections=20, network=network) as fetcher:
        yield fetcher


async def fetch(fetcher: Fetcher, script: Script, **request: object) -> FetchedPage | Redirect:
    async with faulty_server(script) as server:
        what = Request(server.url(), **request)  # type: ignore[arg-type]
        return await fetcher.fetch(what, time_limit=30, max_bytes=100_000)


async def page(fetcher: Fetcher, script: Script, **request: object) -> FetchedPage:
    page = await fetch(fetcher, script, **request)
    assert isinstance(page, FetchedPage)
    return page


async def failure(fetcher: Fetcher, script: Script, **request: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetch(fetcher, script, **request)
    return caught.value


CODED = {
    "one list": answer(gzip.compress(zlib.compress(PAGE)), "Content-Encoding: deflate, gzip"),
    "two lines": answer(gzip.compress(GZIP), "Content-Encoding: gzip", "Content-Encoding: gzip"),
    "identity among them": answer(GZIP, "Content-Encoding: identity, gzip"),
    "a charset": answer(PAGE, "Content-Encoding: UTF-8"),
    "a charset and a coding": answer(GZIP, "Content-Encoding: utf-8, gzip"),
    "a media type": answer(PAGE, "Content-Encoding: text/html"),
    "nothing": answer(PAGE, "Content-Encoding: none"),
    "of the transfer, in chunks": HEAD
    + b"Transfer-Encoding: gzip, chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(GZIP), GZIP),
    "of the transfer, until it closes": HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + GZIP,
    "of the transfer, with a length": answer(GZIP, "Transfer-Encoding: gzip"),
    "of both": HEAD
    + b"Content-Encoding: br\r\nTransfer-Encoding: x-gzip\r\n\r\n"
    + gzip.compress(brotli.compress(PAGE)),
    "bytes behind it": answer(GZIP + b"<!-- cached -->", "Content-Encoding: gzip"),
    "a length from before it was coded": HEAD
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PAGE)
    + GZIP,
    "chunks without an end": HEAD
    + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"%x\r\n%b\r\n" % (len(GZIP), GZIP),
}


@pytest.mark.parametrize("case", CODED)
async def test_codings_of_every_kind_are_undone(fetcher: Fetcher, case: str) -> None:
    found = await page(fetcher, sends(CODED[case]))

    assert found.body == PAGE


@pytest.mark.parametrize("then", ["close", "reset"])
@pytest.mark.parametrize("body", [PAGE[:-1], GZIP[:-9]])
async def test_a_body_that_ends_within_its_data_is_truncated(
    fetcher: Fetcher, body: bytes, then: str
) -> None:
    coding = b"" if body[:1] == b"<" else b"Content-Encoding: gzip\r\n"
    head = HEAD + coding + b"Content-Length: %d\r\n\r\n" % len(PAGE)

    error = await failure(fetcher, sends(head + body, then=then))

    assert error.reason == Reason.TRUNCATED


async def test_a_reset_behind_a_whole_body_takes_nothing_of_it(fetcher: Fetcher) -> None:
    found = await page(fetcher, sends(answer(PAGE, "Connection: close"), then="reset"))

    assert found.body == PAGE


async def test_the_connection_of_an_odd_answer_is_not_used_again(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(answer(b"hello", "X : odd"))

    async with faulty_server(script) as server:
        for _ in range(3):
            await fetcher.fetch(Request(server.url()), time_limit=30, max_bytes=100_000)

    assert server.connections == 3


async def test_bytes_behind_an_answer_are_no_part_of_the_next(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(answer(b"hello") + answer(b"poison"))

    async with faulty_server(script) as server:
        for _ in range(3):
            found = await fetcher.fetch(Request(server.url()), time_limit=30, max_bytes=100_000)
            assert isinstance(found, FetchedPage)
            assert found.body == b"hello"

    assert server.connections == 3


async def test_what_is_wrong_with_an_answer_is_told(fetcher: Fetcher) -> None:
    lengths = await failure(
        fetcher, sends(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n")
    )
    no_http = await failure(fetcher, sends(b"<html>"))
    chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n"
    chunked = await failure(fetcher, sends(chunks, then="hang"))

    assert "two lengths that differ: 3 and 4" in lengths.detail
    assert "begins with b'<html>'" in no_http.detail
    assert "xyz" in chunked.detail
    assert {lengths.reason, no_http.reason, chunked.reason} == {Reason.PROTOCOL}


# ---- types


def typed(*types: str, body: bytes = PAGE) -> Script:
    lines = "".join(f"Content-Type: {kind}\r\n" for kind in types)
    head = f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return sends(head.encode() + body)


@pytest.mark.parametrize(
    ("types", "content_type", "charset"),
    [
        (["text/html, charset=utf-8"], "text/html", None),
        (["text/html charset=utf-8"], None, None),
        (["text/html, text/html; charset=gbk"], "text/html", "gbk"),
        (["text/html; charset=gbk", "text/html"], "text/html", "gbk"),
        (["image/png", "text/html"], "text/html", None),
        (["text/html", "nonsense"], "text/html", None),
        (["html"], None, None),
        (["*/*"], None, None),
        (["text/html;;charset=gbk;"], "text/html", "gbk"),
    ],
)
async def test_a_type_is_read_as_browsers_read_it(
    fetcher: Fetcher, types: list[str], content_type: str | None, charset: str | None
) -> None:
    found = await page(fetcher, typed(*types))

    assert (found.content_type, found.charset) == (content_type, charset)


@pytest.mark.parametrize("types", [[], ["nonsense"], ["*/*"]])
async def test_without_a_type_the_first_bytes_decide(fetcher: Fetcher, types: list[str]) -> None:
    error = await failure(fetcher, typed(*types, body=b"%PDF-1.7 ..."))

    assert error.reason == Reason.CONTENT_TYPE
    assert error.content_type == "application/pdf"
    assert error.detail == "no type is declared, and application/pdf is not what was asked for"


# ---- URLs


@pytest.mark.parametrize("path", ["/export?", "/export", "/?", "/a?b=", "/a??"])
async def test_an_empty_query_is_sent(fetcher: Fetcher, path: str) -> None:
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.send(answer(PAGE))

    async with faulty_server(script) as server:
        url = server.url(path)
        found = await fetcher.fetch(Request(url), time_limit=30, max_bytes=100_000)
        proxied = Request("http://e.example" + path, proxy=server.url("").rstrip("/"))
        network = Network({}, allow_private_networks=True, allow_private_proxies=True)
        async with open_fetcher(user_agent="test", connections=1, network=network) as other:
            await other.fetch(proxied, time_limit=30, max_bytes=100_000)

    assert isinstance(found, FetchedPage)
    assert found.url == url
    assert seen[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())
    assert seen[1].startswith(f"GET http://e.example{path} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    ("location", "path"),
    [
        (b"/gr\xf6\xdfe", "/gr%F6%DFe"),
        ("/größe".encode(), "/gr%C3%B6%C3%9Fe"),
        (b"/a\xf6\xc3\xb6?q=\xff#\xfe", "/a%F6%C3%B6?q=%FF"),
        (b"/find?q=\xef\xf0\xe8", "/find?q=%EF%F0%E8"),
        (b"/a?", "/a?"),
        (b"?", "/?"),
    ],
)
async def test_a_location_keeps_the_bytes_of_its_server(
    fetcher: Fetcher, location: bytes, path: str
) -> None:
    head = b"HTTP/1.1 301 Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location

    found = await fetch(fetcher, sends(head))

    assert isinstance(found, Redirect)
    assert "/" + found.location.href.split("/", 3)[3] == path


# ---- what an answer means


async def test_304_counts_only_where_it_was_asked_for(fetcher: Fetcher) -> None:
    head = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    asked = (("If-None-Match", '"1"'),)

    unasked = await failure(fetcher, sends(head))
    answered = await failure(fetcher, sends(head), headers=asked)

    assert unasked.reason == Reason.HTTP_3XX
    assert unasked.detail == "the server answered 304, and was not asked whether it has changed"
    assert answered.reason == Reason.NOT_MODIFIED


@pytest.mark.parametrize(
    ("status", "header", "reason"),
    [
        ("202 Accepted", "x-amzn-waf-action: challenge", Reason.CHALLENGE),
        ("405 Not Allowed", "X-Amzn-Waf-Action: captcha", Reason.CHALLENGE),
        ("200 OK", "cf-mitigated: challenge", Reason.CHALLENGE),
        ("403 Forbidden", "CF-Mitigated: Challenge", Reason.CHALLENGE),
        ("202 Accepted", "SG-Captcha: challenge", Reason.CHALLENGE),
        ("403 Forbidden", "Server: cloudflare", Reason.HTTP_4XX),
        ("429 Slow down", "cf-mitigated: challenge", Reason.HTTP_429),
        ("503 Slow down", "cf-mitigated: challenge", Reason.HTTP_503),
    ],
)
async def test_a_challenge_is_no_page(
    fetcher: Fetcher, status: str, header: str, reason: Reason
) -> None:
    error = await failure(fetcher, sends(answer(PAGE, header, status=status)))

    assert error.reason == reason
    assert error.status == int(status[:3])


async def test_where_any_answer_counts_a_challenge_is_one(fetcher: Fetcher) -> None:
    script = sends(answer(b"", "cf-mitigated: challenge", status="202 Accepted"))

    async with faulty_server(script) as server:
        found = await fetcher.fetch(
            Request(server.url()), time_limit=30, max_bytes=1_000, any_answer=True
        )

    assert isinstance(found, FetchedPage)


async def test_a_plain_202_is_a_page(fetcher: Fetcher) -> None:
    found = await page(fetcher, sends(answer(PAGE, status="202 Accepted")))

    assert (found.status, found.body) == (202, PAGE)


async def test_latency_ends_with_the_headers(fetcher: Fetcher) -> None:
    loop = asyncio.get_running_loop()
    began_with_body = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + b"Content-Length: 5\r\n\r\n")
        await asyncio.sleep(0.1)
        began_with_body.append(loop.time())
        await peer.send(b"hello")

    began = loop.time()
    found = await page(fetcher, script)

    assert found.latency > 0
    assert began + found.latency < began_with_body[0]

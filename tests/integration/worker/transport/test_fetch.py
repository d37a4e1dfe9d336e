"""One request in, one page or one redirect out, against real servers."""

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
from aiohttp import web

import functions.worker.transport.fetch as fetch_module
from functions.worker.transport import connections
from functions.worker.transport.budget import Budget
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, Reason
from tests.faults import Peer, answer, faulty_server
from tests.site import Site


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with new_fetcher() as fetcher:
        yield fetcher


def new_fetcher(*, budget: Budget | None = None, **network: Any) -> Any:
    network = {"connect_to": {}, "allow_private_networks": True, **network}
    return open_fetcher(
        user_agent="acme-bot/1", connections=8, network=Network(**network), budget=budget
    )


async def fetch(
    fetcher: Fetcher, request: Request | str, *, max_bytes: int = 10_000, **options: Any
) -> FetchedPage:
    request = Request(request) if isinstance(request, str) else request
    page = await fetcher.fetch(request, time_limit=20, max_bytes=max_bytes, **options)
    assert isinstance(page, FetchedPage)
    return page


async def failure(fetcher: Fetcher, request: Request | str, **options: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetch(fetcher, request, **options)
    return caught.value


async def test_a_page_comes_with_what_its_headers_say(site: Site, fetcher: Fetcher) -> None:
    url = site.reply(
        "/a",
        web.Response(
            body="prix: 5 £".encode("latin-1"),
            headers={
                "Content-Type": 'Text/HTML; x=y; charset="ISO-8859-1"',
                "ETag": '"v1"',
                "Last-Modified": "Sat, 21 Nov 2026 07:00:00 GMT",
                "X-Robots-Tag": "noindex",
                "Set-Cookie": "a=b; Path=/",
            },
        ),
    )

    page = await fetch(fetcher, url)

    assert (b"ETag", b'"v1"') in page.headers
    assert page.latency > 0
    assert page._replace(headers=(), latency=0.0) == FetchedPage(
        url=url,
        status=200,
        content_type="text/html",
        charset="ISO-8859-1",
        body=b"prix: 5 \xa3",
        wire_bytes=9,
        etag='"v1"',
        last_modified="Sat, 21 Nov 2026 07:00:00 GMT",
        x_robots_tag="noindex",
        set_cookies=("a=b; Path=/",),
        remote_address="127.0.0.1",
    )


async def test_header_bytes_that_are_no_text_can_still_be_written(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 \xff\r\nETag: \xff\r\nSet-Cookie: \xc3\xa9=\xff\r\n"
            b"Content-Length: 0\r\n\r\n"
        )

    async with faulty_server(script) as server:
        page = await fetch(fetcher, server.url())

    assert page.etag == "\ufffd"
    assert page.set_cookies == ("é=\ufffd",)


async def heads(fetcher: Fetcher, *requests: Request) -> list[list[str]]:
    """Return the header lines of each request as the server saw them."""
    seen = []

    async def script(peer: Peer) -> None:
        while head := await peer.request():
            seen.append(head.decode().split("\r\n")[:-2])
            await peer.send(answer(b""))

    async with faulty_server(script) as server:
        for request in requests:
            await fetch(fetcher, request._replace(url=server.url("/x")))
    return [[line for line in head if not line.startswith("Host:")] for head in seen]


async def test_what_is_sent_is_what_was_asked_for_in_its_order(fetcher: Fetcher) -> None:
    mine = (("B", "1"), ("user-agent", "me"), ("A", "2"), ("Cookie", "a=1; b=2"))

    [default, own, post] = await heads(
        fetcher,
        Request(""),
        Request("", "HEAD", mine),
        Request("", "POST", (("Content-Type", "text/x"),), b"body"),
    )

    accept = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    encoding = "Accept-Encoding: gzip, deflate, br, zstd"
    assert default == ["GET /x HTTP/1.1", "User-Agent: acme-bot/1", accept, encoding]
    assert own == [
        "HEAD /x HTTP/1.1",
        "B: 1",
        "user-agent: me",
        "A: 2",
        "Cookie: a=1; b=2",
        accept,
        encoding,
    ]
    assert post == [
        "POST /x HTTP/1.1",
        "Content-Type: text/x",
        "User-Agent: acme-bot/1",
        accept,
        encoding,
        "Content-Length: 4",
    ]


async def test_a_head_request_brings_no_body(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")

    async with faulty_server(script) as server:
        page = await fetch(fetcher, Request(server.url(), "HEAD"))
        await fetch(fetcher, Request(server.url(), "HEAD"))

    assert (page.body, page.wire_bytes) == (b"", 0)
    assert server.connections == 1


async def test_a_post_sends_its_body(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(await peer.reader.readexactly(3)))

    async with faulty_server(script) as server:
        page = await fetch(fetcher, Request(server.url(), "POST", body=b"x=1"))

    assert page.body == b"x=1"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/html",
        "TEXT/HTML;charset=utf-8",
        "application/xhtml+xml",
        "application/json",
        "application/ld+json",
        "application/xml",
        "text/xml",
        "application/rss+xml",
        "text/plain",
    ],
)
async def test_types_that_are_pages(fetcher: Fetcher, content_type: str | None) -> None:
    head = f"Content-Type: {content_type}\r\n" if content_type else ""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(f"HTTP/1.1 200 OK\r\n{head}Content-Length: 2\r\n\r\n{{}}".encode())

    async with faulty_server(script) as server:
        assert (await fetch(fetcher, server.url())).body == b"{}"


async def test_another_type_is_refused_without_its_body(fetcher: Fetcher) -> None:
    """The server never sends the body, so whoever read it would wait for ever."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n")
        await peer.gone()

    async with faulty_server(script) as server:
        error = await failure(fetcher, server.url())
        other = await failure(fetcher, server.url(), accepts="text/html".__eq__)

    assert error.reason == other.reason == Reason.CONTENT_TYPE
    assert error.status == 200


async def test_the_caller_says_which_types_are_pages(site: Site, fetcher: Fetcher) -> None:
    url = site.reply("/", web.Response(text="x", content_type="text/plain"))

    error = await failure(fetcher, url, accepts="text/html".__eq__)

    assert error.reason == Reason.CONTENT_TYPE


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (300, Reason.HTTP_3XX, False),
        (304, Reason.HTTP_3XX, False),
        (400, Reason.HTTP_4XX, False),
        (403, Reason.HTTP_4XX, False),
        (404, Reason.HTTP_404, False),
        (407, Reason.HTTP_4XX, False),
        (408, Reason.HTTP_408, True),
        (410, Reason.HTTP_4XX, False),
        (425, Reason.HTTP_425, True),
        (429, Reason.HTTP_429, True),
        (500, Reason.HTTP_5XX, True),
        (501, Reason.HTTP_5XX_FINAL, False),
        (502, Reason.HTTP_5XX, True),
        (503, Reason.HTTP_503, True),
        (504, Reason.HTTP_5XX, True),
        (505, Reason.HTTP_5XX_FINAL, False),
        (522, Reason.HTTP_5XX, True),
        (599, Reason.HTTP_5XX_FINAL, False),
    ],
)
async def test_a_status_has_its_reason(
    fetcher: Fetcher, status: int, reason: Reason, retryable: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"", "Retry-After: 120", status=f"{status} X"))

    async with faulty_server(script) as server:
        error = await failure(fetcher, server.url())

    assert (error.reason, error.status, error.retry_after) == (reason, status, "120")
    assert error.reason.retryable == retryable
    assert error.remote_address == "127.0.0.1"


async def test_a_redirect_is_handed_back(site: Site, fetcher: Fetcher) -> None:
    url = site.reply("/a/b", web.Response(status=308, headers={"Location": "../c?d#e"}))

    redirect = await fetcher.fetch(Request(url), time_limit=20, max_bytes=10)

    assert isinstance(redirect, Redirect)
    assert (redirect.status, redirect.location.href) == (308, site.url("/c?d"))


@pytest.mark.parametrize("size", [9, 10, 11])
@pytest.mark.parametrize("coded", [False, True])
async def test_the_limit_is_of_the_decoded_body(
    site: Site, fetcher: Fetcher, size: int, coded: bool
) -> None:
    response = web.Response(body=b"x" * size, content_type="text/html", zlib_executor_size=10_000)
    if coded:
        response.enable_compression(web.ContentCoding.gzip)
    headers = (("Accept-Encoding", "identity"),) if not coded else ()
    url = site.reply("/", response)

    if size <= 10:
        assert (await fetch(fetcher, Request(url, headers=headers), max_bytes=10)).body
    else:
        error = await failure(fetcher, Request(url, headers=headers), max_bytes=10)
        assert error.reason == Reason.TOO_LARGE


async def test_where_the_beginning_is_enough_the_rest_is_cut(site: Site, fetcher: Fetcher) -> None:
    url = site.reply("/robots.txt", web.Response(text="0123456789", content_type="text/plain"))

    page = await fetch(fetcher, url, max_bytes=4, cut=True)

    assert page.body == b"0123"


async def test_a_page_keeps_its_memory_until_it_is_released() -> None:
    """However many pages wait for a parser, they are never more than fit."""
    packed = gzip.compress(b"x" * 2_000)

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(answer(packed, "Content-Encoding: gzip"))

    async with faulty_server(script) as server, new_fetcher(budget=Budget(1_000)) as fetcher:
        request = Request(server.url())
        reserved = [fetcher.reserve() for _ in range(2)]
        for one in reserved:  # one beyond the limit always may
            await fetcher.fetch(request, reservation=one, time_limit=20, max_bytes=5_000)
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(request, time_limit=0.3, max_bytes=5_000)
        for one in reserved:
            one.release()
        page = await fetcher.fetch(request, time_limit=20, max_bytes=5_000)

    assert caught.value.reason is Reason.OUT_OF_TIME
    assert isinstance(page, FetchedPage)


async def test_one_connection_serves_pages_errors_and_redirects(fetcher: Fetcher) -> None:
    """A small body that nobody reads is drained: another connection would cost more."""
    answers = [
        answer(b"page"),
        answer(b"x" * 10_000, status="404 Not Found"),
        answer(b"moved", "Location: /", status="301 Moved"),
        answer(b"page"),
    ]

    async def script(peer: Peer) -> None:
        while await peer.request():
            head, _, body = answers.pop(0).partition(b"\r\n\r\n")
            await peer.send(head + b"\r\n\r\n")
            await peer.send(body)

    async with faulty_server(script) as server:
        await fetch(fetcher, server.url())
        await failure(fetcher, server.url())
        await fetcher.fetch(Request(server.url()), time_limit=20, max_bytes=10)
        await fetch(fetcher, server.url())

    assert server.connections == 1


async def test_who_wants_to_see_what_is_refused_sees_it_over_the_same_connection(
    fetcher: Fetcher,
) -> None:
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(answer(b"x" * 10_000, status="404 Not Found"))

    seen: list[FetchedPage] = []
    async with faulty_server(script) as server:
        for most in (20_000, 20_000, 100):
            error = await failure(fetcher, server.url(), max_bytes=most, on_refused=seen.append)
            assert error.status == 404

    assert [(page.status, len(page.body)) for page in seen] == [
        (404, 10_000),
        (404, 10_000),
        (404, 100),
    ]
    assert server.connections == 1


async def test_a_refusal_whose_body_does_not_come_is_what_its_status_says(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"x" * 10_000, status="403 Forbidden")[:-5_000])
        await peer.request()

    monkeypatch.setattr(fetch_module, "_REFUSED_SECONDS", 0.1)
    seen: list[FetchedPage] = []
    async with faulty_server(script) as server, asyncio.timeout(15):  # a request may take longer
        error = await failure(fetcher, server.url(), max_bytes=20_000, on_refused=seen.append)

    assert error.status == 403
    assert seen == []


async def test_a_large_error_body_is_not_read(fetcher: Fetcher) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"x" * 10, status="500 X").replace(b": 10", b": 100000000"))
        await peer.gone()

    async with faulty_server(script) as server:
        error = await failure(fetcher, server.url())
        await failure(fetcher, server.url())

    assert error.reason == Reason.HTTP_5XX
    assert server.connections == 2


async def test_idle_connections_are_few(fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda has 1,024 descriptors, and aiohttp does not count what is idle."""
    monkeypatch.setattr(connections, "MAX_IDLE", 0)
    closing = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b""))
        closing.append(await peer.request())

    async with faulty_server(script) as server:
        await fetch(fetcher, server.url())
        await fetch(fetcher, server.url())

    assert server.connections == 2


async def test_an_unknown_name_is_looked_up_once(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        lookups.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    errors = [await failure(fetcher, "http://nobody.test/") for _ in range(3)]

    assert {error.reason for error in errors} == {Reason.UNKNOWN_HOST}
    assert lookups == ["nobody.test"]


async def test_a_lookup_that_fails_says_nothing_about_the_name(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups = []

    def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        lookups.append(host)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    errors = [await failure(fetcher, "http://busy.test/") for _ in range(2)]

    assert {error.reason for error in errors} == {Reason.DNS}
    assert errors[0].reason.retryable
    assert len(lookups) == 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def hello(peer: Peer) -> None:
    while await peer.request():
        await peer.send(answer(b"hello"))


async def test_a_certificate_of_nobody_known_is_refused(
    fetcher: Fetcher, authority: trustme.CA
) -> None:
    async with faulty_server(hello, tls=tls(authority, "127.0.0.1")) as server:
        error = await failure(fetcher, server.url())

    assert error.reason == Reason.TLS_CERTIFICATE
    assert not error.reason.retryable


async def test_certificates_are_verified_and_must_name_the_host(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(connections, "_ssl_context", lambda **_: trusting)

    async with (
        faulty_server(hello, tls=tls(authority, "127.0.0.1")) as right,
        faulty_server(hello, tls=tls(authority, "other.test")) as wrong,
        new_fetcher() as fetcher,
    ):
        page = await fetch(fetcher, right.url())
        error = await failure(fetcher, wrong.url())

    assert page.body == b"hello"
    assert page.remote_address == "127.0.0.1"
    assert error.reason == Reason.TLS_CERTIFICATE
    assert "other.test" in error.detail or "not valid for" in error.detail


async def test_certificates_count_for_nothing_where_the_caller_says_so(
    authority: trustme.CA,
) -> None:
    async with (
        faulty_server(hello, tls=tls(authority, "other.test")) as server,
        new_fetcher(verify_tls=False) as fetcher,
    ):
        assert (await fetch(fetcher, server.url())).body == b"hello"


async def test_a_request_does_not_show_its_secrets() -> None:
    request = Request("http://a.test/", headers=(("Cookie", "s3cret"),), proxy="http://u:s3cret@p")

    assert "s3cret" not in repr(request)


async def test_a_cancelled_request_leaves_nothing_behind(fetcher: Fetcher) -> None:
    hanging = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        hanging.set()
        await peer.gone()

    async with faulty_server(script) as server:
        task = asyncio.create_task(fetch(fetcher, server.url()))
        await hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

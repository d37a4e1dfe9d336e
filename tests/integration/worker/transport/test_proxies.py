"""Requests through real proxies: what they carry, and whose fault a failure is."""

import asyncio
import socket
import ssl
import sys
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import trustme

from functions.worker.transport import connections
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.errors import FetchError, Reason
from tests.faults import FaultyServer, Peer, answer, faulty_server, sends
from tests.proxies import Proxy, http_proxy, socks_proxy

SECRET = "bob:s3cret"
HOSTS = {"site.test": "127.0.0.1", "notlocalhost": "127.0.0.1"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    monkeypatch.setattr(connections, "_ssl_context", lambda **_: context)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with new_fetcher(allow_private_proxies=True) as fetcher:
        yield fetcher


def new_fetcher(**network: Any) -> AbstractAsyncContextManager[Fetcher]:
    return open_fetcher(user_agent="t", connections=8, network=Network({}, **network))


def certified(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def hello(peer: Peer) -> None:
    while head := await peer.request():
        await peer.send(answer(head))


@pytest.fixture(params=["http", "https"])
async def site(
    request: pytest.FixtureRequest, authority: trustme.CA
) -> AsyncIterator[FaultyServer]:
    """A website that answers with what it was sent."""
    tls = certified(authority, "site.test") if request.param == "https" else None
    async with faulty_server(hello, tls=tls) as server:
        yield server


async def fetch(fetcher: Fetcher, url: str, proxy: str, **limits: Any) -> FetchedPage:
    limits = {"time_limit": 60} | limits
    async with asyncio.timeout(90):
        page = await fetcher.fetch(Request(url, proxy=proxy), max_bytes=10_000, **limits)
    assert isinstance(page, FetchedPage)
    return page


async def failure(fetcher: Fetcher, url: str, proxy: str, **limits: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetch(fetcher, url, proxy, **limits)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "s3cret" not in shown
    assert "s3cret" not in caught.value.detail
    return caught.value


def a_proxy(kind: str, authority: trustme.CA, **options: Any) -> AbstractAsyncContextManager[Proxy]:
    if kind == "socks5":
        return socks_proxy(hosts=HOSTS, **options)
    tls = certified(authority, "127.0.0.1") if kind == "https" else None
    return http_proxy(hosts=HOSTS, tls=tls, **options)


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("credentials", ["", SECRET])
async def test_a_page_comes_through_a_proxy_that_resolves_its_name(
    fetcher: Fetcher, site: FaultyServer, authority: trustme.CA, kind: str, credentials: str
) -> None:
    async with a_proxy(kind, authority, credentials=credentials) as proxy:
        page = await fetch(fetcher, site.url("/a?b", "site.test"), proxy.url())

        assert page.body.startswith(b"GET /a?b HTTP/1.1\r\n")
        assert b"roxy" not in page.body, "what is the proxy's is not the site's"
        assert proxy.targets == [f"site.test:{site.port}"]
        assert page.remote_address is None


async def test_a_name_that_only_looks_local_is_the_proxy_s_to_resolve(fetcher: Fetcher) -> None:
    async with faulty_server(hello) as site, http_proxy(hosts=HOSTS) as proxy:
        assert (await fetch(fetcher, site.url(host="notlocalhost"), proxy.url())).body


async def test_socks5h_is_another_name_for_it(fetcher: Fetcher, site: FaultyServer) -> None:
    async with socks_proxy(hosts=HOSTS) as proxy:
        url = proxy.url().replace("socks5", "socks5h")
        assert (await fetch(fetcher, site.url(host="site.test"), url)).body


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("given", ["", "bob:wrong", "eve:s3cret"])
async def test_wrong_credentials_are_the_proxy_s_to_refuse(
    fetcher: Fetcher, site: FaultyServer, authority: trustme.CA, kind: str, given: str
) -> None:
    async with a_proxy(kind, authority, credentials=SECRET) as proxy:
        error = await failure(fetcher, site.url(host="site.test"), proxy.url(given))

    assert error.reason == Reason.PROXY_AUTH
    assert site.connections == 0


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_a_proxy_that_is_not_there(
    fetcher: Fetcher, site: FaultyServer, unreachable_url: str, scheme: str
) -> None:
    proxy = unreachable_url.rstrip("/").replace("http://", f"{scheme}://{SECRET}@")

    error = await failure(fetcher, site.url(host="site.test"), proxy)

    assert error.reason == Reason.PROXY_CONNECTION


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_whose_name_there_is_not(
    fetcher: Fetcher, site: FaultyServer, scheme: str
) -> None:
    error = await failure(fetcher, site.url(host="site.test"), f"{scheme}://{SECRET}@a..b:1")

    assert error.reason == Reason.PROXY_CONNECTION


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("http", 302, Reason.PROXY_REFUSED),
        ("http", 403, Reason.PROXY_REFUSED),
        ("http", 407, Reason.PROXY_AUTH),
        ("http", 511, Reason.PROXY_REFUSED),
        ("http", 429, Reason.PROXY_REFUSED),
        ("http", 502, Reason.PROXY_GATEWAY),
        ("http", 503, Reason.PROXY_GATEWAY),
        ("socks5", 1, Reason.PROXY_REFUSED),
        ("socks5", 2, Reason.PROXY_REFUSED),
        ("socks5", 4, Reason.PROXY_GATEWAY),
        ("socks5", 5, Reason.PROXY_GATEWAY),
    ],
)
async def test_what_a_proxy_says_of_a_tunnel(
    fetcher: Fetcher, authority: trustme.CA, kind: str, status: int, reason: Reason
) -> None:
    async with a_proxy(kind, authority, status=status, credentials=SECRET) as proxy:
        error = await failure(fetcher, "https://site.test/", proxy.url())

    assert error.reason == reason
    assert error.status == (status if kind == "http" else None)


@pytest.mark.parametrize("later", [False, True])
async def test_a_page_in_the_place_of_a_tunnel_is_the_proxy_s(
    fetcher: Fetcher, later: bool
) -> None:
    """With status 200, as a login page is sent; at once, or when we have begun with TLS."""
    body = b"<title>Log in</title>" * 9

    async def script(peer: Peer) -> None:
        await peer.request()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
        if later:
            await peer.send(head % len(body))
            await peer.reader.read(1)
            await peer.send(body)
        else:
            await peer.send(head % len(body) + body)
        await peer.reader.read()

    async with faulty_server(script) as portal:
        error = await failure(fetcher, "https://site.test/", f"http://127.0.0.1:{portal.port}")

    assert (error.reason, error.status) == (Reason.PROXY_REFUSED, 200)


async def test_a_proxy_that_says_yes_and_hangs_up_has_not_got_through(fetcher: Fetcher) -> None:
    async def hangs_up(_peer: Peer) -> None:
        """Say nothing: the connection ends with the script."""

    async with faulty_server(hangs_up) as nobody, http_proxy(hosts=HOSTS) as proxy:
        error = await failure(fetcher, f"https://site.test:{nobody.port}/", proxy.url())

    assert error.reason == Reason.PROXY_GATEWAY


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_a_site_that_its_proxy_cannot_reach(
    fetcher: Fetcher, authority: trustme.CA, unreachable_url: str, kind: str
) -> None:
    url = unreachable_url.replace("http://127.0.0.1", "https://site.test")

    async with a_proxy(kind, authority) as proxy:
        error = await failure(fetcher, url, proxy.url())

    assert error.reason == Reason.PROXY_GATEWAY


@pytest.mark.parametrize(
    "kind",
    [
        "http",
        pytest.param(
            "https",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 13), reason="asyncio loses the error of TLS in TLS"
            ),
        ),
        "socks5",
    ],
)
async def test_the_certificate_that_counts_is_the_site_s(
    fetcher: Fetcher, authority: trustme.CA, kind: str
) -> None:
    async with (
        faulty_server(hello, tls=certified(authority, "other.test")) as site,
        a_proxy(kind, authority, credentials=SECRET) as proxy,
    ):
        error = await failure(fetcher, site.url(host="site.test"), proxy.url())

    assert error.reason == Reason.TLS_CERTIFICATE


async def test_a_proxy_s_own_certificate_counts_too(
    fetcher: Fetcher, authority: trustme.CA, site: FaultyServer
) -> None:
    async with http_proxy(hosts=HOSTS, tls=certified(authority, "other.test")) as proxy:
        error = await failure(fetcher, site.url(host="site.test"), proxy.url(SECRET))

    assert error.reason == Reason.PROXY_CONNECTION


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n"])
async def test_what_is_no_proxy_is_a_bad_one(fetcher: Fetcher, scheme: str, said: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await peer.send(said)

    async with faulty_server(script) as nonsense:
        proxy = f"{scheme}://{SECRET}@127.0.0.1:{nonsense.port}"
        error = await failure(fetcher, "https://site.test/", proxy)

    assert error.reason == Reason.PROXY_CONNECTION


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_hangs_ends_at_the_time_limit(fetcher: Fetcher, scheme: str) -> None:
    async with faulty_server(sends(then="hang")) as silent:
        proxy = f"{scheme}://{SECRET}@127.0.0.1:{silent.port}"
        error = await failure(fetcher, "https://site.test/", proxy, time_limit=0.3)

    assert error.reason == Reason.TIMEOUT


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_does_not_get_through_in_time(fetcher: Fetcher, scheme: str) -> None:
    async with faulty_server(sends(then="hang")) as silent:
        proxy = f"{scheme}://{SECRET}@127.0.0.1:{silent.port}"
        error = await failure(fetcher, "https://site.test/", proxy, connect_limit=0.2)

    assert error.reason == Reason.PROXY_GATEWAY


async def test_a_proxy_whose_name_takes_too_long(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: answered.wait())

    error = await failure(fetcher, "https://site.test/", "socks5://slow.test:1", time_limit=0.2)

    answered.set()
    assert error.reason == Reason.TIMEOUT


async def test_credentials_that_socks_cannot_carry(fetcher: Fetcher) -> None:
    error = await failure(fetcher, "https://site.test/", "socks5://b%C3%B6b:s3cret@127.0.0.1:1")

    assert error.reason == Reason.PROXY_AUTH


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "https://[::1]/",
        "http://169.254.169.254/",
        "http://localhost/",
        "http://a.localhost./",
    ],
)
async def test_a_private_target_is_refused_behind_a_proxy_as_well(
    fetcher: Fetcher, authority: trustme.CA, kind: str, url: str
) -> None:
    async with a_proxy(kind, authority) as proxy:
        error = await failure(fetcher, url, proxy.url())

        assert error.reason == Reason.PRIVATE_ADDRESS
        assert proxy.targets == []


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_a_proxy_must_be_public_unless_it_is_allowed_not_to(
    authority: trustme.CA, site: FaultyServer, kind: str
) -> None:
    async with a_proxy(kind, authority, credentials=SECRET) as proxy, new_fetcher() as fetcher:
        error = await failure(fetcher, site.url(host="site.test"), proxy.url())

    assert error.reason == Reason.PROXY_CONNECTION
    assert "public" in error.detail
    assert proxy.targets == []


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_no_connection_is_shared_by_two_proxies(
    fetcher: Fetcher, authority: trustme.CA, site: FaultyServer, kind: str
) -> None:
    async with a_proxy(kind, authority) as one, a_proxy(kind, authority) as other:
        for proxy in (one, other, one, other):
            await fetch(fetcher, site.url(host="site.test"), proxy.url())

        assert site.connections == 2, "each keeps its own alive"
        assert set(one.targets) == set(other.targets) == {f"site.test:{site.port}"}


async def test_two_first_requests_through_a_proxy_share_its_pool(
    fetcher: Fetcher, site: FaultyServer
) -> None:
    async with socks_proxy(hosts=HOSTS) as proxy:
        pages = await asyncio.gather(
            *(fetch(fetcher, site.url(host="site.test"), proxy.url()) for _ in range(4))
        )

    assert len(pages) == 4

"""However it is spelled, an address that is not public is never connected to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from functions.worker.transport import addresses, connections
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from shared.errors import FetchError, InvalidUrlError, Reason
from shared.urls import parse_url
from tests.faults import FaultyServer, Peer, answer, faulty_server

# PORT is where somebody listens on 127.0.0.1.
SPELLINGS = """
http://127.0.0.1:PORT/
https://127.0.0.1:PORT/
http://127.1:PORT/
http://127.0.1:PORT/
http://2130706433:PORT/
http://017700000001:PORT/
http://0x7f000001:PORT/
http://0x7f.0.0.1:PORT/
http://0X7F.1:PORT/
http://0177.0.0.1:PORT/
http://127.0.0.1.:PORT/
http://127。0。0。1:PORT/
http://127．0．0．1:PORT/
http://127｡0｡0｡1:PORT/
http://１２７.0.0.1:PORT/
http://①②⑦.0.0.1:PORT/
http://%31%32%37.0.0.1:PORT/
http://127%2e0%2e0%2e1:PORT/
http://127.0.0.1%2e:PORT/
http:127.0.0.1:PORT
http:/127.0.0.1:PORT/
http:\\\\127.0.0.1:PORT\\
http://127.0.0.1:PORT#@example.com/
http://127.0.0.1:PORT\\@example.com/
http://localhost:PORT/
http://LOCALHOST:PORT/
http://localhost.:PORT/
http://ⓛocalhost:PORT/
http://%6c%6f%63%61%6c%68%6f%73%74:PORT/
http://127.0.0.1:9001/2018-06-01/runtime/invocation/next
http://localhost:9001/2018-06-01/runtime/invocation/next
http://127.8.8.8/
http://0/
http://0.0.0.0:PORT/
http://0x0:PORT/
http://[::]:PORT/
http://[::1]:PORT/
http://[0:0:0:0:0:0:0:1]:PORT/
http://[::ffff:127.0.0.1]:PORT/
http://[::ffff:7f00:1]:PORT/
http://[::FFFF:169.254.169.254]/
http://[::ffff:0:127.0.0.1]:PORT/
http://[::127.0.0.1]:PORT/
http://[::a9fe:a9fe]/
http://[2002:7f00:1::]:PORT/
http://[2002:a9fe:a9fe::]/
http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/
http://[64:ff9b::127.0.0.1]:PORT/
http://[64:ff9b::a9fe:a9fe]/
http://[64:ff9b:1::a00:1]/
http://[fe80::1]/
http://[fec0::1]/
http://[fc00::1]/
http://[fd00:ec2::254]/latest/meta-data/
http://[fd00:ec2::23]/v2/credentials
http://[ff02::1]/
http://[ff0e::1]/
http://[2001:db8::1]/
http://[3fff::1]/
http://[5f00::1]/
http://[100::1]/
http://169.254.169.254/latest/meta-data/
http://2852039166/latest/meta-data/
http://0xa9fea9fe/
http://0251.0376.0251.0376/
http://169.254.43518/
http://169.254.170.2/v2/credentials
http://169.254.169.123/
http://10.0.0.1/
http://172.16.0.1/
http://172.31.255.255/
http://192.168.0.1/
http://100.64.0.1/
http://100.100.100.200/
http://192.0.0.192/
http://192.0.2.1/
http://192.88.99.1/
http://198.18.0.1/
http://198.51.100.1/
http://203.0.113.1/
http://224.0.0.1/
http://240.0.0.1/
http://255.255.255.255/
http://loopback.test:PORT/
http://metadata.test/
http://mapped.test/
http://compatible.test/
http://scoped.test/
http://ula.test/
http://mixed-private.test/
""".split()  # noqa: RUF001, SIM905 -- some look alike, which is the point

NO_URLS = """
http://[fe80::1%25eth0]/
http://[fe80::1%eth0]/
http://[::1%25lo]/
http://[v1.fe80::1]/
http://256.256.256.256/
http://127.0.0.0.1/
http://0x7f.0.0.0x1ff/
http://user@127.0.0.1/
http://example.com@127.0.0.1/
http://127.0.0.1%00.example.com/
file:///etc/passwd
ftp://127.0.0.1/
gopher://127.0.0.1:6379/_FLUSHALL
unix:///var/run/docker.sock
//127.0.0.1/
""".split()  # noqa: SIM905

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "loopback.test": ["127.0.0.1"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "compatible.test": ["::7f00:1"],
    "scoped.test": ["fe80::1%2"],
    "ula.test": ["fd00:ec2::254"],
    "mixed-private.test": ["10.0.0.1", "fe80::1%2", "127.0.0.1"],
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The names that there are; a test may change where they lead."""
    known = dict(NAMES)

    def getaddrinfo(host: str, port: int, *_args: object, **_options: object) -> list[Any]:
        if host.rstrip(".") not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        infos = []
        for address in known[host.rstrip(".")]:
            ip, _, zone = address.partition("%")
            is_6 = ":" in ip
            family = socket.AF_INET6 if is_6 else socket.AF_INET
            where: tuple[Any, ...] = (ip, port, 0, int(zone or 0)) if is_6 else (ip, port)
            infos.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where))
        return infos

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Where sockets were connected to."""
    seen: list[object] = []

    class Spy(socket.socket):
        def connect(self, address: Any) -> None:
            seen.append(address)
            super().connect(address)

        def connect_ex(self, address: Any) -> int:
            seen.append(address)
            return super().connect_ex(address)

    monkeypatch.setattr(socket, "socket", Spy)
    return seen


@pytest.fixture
async def listener() -> AsyncIterator[FaultyServer]:
    async def script(peer: Peer) -> None:
        while head := await peer.request():
            path = head.split(b" ")[1]
            if path.startswith(b"/to/"):
                location = bytes.fromhex(path[4:].decode()).decode()
                await peer.send(answer(b"", f"Location: {location}", status="302 Found"))
            else:
                await peer.send(answer(b"secret", "Connection: close"))
                return

    async with faulty_server(script) as server:
        yield server


async def fetch(url: str, *, allowed: bool = False) -> FetchedPage | Redirect:
    network = Network({}, allow_private_networks=allowed)
    async with asyncio.timeout(90):
        async with open_fetcher(user_agent="t", connections=2, network=network) as fetcher:
            return await fetcher.fetch(Request(url), time_limit=60, max_bytes=1_000)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_what_is_not_public_is_refused_and_not_connected_to(
    spelling: str, connects: list[object], listener: FaultyServer
) -> None:
    url = parse_url(spelling.replace("PORT", str(listener.port)))

    with pytest.raises(FetchError) as caught:
        await fetch(url.href)

    assert caught.value.reason == Reason.PRIVATE_ADDRESS
    assert connects == []
    assert listener.connections == 0


async def test_where_it_is_allowed_the_listener_is_reached(
    connects: list[object], listener: FaultyServer
) -> None:
    """Or else the test above would prove nothing."""
    await fetch(listener.url(host="loopback.test"), allowed=True)

    assert connects == [("127.0.0.1", listener.port)]
    assert listener.connections == 1


def test_there_are_at_least_60_spellings() -> None:
    assert len(set(SPELLINGS)) >= 60


@pytest.mark.parametrize("text", NO_URLS)
def test_other_spellings_are_no_urls(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse_url(text)


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 127.0.0.1, and only that, stand for the internet."""
    monkeypatch.setattr(
        connections, "is_public", lambda ip: ip == "127.0.0.1" or addresses.is_public(ip)
    )


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    "location",
    [s for s in SPELLINGS if not any(x in s for x in ("PORT", "localhost", "127.0.0.1", "mixed"))],
)
async def test_a_redirect_is_checked_as_any_other_url(
    location: str, connects: list[object], listener: FaultyServer
) -> None:
    redirect = await fetch(listener.url(f"/to/{location.encode().hex()}"))
    assert isinstance(redirect, Redirect)

    with pytest.raises(FetchError) as caught:
        await fetch(redirect.location.href)

    assert caught.value.reason == Reason.PRIVATE_ADDRESS
    assert len(connects) == 1


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_name_that_turns_private_is_refused(
    names: dict[str, list[str]], connects: list[object], listener: FaultyServer
) -> None:
    """DNS rebinding: what was public when somebody looked is not when the worker connects."""
    url = listener.url(host="loopback.test")
    await fetch(url)
    names["loopback.test"] = ["10.0.0.1"]

    with pytest.raises(FetchError) as caught:
        await fetch(url)

    assert caught.value.reason == Reason.PRIVATE_ADDRESS
    assert connects == [("127.0.0.1", listener.port)]


@pytest.mark.usefixtures("loopback_is_public")
async def test_a_public_address_beside_private_ones_is_used(
    names: dict[str, list[str]], connects: list[object], listener: FaultyServer
) -> None:
    names["half.test"] = ["10.0.0.1", "127.0.0.1", "fd00::1"]

    page = await fetch(listener.url(host="half.test"))

    assert isinstance(page, FetchedPage)
    assert page.remote_address == "127.0.0.1"
    assert connects == [("127.0.0.1", listener.port)]


async def test_a_name_that_there_is_not_is_an_unknown_host() -> None:
    with pytest.raises(FetchError) as caught:
        await fetch("http://nobody.test/")

    assert caught.value.reason == Reason.UNKNOWN_HOST


async def test_what_is_neither_address_nor_name_is_an_unknown_host(connects: list[object]) -> None:
    with pytest.raises(FetchError) as caught:
        await fetch(parse_url("http://127.0.0.1..:80/").href)

    assert caught.value.reason == Reason.UNKNOWN_HOST
    assert connects == []

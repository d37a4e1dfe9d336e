import pytest

from functions.worker.transport.addresses import is_public, parse_connect_to, route
from shared.errors import InvalidJobError


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.170.2",
        "100.64.0.1",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:2800:220:1::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "::7f00:1",
        "::ffff:0:127.0.0.1",
        "192.0.0.192",
        "192.88.99.1",
        "fec0::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "not an address",
        "",
    ],
)
def test_addresses_that_are_not(address: str) -> None:
    assert not is_public(address)


def test_connect_to_reads_as_curl_does() -> None:
    routes = parse_connect_to("a.example:80:127.0.0.1:8080, b.example::127.0.0.2:,::127.0.0.3:9")

    assert route(routes, "a.example", 80) == ("127.0.0.1", 8080)
    assert route(routes, "b.example", 443) == ("127.0.0.2", 443)
    assert route(routes, "a.example", 81) == ("127.0.0.3", 9)
    assert route({}, "a.example", 80) == ("a.example", 80)


@pytest.mark.parametrize("text", ["x", "a:b:c:d", "a:80:b", "a:80:b:c:d"])
def test_a_connect_to_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(InvalidJobError, match="is not HOST:PORT:ADDRESS:PORT"):
        parse_connect_to(text)

"""
Where connections may go: which addresses are public, and which hosts are reached elsewhere.

Pure: arithmetic on addresses, no sockets.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from shared.errors import InvalidJobError

ConnectTo = Mapping[tuple[str, int | None], tuple[str, int | None]]

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def is_public(address: str) -> bool:
    """
    Tell whether `address` is one that the whole internet reaches.

    Addresses that carry an IPv4 address inside (mapped, 6to4, NAT64, Teredo) are as public as
    that one.

    Args:
        address: As the operating system has it: an IP address, perhaps with a ``%scope``.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.scope_id:
            return False
        inside = _ipv4_inside(ip)
        if inside is not None:
            return is_public(str(inside))
    # is_global leaves multicast in.
    return ip.is_global and not ip.is_multicast


def _ipv4_inside(ip: IPv6Address) -> IPv4Address | None:
    if any(ip in network for network in _NAT64):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    teredo = ip.teredo
    return ip.ipv4_mapped or ip.sixtofour or (teredo[1] if teredo else None)


def parse_connect_to(text: str) -> ConnectTo:
    """
    Read ``HOST:PORT:ADDRESS:PORT[,...]``: connect to the second where a URL names the first.

    As curl's ``--connect-to``: an empty host or port on the left means any, on the right the same.

    Raises:
        InvalidJobError: `text` is not of this form.

    >>> parse_connect_to("shop.example:80:127.0.0.1:8080")
    {('shop.example', 80): ('127.0.0.1', 8080)}
    """
    routes = {}
    for route in filter(None, (part.strip() for part in text.split(","))):
        try:
            host, port, address, to_port = route.split(":")
            routes[host.lower(), int(port) if port else None] = (
                address,
                int(to_port) if to_port else None,
            )
        except ValueError:
            raise InvalidJobError(
                f"connect-to: {route!r} is not HOST:PORT:ADDRESS:PORT, "
                "e.g. shop.example:80:127.0.0.1:8080"
            ) from None
    return routes


def route(connect_to: ConnectTo, host: str, port: int) -> tuple[str, int]:
    """Return the host and port to connect to for a URL's `host` and `port`."""
    for key in ((host, port), (host, None), ("", port), ("", None)):
        if key in connect_to:
            to_host, to_port = connect_to[key]
            return to_host or host, to_port or port
    return host, port

"""
Where connections may go: which addresses are public, and which hosts are reached elsewhere.

Pure: arithmetic on addresses, no sockets.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from shared.errors import InvalidJobError

ConnectTo = Mapping[tuple[str, int | None], tuple[str, int | None]]

# Lists of our own, as those of `ipaddress` grow from one Python to the next. They follow IANA's
# special-purpose registries: https://www.iana.org/assignments/iana-ipv4-special-registry
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a provider's NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local: metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
_UNICAST_6 = IPv6Network("2000::/3")  # all that is given away so far
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which is an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """
    Tell whether `address` is one that the whole internet reaches.

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
        # Where there is no IPv4, the network maps the whole of it into these.
        if ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
        elif ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        else:
            return ip in _UNICAST_6 and not any(ip in network for network in _NOT_PUBLIC_6)
    return not any(ip in network for network in _NOT_PUBLIC_4)


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

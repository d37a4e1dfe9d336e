"""
What a URL is, and which partition its host belongs to.

URLs are read as browsers read them (the WHATWG URL standard, by Ada), so that
`HTTP://Bücher.example:80/a/../b` and `http://xn--bcher-kva.example/b` are one target.
Pure: no network, and the lists of public suffixes come with the code: the newest that the package
has for who may see what, and a frozen one for partitions, which must stay where they are.
"""

from functools import cache, lru_cache
from typing import NamedTuple
from zlib import crc32

import can_ada
from publicsuffixlist import PublicSuffixList

from shared.errors import InvalidUrlError
from shared.lock import SUFFIXES

MAX_URL_BYTES = 8_000  # what RFC 9110 §4.1 asks servers to take at least
_DEFAULT_PORTS = {"http:": 80, "https:": 443}
# RFC 2606, 6762 and 7686, and what people have at home.
_RESERVED = {"example", "invalid", "test", "localhost", "local", "onion", "internal", "home", "lan"}
_FROZEN = __file__.replace("urls.py", f"suffixes-{SUFFIXES}.txt")
_MAX_LABELS = 7  # of a frozen suffix


class Url(NamedTuple):
    """
    A URL that can be fetched.

    `href` is absolute, ASCII and without a fragment; `host` is lower case, IDNA-encoded and
    without a trailing dot, IP addresses in canonical form (IPv6 in brackets).
    """

    href: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """``https://host``, with the port if it is not the scheme's own."""
        return origin_of(self.href)


def origin_of(href: str) -> str:
    """
    Return the origin of a URL in the form of `Url.href`; an origin is its own.

    >>> origin_of("https://a.example:8443/b/c?d")
    'https://a.example:8443'
    """
    return "/".join(href.split("/", 3)[:3])


def parse_url(text: str, base: str | None = None) -> Url:
    """
    Return the URL in `text`, read relative to `base` where one is given.

    Raises:
        InvalidUrlError: `text` is no http or https URL, holds credentials, or is longer than
            `MAX_URL_BYTES`. The message goes behind a name for the place, as in
            ``line 2 is '/about': a URL must start with http:// or https:// and name a host``.
    """
    try:
        url = can_ada.parse(base) + text if base else can_ada.parse(text)
    except (ValueError, TypeError):  # a TypeError where the text has a lone surrogate
        raise InvalidUrlError("a URL must start with http:// or https:// and name a host") from None
    default_port = _DEFAULT_PORTS.get(url.protocol)
    if default_port is None:
        raise InvalidUrlError("a URL must start with http:// or https:// and name a host")
    if url.username or url.password:
        raise InvalidUrlError("a URL must not hold a user name or password")
    url.hash = ""
    href = url.href
    if len(href) > MAX_URL_BYTES:
        raise InvalidUrlError(f"a URL must not be longer than {MAX_URL_BYTES:,} bytes")
    return Url(href, url.hostname.rstrip("."), int(url.port or default_port))


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=65_536)
def registrable_domain(host: str) -> str:
    """
    Return the part of `host` that somebody registered: `books.co.uk` for `www.books.co.uk`.

    A host without one (an IP address, `localhost`, a public suffix) stands for itself.

    Args:
        host: As in `Url`.
    """
    if is_ip_literal(host):
        return host
    domain: str | None = _public_suffixes().privatesuffix(host)
    return domain or host


def is_top_level_domain(label: str) -> bool:
    """Tell whether names of hosts end with `label`, those for examples and for use at home too."""
    label = label.lower()
    if not label.isascii():
        label = "xn--" + label.encode("punycode").decode()
    suffixes = _frozen_suffixes()
    return label in _RESERVED or label in suffixes or f"*.{label}" in suffixes


def is_ip_literal(host: str) -> bool:
    """Tell whether the host of a `Url` is an IP address."""
    # In a parsed URL a last label that is a number is always the end of an IPv4 address.
    return host.startswith("[") or host.rpartition(".")[2].isdigit()


def partition_of(host: str, partitions: int) -> int:
    """
    Return the partition, from 0, that owns `host` (as in `Url`).

    All hosts of a registrable domain share one, so that a redirect from example.com to
    www.example.com stays with its owner.
    """
    return domain_number(host) % partitions


def domain_number(host: str) -> int:
    """Return the number of the registrable domain of `host`, which says where it belongs."""
    return crc32(_frozen_domain(host).encode())


@cache
def _frozen_suffixes() -> frozenset[str]:
    with open(_FROZEN, encoding="ascii") as file:  # noqa: PTH123 -- a cold start has no pathlib
        return frozenset(line for line in file.read().split("\n") if not line.startswith("//"))


@lru_cache(maxsize=65_536)
def _frozen_domain(host: str) -> str:
    """
    Return what `registrable_domain` does, by the frozen list, and for good.

    Not by a library, whose next release may read a rule in another way: that moves hosts, too.
    """
    labels = host.split(".")
    if is_ip_literal(host) or "" in labels:
        return host
    suffixes, count = _frozen_suffixes(), len(labels)
    public = 1  # labels; a name that no rule is about ends with a public suffix as well
    for start in range(max(0, count - _MAX_LABELS - 1), count):
        name = ".".join(labels[start:])
        if f"!{name}" in suffixes:
            public = count - start - 1
        elif f"*.{name}" in suffixes:
            public = count - start + (start > 0)
        elif name in suffixes:
            public = count - start
        else:
            continue
        break
    return ".".join(labels[-public - 1 :]) if count > public else host

"""What a spec may say of proxies."""

import re
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from shared.secret_spec import SecretName

ProxyUrl = Annotated[str, Meta(max_length=2_000)]
_PROXY = re.compile(
    r"(?:https?|socks5h?)://(?:(?:(?![/?#@\[\]\\])[!-~])+@)?(?:[a-z0-9._-]+|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_LAST_PORT = 65_535


class ProxySpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Proxies: one of `urls`, `tiers` and `secret`. Its repr shows no URL."""

    urls: Annotated[tuple[ProxyUrl, ...], Meta(max_length=1_000)] = ()
    """As SCHEME://[USER:PASSWORD@]HOST[:PORT]; http, https, socks5 or socks5h."""
    tiers: Annotated[tuple[Annotated[tuple[ProxyUrl, ...], Meta(max_length=1_000)], ...],
                     Meta(max_length=10)] = ()  # fmt: skip
    """Lists of such URLs, the cheapest first: a host that blocks one gets the next."""
    secret: SecretName | None = None
    """Where such lists are kept; the recommended way, because specs are no secrets."""
    strategy: Literal["round_robin", "random", "sticky"] = "round_robin"
    """Which proxy of a tier is next; sticky keeps one for each host while it works."""

    def __post_init__(self) -> None:
        if (bool(self.urls) + bool(self.tiers) + bool(self.secret)) != 1:
            raise ValueError("name the proxies by one of urls, tiers and secret")
        if self.secret is None:
            check_proxies(self.tiers or (self.urls,))

    def __repr__(self) -> str:
        # Credentials are in the URLs, and a repr ends up in logs.
        count = sum(map(len, self.tiers or (self.urls,)))
        return f"ProxySpec({count} urls, secret={self.secret!r}, strategy={self.strategy!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("secret", self.secret), ("strategy", self.strategy)]


def check_proxies(tiers: tuple[tuple[str, ...], ...]) -> None:
    """
    Check lists of proxy URLs.

    Raises:
        ValueError: the message tells which one is wrong and never shows it, because it may
            hold a password.
    """
    if not all(tiers):
        raise ValueError("a tier of proxies is empty")
    for tier, urls in enumerate(tiers, start=1):
        for number, url in enumerate(urls, start=1):
            which = f"proxy {number}" + (f" of tier {tier}" if len(tiers) > 1 else "")
            if not url.lower().startswith(("http://", "https://", "socks5://", "socks5h://")):
                raise ValueError(
                    f"{which} must start with http://, https://, socks5:// or socks5h://"
                )
            form = _PROXY.fullmatch(url)
            if form is None or not _is_address(form[1]) or not 0 < int(form[2] or 1) <= _LAST_PORT:
                raise ValueError(
                    f"{which} must be SCHEME://[USER:PASSWORD@]HOST[:PORT] in ASCII; "
                    "write special characters of a password as %XX"
                )


def _is_address(text: str | None) -> bool:
    try:
        return text is None or bool(IPv6Address(text))
    except ValueError:
        return False

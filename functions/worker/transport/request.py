"""What to ask for, and where else an answer says to ask: what a caller and `fetch` exchange."""

from typing import Literal, NamedTuple

from shared.urls import Url


class Request(NamedTuple):
    """
    What to ask for.

    `headers` are sent in their order; User-Agent, Accept and Accept-Encoding follow where they
    are not among them. `proxy` is ``SCHEME://[USER:PASSWORD@]HOST:PORT``, of scheme http, https,
    socks5 or socks5h; a name in `url` is then resolved by the proxy, so only it can tell where that
    leads. Of a request that is sent `once` the connection is closed behind the answer.
    """

    url: str
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    proxy: str | None = None
    once: bool = False

    def __repr__(self) -> str:
        """Show the URL, but neither headers nor proxy: they hold secrets."""
        return f"Request({self.method} {self.url})"


class Redirect(NamedTuple):
    status: int
    location: Url
    set_cookies: tuple[str, ...] = ()
    remote_address: str | None = None
    latency: float = 0.0
    """Seconds from the request to the headers of the answer."""

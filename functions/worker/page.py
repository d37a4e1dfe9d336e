"""What came of a request, for those who only read it: knows nothing of how it was fetched."""

from typing import NamedTuple


class Page(NamedTuple):
    """
    A body without its content coding, and what the headers say of it.

    `content_type` is without parameters and lower case, `charset` is its parameter.
    `wire_bytes` is the size of the body as sent. `remote_address` is None behind a proxy.
    `headers` are as they came, in their order. `fetched_at` is when the target was first requested,
    in epoch seconds, if anybody knows.
    """

    url: str
    status: int
    content_type: str | None
    charset: str | None
    body: bytes
    wire_bytes: int = 0
    etag: str | None = None
    last_modified: str | None = None
    x_robots_tag: str | None = None
    set_cookies: tuple[str, ...] = ()
    remote_address: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    fetched_at: float | None = None

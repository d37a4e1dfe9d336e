"""What came of a request, for those who only read it: knows nothing of how it was fetched."""

from typing import Any, NamedTuple

_BLANK = b" \t\r\n\f\v\0\xef\xbb\xbf"  # a byte order mark, too
_MAX_BLANK = 1_000


class FetchedPage(NamedTuple):
    """
    A body without its content coding, and what the headers say of it.

    A user's parser gets it as `functions.worker.parsers.Page`.

    `content_type` is without parameters and lower case, `charset` is its parameter.
    `wire_bytes` is the size of the body as sent. `remote_address` is None behind a proxy.
    `headers` are as they came, in their order, and `latency` is in seconds, from the request to
    them. `fetched_at` is when the target was first requested, in epoch seconds, if anybody knows.
    `input` is what the list says about the URL, as far as somebody reads it.
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
    latency: float = 0.0
    fetched_at: float | None = None
    input: dict[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the body has no content: nothing at all, or white space."""
        return len(self.body) < _MAX_BLANK and not self.body.strip(_BLANK)

"""
Every exception this project raises on purpose.

    ScrapeError
    ├── InvalidJobError   the request is wrong; repeating it cannot help
    │   └── InvalidUrlError   one line or link is no URL; reject it and go on
    ├── FetchError        one page could not be had; carries a `Reason`
    └── StorageError      S3 or SQS refused us; the message must be redelivered

One class per decision a caller makes, not one per cause. The cause is data
(`Reason`), because the worker writes it into the output next to the URL.
"""

from enum import StrEnum


class ScrapeError(Exception):
    """Base class. Catch it only at the edges: a Lambda handler or the command line."""


class InvalidJobError(ScrapeError):
    """The job can never succeed as written. The message says which part to change."""


class InvalidUrlError(InvalidJobError):
    """A text is no URL that could be fetched. The message says what a URL must have."""


class StorageError(ScrapeError):
    """An AWS call failed after the SDK's own retries."""


class Reason(StrEnum):
    """Why an outcome is not `scraped`. The values are part of the output format."""

    # no answer
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    UNKNOWN_HOST = "unknown_host"
    TLS = "tls"
    PROTOCOL = "protocol"
    # an answer that is no page
    HTTP_3XX = "http_3xx"
    HTTP_4XX = "http_4xx"
    HTTP_404 = "http_404"
    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"
    BAD_REDIRECT = "bad_redirect"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    # a page that is not wanted
    TOO_LARGE = "too_large"
    CONTENT_TYPE = "content_type"
    PRIVATE_ADDRESS = "private_address"
    # to be gone on with by another invocation
    OUT_OF_TIME = "out_of_time"
    REDIRECTED = "redirected"
    # handed on too often
    TOO_MANY_HOPS = "too_many_hops"


class FetchError(ScrapeError):
    """One page could not be had; `status` is the HTTP status, where there was an answer."""

    def __init__(self, url: str, reason: Reason, detail: str, *, status: int | None = None) -> None:
        super().__init__(f"{url}: {detail} ({reason})")
        self.url = url
        self.reason = reason
        self.detail = detail
        self.status = status

"""
Every exception this project raises on purpose.

    ScrapeError
    ├── InvalidJobError   the request is wrong; repeating it cannot help
    │   ├── InvalidUrlError   one line or link is no URL; reject it and go on
    │   └── InvalidSpecError  one value of a spec makes no sense; carries the path to it
    ├── FetchError        one page could not be had; carries a `Reason`
    └── StorageError      S3, SQS or the system refused us; the message must be redelivered

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


class InvalidSpecError(InvalidJobError):
    """
    One value of a spec makes no sense.

    `path` leads to it from the top, as in ``extract.fields.price.any[0].css``; `problem` says what
    is wrong with it.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


class StorageError(ScrapeError):
    """
    An AWS call failed after the SDK's own retries, or the system has no process for us.

    The message must not be delivered again before `wait` seconds are over.
    """

    def __init__(self, message: str, *, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


class Reason(StrEnum):
    """Why an outcome is not `scraped`. The values are part of the output format."""

    # no answer
    TIMEOUT = "timeout"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECTION = "connection"
    """Refused, no route: nobody took the request."""
    CONNECTION_RESET = "connection_reset"
    """Somebody took it and hung up before the end of the headers."""
    UNKNOWN_HOST = "unknown_host"
    DNS = "dns"
    """The name could not be looked up, which says nothing about the name."""
    TLS = "tls"
    TLS_CERTIFICATE = "tls_certificate"
    """Somebody else's, self-signed or expired."""
    PROTOCOL = "protocol"
    HEADERS_TOO_LARGE = "headers_too_large"
    # no way to ask
    NO_PROXY = "no_proxy"
    """All of them rest."""
    PROXY_CONNECTION = "proxy_connection"
    PROXY_AUTH = "proxy_auth"
    PROXY_REFUSED = "proxy_refused"
    """The proxy does not want to, whatever the host."""
    PROXY_GATEWAY = "proxy_gateway"
    """The proxy works and did not get through: either may be at fault, proxy or host."""
    # an answer that is no page
    NOT_MODIFIED = "not_modified"
    HTTP_3XX = "http_3xx"
    HTTP_4XX = "http_4xx"
    HTTP_404 = "http_404"
    HTTP_408 = "http_408"
    HTTP_425 = "http_425"
    HTTP_429 = "http_429"
    HTTP_5XX = "http_5xx"
    HTTP_5XX_FINAL = "http_5xx_final"
    """Not implemented and the like: what the server cannot do today it cannot do tomorrow."""
    HTTP_503 = "http_503"
    CHALLENGE = "challenge"
    """A content network wants something solved first, and says so in a header."""
    BAD_REDIRECT = "bad_redirect"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    # half a page
    TRUNCATED = "truncated"
    BAD_ENCODING = "bad_encoding"
    """Of the content: gzip that is none, or a coding that was not asked for."""
    # a page that is not wanted
    TOO_LARGE = "too_large"
    CONTENT_TYPE = "content_type"
    UNWANTED_PAGE = "unwanted_page"
    """A captcha, "please wait", an empty shell: the spec says by what such a page is told."""
    LOGIN_FAILED = "login_failed"
    """The website of the page did not take the login, twice."""
    BAD_ROWS = "bad_rows"
    NO_SITEMAP = "no_sitemap"
    """Rows have problems, and the spec says that the target is to fail then."""
    DUPLICATE = "duplicate"
    """Another target of the job has this page."""
    SAME_REDIRECT = "same_redirect"
    """It was redirected to a page that another target was redirected to, and that was scraped."""
    NOINDEX = "noindex"
    """The page asks robots not to keep it, and the spec obeys that."""
    OUT_OF_SCOPE = "out_of_scope"
    """A redirect has led a found target to where its crawl may not go."""
    OVER_LIMIT = "over_limit"
    """The crawl has as many pages as it may have."""
    PRIVATE_ADDRESS = "private_address"
    ROBOTS_DISALLOWED = "robots_disallowed"
    # a page that nothing could be made of
    TOO_COMPLEX = "too_complex"
    """For the parser, in memory or in time."""
    PARSER_ERROR = "parser_error"
    """The spec's Python parser raised, returned no rows, or is not there."""
    PARSER_TIMEOUT = "parser_timeout"
    """The spec's Python parser took too long."""
    # not wanted any more
    CANCELLED = "cancelled"
    # to be gone on with by a later batch
    OUT_OF_TIME = "out_of_time"
    OUT_OF_ROOM = "out_of_room"
    """The outcomes of the batch have taken the memory that they may have."""
    REDIRECTED = "redirected"
    HOST_BUSY = "host_busy"
    """Its pause, its cool-down or its open circuit outlasts the worker's patience."""
    ROBOTS_UNREACHABLE = "robots_unreachable"
    # given up on without another attempt
    TOO_MANY_HOPS = "too_many_hops"
    """Handed on too often."""
    WAIT_TOO_LONG = "wait_too_long"
    """The host asks for more time than a job has."""
    BAD_JOB = "bad_job"
    """The job cannot be worked on: its manifest is gone, its spec or its secret is wrong."""
    WORKER_DIED = "worker_died"
    """Worker after worker was given the batch, and none has brought it to an end."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed a few seconds later."""
        return self in _RETRYABLE


_RETRYABLE = {
    Reason.TIMEOUT,
    Reason.CONNECT_TIMEOUT,
    Reason.CONNECTION,
    Reason.CONNECTION_RESET,
    Reason.DNS,
    Reason.NO_PROXY,
    Reason.PROXY_CONNECTION,
    Reason.PROXY_REFUSED,
    Reason.PROXY_GATEWAY,
    Reason.HTTP_408,
    Reason.HTTP_425,
    Reason.HTTP_429,
    Reason.HTTP_5XX,
    Reason.HTTP_503,
    Reason.TRUNCATED,
    Reason.UNWANTED_PAGE,
}


class FetchError(ScrapeError):
    """
    One page could not be had.

    `status` is the HTTP status, where there was an answer, and `retry_after` the header of that
    name as it came. `remote_address` is the IP address that was connected to, where it is known.
    `content_type` is the media type that was not asked for.
    `set_cookies` are the values of Set-Cookie.
    `latency` is the time from the request to the headers in seconds, where these came.
    """

    content_type: str | None = None

    def __init__(
        self,
        url: str,
        reason: Reason,
        detail: str,
        *,
        status: int | None = None,
        retry_after: str | None = None,
        remote_address: str | None = None,
        set_cookies: tuple[str, ...] = (),
        latency: float | None = None,
    ) -> None:
        super().__init__(f"{url}: {detail} ({reason})")
        self.url = url
        self.reason = reason
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        self.remote_address = remote_address
        self.set_cookies = set_cookies
        self.latency = latency

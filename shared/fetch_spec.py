"""The section `fetch` of a spec: how pages are fetched. `docs/spec.md` describes it to users."""

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from shared.header_spec import TOKEN, check_cookies, check_headers
from shared.proxy_spec import ProxySpec
from shared.secret_spec import HostPatterns, SecretSpec
from shared.unwanted_spec import UnwantedSpec

MAX_SITEMAP_BYTES = 52_428_800
"""Of a sitemap, unpacked: as many as https://www.sitemaps.org/protocol.html allows."""

UserAgent = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=400,
        pattern=r"\A[!-~]([ -~]*[!-~])?\Z",
        description="printable ASCII without spaces around it",
    ),
]
ContentType = Annotated[
    str,
    Meta(
        max_length=100,
        pattern=r"\A[a-z0-9*][a-z0-9.+*-]*/[a-z0-9*][a-z0-9.+*-]*\Z",
        description="as in text/html, image/* or */* for all",
    ),
]
Timeout = Annotated[float, Meta(ge=1, le=90)]  # a worker has 100 s, its start included
ConnectTimeout = Annotated[float, Meta(ge=0.1, le=90)]
MaxBytes = Annotated[int, Meta(ge=1_000, le=50_000_000)]
MaxRedirects = Annotated[int, Meta(ge=0, le=20)]
ContentTypes = Annotated[tuple[ContentType, ...], Meta(min_length=1, max_length=50)]
PerHost = Annotated[int, Meta(ge=1, le=100)]
Pause = Annotated[float, Meta(ge=0, le=300)]
Attempts = Annotated[int, Meta(ge=1, le=10)]
WaitInitial = Annotated[float, Meta(ge=0.1, le=60)]
WaitMax = Annotated[float, Meta(ge=0.1, le=900)]
RetryWhen = Annotated[tuple[UnwantedSpec, ...], Meta(max_length=20)]
Headers = Annotated[dict[str, str | SecretSpec], Meta(max_length=50)]
Cookies = Annotated[dict[str, str | SecretSpec], Meta(max_length=50)]
_CONTACT = re.compile(r"https?://[^\s.]+\.|[^\s@]+@[^\s@]+\.")


class OverridesSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Settings of `fetch` in place of those that hold for all pages. null: those hold."""

    timeout: Timeout | None = None
    """In place of `fetch.timeout`."""
    connect_timeout: ConnectTimeout | None = None
    """In place of `fetch.connect_timeout`."""
    max_bytes: MaxBytes | None = None
    """In place of `fetch.max_bytes`."""
    max_redirects: MaxRedirects | None = None
    """In place of `fetch.max_redirects`."""
    meta_refresh: bool | None = None
    """In place of `fetch.meta_refresh`."""
    content_types: ContentTypes | None = None
    """In place of `fetch.content_types`."""
    per_host: PerHost | None = None
    """In place of `fetch.per_host`. Where pages of one host differ, the smaller number holds."""
    pause: Pause | None = None
    """In place of `fetch.pause`. Where pages of one host differ, the longer one holds."""
    attempts: Attempts | None = None
    """In place of `fetch.attempts`."""
    wait_initial: WaitInitial | None = None
    """In place of `fetch.wait_initial`."""
    wait_max: WaitMax | None = None
    """In place of `fetch.wait_max`."""
    headers: Headers = {}
    """Beside `fetch.headers`, and in place of those of the same name."""
    cookies: Cookies = {}
    """Beside `fetch.cookies`, and in place of those of the same name."""

    def __post_init__(self) -> None:
        check_headers(self.headers)
        check_cookies(self.cookies)


class KindFetchSpec(OverridesSpec, frozen=True, kw_only=True, omit_defaults=True):
    """How pages of one kind are fetched."""

    retry_when: RetryWhen | None = None
    """In place of `fetch.retry_when`."""


class HostFetchSpec(OverridesSpec, frozen=True, kw_only=True, omit_defaults=True):
    """How pages of some hosts are fetched."""

    match: HostPatterns
    """The hosts: `shop.example`, or `*.shop.example` for it and all below it. One is enough."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of `match`."""
        return (self.match,) if isinstance(self.match, str) else self.match


class FetchSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How pages are fetched. Times in seconds, sizes in bytes."""

    timeout: Timeout = 30.0
    """For one request, from connecting to the last byte."""
    connect_timeout: ConnectTimeout = 10.0
    """Of these, for name, connection and TLS."""
    max_bytes: MaxBytes = 10_000_000
    """Of one body, after decompression."""
    max_redirects: MaxRedirects = 10
    """From the URL of the list to the page."""
    meta_refresh: bool = False
    """Whether a page that sends its readers on, by a meta element, is a redirect."""
    content_types: ContentTypes = (
        "text/html",
        "application/xhtml+xml",
        "application/json",
        "application/*+json",
        "application/xml",
        "application/*+xml",
        "text/xml",
        "text/plain",
    )
    """What is fetched; of anything else the body is not read. `*` stands for any characters."""
    verify_tls: bool = True
    """Whether a certificate must be valid and name the host."""

    concurrency: Annotated[int, Meta(ge=1, le=500)] = 64
    """Requests that one worker has open at once."""
    per_host: PerHost = 2
    """Of these, to one host."""
    pause: Pause = 0.5
    """Between the starts of two requests to a host, +-50 %."""
    adaptive: bool = False
    """Whether the pause grows and shrinks with the time that a host takes to answer."""
    target_concurrency: Annotated[float, Meta(ge=0.1, le=100)] = 1.0
    """Requests that an adaptive pause leaves a host with at once, on average."""
    max_idle: Annotated[float, Meta(ge=0, le=60)] = 5.0
    """A worker with nothing to do for longer hands its targets back: waiting is billed."""

    robots: Literal["obey", "ignore"] = "obey"
    """Whether robots.txt is asked for and obeyed."""
    max_crawl_delay: Annotated[float, Meta(ge=0, le=3_600)] = 60.0
    """The longest pause that a site (or an adaptive pause) can impose."""

    attempts: Attempts = 3
    """At one target, the first one included."""
    wait_initial: WaitInitial = 1.0
    """The longest wait before the second attempt; doubled for each one after it."""
    wait_max: WaitMax = 60.0
    """The longest wait, unless the server asks for more."""
    retry_when: RetryWhen = ()
    """Which pages are not those that were asked for, though their status is 200: one of these
    conditions is enough. Such a page is a failed attempt, and a block behind proxies."""

    user_agent: UserAgent | None = None
    """Who we are, with a contact, and whose rules in robots.txt count; null: the deployment's."""
    profiles: Literal["none", "host", "request"] = "none"
    """Pretend to be a browser: another one for each host, or for each request."""
    user_agents: Annotated[tuple[UserAgent, ...], Meta(max_length=1_000)] = ()
    """The browsers to pretend to be; none: a table of current ones."""
    headers: Headers = {}
    """Sent with every request, in the place of our own."""
    secret_headers: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    """Names of headers, of the spec or of the list, that no other site may see."""
    cookies: Cookies = {}
    """Sent with every request."""
    cookie_jar: bool = False
    """Whether cookies that sites set are sent back to them, within a batch."""

    proxies: ProxySpec | None = None
    """Through which proxies to fetch; null: directly."""
    hosts: Annotated[tuple[HostFetchSpec, ...], Meta(max_length=100)] = ()
    """What is otherwise at some hosts: the first that fits a host counts."""

    def __post_init__(self) -> None:
        if self.user_agent is not None and not _CONTACT.search(self.user_agent):
            raise ValueError(
                "user_agent must name a contact, e.g. acme-bot/1.0 (+https://acme.example/bot)"
            )
        if self.user_agents and self.profiles == "none":
            raise ValueError("user_agents are only used with profiles: host or request")
        check_headers(self.headers)
        for name in self.secret_headers:
            if not TOKEN.fullmatch(name):
                raise ValueError(f"secret_headers: {name[:60]!r} is no name of a header")
        check_cookies(self.cookies)

    def accepts(self, content_type: str | None) -> bool:
        """Tell whether a body of this media type, lower case, is wanted; None: not declared."""
        return content_type is None or any(
            fnmatchcase(content_type, pattern) for pattern in self.content_types
        )


def overridden(
    spec: FetchSpec, host: OverridesSpec | None, kind: OverridesSpec | None
) -> FetchSpec:
    """
    Return how a page is fetched.

    What its kind says goes before what is said of its host. Of two pauses the longer one holds, and
    of two bounds on a host's requests the smaller one.

    Args:
        spec: What holds for all pages.
        host: What is said of the page's host.
        kind: What is said of the page's kind.
    """
    said: dict[str, Any] = {}
    headers, cookies = spec.headers, spec.cookies
    for one in (host, kind):
        if one is not None:
            values = {name: getattr(one, name) for name in one.__struct_fields__ if name != "match"}
            said |= {name: value for name, value in values.items() if value is not None}
            headers = _beside(headers, one.headers)
            cookies = {**cookies, **one.cookies}
    both = [one for one in (host, kind) if one is not None]
    pauses = [one.pause for one in both if one.pause is not None]
    bounds = [one.per_host for one in both if one.per_host is not None]
    said["pause"] = max(pauses, default=spec.pause)
    said["per_host"] = min(bounds, default=spec.per_host)
    return replace(spec, **said | {"headers": headers, "cookies": cookies})


def _beside(headers: Headers, others: Headers) -> Headers:
    """Return both, with `others` in place of those of the same name; case does not count."""
    own = {name.lower() for name in others}
    return {**{name: headers[name] for name in headers if name.lower() not in own}, **others}

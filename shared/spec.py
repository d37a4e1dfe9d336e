"""The spec: how to fetch the pages of a job. `docs/spec.md` describes it to its users."""

import re
from fnmatch import fnmatchcase
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from shared.crawl_spec import (
    MAX_FOLLOW,
    MAX_KINDS,
    CrawlSpec,
    FollowSpec,
    KindName,
    PageKind,
    ParserName,
)
from shared.extract_spec import DEFAULT_EXTRACT, Expression, ExtractSpec
from shared.unwanted_spec import UnwantedSpec

ProxyUrl = Annotated[str, Meta(max_length=2_000)]
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
_PROXY = re.compile(
    r"(?:https?|socks5h?)://(?:(?:(?![/?#@\[\]\\])[!-~])+@)?(?:[a-z0-9._-]+|\[([0-9a-f:.]+)\])(?::([0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_LAST_PORT = 65_535
_CONTACT = re.compile(r"https?://[^\s.]+\.|[^\s@]+@[^\s@]+\.")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_COOKIE_VALUE = re.compile(r"[ -:<-~]*")
# Headers that would break the transport, and those that the spec has a better place for.
_NOT_HEADERS = {
    **dict.fromkeys(
        (
            *("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"),
            *("te", "trailer", "transfer-encoding", "upgrade", "accept-encoding"),
        ),
        "it belongs to the transport",
    ),
    "cookie": "use fetch.cookies",
    "proxy-authorization": "write USER:PASSWORD@ into the proxy's URL",
    "user-agent": "use fetch.user_agent, or fetch.user_agents with fetch.profiles",
}


class SecretName(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a secret is: one of the two."""

    secrets_manager: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    """Name or ARN of a secret in AWS Secrets Manager."""
    ssm: Annotated[str, Meta(min_length=1, max_length=1_011)] | None = None
    """Name of a parameter in the AWS Systems Manager Parameter Store."""

    def __post_init__(self) -> None:
        if (self.secrets_manager is None) == (self.ssm is None):
            raise ValueError("name the secret by one of secrets_manager and ssm")


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


class FetchSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How pages are fetched. Times in seconds, sizes in bytes."""

    timeout: Annotated[float, Meta(ge=1, le=90)] = 30.0  # a worker has 100 s, its start included
    """For one request, from connecting to the last byte."""
    connect_timeout: Annotated[float, Meta(ge=0.1, le=90)] = 10.0
    """Of these, for name, connection and TLS."""
    max_bytes: Annotated[int, Meta(ge=1_000, le=50_000_000)] = 10_000_000
    """Of one body, after decompression."""
    max_redirects: Annotated[int, Meta(ge=0, le=20)] = 10
    """From the URL of the list to the page."""
    content_types: Annotated[tuple[ContentType, ...], Meta(min_length=1, max_length=50)] = (
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
    per_host: Annotated[int, Meta(ge=1, le=100)] = 2
    """Of these, to one host."""
    pause: Annotated[float, Meta(ge=0, le=300)] = 0.5
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

    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    """At one target, the first one included."""
    wait_initial: Annotated[float, Meta(ge=0.1, le=60)] = 1.0
    """The longest wait before the second attempt; doubled for each one after it."""
    wait_max: Annotated[float, Meta(ge=0.1, le=900)] = 60.0
    """The longest wait, unless the server asks for more."""
    retry_when: Annotated[tuple[UnwantedSpec, ...], Meta(max_length=20)] = ()
    """Which pages are not those that were asked for, though their status is 200: one of these
    conditions is enough. Such a page is a failed attempt, and a block behind proxies."""

    user_agent: UserAgent | None = None
    """Who we are, with a contact, and whose rules in robots.txt count; null: the deployment's."""
    profiles: Literal["none", "host", "request"] = "none"
    """Pretend to be a browser: another one for each host, or for each request."""
    user_agents: Annotated[tuple[UserAgent, ...], Meta(max_length=1_000)] = ()
    """The browsers to pretend to be; none: a table of current ones."""
    headers: Annotated[dict[str, str], Meta(max_length=50)] = {}
    """Sent with every request, in the place of our own."""
    secret_headers: Annotated[tuple[str, ...], Meta(max_length=50)] = ()
    """Names of headers, of the spec or of the list, that no other site may see."""
    cookies: Annotated[dict[str, str], Meta(max_length=50)] = {}
    """Sent with every request."""
    cookie_jar: bool = False
    """Whether cookies that sites set are sent back to them, within a batch."""

    proxies: ProxySpec | None = None
    """Through which proxies to fetch; null: directly."""

    def __post_init__(self) -> None:
        if self.user_agent is not None and not _CONTACT.search(self.user_agent):
            raise ValueError(
                "user_agent must name a contact, e.g. acme-bot/1.0 (+https://acme.example/bot)"
            )
        if self.user_agents and self.profiles == "none":
            raise ValueError("user_agents are only used with profiles: host or request")
        check_headers(self.headers)
        for name in self.secret_headers:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"secret_headers: {name[:60]!r} is no name of a header")
        _check_cookies(self.cookies)

    def accepts(self, content_type: str | None) -> bool:
        """Tell whether a body of this media type, lower case, is wanted; None: not declared."""
        return content_type is None or any(
            fnmatchcase(content_type, pattern) for pattern in self.content_types
        )


class Spec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One `spec.yaml`."""

    fetch: FetchSpec = field(default_factory=FetchSpec)
    """How to fetch its pages."""
    extract: ExtractSpec = DEFAULT_EXTRACT
    """What to read of a page."""
    parser: ParserName | None = None
    """A Python function, in parsers/, that makes rows of a page."""
    parser_timeout: Annotated[float, Meta(ge=0.1, le=60)] = 10.0
    """In seconds, for one page."""
    follow: Annotated[tuple[FollowSpec, ...], Meta(max_length=MAX_FOLLOW)] = ()
    """Which links of a page that is of no kind in `pages` lead to further targets."""
    pages: Annotated[dict[KindName, PageKind], Meta(max_length=MAX_KINDS)] = {}
    """The page kinds: the first whose `match` fits a URL says what is done with its page."""
    kind_column: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """The column of the list, or the name in `meta` of a line of JSON, that names the kind."""
    crawl: CrawlSpec = CrawlSpec()
    """How far links are followed."""
    start: Annotated[tuple[Expression, ...], Meta(max_length=1_000)] = ()
    """The URLs where a crawl begins that has no list."""

    @property
    def follows(self) -> bool:
        """Whether links lead from its pages to further targets."""
        return bool(self.follow) or any(kind.follow for kind in self.pages.values())

    @property
    def parsers(self) -> tuple[str, ...]:
        """The Python functions that are named in it, each once."""
        named = (self.parser, *(kind.parser for kind in self.pages.values()))
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def extracts(self) -> tuple[ExtractSpec, ...]:
        """What is read of pages, of whichever kind."""
        found = (self.extract, *(kind.extracts for kind in self.pages.values()))
        return tuple(one for one in found if one is not None)

    def __post_init__(self) -> None:
        if self.parser is not None and self.extract != DEFAULT_EXTRACT:
            raise ValueError("rows are made by extract or by parser: leave one of them out")


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


def check_headers(headers: dict[str, str]) -> None:
    """
    Check headers that somebody wants to have sent.

    Raises:
        ValueError: one is no header, or is not theirs to set.
    """
    names = set()
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"headers: {name[:60]!r} is no name of a header")
        lower = name.lower()
        if lower in _NOT_HEADERS:
            raise ValueError(f"headers: {name} cannot be set here; {_NOT_HEADERS[lower]}")
        if lower in names:
            raise ValueError(f"headers: {name} is there twice; case does not count")
        if not _VALUE.fullmatch(value):
            raise ValueError(
                f"headers: the value of {name} must be printable ASCII on one line, "
                "without white space around it"
            )
        names.add(lower)


def _check_cookies(cookies: dict[str, str]) -> None:
    for name, value in cookies.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"cookies: {name[:60]!r} is no name of a cookie")
        if not _COOKIE_VALUE.fullmatch(value):
            raise ValueError(
                f"cookies: the value of {name} must be printable ASCII without a semicolon"
            )

"""
What a site's robots.txt lets us fetch, and how often (RFC 9309).

Protego matches paths; which group is ours is told here, because its reading of User-agent lines
is more generous than the RFC's, because it ends a group at records that the RFC does not know, and
because a file of half a megabyte is mostly about others. Nothing that a site sends raises.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct
from protego import Protego

from shared.urls import origin_of

MAX_BYTES = 500 * 1024  # RFC 9309 §2.5: what a crawler reads at least
MAX_REDIRECTS = 5  # §2.3.1.2
MAX_KEPT_WHOLE = 16 * 1024
MAX_KEPT = 64 * 1024
TTL, TTL_ERROR = 24 * 60 * 60.0, 60 * 60.0  # §2.4: not longer than 24 hours

_NOTHING = "User-agent: *\nDisallow: /"
_AGENT = re.compile(r"user[ -]?agent(?:\s*:|\s|$)\s*(.*)", re.IGNORECASE)
# With or without the colon, misspellings included: what Protego reads.
_RULE = re.compile(
    r"(?:allow|disallow|dissallow|dissalow|disalow|diasllow|disallaw)(?:\s*:|\s|$)", re.IGNORECASE
)
_PACE = re.compile(r"(?:crawl[ -]delay|request[ -]rate)(?:\s*:|\s|$)", re.IGNORECASE)
_TOKEN = re.compile(r"[^\s/;,()]+")
_COMPATIBLE = re.compile(r"Mozilla/.*?\(compatible;\s*([^\s/;,()]+)", re.IGNORECASE)
_TAG_AGENT = re.compile(r"([^\s:]+)\s*:\s*")
_TAGS = {
    "noindex": ("noindex",),
    "nofollow": ("nofollow",),
    "none": ("noindex", "nofollow"),
    "noarchive": ("noarchive",),
    "nocache": ("noarchive",),
    "nosnippet": ("nosnippet",),
    "noimageindex": ("noimageindex",),
    "notranslate": ("notranslate",),
    "noai": ("noai",),
    "noimageai": ("noimageai",),
}
_TAGS_WITH_VALUE = {"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"}


@dataclass(frozen=True, slots=True)
class Rules:
    """
    The rules of one site for one user agent.

    `unreachable` means that nothing may be fetched *for now*: defer, where a rule would skip.
    """

    _parsed: Protego = field(repr=False)
    unreachable: bool = False

    def can_fetch(self, url: str) -> bool:
        """Tell whether `url`, as `Url.href`, may be fetched."""
        return self._parsed.can_fetch(url, "*")

    def pause(self, maximum: float) -> float | None:
        """
        Return the seconds that the site wants between requests, `maximum` at most.

        The larger one of Crawl-delay and Request-rate; None where it names neither. Neither is
        in the RFC; both are widely used.
        """
        wishes = []
        if (delay := self._parsed.crawl_delay("*")) is not None:
            wishes.append(delay)
        if (rate := self._parsed.request_rate("*")) is not None:
            # Integers of any length are read; a float is not made of all of them.
            wishes.append(min(rate.seconds, 10**9) / rate.requests)
        return min(max(wishes), maximum) if wishes else None


class CachedRobots(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer to GET /robots.txt as it is kept between batches; see `cached_robots`."""

    status: int | None
    text: str = ""
    token: str = ""
    """The product token that `text` was reduced to, where the file was large."""
    fetched_at: float
    """Epoch seconds."""
    failures: int = 0
    """How often in a row it could not be had."""
    why: str = ""
    """Why it could not be had, the last time."""
    asked_owner: bool = False
    """Whether it leads to a host of another owner, who was asked to read it at `fetched_at`."""

    def is_worth_keeping(self, now: float) -> bool:
        """Tell whether it is fresh, or the next failure is to be counted."""
        return now - self.fetched_at < TTL

    def is_fresh(self, now: float) -> bool:
        if self.asked_owner:
            return False  # who comes back looks whether the owner has read it
        return now - self.fetched_at < (TTL_ERROR if _is_unreachable(self.status) else TTL)

    def rules(self, user_agent: str) -> Rules | None:
        """Return the rules for `user_agent`, or None where those of another one were kept."""
        token = product_token(user_agent)
        return _rules(self.status, self.text, token) if self.token in {"", token} else None


def rules_from_answer(status: int | None, body: bytes, *, user_agent: str) -> Rules:
    """
    Return the rules that a site's answer to GET /robots.txt stands for.

    RFC 9309 tells two kinds of silence apart. A 4xx means there are no rules ("unavailable",
    §2.3.1.3). A 5xx, or no answer at all, means there may be rules that we could not read
    ("unreachable", §2.3.1.4), so nothing may be fetched for now. So does a 429, as Google reads
    it: a site that cannot take the request for its rules cannot take others.

    Args:
        status: After redirects; one that is still a redirect counts as 4xx. None if no answer
            came.
        body: As sent. Read up to `MAX_BYTES`; bytes that are not UTF-8 become U+FFFD, because one
            bad comment must not disable the other rules.
        user_agent: The honest one, whatever the requests pretend to be.

    >>> rules_from_answer(404, b"", user_agent="bot/1.0").can_fetch("https://a.example/x")
    True
    >>> rules_from_answer(None, b"", user_agent="bot/1.0").can_fetch("https://a.example/x")
    False
    """
    return _rules(status, _decode(status, body), product_token(user_agent))


def cached_robots(
    status: int | None,
    body: bytes,
    *,
    user_agent: str,
    now: float,
    before: CachedRobots | None = None,
    why: str = "",
) -> CachedRobots | None:
    """
    Return what to keep of an answer (see `rules_from_answer`); None if it is too much.

    A file of more than `MAX_KEPT_WHOLE` bytes is reduced to the rules that bind `user_agent`.
    Where even these are more than `MAX_KEPT`, leaving some out would allow what they forbid.
    `before` is what was kept of the answer before, `why` what kept us from this one.
    """
    failures = (before.failures if before else 0) + 1 if _is_unreachable(status) else 0
    text, token = _decode(status, body), ""
    if len(text.encode()) > MAX_KEPT_WHOLE:
        token = product_token(user_agent)
        text = _our_group(text, token)
        if len(text.encode()) > MAX_KEPT:
            return None
    return CachedRobots(
        status=status, text=text, token=token, fetched_at=now, failures=failures, why=why
    )


def product_token(user_agent: str) -> str:
    """
    Return what stands for `user_agent` in robots.txt, in lower case.

    >>> product_token("Acme-Bot/1.0 (+https://acme.example/bot)")
    'acme-bot'
    >>> product_token("Mozilla/5.0 (compatible; AcmeBot/1.0; +https://acme.example/bot)")
    'acmebot'
    """
    if compatible := _COMPATIBLE.match(user_agent):
        return compatible[1].lower()
    token = _TOKEN.search(user_agent)
    return token[0].lower() if token else "*"


def robots_url(url: str) -> str:
    """
    Return where the rules for `url`, as `Url.href`, are: each origin has its own.

    >>> robots_url("https://a.example:8443/b/c?d")
    'https://a.example:8443/robots.txt'
    """
    return f"{origin_of(url)}/robots.txt"


def robots_tags(
    header_values: Iterable[str], meta_values: Iterable[str], token: str
) -> tuple[str, ...]:
    """
    Return what a page asks of its readers: "noindex", "nofollow", ..., once each.

    https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag

    Args:
        header_values: Of X-Robots-Tag: for all, or for one agent as in ``acmebot: noindex``.
        meta_values: Contents of ``<meta name="robots">`` and of ``<meta name="{token}">``.
        token: Our own; see `product_token`.
    """
    found: dict[str, None] = {}
    for value in header_values:
        agent = token
        for part in value.lower().split(","):
            tag = part.strip()
            if (named := _TAG_AGENT.match(tag)) and named[1] not in _TAGS_WITH_VALUE:
                agent, tag = named[1], tag[named.end() :]
            if agent == token:
                found.update(dict.fromkeys(_TAGS.get(tag, ())))
    for value in meta_values:
        for tag in value.lower().replace(",", " ").split():  # commas are left out now and then
            found.update(dict.fromkeys(_TAGS.get(tag, ())))
    return tuple(found)


def _is_unreachable(status: int | None) -> bool:
    return status is None or status == 429 or status >= 500  # noqa: PLR2004


def _decode(status: int | None, body: bytes) -> str:
    if status is None or not 200 <= status < 300:  # noqa: PLR2004
        return ""
    if len(body) > MAX_BYTES:
        # Half a line is another rule: "Disallow: /" of "Disallow: /private".
        body = body[:MAX_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    return body.decode("utf-8-sig", "replace")


def _rules(status: int | None, text: str, token: str) -> Rules:
    if _is_unreachable(status):
        return Rules(Protego.parse(_NOTHING), unreachable=True)
    return Rules(Protego.parse(_our_group(text, token)))


def _our_group(text: str, token: str) -> str:
    """Return the rules in `text` that bind the agent `token`, as a file of one group."""
    groups: dict[str, list[str]] = {}
    for agents, line in _rule_lines(text):
        for agent in agents & {token, "*"}:
            rules = groups.setdefault(agent, [])
            if line:
                rules.append(line)
    # Several groups of one agent count as one; a group of ours, even one without rules,
    # replaces that of all others (§2.2.1).
    return "\n".join(["User-agent: *", *groups.get(token, groups.get("*", []))])


def _rule_lines(text: str) -> Iterator[tuple[set[str], str]]:
    """
    Yield each rule with the agents it is for, and an empty one for each line of agents.

    Only Allow and Disallow end the agents of a group: other records must not interfere (§2.2.4).
    Crawl-delay and Request-rate, which are such records, are for the agents directly above them:
    "one bot slowly, and all bots not there" is how people write it, with nothing in between.
    """
    agents: set[str] = set()
    paced: set[str] = set()
    rules_began = pace_began = False
    for raw in text.splitlines():  # as Protego does
        line = raw.partition("#")[0].strip()
        if named := _AGENT.fullmatch(line):
            if rules_began:
                agents = set()
            if rules_began or pace_began:
                paced = set()
            rules_began = pace_began = False
            name = _agent(named[1])
            agents.add(name)
            paced.add(name)
            yield agents, ""
        elif _RULE.match(line):
            rules_began = True
            yield agents, line
        elif _PACE.match(line):
            pace_began = True
            yield paced, line


def _agent(value: str) -> str:
    # "AcmeBot/2.1" and "AcmeBot*" are written where "AcmeBot" is meant.
    token = _TOKEN.match(value)
    name = token[0].lower() if token else ""
    return name if name == "*" else name.replace("*", "")

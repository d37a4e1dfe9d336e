"""
A target on its way to its outcome.

Knows what happened to one target in this batch, and how to say so in a line of the results.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from functions.worker.extraction.rows import Extracted
from functions.worker.politeness.proxies import Proxy
from functions.worker.politeness.robots import robots_tags
from functions.worker.remembering.recollection import Judged
from functions.worker.scraping.frontier import NOTHING_FOLLOWED, Followed
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from shared.crawl_spec import SITEMAP
from shared.errors import FetchError, Reason
from shared.messages import ERRAND, Method, Target
from shared.outcomes import FollowedOutcome, Kept, Kind, NotedOutcome, Outcome, final_kind
from shared.urls import Url, parse_url

_TO_GET = {301, 302, 303}


@dataclass
class Visit:
    """
    `url` is to be fetched next. Times in seconds, `began` since the epoch.

    `has_jar` tells whether cookies can make another request of the same URL.
    """

    target: Target
    has_jar: bool = False
    url: Url = field(init=False)
    redirects: tuple[str, ...] = field(init=False)
    attempt: int = field(init=False)
    slowdowns: int = field(init=False)
    turned: bool = field(init=False)
    began: float | None = None
    elapsed: float = 0.0
    failure: FetchError | None = None
    """Of the last request."""
    kind: str | None = None
    """Of its page, by the spec."""
    proxy: Proxy | None = None
    """Of the last request."""
    sent: Request | None = None
    """The last request; with all its headers where pages are kept."""
    sent_at: float = 0.0
    kept: Kept | None = None
    """Where the answer to it was kept."""
    was_given_cookies: bool = False
    """Whether one of its redirects came with cookies."""
    logouts: int = 0
    """How often an answer told that the session had ended."""
    _asked: set[tuple[Method, str, str | None]] = field(default_factory=set)
    """The requests so far: method, URL and cookies of the jar."""

    def __post_init__(self) -> None:
        self.url = parse_url(self.target.location)
        self.redirects = self.target.redirects
        self.attempt = self.target.attempt
        self.slowdowns = self.target.slowdowns
        self.turned = self.target.turned
        if not (self.has_jar or self.turned):
            # Those of earlier batches. By which cookies or method the others were is not known:
            # `max_redirects` ends what goes round there.
            self._asked = {(self.method, url, None) for url in (self.target.url, *self.redirects)}

    @property
    def method(self) -> Method:
        """Of the next request."""
        return "GET" if self.turned else self.target.method

    @property
    def going_on(self) -> Target:
        """The target, as it goes on where it was redirected to."""
        return replace(self.target, redirects=self.redirects, turned=self.turned)

    @property
    def headers(self) -> dict[str, str]:
        """Of the next request, as far as the list has them."""
        headers = self.target.headers or {}
        if not self.turned:
            return headers
        return {name: headers[name] for name in headers if not name.lower().startswith("content-")}

    @property
    def body(self) -> bytes | None:
        """Of the next request."""
        body = self.target.body
        return None if body is None or self.turned else body.encode()

    @property
    def is_errand(self) -> bool:
        """Whether `url` holds rules that its owner is to read for another, and no page."""
        return self.target.is_errand

    def send_for_rules(self, url: Url) -> None:
        """Go to the owner of `url`, to have it read for those who may not ask for it."""
        self.redirects += (f"{url.href}{ERRAND}",)

    def come_back(self) -> None:
        """Return from an errand, whether or not it has led to anything."""
        self.redirects = self.target.redirects[:-1]
        self.url = parse_url((self.target.url, *self.redirects)[-1])
        self.attempt, self.slowdowns = self.target.attempt, self.target.slowdowns

    def asks(self, request: Request, cookies: str | None, now: float) -> None:
        """Note that `request` is made, which has those cookies of a jar."""
        self.sent, self.sent_at, self.kept = request, now, None
        self._asked.add((self.method, self.url.href, cookies))

    def follow(self, location: Url, status: int, cookies: str | None) -> bool:
        """
        Go on to where the last request was redirected to, if that leads on and not in a circle.

        A circle is the same request again: URL, method and cookies. A POST becomes a GET where
        browsers make it one: "see other" means that, and with 301 and 302 everybody expects it
        (RFC 9110 §15.4).

        Args:
            location: Where to.
            status: Of the redirect.
            cookies: Of a jar, which would be sent there.
        """
        turned = self.turned or (self.method == "POST" and status in _TO_GET)
        if ("GET" if turned else self.method, location.href, cookies) in self._asked:
            return False
        self.redirects += (location.href,)
        self.turned = turned
        self.url = location
        return True

    def tags(self, page: FetchedPage, extracted: Extracted, token: str) -> tuple[str, ...]:
        """Return what a page asks of its readers; `token` is ours in robots.txt."""
        return robots_tags(_header(page), extracted.robots, token)

    def scraped(
        self,
        page: FetchedPage,
        extracted: Extracted,
        followed: Followed = NOTHING_FOLLOWED,
        judged: Judged | None = None,
        *,
        canonical: str | None = None,
        left_out: FetchError | None = None,
        token: str,
        now: float,
    ) -> Outcome:
        """
        Return the outcome of a page.

        Args:
            page: The page.
            extracted: What it holds.
            followed: What has become of its links.
            judged: What a later job has to know of it, where something is remembered.
            canonical: The URL that counts for it, if not all do.
            left_out: Why its rows do not count, though its links may be followed.
            token: Ours in robots.txt.
            now: In epoch seconds.
        """
        links: dict[str, Any] = {}
        if followed.found or followed.cut or canonical is not None:
            links = {"found": followed.found, "cut": followed.cut}
            links |= {"cut_links": followed.cut_links, "canonical": canonical}
        if left_out is not None:
            return self._with_page(
                final_kind(left_out.reason),
                page,
                now,
                **links,
                reason=left_out.reason,
                detail=left_out.detail,
                robots_tags=self.tags(page, extracted, token),
            )
        if judged is not None and extracted.failure is None:
            links |= judged._asdict()
        return self._with_page(
            Kind.SCRAPED if extracted.failure is None else Kind.FAILED,
            page,
            now,
            **links,
            reason=None if extracted.failure is None else self._failed,
            detail=extracted.failure,
            robots_tags=self.tags(page, extracted, token),
            rows=extracted.rows,
            problems=extracted.problems,
        )

    @property
    def _failed(self) -> Reason:
        """Why nothing is taken of its page."""
        return Reason.NO_SITEMAP if self.kind == SITEMAP else Reason.BAD_ROWS

    def unreadable(
        self, page: FetchedPage, error: FetchError, *, token: str, now: float
    ) -> Outcome:
        """Return the outcome of a page that nothing could be extracted from."""
        return self._with_page(
            Kind.FAILED,
            page,
            now,
            reason=error.reason,
            detail=error.detail,
            robots_tags=robots_tags(_header(page), [], token),
        )

    def ended(self, error: FetchError, *, now: float) -> Outcome:
        """Return the final outcome of a target without a page."""
        return self._without_page(final_kind(error.reason), error, now)

    def refused(self, error: FetchError, *, now: float) -> Outcome:
        """Return the outcome of a target that is not to be fetched: if it was found, it is none."""
        is_none = self.target.found_on is not None and not self.target.redirects
        return self._without_page(Kind.DROPPED if is_none else final_kind(error.reason), error, now)

    def deferred(self, error: FetchError, *, not_before: float | None, now: float) -> Outcome:
        """Return what leaves the target to a later batch."""
        return self._without_page(Kind.DEFERRED, error, now, not_before=not_before)

    def _with_page(
        self,
        kind: Kind,
        page: FetchedPage,
        now: float,
        **facts: Any,  # noqa: ANN401 -- Outcome checks
    ) -> Outcome:
        return self._outcome(
            kind,
            now,
            final_url=page.url,
            status=page.status,
            bytes=len(page.body),
            wire_bytes=page.wire_bytes,
            content_type=page.content_type,
            remote_address=page.remote_address,
            etag=page.etag,
            last_modified=page.last_modified,
            **facts,
        )

    def _without_page(
        self,
        kind: Kind,
        error: FetchError,
        now: float,
        **facts: Any,  # noqa: ANN401 -- Outcome checks
    ) -> Outcome:
        return self._outcome(
            kind,
            now,
            final_url=error.url,
            status=error.status,
            reason=error.reason,
            detail=error.detail,
            content_type=error.content_type,
            remote_address=error.remote_address,
            **facts,
        )

    def _outcome(self, kind: Kind, now: float, **facts: Any) -> Outcome:  # noqa: ANN401
        began = datetime.fromtimestamp(now if self.began is None else self.began, UTC)
        kind_of_line: type[Outcome] = Outcome
        if "memory" in facts:
            kind_of_line = NotedOutcome
        elif "found" in facts:
            kind_of_line = FollowedOutcome
        return kind_of_line(
            url=self.target.url,
            line=self.target.line or None,
            outcome=kind,
            attempt=self.attempt,
            slowdowns=self.slowdowns,
            redirects=self.redirects,
            fetched_at=began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            elapsed_ms=round(self.elapsed * 1000),
            method=self.method,
            input=self.target.input,
            proxy_tier=self.proxy.tier if self.proxy else None,
            page=self.kind,
            depth=self.target.depth,
            found_on=self.target.found_on,
            kept=self.kept,
            **facts,
        )


def _header(page: FetchedPage) -> tuple[str, ...]:
    """Return the values of X-Robots-Tag, each by itself: what it is for ends with it."""
    return tuple(
        value.decode("latin-1") for name, value in page.headers if name.lower() == b"x-robots-tag"
    )

"""
Sitemaps from their websites: what `scatterfetch run https://…/sitemap.xml` reads, and what an index
names that is a file.

The dispatcher fetches nothing from websites, so this happens before, and by the engine's own parts:
robots.txt is asked for and obeyed, hosts have their pauses, addresses that are not public are
refused. One request at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom
from typing import IO

from functions.worker.politeness.profiles import headers_for, may_be_told, without_secrets
from functions.worker.politeness.retry import RetryPolicy, next_wait, parse_retry_after
from functions.worker.politeness.robots import MAX_BYTES as ROBOTS_BYTES
from functions.worker.politeness.robots import Rules, robots_url, rules_from_answer
from functions.worker.transport.addresses import parse_connect_to
from functions.worker.transport.connections import Network
from functions.worker.transport.fetch import Fetcher, open_fetcher
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Redirect, Request
from scatterfetch.lists.sitemap_content import MAX_BYTES, SitemapContent, sitemap_in
from shared.errors import FetchError, InvalidJobError, Reason
from shared.settings import WorkerSettings
from shared.spec import FetchSpec
from shared.urls import Url, parse_url

MAX_SITEMAPS = 1_000
_SHOWN = 3  # problems of one sitemap
_LONGEST_WAIT = 120.0  # seconds; somebody sits there


def read_sitemap(
    start: Url | Path,
    path: Path,
    spec: FetchSpec,
    settings: WorkerSettings,
    say: Callable[[str], None],
) -> bool:
    """
    Write the URLs of the sitemap at `start`, and of all that it names, to `path`, one a line.

    Args:
        start: A sitemap or an index.
        path: Is replaced.
        spec: How to fetch.
        settings: Of the workers of this deployment.
        say: Is told what is missing, in words.

    Returns whether nothing is missing.

    Raises:
        InvalidJobError: `start` is no sitemap, or cannot be had.
    """
    if spec.proxies is not None:
        raise InvalidJobError(
            f"{_name(start)}: sitemaps are fetched directly, and the spec wants proxies; fetch "
            "them and name the files"
        )
    return asyncio.run(_read(start, path, spec, settings, say))


def _name(of: Url | Path) -> str:
    return of.href if isinstance(of, Url) else str(of)


async def _read(
    start: Url | Path,
    path: Path,
    spec: FetchSpec,
    settings: WorkerSettings,
    say: Callable[[str], None],
) -> bool:
    network = Network(
        parse_connect_to(settings.connect_to),
        allow_private_networks=settings.allow_private_networks,
        verify_tls=spec.verify_tls,
    )
    user_agent = spec.user_agent or settings.user_agent
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    async with open_fetcher(user_agent=user_agent, connections=1, network=network) as fetcher:
        visitor = _Visitor(fetcher, spec, user_agent, start)
        with unfinished.open("w") as file:
            whole = await _follow(visitor, start, file, say)
    unfinished.replace(path)
    return whole


async def _follow(
    visitor: "_Visitor", start: Url | Path, file: IO[str], say: Callable[[str], None]
) -> bool:
    waiting, known, whole = deque([start]), {_name(start)}, True
    while waiting:
        sitemap = waiting.popleft()
        name = _name(sitemap)
        try:
            if isinstance(sitemap, Url):
                page = await visitor.get(sitemap)
                found = sitemap_in(name, page.body, page.charset, parse_url(page.url))
            else:
                found = sitemap_in(name, _content(sitemap))
        except (FetchError, InvalidJobError) as error:
            problem = _why(error) if isinstance(error, FetchError) else str(error)
            if sitemap is start:
                raise InvalidJobError(f"cannot read the sitemap {name}: {problem}") from error
            found = SitemapContent([], [], [problem])
        file.writelines(f"{url.href}\n" for url in found.pages)
        if found.problems:
            whole = False
            more = len(found.problems) - _SHOWN
            shown = "; ".join(found.problems[:_SHOWN]) + (
                f"; and {more:,} more" if more > 0 else ""
            )
            say(f"{name}: {shown}; the URLs that it has not told are missing")
        for child in found.sitemaps:
            if child.href not in known and len(known) < MAX_SITEMAPS:
                known.add(child.href)
                waiting.append(child)
            elif child.href not in known:
                whole = False
                say(f"{name} names more than {MAX_SITEMAPS:,} sitemaps; the rest is left out")
                break
    return whole


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


class _Visitor:
    """Gets sitemaps, politely."""

    def __init__(
        self, fetcher: Fetcher, spec: FetchSpec, user_agent: str, start: Url | Path
    ) -> None:
        self._fetcher = fetcher
        self._spec = spec
        self._user_agent = user_agent
        # Who has named a file has named no site that may see what is secret.
        self._home = start if isinstance(start, Url) else None
        self._rng = SystemRandom()
        self._policy = RetryPolicy(spec.attempts, spec.wait_initial, spec.wait_max)
        self._rules: dict[str, Rules] = {}
        self._why: dict[str, str] = {}
        """Why the robots.txt of an origin could not be had."""
        self._next_at: dict[str, float] = {}

    async def get(self, url: Url) -> FetchedPage:
        """
        Return the page at `url`, behind its redirects.

        Raises:
            FetchError: it cannot be had, or must not be fetched.
        """
        for _ in range(self._spec.max_redirects + 1):
            pause = self._spec.pause
            if self._spec.robots == "obey":
                rules = await self._rules_for(url)
                if rules.unreachable:
                    detail = f"its robots.txt cannot be had: {self._why[url.origin]}"
                    raise FetchError(url.href, Reason.ROBOTS_UNREACHABLE, detail)
                if not rules.can_fetch(url.href):
                    raise FetchError(url.href, Reason.ROBOTS_DISALLOWED, "robots.txt forbids it")
                pause = max(pause, rules.pause(self._spec.max_crawl_delay) or 0.0)
            answer = await self._ask(url, MAX_BYTES, pause)
            if isinstance(answer, FetchedPage):
                return answer
            url = answer.location
        raise FetchError(url.href, Reason.TOO_MANY_REDIRECTS, "too many redirects")

    async def _rules_for(self, url: Url) -> Rules:
        origin = url.origin
        if origin not in self._rules:
            status: int | None = None
            body = b""
            at = parse_url(robots_url(url.href))
            try:
                for _ in range(self._spec.max_redirects + 1):
                    answer = await self._ask(at, ROBOTS_BYTES, self._spec.pause, cut=True)
                    status = answer.status
                    if isinstance(answer, FetchedPage):
                        body = answer.body
                        break
                    at = answer.location
            except FetchError as error:
                status = error.status
                self._why[origin] = _why(error)
            self._rules[origin] = rules_from_answer(status, body, user_agent=self._user_agent)
        return self._rules[origin]

    async def _ask(
        self, url: Url, max_bytes: int, pause: float, *, cut: bool = False
    ) -> FetchedPage | Redirect:
        attempt = 1
        while True:
            await asyncio.sleep(max(0.0, self._next_at.get(url.host, 0.0) - time.monotonic()))
            try:
                return await self._fetcher.fetch(
                    Request(url.href, headers=self._headers(url, robots=cut)),
                    time_limit=self._spec.timeout,
                    max_bytes=max_bytes,
                    accepts=lambda _: True,
                    connect_limit=self._spec.connect_timeout,
                    cut=cut,
                    any_answer=cut,
                )
            except FetchError as error:
                wait = self._wait(error, attempt)
                if wait is None:
                    raise
            finally:
                self._next_at[url.host] = time.monotonic() + pause
            attempt += 1
            await asyncio.sleep(wait)

    def _wait(self, error: FetchError, attempt: int) -> float | None:
        """Return how long to wait before the next attempt; None if there is none."""
        if not error.reason.retryable:
            return None
        wish = parse_retry_after(error.retry_after, now=datetime.now(UTC))
        wait = next_wait(self._policy, attempt=attempt, rng=self._rng, retry_after=wish)
        return wait if wait is not None and wait <= _LONGEST_WAIT else None

    def _headers(self, url: Url, *, robots: bool) -> tuple[tuple[str, str], ...]:
        headers = headers_for(
            self._spec,
            url.host,
            user_agent=self._user_agent,
            secure=url.href.startswith("https:"),
            rng=self._rng,
        )
        if robots or self._home is None or not may_be_told(url, self._home):
            return without_secrets(headers, self._spec)
        return headers


def _why(error: FetchError) -> str:
    if error.reason is Reason.PRIVATE_ADDRESS:
        return f"{error.detail}; --parameter AllowPrivateNetworks=true lets it be fetched"
    return error.detail

"""
What is known of the rules in robots.txt, and which targets they let through.

Reads no robots.txt: `robots_txt` does, and tells. Rules are known by a key: their origin where they
are at home, or else the URL that their origin has redirected to.
"""

from collections import Counter
from typing import NamedTuple

from functions.worker.politeness.partition import PartitionState
from functions.worker.politeness.robots import (
    TTL_ERROR,
    CachedRobots,
    Rules,
    cached_robots,
    robots_url,
    rules_from_answer,
)
from functions.worker.scraping.means import Means
from functions.worker.scraping.pending import Pending
from functions.worker.scraping.visit import Visit
from shared.errors import FetchError, Reason
from shared.urls import Url, origin_of, parse_url

_ERRAND_SECONDS = 600.0  # in which the owner of a host has read the rules that others asked for


class _Known(NamedTuple):
    rules: Rules
    read_again_at: float


class Rulebook:
    """
    Args:
        means: Of the job.
        state: Of the partition; what is learnt goes there, too.
        pending: The targets.
        facts: For the metrics.
    """

    def __init__(
        self,
        means: Means,
        state: PartitionState,
        pending: Pending,
        facts: Counter[str],
    ) -> None:
        self._means = means
        self._state = state
        self._pending = pending
        self._facts = facts
        self._rules: dict[str, _Known] = {}

    def must_learn(self, key: str, now: float) -> bool:
        """Tell whether the rules of that key are to be read before anything else is."""
        return self._means.fetch.robots == "obey" and self._known(key, now) is None

    def lets_wait(self, visit: Visit, now: float) -> bool:
        """Tell whether `visit` may wait for its turn; if not, it has its outcome."""
        known = self._known(key_of(visit), now)
        if known is None:
            return True
        if visit.is_errand:
            self._pending.come_back(visit)
            return False
        return self._lets_fetch(visit, known)

    def delay(self, key: str) -> float | None:
        """Return the seconds that a site wants between requests, None where it names none."""
        known = self._rules.get(key)
        return None if known is None else known.rules.pause(self._means.fetch.max_crawl_delay)

    def keep(self, key: str, status: int | None, body: bytes, now: float, *, why: str) -> None:
        """
        Learn the rules that an answer stands for.

        Args:
            key: Of the rules.
            status: See `rules_from_answer`.
            body: The same.
            now: The time.
            why: Why it could not be had, if so.
        """
        agent = self._means.agent
        rules = rules_from_answer(status, body, user_agent=agent)
        self._rules[key] = _Known(rules, now + TTL_ERROR)
        before = self._state.robots.pop(key, None)
        cached = cached_robots(status, body, user_agent=agent, now=now, before=before, why=why)
        if cached is not None:
            self._state.robots[key] = cached

    def rules_in(self, cached: CachedRobots | None, now: float) -> Rules | None:
        """Return our rules in what somebody has read; None if they are too old, or not there."""
        if cached is None or not cached.is_fresh(now):
            return None
        return cached.rules(self._means.agent)

    def ask_owner(self, key: str, detail: str, now: float) -> bool:
        """
        Note that rules are asked for at the owner of the host they are at, for reason `detail`.

        Returns False if the owner has had enough time.
        """
        before = self._state.robots.get(key)
        since = before.fetched_at if before and before.asked_owner else now
        if now - since > _ERRAND_SECONDS:
            return False
        self._state.robots[key] = CachedRobots(
            status=None,
            fetched_at=since,
            failures=before.failures if before else 0,
            why=detail,
            asked_owner=True,
        )
        return True

    def _known(self, key: str, now: float) -> _Known | None:
        if self._means.fetch.robots == "ignore":
            return None
        known = self._rules.get(key)
        if known is None:
            cached = self._state.robots.get(key)
            rules = self.rules_in(cached, now)
            if cached is not None and rules is not None:
                known = self._rules[key] = _Known(rules, cached.fetched_at + TTL_ERROR)
        return known

    def _lets_fetch(self, visit: Visit, known: _Known) -> bool:
        url = visit.url.href
        if known.rules.unreachable:
            # Nobody has asked for the page: it is the file that has attempts, an hour apart.
            cached = self._state.robots[visit.url.origin]
            detail = f"robots.txt could not be had, {cached.failures} times in a row"
            if cached.why:
                detail += f": {cached.why}"
            error = FetchError(url, Reason.ROBOTS_UNREACHABLE, detail)
            if cached.failures >= self._means.fetch.attempts:
                self._pending.end(visit, error)
            else:
                self._pending.defer(visit, error, known.read_again_at)
            return False
        if not known.rules.can_fetch(url):
            self._facts["RobotsDenials"] += 1
            detail = f"robots.txt forbids it to {self._means.token}"
            self._pending.end(visit, FetchError(url, Reason.ROBOTS_DISALLOWED, detail))
            return False
        return True


def key_of(visit: Visit) -> str:
    """Return the key of the rules that `visit` waits for."""
    return key_of_rules(visit.url) if visit.is_errand else visit.url.origin


def key_of_rules(url: Url) -> str:
    """Return the key of the rules that are at `url`."""
    return url.origin if robots_url(url.href) == url.href else url.href


def url_of_rules(key: str) -> Url:
    """Return where the rules of that key are."""
    return parse_url(robots_url(f"{key}/") if key == origin_of(key) else key)

"""
Which proxy a request goes through, as arithmetic: no clock, no sockets.

The pool belongs to one invocation. Credentials are in `Proxy.url` and in nothing that is printed.
Durations and times in seconds.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from random import Random
from typing import Literal
from zlib import crc32

import msgspec

from shared.errors import InvalidJobError
from shared.spec import check_proxies

REST_FIRST, REST_MAX = 30.0, 30 * 60.0
BLOCKS_TO_STEP_UP = 3
STEP_DOWN_AFTER = 60 * 60.0
_USER = re.compile(r"//.*@")

Strategy = Literal["round_robin", "random", "sticky"]
Tiers = tuple[tuple[str, ...], ...]


class Verdict(Enum):
    """What a request says of the proxy that it went through."""

    OK = "ok"
    """An answer of the host; a 404 is one too."""
    BLOCKED = "blocked"
    """403 or 429: this host does not want us this way. Others may."""
    FAILED = "failed"
    """407, or no connection: the proxy does not let us in, or does not get there."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy; `tier` counts from 0, the cheapest. Shown, it keeps its credentials to itself."""

    url: str = field(repr=False)
    tier: int = 0

    def __repr__(self) -> str:
        return f"<Proxy {self}, tier {self.tier}>"

    def __str__(self) -> str:
        return _USER.sub("//***@", self.url)


@dataclass(slots=True)
class _Health:
    """How a proxy does: it rests until then, for longer after each failure in a row."""

    failures: int = 0
    rests_until: float = 0.0

    def note(self, verdict: Verdict, now: float) -> None:
        if verdict is Verdict.OK:
            self.failures, self.rests_until = 0, 0.0
        elif now >= self.rests_until:  # or else it was under way when the rest began
            rest = min(REST_FIRST * 2.0 ** min(self.failures, 30), REST_MAX)
            self.failures, self.rests_until = self.failures + 1, now + rest


@dataclass(slots=True)
class _Host:
    """How a host takes us: which tier it gets until when, and what it thinks of each proxy."""

    tier: int = 0
    blocks: int = 0
    step_down_at: float = 0.0
    proxy: Proxy | None = None
    health: defaultdict[Proxy, _Health] = field(default_factory=lambda: defaultdict(_Health))


class ProxyPool:
    """
    The proxies of one job, in tiers: cheap first, dearer for a host that blocks.

    Args:
        tiers: URLs, checked by `shared.spec.check_proxies`.
        strategy: As in `ProxySpec`.
        rng: Source of chance, for the strategy "random".
    """

    def __init__(self, tiers: Sequence[Sequence[str]], strategy: Strategy, rng: Random) -> None:
        self._tiers = [[Proxy(url, tier) for url in urls] for tier, urls in enumerate(tiers)]
        self._health = {proxy: _Health() for proxies in self._tiers for proxy in proxies}
        self._strategy = strategy
        self._rng = rng
        self._turn = count()
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    def choose(self, host: str, now: float) -> Proxy | None:
        """
        Return the proxy for the next request to `host`, or None if all rest; see `back_at`.

        None is no leave to go without. It comes from the host's own tier, or else from a dearer
        one, or else from a cheaper one.
        """
        state = self._hosts[host]
        if state.tier and now >= state.step_down_at:
            state.tier, state.blocks, state.step_down_at = state.tier - 1, 0, now + STEP_DOWN_AFTER
        tiers = [*self._tiers[state.tier :], *reversed(self._tiers[: state.tier])]
        for proxies in tiers:
            if ready := [proxy for proxy in proxies if now >= self._rests_until(proxy, state)]:
                state.proxy = self._pick(host, state.proxy, ready)
                return state.proxy
        return None

    def back_at(self, host: str, now: float) -> float:
        """Return when there is a proxy for `host`: `now` or later."""
        state = self._hosts[host]
        return max(now, min(self._rests_until(proxy, state) for proxy in self._health))

    def report(self, proxy: Proxy, host: str, verdict: Verdict, now: float) -> None:
        """Note how a request to `host` through `proxy` ended."""
        state = self._hosts[host]
        # A host that forbids everything must not take the proxies from all others.
        if verdict is not Verdict.BLOCKED:
            self._health[proxy].note(verdict, now)
        if verdict is not Verdict.FAILED:
            state.health[proxy].note(verdict, now)
        if proxy.tier != state.tier or verdict is Verdict.FAILED:
            return  # it says nothing of how the host takes this tier
        state.blocks = state.blocks + 1 if verdict is Verdict.BLOCKED else 0
        if state.blocks >= BLOCKS_TO_STEP_UP and state.tier + 1 < len(self._tiers):
            state.tier, state.blocks, state.step_down_at = state.tier + 1, 0, now + STEP_DOWN_AFTER

    def _rests_until(self, proxy: Proxy, state: _Host) -> float:
        return max(self._health[proxy].rests_until, state.health[proxy].rests_until)

    def _pick(self, host: str, last: Proxy | None, ready: list[Proxy]) -> Proxy:
        if self._strategy == "random":
            return self._rng.choice(ready)
        if self._strategy == "round_robin":
            return ready[next(self._turn) % len(ready)]
        # By the host's name, so that all workers come to it by the same proxy.
        return last if last in ready else ready[crc32(host.encode()) % len(ready)]


def parse_proxies(name: str, text: str) -> Tiers:
    """
    Return the tiers of proxies in a secret.

    Args:
        name: Of the secret, for the message.
        text: URLs by line or comma, lines that begin with # left out; or JSON: a list of URLs, a
            list of such lists, or ``{"tiers": [...]}``.

    Raises:
        InvalidJobError: the message shows nothing of `text`.

    >>> parse_proxies("p", '[["http://cheap.example"], ["http://dear.example"]]')
    (('http://cheap.example',), ('http://dear.example',))
    """
    text = text.strip()
    if text.startswith(("[", "{")):
        tiers = _from_json(name, text)
    else:
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        tiers = (tuple(url for part in ",".join(lines).split(",") if (url := part.strip())),)
    if not any(tiers):
        raise InvalidJobError(f"{name}: there is no proxy in it")
    try:
        check_proxies(tiers)
    except ValueError as error:
        raise InvalidJobError(f"{name}: {error}") from None
    return tiers


class _Tiered(msgspec.Struct):
    tiers: Tiers


def _from_json(name: str, text: str) -> Tiers:
    try:
        decoded = msgspec.json.decode(text, type=_Tiered | tuple[tuple[str, ...] | str, ...])
    except msgspec.MsgspecError:  # not `from`: it may quote the text
        raise InvalidJobError(
            f"{name}: not JSON of the form [URL, ...], [[URL, ...], ...] or "
            '{"tiers": [[URL, ...], ...]}'
        ) from None
    if isinstance(decoded, _Tiered):
        return decoded.tiers
    urls = tuple(entry for entry in decoded if isinstance(entry, str))
    if not urls:
        return tuple(entry for entry in decoded if not isinstance(entry, str))
    if len(urls) < len(decoded):
        raise InvalidJobError(f"{name}: a list has either URLs or lists of URLs")
    return (urls,)

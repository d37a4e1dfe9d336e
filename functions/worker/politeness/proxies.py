"""
Which proxy a request goes through, as arithmetic: no clock, no sockets.

How proxies do is in the state of the partition, so that rests and tiers hold across batches, jobs
and workers. Credentials are in `Proxy.url` and in nothing that is printed or kept. Durations and
times in seconds.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from itertools import count
from math import inf
from random import Random
from typing import Literal
from zlib import crc32

import msgspec

from functions.worker.politeness.proxy_state import (
    STEP_DOWN_AFTER,
    ProxyState,
    Standing,
    note_failure,
)
from shared.errors import InvalidJobError
from shared.proxy_spec import check_proxies

BLOCKS_TO_STEP_UP = 3
_USER = re.compile(r"//.*@")
_PASSWORD = re.compile(r"(//[^:@]*):.*@")

Strategy = Literal["round_robin", "random", "sticky"]
Tiers = tuple[tuple[str, ...], ...]


class Verdict(Enum):
    """What a request says of the proxy that it went through."""

    OK = "ok"
    """An answer of the host; a 404 is one too."""
    BLOCKED = "blocked"
    """403 or 429: this host does not want us this way. Others may."""
    NO_WAY = "no_way"
    """The proxy does not get through to this host, or will not."""
    FAILED = "failed"
    """407, or no connection: the proxy does not let us in, or is not there."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One proxy; `tier` counts from 0, the cheapest. Shown, it keeps its credentials to itself."""

    url: str = field(repr=False)
    tier: int = 0

    def __repr__(self) -> str:
        return f"<Proxy {self}, tier {self.tier}>"

    def __str__(self) -> str:
        return _USER.sub("//***@", self.url)


class ProxyPool:
    """
    The proxies of one job, in tiers: cheap first, dearer for a host that blocks.

    Args:
        tiers: URLs, checked by `shared.spec.check_proxies`.
        strategy: As in `ProxySpec`.
        rng: Source of chance, for the strategy "random".
        state: Of the partition; it is kept up to date.
    """

    def __init__(
        self,
        tiers: Sequence[Sequence[str]],
        strategy: Strategy,
        rng: Random,
        state: ProxyState,
    ) -> None:
        self._tiers = [[Proxy(url, tier) for url in urls] for tier, urls in enumerate(tiers)]
        self._names = _names(proxy for proxies in self._tiers for proxy in proxies)
        self._sizes = Counter(proxy.tier for proxy in self._names)
        self._strategy = strategy
        self._rng = rng
        self._turn = count()
        self._state = state
        pool = _digest(",".join([*self._names.values(), str([len(tier) for tier in tiers])]))
        self._standings = state.standings.setdefault(pool, {})

    @property
    def has_one(self) -> bool:
        """Whether there is only one: it never rests, since there is nothing else to go by."""
        return len(self._names) == 1

    def choose(self, host: str, now: float) -> Proxy | None:
        """
        Return the proxy for the next request to `host`, or None if all rest; see `back_at`.

        None is no leave to go without. It comes from the host's own tier, or else from a dearer
        one, or else from a cheaper one.
        """
        standing = self._standing(host)
        while standing.tier and now >= standing.step_down_at:
            standing.tier, standing.blocks = standing.tier - 1, 0
            standing.step_down_at += STEP_DOWN_AFTER
        tiers = [*self._tiers[standing.tier :], *reversed(self._tiers[: standing.tier])]
        free = self._nobody_rests(host)
        for proxies in tiers:
            ready = proxies if free else [p for p in proxies if now >= self._rests_until(p, host)]
            if ready:
                proxy = self._pick(host, standing.proxy, ready)
                if self._strategy == "sticky":
                    standing.proxy = self._names[proxy]
                return proxy
        return None

    def back_at(self, host: str, now: float) -> float:
        """Return when there is a proxy for `host`: `now` or later."""
        if self._nobody_rests(host):
            return now
        back = inf
        for proxy in self._names:
            back = min(back, self._rests_until(proxy, host))
            if back <= now:
                return now
        return back

    def bad_for(self, host: str, now: float) -> float:
        """Return for how long no request has got through to `host`."""
        standing = self._standings.get(host)
        return now - standing.bad_since if standing and standing.bad_since else 0.0

    def report(self, proxy: Proxy, host: str, verdict: Verdict, now: float) -> None:
        """Note how a request to `host` through `proxy` ended."""
        name = self._names[proxy]
        standing = self._standing(host)
        standing.updated_at = now
        if verdict is Verdict.OK:
            self._state.rests.pop(name, None)
            self._state.host_rests.get(host, {}).pop(name, None)
            standing.bad_since = 0.0
        else:
            standing.bad_since = standing.bad_since or now
        if verdict is Verdict.FAILED:
            note_failure(self._state.rests, name, now)
        # A host that forbids everything must not take the proxies from all others. Where nothing of
        # its price can stand in for a proxy that is blocked, a new connection has to.
        elif verdict is Verdict.NO_WAY or (
            verdict is Verdict.BLOCKED and self._sizes[proxy.tier] > 1
        ):
            note_failure(self._state.host_rests.setdefault(host, {}), name, now)
        if proxy.tier != standing.tier or verdict in {Verdict.FAILED, Verdict.NO_WAY}:
            return  # it says nothing of how the host takes this tier
        standing.blocks = standing.blocks + 1 if verdict is Verdict.BLOCKED else 0
        if standing.blocks >= BLOCKS_TO_STEP_UP and standing.tier + 1 < len(self._tiers):
            standing.tier, standing.blocks = standing.tier + 1, 0
            standing.step_down_at = now + STEP_DOWN_AFTER

    def _standing(self, host: str) -> Standing:
        return self._standings.setdefault(host, Standing())

    def _nobody_rests(self, host: str) -> bool:
        return self.has_one or not (self._state.rests or self._state.host_rests.get(host))

    def _rests_until(self, proxy: Proxy, host: str) -> float:
        name = self._names[proxy]
        everywhere = self._state.rests.get(name)
        here = self._state.host_rests.get(host, {}).get(name)
        return max(everywhere.until if everywhere else 0.0, here.until if here else 0.0)

    def _pick(self, host: str, last: str, ready: list[Proxy]) -> Proxy:
        if self._strategy == "random":
            return self._rng.choice(ready)
        if self._strategy == "round_robin":
            return ready[next(self._turn) % len(ready)]
        # By the host's name, so that all workers come to it by the same proxy.
        kept = [proxy for proxy in ready if self._names[proxy] == last]
        return kept[0] if kept else ready[crc32(host.encode()) % len(ready)]


def _names(proxies: Iterable[Proxy]) -> dict[Proxy, str]:
    """Return the names of proxies in a state: of the URL without its password, and a number."""
    names = {}
    numbers: Counter[str] = Counter()
    for proxy in dict.fromkeys(proxies):
        digest = _digest(_PASSWORD.sub(r"\1@", proxy.url))
        names[proxy] = f"{digest}-{numbers[digest]}"
        numbers[digest] += 1
    return names


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


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

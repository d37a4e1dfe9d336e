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

from shared.errors import InvalidJobError
from shared.spec import check_proxies

REST_FIRST, REST_MAX = 30.0, 30 * 60.0
BLOCKS_TO_STEP_UP = 3
STEP_DOWN_AFTER = 60 * 60.0
MAX_RESTS, MAX_STANDINGS = 10_000, 2_000  # that are kept
_FORGET_AFTER = 60 * 60.0
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


class Rest(msgspec.Struct, omit_defaults=True):
    """Of a proxy: it rests until then, for longer after each failure in a row."""

    failures: int = 0
    until: float = 0.0


class Standing(msgspec.Struct, omit_defaults=True):
    """How a host takes a pool: which tier it gets until when."""

    tier: int = 0
    blocks: int = 0
    """In a row."""
    step_down_at: float = 0.0
    bad_since: float = 0.0
    """Since then no request has got through to it; 0 if the last one has."""
    proxy: str = ""
    """The last one, where the next one is to be the same."""
    updated_at: float = 0.0


class ProxyState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """
    What is known of proxies, by names that tell nothing of them.

    `rests` are for all hosts, by proxy; `host_rests` are by host and proxy, `standings` by pool and
    host.
    """

    rests: dict[str, Rest] = {}
    host_rests: dict[str, dict[str, Rest]] = {}
    standings: dict[str, dict[str, Standing]] = {}


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
            _note_failure(self._state.rests, name, now)
        # A host that forbids everything must not take the proxies from all others. Where nothing of
        # its price can stand in for a proxy that is blocked, a new connection has to.
        elif verdict is Verdict.NO_WAY or (
            verdict is Verdict.BLOCKED and self._sizes[proxy.tier] > 1
        ):
            _note_failure(self._state.host_rests.setdefault(host, {}), name, now)
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


def known_together(ours: ProxyState, theirs: ProxyState) -> ProxyState:
    """Return what two workers know together: of each thing what is later."""

    def later(one: dict[str, Rest], other: dict[str, Rest]) -> dict[str, Rest]:
        return {
            name: max(one.get(name, Rest()), other.get(name, Rest()), key=lambda rest: rest.until)
            for name in (*one, *other)
        }

    known = ProxyState(rests=later(ours.rests, theirs.rests))
    for host in dict.fromkeys((*ours.host_rests, *theirs.host_rests)):
        known.host_rests[host] = later(
            ours.host_rests.get(host, {}), theirs.host_rests.get(host, {})
        )
    for state in (theirs, ours):
        for pool, standings in state.standings.items():
            together = known.standings.setdefault(pool, {})
            for host, standing in standings.items():
                before = together.get(host, standing)
                together[host] = max(standing, before, key=lambda one: one.updated_at)
    return known


def worth_keeping(state: ProxyState, now: float) -> ProxyState:
    """Return `state` without what has no effect any more; where it is too much, the newest."""
    rests = sorted(
        (
            (rest.until, host, name, rest)
            for host, rests in ((None, state.rests), *state.host_rests.items())
            for name, rest in rests.items()
            if now - rest.until < _FORGET_AFTER
        ),
        key=lambda entry: entry[0],
        reverse=True,
    )
    kept = ProxyState()
    for _, host, name, rest in rests[:MAX_RESTS]:
        own = kept.rests if host is None else kept.host_rests.setdefault(host, {})
        own[name] = rest
    standings = sorted(
        (
            (standing.updated_at, pool, host, standing)
            for pool, standings in state.standings.items()
            for host, standing in standings.items()
            if (standing.tier or standing.blocks or standing.bad_since or standing.proxy)
            and now - standing.updated_at < max(1, standing.tier) * STEP_DOWN_AFTER
        ),
        key=lambda entry: entry[0],
        reverse=True,
    )
    for _, pool, host, standing in standings[:MAX_STANDINGS]:
        kept.standings.setdefault(pool, {})[host] = standing
    return kept


def _note_failure(rests: dict[str, Rest], name: str, now: float) -> None:
    rest = rests.setdefault(name, Rest())
    if now >= rest.until:  # or else it was under way when the rest began
        rest.until = now + min(REST_FIRST * 2.0 ** min(rest.failures, 30), REST_MAX)
        rest.failures += 1


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

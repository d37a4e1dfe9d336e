"""
How proxies do: which rest, and how hosts take them. What workers tell each other of them.

Pure, and without a proxy's URL: only names that tell nothing. Durations and times in seconds.
"""

import msgspec

REST_FIRST, REST_MAX = 30.0, 30 * 60.0
STEP_DOWN_AFTER = 60 * 60.0
MAX_RESTS, MAX_STANDINGS = 10_000, 2_000  # that are kept
_FORGET_AFTER = 60 * 60.0


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


def note_failure(rests: dict[str, Rest], name: str, now: float) -> None:
    """Let the proxy of that name rest."""
    rest = rests.setdefault(name, Rest())
    if now >= rest.until:  # or else it was under way when the rest began
        rest.until = now + min(REST_FIRST * 2.0 ** min(rest.failures, 30), REST_MAX)
        rest.failures += 1

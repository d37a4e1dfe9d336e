"""
A partition and what its workers tell each other: the state object.

There is one owner at a time, so it has one writer. It holds the pauses between batches, so no batch
is acknowledged before it is written. Pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from functions.worker.politeness import logins as login_state
from functions.worker.politeness.pause import HostState
from functions.worker.politeness.proxy_state import ProxyState, known_together, worth_keeping
from functions.worker.politeness.robots import CachedRobots
from shared.urls import partition_of

MAX_HOSTS = 2_000
MAX_ROBOTS_BYTES = 1_000_000  # of all texts together


class PartitionState(Struct, kw_only=True, tag="state.v1"):
    """By host, by origin (``https://a.example``), and by job and origin."""

    hosts: dict[str, HostState] = {}
    robots: dict[str, CachedRobots] = {}
    proxies: ProxyState = msgspec.field(default_factory=ProxyState)
    logins: dict[str, login_state.Login] = {}


@dataclass(frozen=True, kw_only=True)
class Partition:
    """
    The hosts that one worker at a time may talk to.

    Args:
        number: Of the partition.
        count: How many partitions there are, in this release.
        state: What is known of it; it is kept up to date.
        save_soon: Is called when `state` holds a pause that may outlast this worker.
        check: Raises StorageError if it may be another worker's by now.
        rules_elsewhere: Returns the rules at a URL that the owner of its host has read last, or
            None. It may take its time.
    """

    number: int
    count: int
    state: PartitionState = field(default_factory=PartitionState)
    save_soon: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None
    rules_elsewhere: Callable[[str], CachedRobots | None] = lambda _url: None

    def owns(self, host: str) -> bool:
        """Tell whether `host` is in it. Nobody but its owner may talk to a host."""
        return partition_of(host, self.count) == self.number


_decoder = msgspec.json.Decoder(PartitionState)


def decode_state(body: bytes | None) -> PartitionState:
    """Return the state in `body`; an empty one where there is none, or none that we can read."""
    if body is None:
        return PartitionState()
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:  # of another release
        return PartitionState()


def longest_pause(
    hosts: Mapping[str, HostState], before: Mapping[str, HostState], now: float
) -> float:
    """Return for how many seconds a host must be left alone of which `before` does not know it."""
    return max(
        (known.ready_at(now) - now for host, known in hosts.items() if before.get(host) != known),
        default=0.0,
    )


def merged(ours: PartitionState, theirs: PartitionState) -> PartitionState:
    """Return what two workers know together, one of which has lost the lease to the other."""
    hosts = dict(theirs.hosts)
    for host, known in ours.hosts.items():
        other = hosts.get(host, known)
        later = max(known, other, key=lambda state: state.updated_at)
        hosts[host] = replace(
            later,
            next_at=max(known.next_at, other.next_at),
            cool_until=max(known.cool_until, other.cool_until),
            booked_until=max(known.booked_until, other.booked_until),
        )
    robots = dict(theirs.robots)
    for origin, cached in ours.robots.items():
        other_cached = robots.get(origin, cached)
        robots[origin] = max(cached, other_cached, key=lambda one: one.fetched_at)
    proxies = known_together(ours.proxies, theirs.proxies)
    logins = login_state.known_together(ours.logins, theirs.logins)
    return PartitionState(hosts=hosts, robots=robots, proxies=proxies, logins=logins)


def encode_state(state: PartitionState, now: float) -> bytes:
    """
    Return `state` for the next worker, without what it will not need.

    Where there is too much, hosts that must be left alone longest are kept, and the newest.
    """
    hosts = sorted(
        ((host, known) for host, known in state.hosts.items() if not known.is_stale(now)),
        key=lambda entry: (entry[1].ready_at(now), entry[1].updated_at),
        reverse=True,
    )
    robots = {}
    size = 0
    for origin, cached in sorted(
        state.robots.items(), key=lambda entry: entry[1].fetched_at, reverse=True
    ):
        size += len(cached.text) + len(origin)
        if cached.is_worth_keeping(now) and size <= MAX_ROBOTS_BYTES:
            robots[origin] = cached
    proxies = worth_keeping(state.proxies, now)
    return msgspec.json.encode(
        PartitionState(
            hosts=dict(hosts[:MAX_HOSTS]),
            robots=robots,
            proxies=proxies,
            logins=login_state.worth_keeping(state.logins, now),
        )
    )

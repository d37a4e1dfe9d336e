"""
What the workers of a partition tell each other: the state object.

There is one owner at a time, so it has one writer. It is advisory: lost, it costs a request for
robots.txt and one pause. Pure.
"""

import msgspec
from msgspec import Struct

from functions.worker.pause import HostState
from functions.worker.robots import CachedRobots

MAX_HOSTS = 2_000
MAX_ROBOTS_BYTES = 1_000_000  # of all texts together


class PartitionState(Struct, kw_only=True, tag="state.v1"):
    """By host, and by origin (``https://a.example``)."""

    hosts: dict[str, HostState] = {}
    robots: dict[str, CachedRobots] = {}


_decoder = msgspec.json.Decoder(PartitionState)


def decode_state(body: bytes | None) -> PartitionState:
    """Return the state in `body`; an empty one where there is none, or none that we can read."""
    if body is None:
        return PartitionState()
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:  # of another release
        return PartitionState()


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
    return msgspec.json.encode(PartitionState(hosts=dict(hosts[:MAX_HOSTS]), robots=robots))

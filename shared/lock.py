"""
Which lock the fleet talks to hosts under, and how it changes hands at an upgrade.

A partition is a lock: whoever has a message of its group may talk to its hosts. So the number of
partitions and the list of public suffixes that they are made with are constants of a release, and
one word names both. Two releases that differ in it would give a host two owners: the fleet is under
one lock at a time, which is an object, and between two of them it rests until everybody who may
still work under the former one has ended. Pure; `functions.worker.fence` acts on it.
"""

import msgspec
from msgspec import Struct

PARTITIONS = 1024
"""Of a deployed stack. docs/decisions/number-of-partitions.md says why so many."""
LOCAL_PARTITIONS = 32
"""Of a run on one machine, where each batch costs more than hosts that wait for each other."""
SUFFIXES = 1
"""The number of the list of public suffixes, `shared/suffixes-1.txt`."""
LOCK_KEY = "state/lock.json"
FENCE_SECONDS = 200.0
"""
How long the fleet rests when the lock changes hands.

A worker that has seen the former lock goes on until it looks again (`LOOK_SECONDS`, and a little
more). Then it begins nothing, but what is open may take as long as a spec's timeout may be, 90 s.
"""
LOOK_SECONDS = 60.0


class Lock(Struct, frozen=True, kw_only=True, tag="lock.v1", omit_defaults=True):
    """
    The lock of a fleet.

    Args:
        name: Of `lock_name`.
        since: When it was taken, in epoch seconds; 0 for the first lock of a fleet.
        former: The number of partitions of the lock before it, where somebody knows.
    """

    name: str
    since: float = 0.0
    former: int | None = None


def lock_name(partitions: int) -> str:
    """Return the name of the lock of a fleet with so many partitions."""
    return f"{partitions}-{SUFFIXES}"


def partitions_of(lock: Lock) -> int:
    """Return the number of partitions that a lock has."""
    return int(lock.name.partition("-")[0])


_decoder = msgspec.json.Decoder(Lock)


def encode_lock(lock: Lock) -> bytes:
    return msgspec.json.encode(lock)


def decode_lock(body: bytes) -> Lock:
    """Return the lock in `body`."""
    return _decoder.decode(body)

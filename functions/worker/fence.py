"""
Under which lock this worker talks to hosts, and since when it may; see `shared.lock`.

A worker that begins and finds the fleet under another lock takes it over, and waits until all who
may still work under the former one have ended; they look from time to time, and then end. What the
former lock's partitions knew of their hosts is taken over as well.
"""

import threading
from collections.abc import Callable, Iterable

from functions.worker.politeness.partition import PartitionState, decode_state
from shared.errors import StorageError
from shared.keys import STATES, state_key
from shared.lock import (
    FENCE_SECONDS,
    LOCK_KEY,
    LOOK_SECONDS,
    Lock,
    decode_lock,
    encode_lock,
    lock_name,
    partitions_of,
)
from shared.settings import WorkerSettings
from shared.store import Bucket
from shared.urls import parse_url, partition_of

ADOPT_SECONDS = 2 * 60 * 60.0  # no host is left alone for longer
_TRIES = 5


class LockTakenError(StorageError):
    """Another release has taken the lock since this worker had it: the worker is to end."""


class Fence:
    """
    A worker's notion of the fleet's lock; for all of its threads.

    Args:
        data: The data bucket.
        settings: The worker's.
        clock: Returns the seconds since the epoch.
    """

    def __init__(self, data: Bucket, settings: WorkerSettings, clock: Callable[[], float]) -> None:
        self._data = data
        self._settings = settings
        self._clock = clock
        self._looking = threading.Lock()
        self._lock: Lock | None = None
        self._looked = 0.0

    def unseen(self) -> float:
        """Return for how many seconds the lock was not looked at; 0 if it never was."""
        return 0.0 if self._lock is None else self._clock() - self._looked

    def hold(self) -> Lock:
        """
        Return the fleet's lock, which is that of this release.

        Raises:
            LockTakenError: it was ours, and is another release's now.
            StorageError: it changes hands. Nothing may be fetched for as long as `wait` says.
        """
        with self._looking:  # else one thread takes for another's what the next has just taken
            now = self._clock()
            lock = self._lock
            if lock is None or not self._looked <= now < self._looked + LOOK_SECONDS:
                lock = self._lock = self._taken(now)
                self._looked = now
        wait = lock.since + FENCE_SECONDS - self._clock()
        if wait > 0:
            raise StorageError(
                f"the lock of the fleet changes hands to {lock.name}: workers of another release "
                f"may still talk to hosts for {wait:.0f} s",
                wait=wait,
            )
        return lock

    def _taken(self, now: float) -> Lock:
        data, settings = self._data, self._settings
        name = lock_name(settings.partitions)
        for _ in range(_TRIES):
            found = data.get_versioned(LOCK_KEY)
            if found is not None:
                theirs = decode_lock(found[0])
                if theirs.name == name:
                    return theirs
                if self._lock is not None:  # else the two would take it in turn
                    raise LockTakenError(f"the fleet is under the lock {theirs.name} by now")
                lock = Lock(name=name, since=now, former=partitions_of(theirs))
            elif any(True for _ in data.keys(STATES)):  # of release 0.1, which had no such object
                lock = Lock(name=name, since=now, former=settings.former_partitions)
            else:
                lock = Lock(name=name)
            if data.put_over(LOCK_KEY, encode_lock(lock), etag=found[1] if found else None):
                return lock
        raise StorageError(
            f"s3://{data.name}/{LOCK_KEY}: somebody else has written it, {_TRIES} times"
        )


def adopt(
    state: PartitionState,
    partition: int,
    hosts: Iterable[str],
    lock: Lock,
    data: Bucket,
    now: float,
) -> None:
    """
    Add to `state` what was known of hosts of this partition in those of the former lock.

    Args:
        state: What is known.
        partition: Which one it is of.
        hosts: Those that something is to be asked for.
        lock: The fleet's.
        data: The data bucket.
        now: In epoch seconds.
    """
    count = partitions_of(lock)
    if lock.former in {None, count} or now > lock.since + ADOPT_SECONDS:
        return
    assert lock.former is not None
    unknown = {partition_of(host, lock.former) for host in hosts if host not in state.hosts}
    for former in sorted(unknown - {partition}):
        theirs = decode_state(data.get(state_key(former)))
        for host, known in theirs.hosts.items():
            if partition_of(host, count) == partition:
                state.hosts.setdefault(host, known)
        for origin, cached in theirs.robots.items():
            if partition_of(parse_url(f"{origin}/").host, count) == partition:
                state.robots.setdefault(origin, cached)

"""
The state object of a partition, for as long as a worker has the lease on it.

It is written when the batch is committed, so that nothing which was fetched is lost where it cannot
be. What a host asks for that may outlast the lease is written at once, beside the fetching.
"""

import math
import threading
from collections.abc import Callable
from contextlib import suppress

from functions.worker.politeness.partition import (
    PartitionState,
    decode_state,
    encode_state,
    longest_pause,
    merged,
)
from shared.errors import StorageError
from shared.keys import state_key
from shared.store import Bucket

_TRIES = 3
_JOIN_SECONDS = 5.0


class StateKeeper:
    """
    Keeps what is known of a partition.

    Args:
        data: The data bucket.
        partition: Its number.
        clock: Returns the seconds since the epoch.

    Raises:
        StorageError: the state cannot be read.
    """

    def __init__(self, data: Bucket, partition: int, clock: Callable[[], float]) -> None:
        self._data = data
        self._key = state_key(partition)
        self._clock = clock
        found = data.get_versioned(self._key)
        self._etag: str | None = found[1] if found else None
        self.state: PartitionState = decode_state(found[0] if found else None)
        """What is known; to be kept up to date."""
        self._before = dict(self.state.hosts)
        self._lock = threading.Lock()
        self._next: bytes | None = None
        self._writer: threading.Thread | None = None

    def save_soon(self) -> None:
        """Write the state without waiting for it; if that fails, `save` writes it."""
        body = encode_state(self.state, self._clock())
        with self._lock:
            self._next = body
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, daemon=True)
                self._writer.start()

    def save(self) -> None:
        """
        Write the state.

        Raises:
            StorageError: it cannot be written. Its `wait` is the longest of the pauses that nobody
                else knows of now.
        """
        with self._lock:
            self._next = None
            writer = self._writer
        if writer is not None:
            writer.join(_JOIN_SECONDS)
        try:
            self._put(encode_state(self.state, self._clock()))
        except StorageError as error:
            pause = longest_pause(self.state.hosts, self._before, self._clock())
            raise StorageError(
                f"{error}; its hosts are left alone for {math.ceil(pause)} s", wait=pause
            ) from error

    def _write(self) -> None:
        while True:
            with self._lock:
                body, self._next = self._next, None
                if body is None:
                    self._writer = None
                    return
            with suppress(StorageError):
                self._put(body)

    def _put(self, body: bytes) -> None:
        for _ in range(_TRIES):
            etag = self._data.put_over(self._key, body, etag=self._etag)
            if etag is None:
                theirs, etag = self._data.get_versioned(self._key) or (None, None)
                if theirs != body:  # else it is ours: the SDK repeats a call whose answer was lost
                    self._etag = etag
                    both = merged(decode_state(body), decode_state(theirs))
                    body = encode_state(both, self._clock())
                    continue
            self._etag = etag
            return
        raise StorageError(f"put {self._key}: somebody else has written it, {_TRIES} times")

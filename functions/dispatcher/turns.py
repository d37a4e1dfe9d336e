"""
Whether a job may start while the last one of its name is not complete.

An object of the data bucket for each name tells which job has the turn. It is written before the
manifest of that job: if the dispatcher crashes in between, the message comes back, and finds that
the turn is its own.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum, auto

import msgspec
from msgspec import Struct

from shared.errors import StorageError
from shared.keys import manifest_key, summary_key, turn_key
from shared.manifest import decode_manifest
from shared.messages import Overlap
from shared.store import Bucket

UNSTARTED_HOURS = 1
"""A message fails twelve times within half an hour: after that its job is not started any more."""
HOPELESS_DAYS = 14
"""SQS keeps messages for as long: a job that is older does not hold up others for ever."""
_TRIES = 10


class Verdict(Enum):
    """What becomes of a job."""

    START = auto()
    WAIT = auto()
    SKIP = auto()


class Turn(Struct, frozen=True, omit_defaults=True):
    """The `job` that has the turn since `at`, in epoch seconds, and the one that waits for it."""

    job: str
    at: float
    waiting: str | None = None


_decoder = msgspec.json.Decoder(Turn)


class Turns:
    """The turns of one deployment. `now` is the clock; it must know its time zone."""

    def __init__(self, data: Bucket, now: Callable[[], datetime]) -> None:
        self._data = data
        self._now = now

    def ask(self, name: str, job: str, overlap: Overlap) -> tuple[Verdict, str]:
        """
        Return what becomes of `job`, and the job that holds it up, if there is one.

        After `START` the turn is the job's. At most one job of a name waits.

        Raises:
            StorageError: S3 refused, or others have written the turn all the time.
        """
        key = turn_key(name)
        for _ in range(_TRIES):
            found = self._data.get_versioned(key)
            turn, etag = (_decoded(found[0]), found[1]) if found else (None, None)
            if turn is not None and turn.job == job:
                return Verdict.START, ""
            if turn is None or self._is_over(turn):
                following, answer = Turn(job, self._now().timestamp()), Verdict.START
            elif overlap == "skip" or turn.waiting not in {None, job}:
                return Verdict.SKIP, turn.job
            elif turn.waiting == job:
                return Verdict.WAIT, turn.job
            else:
                following, answer = Turn(turn.job, turn.at, job), Verdict.WAIT
            if self._data.put_over(key, msgspec.json.encode(following), etag=etag):
                return answer, "" if turn is None else turn.job
        raise StorageError(f"s3://{self._data.name}/{key}: others write it all the time")

    def _is_over(self, turn: Turn) -> bool:
        """Tell whether the job that has the turn holds up nobody any more."""
        age = timedelta(seconds=self._now().timestamp() - turn.at)
        if age > timedelta(days=HOPELESS_DAYS):
            return True
        body = self._data.get(manifest_key(turn.job))
        if body is None:
            return age > timedelta(hours=UNSTARTED_HOURS)
        if decode_manifest(body).error:
            return True
        return self._data.get(summary_key(turn.job)) is not None


def _decoded(body: bytes) -> Turn | None:
    """Return the turn in `body`; None if it is damaged, so that a damaged one holds up nobody."""
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:
        return None

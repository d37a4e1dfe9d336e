"""
Lists that can only be read from their beginning: shards come out of them one after another.

An invocation reads on until its time is up, and what is left becomes a message.
"""

from collections.abc import Callable

from functions.dispatcher.lists import ListSource, Reader, StoredList, open_list
from functions.dispatcher.plans import NOTHING, Continuation
from functions.dispatcher.shards import SHARD_SECONDS, Shards, new_plan
from functions.dispatcher.written import Written
from shared.errors import InvalidJobError
from shared.manifest import Manifest
from shared.messages import Place, Shard
from shared.store import read_from


class Streams:
    """
    Dispatches lists that can only be read from their beginning.

    Args:
        shards: Takes what a shard holds.
        postpone: Leaves a shard, and all behind it, to a later invocation.
    """

    def __init__(self, shards: Shards, postpone: Callable[[Shard], None]) -> None:
        self._shards = shards
        self._postpone = postpone

    def dispatch(
        self, manifest: Manifest, place: Place, shard: Shard, time_left: Callable[[], float]
    ) -> Manifest:
        """
        Dispatch a shard, and those behind it as long as there is time.

        Args:
            manifest: Of the job.
            place: Of its list.
            shard: From the dispatch queue.
            time_left: Returns the seconds until the invocation is ended.
        """
        # What is written need not be read, and it alone says where the next shard begins.
        while (written := self._shards.plans.find(manifest, shard.shard)) is not None:
            manifest = self._shards.send(manifest, shard.shard, written)
            if written.came.last or manifest.error:
                return manifest
            shard = _next(manifest, shard.shard, written)
            if time_left() < SHARD_SECONDS:
                self._postpone(shard)
                return manifest
        number = shard.shard
        if self._shards.is_dispatched(manifest.job, number):
            ledger = self._shards.ledger(manifest)
            if ledger.fully_dispatched:
                return manifest
            while f"{number:05d}" in ledger.dispatched:
                number += 1
        stored = StoredList(
            str(place), manifest.size, lambda start: read_from(place, start, etag=manifest.etag)
        )
        try:
            reader, source = open_list(stored, start=shard.start, line=shard.line)
            if not self._skip(manifest, reader, shard.shard, number, time_left):
                return manifest
        except InvalidJobError as error:
            return self._give_up(manifest, number, shard.line, error)
        return self._read_on(manifest, reader, source, number, time_left)

    def _skip(
        self,
        manifest: Manifest,
        reader: Reader,
        shard: int,
        until: int,
        time_left: Callable[[], float],
    ) -> bool:
        """
        Read shards that release 0.1 has dispatched, only to see where the next one begins.

        Returns whether there was the time for it.
        """
        for done in range(shard, until):
            new_plan(manifest, done).fill_from(reader, shard_end(manifest, done, reader.position))
            if time_left() < SHARD_SECONDS:
                start, line = reader.position, reader.line
                self._postpone(Shard(job=manifest.job, shard=done + 1, start=start, line=line))
                return False
        return True

    def _read_on(
        self,
        manifest: Manifest,
        reader: Reader,
        source: ListSource,
        number: int,
        time_left: Callable[[], float],
    ) -> Manifest:
        """Dispatch what `reader` comes to, from the shard with this `number` on."""
        while True:
            plan = new_plan(manifest, number)
            line = reader.line
            try:
                plan.fill_from(reader, shard_end(manifest, number, reader.position))
            except InvalidJobError as error:
                return self._give_up(manifest, number, line, error)
            if reader.ended and source.damage:
                plan.break_off(reader.line, source.damage)
            rest = Continuation(reader.ended, reader.position, reader.line)
            written = self._shards.plans.write(manifest, number, plan, rest)
            manifest = self._shards.send(manifest, number, written)
            if written.came.last or manifest.error:
                return manifest
            is_ours = (written.came.position, written.came.line) == (reader.position, reader.line)
            if not is_ours or time_left() < SHARD_SECONDS:
                self._postpone(_next(manifest, number, written))
                return manifest
            number += 1

    def _give_up(
        self, manifest: Manifest, number: int, line: int, error: InvalidJobError
    ) -> Manifest:
        written = self._shards.give_up(manifest, number, line, error, NOTHING)
        if written is None:
            return manifest
        manifest = self._shards.send(manifest, number, written)
        if not (written.came.last or manifest.error):  # somebody else has read it
            self._postpone(_next(manifest, number, written))
        return manifest


def _next(manifest: Manifest, shard: int, written: Written) -> Shard:
    """Return what of a stream follows a shard that is written."""
    came = written.came
    return Shard(job=manifest.job, shard=shard + 1, start=came.position, line=came.line)


def shard_end(manifest: Manifest, shard: int, start: int) -> int:
    """
    Return where a shard of a stream ends that begins at the offset `start`.

    One before it that was full has ended sooner, and then they all begin before their time.
    """
    return min((shard + 1) * manifest.shard_bytes, start + manifest.shard_bytes)

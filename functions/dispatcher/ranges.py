"""
Lists that can be cut anywhere: each shard is a range of bytes, dispatched by an invocation.

The first message of a list goes through it for its line ends and sends a message for each shard
behind the first.
"""

from collections.abc import Callable

from msgspec.structs import replace

from functions.dispatcher.counts import nothing_to_do
from functions.dispatcher.lists import HEAD_BYTES, ListSource, StoredList, open_lines
from functions.dispatcher.plan import Plan
from functions.dispatcher.shards import Shards, new_plan
from shared.errors import InvalidJobError
from shared.manifest import Manifest
from shared.messages import Place, Shard
from shared.store import read_from

_SCAN_SECONDS = 20.0  # what a shard may take at worst to be gone through for its line ends
_HOPELESS = 100  # lines without a URL, at the beginning of a list that has none so far


class Ranges:
    """
    Dispatches lists that can be cut anywhere.

    Args:
        shards: Takes what a shard holds.
        postpone: Leaves a shard to a later invocation.
    """

    def __init__(self, shards: Shards, postpone: Callable[[Shard], None]) -> None:
        self._shards = shards
        self._postpone = postpone

    def dispatch(
        self, manifest: Manifest, place: Place, shard: Shard, time_left: Callable[[], float]
    ) -> Manifest:
        """
        Dispatch a shard that is to be dispatched alone, or it and all behind it.

        Args:
            manifest: Of the job.
            place: Of its list.
            shard: From the dispatch queue.
            time_left: Returns the seconds until the invocation is ended.
        """
        shards = manifest.shards
        assert shards is not None  # only streams do not know it
        if shard.alone or shard.shard + 1 == shards:
            return self._dispatch_one(manifest, place, shard)
        if shard.shard == 0:
            # Before there is a message for another: it says whether the job is refused.
            manifest = self._dispatch_one(manifest, place, shard)
            if manifest.error:
                return manifest
        self._scan(manifest, place, shard, shards, time_left)
        return manifest

    def _dispatch_one(self, manifest: Manifest, place: Place, shard: Shard) -> Manifest:
        return self._shards.dispatch(
            manifest, shard.shard, shard.line, lambda: _read(manifest, place, shard)
        )

    def _scan(
        self,
        manifest: Manifest,
        place: Place,
        shard: Shard,
        shards: int,
        time_left: Callable[[], float],
    ) -> None:
        """Send a message for each shard from `shard` on, with the number of its first line."""
        following = shard
        # Where the byte before is a line end, a line begins.
        before = max(0, shard.start - 1)
        try:
            source = ListSource(read_from(place, before, etag=manifest.etag), text=True)
            while True:
                if following.shard:
                    self._postpone(replace(following, alone=True))
                if following.shard + 1 == shards:
                    return
                end = (following.shard + 1) * manifest.shard_bytes
                line = following.line + (following.start == 0)
                for piece in source.pieces(end - 1 - before):
                    line += piece.count(b"\n")
                before = end - 1
                following = Shard(job=manifest.job, shard=following.shard + 1, start=end, line=line)
                if time_left() < _SCAN_SECONDS:
                    self._postpone(following)
                    return
        except InvalidJobError as error:
            # Nobody knows where those that are left begin, and the job ends all the same.
            for number in range(following.shard, shards):
                written = self._shards.give_up(manifest, number, following.line, error)
                if written is not None:
                    self._shards.send(manifest, number, written)


def _read(manifest: Manifest, place: Place, shard: Shard) -> Plan:
    """
    Return the plan of a shard.

    Raises:
        InvalidJobError: the list is not what its name says, has no URLs, or was overwritten.
    """
    stored = StoredList(
        str(place), manifest.size, lambda start: read_from(place, start, etag=manifest.etag)
    )
    reader, source = open_lines(stored, start=shard.start, line=shard.line)
    if shard.start == 0 and manifest.shards != 1:
        _check_beginning(stored.name, source.peek(HEAD_BYTES))
    plan = new_plan(manifest, shard.shard)
    plan.fill_from(reader, min(manifest.size, (shard.shard + 1) * manifest.shard_bytes))
    return plan


def _check_beginning(name: str, head: bytes) -> None:
    """
    See whether a long list of lines holds URLs at all: who lists domains is told so at once.

    Raises:
        InvalidJobError: there is none among the first.
    """
    if b"://" not in head:
        plan = Plan(job="-", shard=0, partitions=1, batch_size=1)
        plan.add_lines(head[: head.rfind(b"\n") + 1], 1)
        if plan.counts.rejected > _HOPELESS:
            raise InvalidJobError(nothing_to_do(name, plan.counts))

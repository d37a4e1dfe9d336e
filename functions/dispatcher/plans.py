"""
Where plans are kept: beside the job's manifest, each written once, before anything of it is sent.

Whoever finds that a shard's plan is there already goes on with what is written. Knows how plans
are stored, and nothing of queues.
"""

import gc
from typing import NamedTuple

import msgspec

from functions.dispatcher.counts import nothing_to_do
from functions.dispatcher.plan import Plan
from functions.dispatcher.written import Came, Written, encode_written, pack
from shared.errors import StorageError
from shared.keys import plan_key, rejected_key
from shared.manifest import Manifest
from shared.store import Bucket


class Continuation(NamedTuple):
    """What of a list is behind a shard: nothing behind the `last` one, else where it begins."""

    last: bool = False
    position: int = 0
    line: int = 1


UNKNOWN = Continuation()
"""Of a list that can be cut anywhere: where its shards begin need not be written down."""
NOTHING = Continuation(last=True)


class Plans:
    """The plans in a data bucket."""

    def __init__(self, data: Bucket) -> None:
        self._data = data

    def find(self, manifest: Manifest, shard: int) -> Written | None:
        """Return the plan of a shard, if somebody has written it down."""
        key = plan_key(manifest.job, shard)
        body = self._data.get(key)
        return None if body is None else Written(self._name(key), body)

    def write(
        self,
        manifest: Manifest,
        shard: int,
        plan: Plan,
        rest: Continuation = UNKNOWN,
        *,
        is_late: bool = False,
    ) -> Written:
        """
        Write down a plan, once; return what is written, by us or by somebody who was faster.

        Args:
            manifest: Of the job.
            shard: Which one the plan is of.
            plan: All that was read of it.
            rest: What is behind the shard.
            is_late: Others were dispatched before, so that the job is not refused for want of
                URLs.
        """
        gc.freeze()  # the plan is large, and will not be garbage before it is written
        try:
            packed = pack(plan.batches())
        finally:
            gc.unfreeze()
        counts = plan.counts
        came = Came(
            batches=counts.batches,
            targets=counts.targets,
            duplicates=counts.duplicates,
            rejected=counts.rejected,
            damaged=counts.damaged,
            last=rest.last,
            position=rest.position,
            line=rest.line,
        )
        is_only = rest.last or manifest.source is None or manifest.shards == 1
        if not counts.targets and shard == 0 and is_only and not is_late:
            name = str(manifest.source) if manifest.source else "the message"
            came.refused = nothing_to_do(name, counts)
        if counts.reports:
            body = b"".join(msgspec.json.encode(line) + b"\n" for line in counts.reports)
            self._data.put(rejected_key(manifest.job, shard), body)
        return self._put(manifest, shard, encode_written(came, packed))

    def refuse(self, manifest: Manifest, reason: str) -> Written:
        """Write down, in place of its first plan, that a job is refused; as `write` does."""
        return self._put(manifest, 0, encode_written(Came(refused=reason)))

    def _put(self, manifest: Manifest, shard: int, body: bytes) -> Written:
        key = plan_key(manifest.job, shard)
        name = self._name(key)
        if not self._data.put_new(key, body):
            found = self._data.get(key)
            if found is None:
                raise StorageError(f"{name} is there and is not there")
            body = found
        return Written(name, body)

    def _name(self, key: str) -> str:
        return f"s3://{self._data.name}/{key}"

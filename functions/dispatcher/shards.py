"""
A shard's way: planned once, and sent as it is planned, however often it is asked for.

Knows nothing of how a list is read: who reads it hands in a plan, or says why there is none.
"""

from collections.abc import Callable, Iterator

import msgspec

from functions.dispatcher.plan import Plan
from functions.dispatcher.plans import UNKNOWN, Continuation, Plans
from functions.dispatcher.written import Written
from shared.errors import InvalidJobError
from shared.keys import dispatched_folder, dispatched_prefix, manifest_key, receipts_prefix
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest, encode_manifest
from shared.queue import Message, Queue
from shared.receipts import RECEIPT_END, dispatched_key, dispatched_shard, settled
from shared.store import Bucket
from shared.wakes import Wakes

SHARD_SECONDS = 60.0  # what a shard may take at worst; no shard is begun with less time left


class Shards:
    """The shards of the jobs of one deployment."""

    def __init__(self, *, data: Bucket, work_queue: Queue, wakes: Wakes) -> None:
        self._data = data
        self._work_queue = work_queue
        self._wakes = wakes
        self.plans = Plans(data)

    def dispatch(
        self, manifest: Manifest, shard: int, line: int, read: Callable[[], Plan]
    ) -> Manifest:
        """
        See to it that the batches of a shard are sent; return the manifest, as `send` does.

        Args:
            manifest: Of the job, whose list can be cut anywhere or came with the message.
            shard: The shard's number.
            line: Where it begins.
            read: Reads the shard. It is not called where there is a plan already.
        """
        written = self.plans.find(manifest, shard)
        if written is None:
            if self.is_dispatched(manifest.job, shard):
                return manifest
            try:
                plan = read()
            except InvalidJobError as error:
                written = self.give_up(manifest, shard, line, error)
            else:
                written = self.plans.write(manifest, shard, plan)
        return manifest if written is None else self.send(manifest, shard, written)

    def give_up(
        self,
        manifest: Manifest,
        shard: int,
        line: int,
        error: InvalidJobError,
        rest: Continuation = UNKNOWN,
    ) -> Written | None:
        """
        Write down that a list cannot be read from `line` of a shard on.

        The job is refused if nothing of it was dispatched. Otherwise the shard is damaged, unless
        somebody else has read it, and the job ends. Returns what is written, or None where release
        0.1 has dispatched the shard.
        """
        written = self.plans.find(manifest, shard)
        if written is not None:
            return written
        if self.is_dispatched(manifest.job, shard):
            return None
        if shard == 0 and not any(self._data.keys(dispatched_folder(manifest.job))):
            return self.plans.refuse(manifest, str(error))
        plan = new_plan(manifest, shard)
        plan.break_off(line, str(error))
        return self.plans.write(manifest, shard, plan, rest, is_late=True)

    def send(self, manifest: Manifest, shard: int, written: Written) -> Manifest:
        """Send what is written, and say so; return the manifest, refused if that is written."""
        came = written.came
        # What an earlier delivery of this shard, or an earlier run, has brought to an end
        # need not go through the queue again.
        ledger = Ledger(manifest.shards)
        for key in self._data.keys(receipts_prefix(manifest.job, shard), end=RECEIPT_END):
            ledger.add(key)
        groups = set()

        def unsettled() -> Iterator[Message]:
            for batch, message in written.messages():
                if not settled(ledger.receipts, batch):
                    groups.add(message.group)
                    yield message

        try:
            self._work_queue.send(unsettled())
        finally:
            self._wakes.for_partitions(len(groups))
        if came.refused is None or came.rejected:
            key = dispatched_key(
                manifest.job,
                shard,
                batches=came.batches,
                targets=came.targets,
                rejected=came.rejected,
                duplicates=came.duplicates,
                last=came.last and manifest.streamed,
                damaged=came.damaged,
            )
            self._data.put(key, b"")
        if came.refused is not None:
            manifest = msgspec.structs.replace(manifest, error=came.refused)
            self._data.put(manifest_key(manifest.job), encode_manifest(manifest))
        return manifest

    def is_dispatched(self, job: str, shard: int) -> bool:
        """
        Tell whether a shard is dispatched.

        If it has no plan, release 0.1 has dispatched it, which wrote none. Its ids mean what was
        sent then: it is not planned anew.
        """
        # Only its own key, and not those of all shards for each of them.
        keys = self._data.keys(dispatched_prefix(job, shard))
        return any(dispatched_shard(key) == shard for key in keys)

    def ledger(self, manifest: Manifest) -> Ledger:
        """Return the job's ledger, as far as it is about shards."""
        return ledger_of(manifest, self._data.keys(dispatched_folder(manifest.job)))


def new_plan(manifest: Manifest, shard: int) -> Plan:
    """Return the plan of a shard of which nothing is read yet."""
    return Plan(
        job=manifest.job,
        shard=shard,
        partitions=manifest.partitions,
        batch_size=manifest.batch_size,
        kind_column=manifest.spec.kind_column,
        kinds=manifest.spec.pages,
    )

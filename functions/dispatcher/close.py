"""
When a job is complete: looks at its ledger now and then, and closes it.

A tick is a message that looks, and sends the next one after a longer time; it begins with the job
and ends with it. Everything may happen twice: a tick that was sent on is known by an object, the
summary is written only where there is none, and what was announced is known by an object that is
written after the event, so that an event may come twice and is never left out.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from functions.dispatcher.summary import Summary, decode_summary, encode_summary, summarize
from shared.jobs import (
    RECEIPT_END,
    Ledger,
    Manifest,
    announced_key,
    decode_manifest,
    fold_key,
    job_prefix,
    ledger_of,
    manifest_key,
    receipt_batch,
    receipt_counts,
    receipts_of,
    summary_key,
    tick_key,
)
from shared.messages import Tick, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.settings import DispatcherSettings
from shared.store import Bucket
from shared.tally import Tally, decode_tally

TICK_FIRST = 10  # seconds from a job's start to the first look; doubled for each further one
COMPLETED, STALLED = "Job completed", "Job stalled"
# SQS keeps messages for 14 days: after so long without news there is nothing left that could come.
_HOPELESS_SECONDS = 14 * 24 * 60 * 60


class _Fold(Struct, tag="fold.v1"):
    """The sum of the first `count` receipts in the order of their keys, up to `last`."""

    count: int
    last: str
    tally: Tally


class Closer:
    """
    Closes jobs.

    Args:
        settings: The dispatcher's.
        data: The data bucket.
        dispatch_queue: Where the next tick goes.
        announce: Puts an event on the bus, given its detail-type and detail.
        now: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        settings: DispatcherSettings,
        *,
        data: Bucket,
        dispatch_queue: Queue,
        announce: Callable[[str, dict[str, Any]], None],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._data = data
        self._queue = dispatch_queue
        self._announce = announce
        self._now = now

    def look(self, tick: Tick, *, until: float) -> None:
        """
        Close the job if it is complete; else see that somebody looks again.

        Args:
            tick: From the dispatch queue. Any tick of the job will do, at any time.
            until: When to leave the adding up of receipts to the next tick.
        """
        body = self._data.get(manifest_key(tick.job))
        manifest = None if body is None else decode_manifest(body)
        if manifest is None or manifest.error:
            return  # there is no such job any more, or it was refused
        keys = set(self._data.keys(job_prefix(tick.job), end=RECEIPT_END))
        if announced_key(tick.job) in keys:
            return
        ledger = ledger_of(manifest, keys)
        if summary_key(tick.job) in keys or ledger.complete:
            self._close(manifest, ledger, keys, tick, until)
        elif all(key < tick_key(tick.job, tick.number) for key in keys if "/ticks/" in key):
            self._go_on(tick, len(ledger.dispatched) + len(ledger.receipts))

    def _go_on(self, tick: Tick, done: int) -> None:
        now = self._now()
        following = replace(tick, number=tick.number + 1)
        if done > tick.done or not tick.since:
            following = replace(following, done=done, since=now, stalled=False)
        elif not tick.stalled and now - tick.since >= self._settings.stall_minutes * 60:
            facts = {"job": tick.job, "minutes": round((now - tick.since) / 60)}
            self._announce(STALLED, {**facts, "data_bucket": self._data.name})
            following = replace(following, stalled=True)
        elif now - tick.since > _HOPELESS_SECONDS:
            return
        delay = min(TICK_FIRST * 2 ** min(following.number - tick.first, 30), MAX_DELAY)
        self._queue.send([Message(encode(following), delay=delay)])
        # After the sending: a crash in between is a tick too many, and not a job that nobody
        # looks at. The other one of two copies, and what it would send, ends here.
        self._data.put(tick_key(tick.job, tick.number), b"")

    def _close(
        self, manifest: Manifest, ledger: Ledger, keys: set[str], tick: Tick, until: float
    ) -> None:
        job = manifest.job
        body = self._data.get(summary_key(job)) if summary_key(job) in keys else None
        if body is None:
            known = ledger.known
            receipts = [key for key in receipts_of(job, keys) if receipt_batch(key) in known]
            tally = self._fold(job, receipts, until)
            if tally is None:
                self._queue.send([Message(encode(tick))])
                return
            summary = summarize(
                manifest,
                ledger,
                tally,
                worker_memory=self._settings.worker_memory,
                architecture=self._settings.architecture,
            )
            body = encode_summary(summary)
            if not self._data.put_new(summary_key(job), body):
                body = self._data.get(summary_key(job)) or body
        self._announce(COMPLETED, self._facts(decode_summary(body)))
        self._data.put(announced_key(job), b"")

    def _fold(self, job: str, receipts: Sequence[str], until: float) -> Tally | None:
        """Return the sum of `receipts`; None if time was over, and what there is of it is kept."""
        fold = self._begun(job, receipts)
        for key, body in self._data.get_all(receipts[fold.count :]):
            if self._now() >= until:
                self._data.put(fold_key(job), msgspec.json.encode(fold))
                return None
            # A receipt of an older release has no body, and its key has the counts.
            tally = decode_tally(body) if body else Tally(receipts=1, counts=receipt_counts(key))
            fold.tally.add(tally)
            fold.count += 1
            fold.last = key
        return fold.tally

    def _begun(self, job: str, receipts: Sequence[str]) -> _Fold:
        """Return what an earlier tick has added up, if it is of these receipts; else nothing."""
        body = self._data.get(fold_key(job))
        if body is not None:
            fold = msgspec.json.decode(body, type=_Fold)
            if receipts[fold.count - 1 : fold.count] == [fold.last]:
                return fold
        return _Fold(count=0, last="", tally=Tally())

    def _facts(self, summary: Summary) -> dict[str, Any]:
        return {
            "job": summary.job,
            "targets": summary.targets,
            "outcomes": summary.outcomes,
            "rejected": summary.rejected,
            "damaged": summary.damaged,
            "no_match": summary.no_match,
            "seconds": summary.seconds,
            "cost_usd": summary.cost_usd["total"],
            "data_bucket": self._data.name,
            "summary": summary_key(summary.job),
        }

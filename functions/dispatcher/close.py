"""
When a job is complete: looks at its ledger now and then, and closes it.

A tick is a message that looks, and sends the next one after a longer time; it begins with the job
and ends with it. Everything may happen twice: a tick that was sent on is known by an object, the
summary is written only where there is none, and what was announced is known by an object that is
written after the event, so that an event may come twice and is never left out.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from functions.dispatcher.checkup import Checkup
from functions.dispatcher.fold import Receipts, Stand
from functions.dispatcher.health import Health
from functions.dispatcher.summary import Summary, decode_summary, encode_summary, summarize
from functions.dispatcher.sweeps import Sweep
from shared.keys import (
    announced_key,
    cancelled_key,
    dispatched_folder,
    job_prefix,
    limit_key,
    manifest_key,
    receipts_folder,
    redriven_folder,
    summary_key,
    tick_key,
    ticks_prefix,
)
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest, decode_manifest
from shared.messages import Tick, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.receipts import RECEIPT_END
from shared.settings import DispatcherSettings
from shared.store import Bucket
from shared.tally import Tally
from shared.wakes import Wakes

SWEEP_FIRST = 5  # seconds from the sending of sweeps to the first look; likewise
TICK_FIRST = 9
"""Seconds from a job's start to the first look; doubled for each further one. So they come between
the ends of full batches, which are 150 s apart by default, and the worker that is called takes none
of what another has in hand: 10 s would be 150 s at the fourth look."""
LIMIT_SECONDS = 60
"""Between two looks at a crawl that may have so many pages and no more."""
COMPLETED, STALLED, UNHEALTHY = "Job completed", "Job stalled", "Job unhealthy"
# SQS keeps messages for 14 days: after so long without news there is nothing left that could come.
_HOPELESS_SECONDS = 14 * 24 * 60 * 60
_UNKNOWN = -1  # receipts that a tick has counted: there were too many for the time


class Closer:
    """
    Closes jobs.

    Args:
        settings: The dispatcher's.
        data: The data bucket.
        dispatch_queue: Where the next tick goes.
        work_queue: Where sweeps go.
        wakes: Call for workers.
        announce: Puts an event on the bus, given its detail-type and detail.
        now: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        settings: DispatcherSettings,
        *,
        data: Bucket,
        dispatch_queue: Queue,
        work_queue: Queue,
        wakes: Wakes,
        announce: Callable[[str, dict[str, Any]], None],
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._data = data
        self._queue = dispatch_queue
        self._work_queue = work_queue
        self._wakes = wakes
        self._announce = announce
        self._now = now

    def look(self, tick: Tick, *, until: float) -> None:
        """
        Close the job if it is complete; else see that somebody looks again.

        Args:
            tick: From the dispatch queue. Any tick of the job will do, at any time.
            until: When to leave the rest of a large job to the next tick, which is sent at once.
        """
        job = tick.job
        body = self._data.get(manifest_key(job))
        manifest = None if body is None else decode_manifest(body)
        if manifest is None or manifest.error:
            return  # there is no such job any more, or it was refused
        names = set(self._data.keys(job_prefix(job), end="/"))
        if announced_key(job) in names:
            return
        if summary_key(job) in names:
            self._announce_end(job, self._data.get(summary_key(job)))
            return
        # Before all that may go wrong: a wake that was lost is made up for by this one.
        self._wakes.for_one()
        ledger = ledger_of(manifest, self._data.keys(dispatched_folder(job)))
        if redriven_folder(job) in names:
            for key in self._data.keys(redriven_folder(job)):
                ledger.add(key)
        self._look_ahead(manifest, ledger, names)
        receipts = Receipts(self._data, job, ledger, lambda: self._now() >= until)
        stand = receipts.add_up()
        if stand is Stand.COMPLETE:
            tally = receipts.fold.tally
            health = self._health_of(manifest, ledger, tally, names)
            sweep = self._sweep_of(manifest, ledger, tally, names, health)
            if sweep is None or sweep.advance():
                self._close(manifest, ledger, tally, sweep, health)
                return
            receipts.save()
            if not self._was_sent_on(tick):
                self._go_on_sweeping(tick)
            return
        if stand is Stand.OUT_OF_TIME:
            self._queue.send([Message(encode(tick))])
        elif not self._was_sent_on(tick):
            most = LIMIT_SECONDS if manifest.has_limit else MAX_DELAY
            self._go_on(tick, receipts, len(ledger.dispatched), most)
        receipts.save()

    def _sweep_of(
        self,
        manifest: Manifest,
        ledger: Ledger,
        tally: Tally,
        names: set[str],
        health: Health | None,
    ) -> Sweep | None:
        """Return what looks for what is gone; None where nobody can tell, or wants to know."""
        if not manifest.spec.memory or not self._is_whole(manifest, ledger, names):
            return None
        if ledger.rejected or (health is not None and not health.healthy):
            return None
        return Sweep(self._data, self._work_queue, self._wakes, manifest, tally)

    def _health_of(
        self, manifest: Manifest, ledger: Ledger, tally: Tally, names: set[str]
    ) -> Health | None:
        if manifest.spec.expect is None:
            return None
        checkup = Checkup(self._data, manifest, manifest.spec.expect)
        return checkup.at_end(tally, is_whole=self._is_whole(manifest, ledger, names))

    @staticmethod
    def _is_whole(manifest: Manifest, ledger: Ledger, names: set[str]) -> bool:
        """Tell whether a complete job was neither cancelled nor cut off, nor its list damaged."""
        ended = {cancelled_key(manifest.job), limit_key(manifest.job)}
        return not ledger.damaged and names.isdisjoint(ended)

    def _check_early(self, checkup: Checkup, job: str, listed: int, names: set[str]) -> None:
        """Tell of a job that is not healthy before all of it is fetched, and end it if it must."""
        health = checkup.early(listed)
        if health is None:
            return
        if not health.healthy:
            stops = checkup.must_stop(health)
            self._announce_unhealthy(job, health, ended=stops, early=True)
            if stops:
                self._data.put(cancelled_key(job), b"")
                names.add(cancelled_key(job))
        checkup.note_early()

    def _announce_unhealthy(self, job: str, health: Health, *, early: bool, ended: bool) -> None:
        self._announce(
            UNHEALTHY,
            {
                "job": job,
                "early": early,
                "ended": ended,
                "unmet": [msgspec.to_builtins(one) for one in health.unmet],
                "data_bucket": self._data.name,
            },
        )

    def _go_on_sweeping(self, tick: Tick) -> None:
        following = replace(tick, number=tick.number + 1)
        delay = min(SWEEP_FIRST * 2 ** min(following.number - tick.first, 30), MAX_DELAY)
        self._queue.send([Message(encode(following), delay=delay)])
        self._data.put(tick_key(tick.job, tick.number), b"")

    def _look_ahead(self, manifest: Manifest, ledger: Ledger, names: set[str]) -> None:
        """
        End a job before its end, where it has all its pages or is not what it should be.

        `names` are the keys that are there, which may become more.
        """
        job, expect = manifest.job, manifest.spec.expect
        if expect is not None and cancelled_key(job) not in names:
            self._check_early(Checkup(self._data, manifest, expect), job, ledger.listed, names)
        if manifest.has_limit and limit_key(job) not in names:
            self._look_at_limit(manifest, names)

    def _look_at_limit(self, manifest: Manifest, names: set[str]) -> None:
        """Tell workers where a crawl has all its pages."""
        job, most = manifest.job, manifest.spec.crawl.max_pages
        receipts = self._data.keys(receipts_folder(job), end=RECEIPT_END)
        if most is not None and ledger_of(manifest, receipts).final.total() >= most:
            self._data.put(limit_key(job), b"")
            names.add(limit_key(job))

    def _was_sent_on(self, tick: Tick) -> bool:
        after = tick_key(tick.job, tick.number - 1) if tick.number else ""
        return any(True for _ in self._data.keys(ticks_prefix(tick.job), after=after))

    def _go_on(self, tick: Tick, receipts: Receipts, dispatched: int, most: int) -> None:
        now = self._now()
        following = replace(tick, number=tick.number + 1)
        done = dispatched + receipts.fold.to.receipts
        is_new = receipts.has_advanced or not tick.since
        beyond = receipts.count_beyond(thoroughly=not is_new)
        if beyond is not None:
            is_new = is_new or done + beyond > tick.done
            following = replace(following, done=done + beyond)
        elif is_new:
            following = replace(following, done=_UNKNOWN)
        if is_new:
            following = replace(following, since=now, stalled=False)
        elif beyond is None:
            pass  # nobody can tell yet whether there is something new
        elif not tick.stalled and now - tick.since >= self._settings.stall_minutes * 60:
            facts = {"job": tick.job, "minutes": round((now - tick.since) / 60)}
            self._announce(STALLED, {**facts, "data_bucket": self._data.name})
            following = replace(following, stalled=True)
        elif now - tick.since > _HOPELESS_SECONDS:
            return
        delay = min(TICK_FIRST * 2 ** min(following.number - tick.first, 30), most)
        self._queue.send([Message(encode(following), delay=delay)])
        # After the sending: a crash in between is a tick too many, and not a job that nobody
        # looks at. The other one of two copies, and what it would send, ends here.
        self._data.put(tick_key(tick.job, tick.number), b"")

    def _close(
        self,
        manifest: Manifest,
        ledger: Ledger,
        tally: Tally,
        sweep: Sweep | None,
        health: Health | None,
    ) -> None:
        summary = summarize(
            manifest,
            ledger,
            tally,
            gone=sweep.gone if sweep else None,
            unseen=sweep.unseen if sweep else None,
            health=health,
            # Without workers on Lambda, machines have done it, which Lambda does not charge for.
            worker_memory=self._settings.worker_memory if self._settings.worker_concurrency else 0,
            architecture=self._settings.architecture,
        )
        body = encode_summary(summary)
        if not self._data.put_new(summary_key(manifest.job), body):
            body = self._data.get(summary_key(manifest.job)) or body
        self._announce_end(manifest.job, body)

    def _announce_end(self, job: str, summary: bytes | None) -> None:
        if summary is not None:  # else somebody has deleted it this very moment
            read = decode_summary(summary)
            if read.health is not None and not read.health.healthy:
                self._announce_unhealthy(job, read.health, early=False, ended=True)
            self._announce(COMPLETED, self._facts(read))
            self._data.put(announced_key(job), b"")

    def _facts(self, summary: Summary) -> dict[str, Any]:
        return {
            "job": summary.job,
            "targets": summary.targets,
            "outcomes": summary.outcomes,
            "rejected": summary.rejected,
            "damaged": summary.damaged,
            "no_match": summary.no_match,
            **({} if summary.health is None else {"healthy": summary.health.healthy}),
            **({} if summary.changes is None else {"changes": summary.changes}),
            "seconds": summary.seconds,
            "cost_usd": summary.cost_usd["total"],
            "data_bucket": self._data.name,
            "summary": summary_key(summary.job),
        }

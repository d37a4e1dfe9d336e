"""The state of jobs that run on this machine, known from the keys that are put."""

import math
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scatterfetch.jobs.last_run import note_run
from scatterfetch.jobs.progress import Job, Progress, progress_of
from scatterfetch.jobs.watch import Display, Interruptions
from shared.keys import manifest_key, summary_key, sweep_key, swept_folder
from shared.manifest import decode_manifest
from shared.outcomes import Kind
from shared.receipts import FOUND, final_counts, read_counts, total
from shared.urls import parse_url

if TYPE_CHECKING:
    from scatterfetch.localcloud.cloud import LocalCloud

TICK = 0.2  # seconds between two looks at the state
_QUEUE_TICK = 1.0
_CLOSE_SECONDS = 30.0
_LOOK_SHARE = 4  # times as long as a look takes, until the next one
_LONGEST_PAUSE = 2.0


class LocalRun:
    """Knows the jobs' state from the keys that are put; threads tell it, one waits."""

    def __init__(self, folder: Path, display: Display, received: Interruptions) -> None:
        self._folder = folder
        self._display = display
        self._received = received
        self._changed = threading.Condition()
        self._has_news = False
        self._began = time.monotonic()
        self._next_look = self._began + _QUEUE_TICK
        self._look_began = math.inf
        self._draining = False
        self._idle = 0
        self._closing: dict[str, float] = {}
        """Until when the summary of a job is waited for whose outcomes are all there."""
        self._sweeps: dict[str, set[str]] = {}
        """The partitions, by job, in which is still looked for what is gone."""
        self.jobs: dict[str, Job] = {}
        self.closed: set[str] = set()
        """Jobs whose summary is there."""
        self._told: dict[tuple[str, str], Mapping[str, int]] = {}
        """What came so far of batches that are not committed, by job and batch."""
        self.cloud: LocalCloud

    def on_put(self, key: str) -> None:
        area, _, rest = key.partition("/")
        if area != "jobs":
            return
        with self._changed:
            job = self.jobs.get(rest.partition("/")[0])
            if job is None:
                return
            if key == manifest_key(job.id):
                job.manifest = decode_manifest((self._folder / key).read_bytes())
                job.ledger.shards = job.manifest.shards
                self.note(job)
            elif key == summary_key(job.id):
                self.closed.add(job.id)
            elif key == sweep_key(job.id):
                partitions = msgspec.json.decode((self._folder / key).read_bytes())
                self._sweeps[job.id] = set(map(str, partitions))
            elif key.startswith(swept_folder(job.id)):
                left = self._sweeps.get(job.id, set())
                left.discard(read_counts(key.rpartition("/")[2])[0])
                if not left:
                    self._closing.pop(job.id, None)  # it can be closed now
            else:
                job.ledger.add(key)
            self._has_news = True
            self._changed.notify_all()

    def on_progress(self, job: str, batch: str, counts: Mapping[str, int]) -> None:
        with self._changed:
            self._told[job, batch] = counts

    def note(self, job: Job) -> None:
        """Note that this run is the last one of `job`, which has a manifest."""
        for one in (job.list, *job.equal):
            note_run(self._folder, job.id, one.identity_in(self._folder))

    def wait(self) -> None:
        # A look at the state takes longer the more batches there are. Were there one for each put,
        # a job of many batches would be slow; so they have a share of the time, and no more.
        took = time.monotonic() - self._look_began
        self._received.wait(min(_LONGEST_PAUSE, max(0.0, _LOOK_SHARE * took)))
        for job in self._to_close() - self._closing.keys():
            self._closing[job] = time.monotonic() + _CLOSE_SECONDS
            self.cloud.look_at(job)
        with self._changed:
            if not self._has_news and not self.done():
                self._changed.wait(TICK)
            self._has_news = False
        self._look_began = time.monotonic()

    def done(self) -> bool:
        return all(
            job.problem or (job.done and job.id in self.closed) for job in self.jobs.values()
        )

    def _to_close(self) -> set[str]:
        with self._changed:
            complete = {job.id for job in self.jobs.values() if job.done and not job.problem}
        return complete - self.closed

    def progress(self) -> Progress:
        batches = self.cloud.in_hand() if self.cloud.mappings else []
        hosts = set()
        targets = 0
        ahead: Counter[str] = Counter()
        found = 0
        with self._changed:
            told, self._told = self._told, {}
            for batch in batches:
                if batch.batch in self.jobs[batch.job].ledger.receipts:
                    continue  # its worker still has to say that it is through
                key = batch.job, batch.batch
                hosts |= {parse_url(target.location).host for target in batch.targets}
                targets += len(batch.targets)
                if key in told:
                    self._told[key] = told[key]
                    found += told[key].get(FOUND, 0) - total(told[key], Kind.DROPPED)
                    # What a letter leads to takes the place of what is counted already.
                    ahead += final_counts(told[key]) if batch.died is None else Counter()
            return progress_of(
                list(self.jobs.values()),
                elapsed=time.monotonic() - self._began,
                hosts=len(hosts),
                under_way=targets - ahead.total(),
                ahead=ahead,
                found=found,
                busy=bool(batches),
            )

    def leave(self, times: int) -> bool:
        if times > 1:
            return True
        if not self._draining:
            self._draining = True
            self.cloud.drain()
            self.cloud.cut_short()
            self._display.say(
                "stopping: what was asked for is waited for and kept, for some seconds; "
                "Ctrl-C again stops at once"
            )
        return self.cloud.drained()

    def stuck(self) -> bool:
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _QUEUE_TICK
        closing = any(
            self._closing.get(job, math.inf) > time.monotonic() for job in self._to_close()
        )
        if self.cloud.has_no_workers():
            return True
        # Twice: between two queues a message is in neither.
        self._idle = self._idle + 1 if self.cloud.idle() and not closing else 0
        return self._idle > 1

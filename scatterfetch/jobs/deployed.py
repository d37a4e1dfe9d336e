"""Jobs of a stack, watched from here. They go on whether anybody watches or not."""

import time
from collections.abc import Sequence

from scatterfetch.jobs.manifests import read_manifest
from scatterfetch.jobs.progress import Finished, Job, Progress, progress_of
from scatterfetch.jobs.stack import Stack
from scatterfetch.jobs.watch import Display, Interruptions, interruptions, watch
from shared.errors import StorageError
from shared.keys import job_prefix
from shared.ledger import ledger_of
from shared.receipts import RECEIPT_END

_LOOK_INTERVAL = 1.0  # seconds between two looks at a job, at least
_LOOK_SHARE = 5  # times as long as a look takes, at least
_QUIET_SECONDS = 300.0  # without news, until there is a word about it
"""Longer than a message is hidden whose worker has died."""
_BLIND_SECONDS = 300.0  # for which AWS may refuse a look at the jobs


class _Deployed:
    """Jobs of a stack, looked at from time to time."""

    def __init__(
        self, stack: Stack, jobs: Sequence[Job], display: Display, received: Interruptions
    ) -> None:
        self._stack = stack
        self._jobs = jobs
        self._display = display
        self._received = received
        self._began = self._news_at = time.monotonic()
        self._interval = _LOOK_INTERVAL
        self._blind_since: float | None = None
        self._seen: list[int] = []
        self._empty: set[str] = set()

    def wait(self) -> None:
        self._received.wait(self._interval)
        if self._received.count:
            return
        began = time.monotonic()
        try:
            for job in self._jobs:
                if not self._is_done(job):
                    self._look_at(job)
            self._blind_since = None
        except StorageError as error:
            self._bear(error, began)
        self._interval = max(_LOOK_INTERVAL, _LOOK_SHARE * (time.monotonic() - began))
        self._watch_for_news()

    def _bear(self, error: StorageError, at: float) -> None:
        """Look again later, since the jobs do not need us; but not for ever."""
        if self._blind_since is None:
            self._blind_since = at
            self._display.say(f"{error}; the jobs go on, and are looked at again")
        elif at > self._blind_since + _BLIND_SECONDS:
            raise StorageError(
                f"{error}; the jobs go on, `scatterfetch status {self._jobs[0].id} --stack "
                f"{self._stack.name}` says how far they are"
            ) from error

    def _look_at(self, job: Job) -> None:
        data = self._stack.data
        if job.manifest is None or not job.ledger.targets:
            # Again while there are no targets: then an error may follow.
            job.manifest = read_manifest(data, job.id)
        if job.manifest is not None:
            keys = data.keys(job_prefix(job.id), end=RECEIPT_END)
            job.ledger = ledger_of(job.manifest, keys)

    def _watch_for_news(self) -> None:
        seen = [len(job.ledger.receipts) + len(job.ledger.dispatched) for job in self._jobs]
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._news_at = seen, now
        elif now > self._news_at + _QUIET_SECONDS and not self.progress().delayed:
            self._news_at = now
            self._display.say(
                f"nothing has happened for {_QUIET_SECONDS / 60:.0f} minutes; `scatterfetch "
                f"deadletters --stack {self._stack.name}` shows what was given up on"
            )

    def _is_done(self, job: Job) -> bool:
        if job.done and not job.problem and not job.ledger.targets and job.id not in self._empty:
            self._empty.add(job.id)  # why there are none is written right after
            return False
        return job.done

    def progress(self) -> Progress:
        return progress_of(self._jobs, elapsed=time.monotonic() - self._began)

    def done(self) -> bool:
        return all(self._is_done(job) for job in self._jobs)

    def stuck(self) -> bool:
        return False  # nobody can tell from here

    def leave(self, times: int) -> bool:
        return times > 0


def wait_for(stack: Stack, jobs: Sequence[Job], display: Display) -> Finished:
    """Watch `jobs` of `stack` to their end, or until there is a signal; they go on all the same."""
    with interruptions() as received:
        deployed = _Deployed(stack, jobs, display, received)
        watch(deployed, display, received)
    return Finished(jobs, deployed.progress(), 0, interrupted=bool(received.count))

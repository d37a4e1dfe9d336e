"""
Looks whether jobs are healthy: early, by a part of their receipts, and at their end.

What the last healthy job of a list was like is kept for the next one.
"""

from collections.abc import Iterable

import msgspec

from functions.dispatcher.health import Health, LastJob, health_of, last_job
from shared.expect_spec import ExpectSpec
from shared.keys import checked_key, last_job_key, receipts_folder
from shared.manifest import Manifest
from shared.outcomes import FINAL
from shared.receipts import RECEIPT_END, receipt_counts, total
from shared.store import Bucket
from shared.tally import Tally, decode_tally

EARLY_URLS = 500
"""Final outcomes, from which on a job is looked at before its end."""
_MOST_RECEIPTS = 200  # that are read for it


class Checkup:
    """
    Args:
        data: The data bucket.
        manifest: Of the job.
        expect: Of its spec.
    """

    def __init__(self, data: Bucket, manifest: Manifest, expect: ExpectSpec) -> None:
        self._data = data
        self._manifest = manifest
        self._expect = expect

    def early(self) -> Health | None:
        """
        Return whether the job is healthy so far; None if it is too early, or was looked at before.

        Call `note_early` when that has been told.
        """
        if self._data.get(checked_key(self._manifest.job)) is not None:
            return None
        tally = Tally()
        for body in self._bodies(self._sample()):
            tally.add(decode_tally(body))
        if sum(total(tally.counts, kind) for kind in FINAL) < EARLY_URLS:
            return None
        return health_of(self._expect, tally, self._last(), is_whole=False)

    def note_early(self) -> None:
        """Let nobody look at the job again before its end."""
        self._data.put(checked_key(self._manifest.job), b"")

    def must_stop(self, health: Health) -> bool:
        """Tell whether the spec ends a job that is like this."""
        return any(one.check.split(".")[0] in self._expect.stop_when for one in health.unmet)

    def at_end(self, tally: Tally, *, is_whole: bool) -> Health:
        """
        Return whether a complete job is healthy; if so, the next one is compared with it.

        `is_whole` tells that it was neither cancelled nor cut off, and its list not damaged.
        """
        last = self._last()
        manifest = self._manifest
        if last is not None and last.created_at >= manifest.created_at:
            last = None  # it is this one, or a later one
        health = health_of(self._expect, tally, last, is_whole=is_whole)
        if health.healthy and is_whole:
            self._keep(last_job(manifest.job, manifest.created_at, tally))
        return health

    def _keep(self, job: LastJob) -> None:
        found = self._last()
        if found is None or found.created_at < job.created_at:
            self._data.put(last_job_key(self._manifest.scraper, job.job), msgspec.json.encode(job))

    def _last(self) -> LastJob | None:
        key = last_job_key(self._manifest.scraper, self._manifest.job)
        body = self._data.get(key) if self._manifest.scraper else None
        try:
            return None if body is None else msgspec.json.decode(body, type=LastJob)
        except msgspec.MsgspecError:
            return None  # damaged: there is nothing to compare with, and the next one writes it

    def _sample(self) -> Iterable[str]:
        """Yield the keys of receipts until they have enough outcomes."""
        count = 0
        folder = receipts_folder(self._manifest.job)
        for number, key in enumerate(self._data.keys(folder, end=RECEIPT_END)):
            counts = receipt_counts(key)
            count += sum(total(counts, kind) for kind in FINAL)
            yield key
            if count >= EARLY_URLS or number >= _MOST_RECEIPTS:
                return

    def _bodies(self, keys: Iterable[str]) -> Iterable[bytes]:
        for _, body in self._data.get_all(keys):
            if body is not None:
                yield body

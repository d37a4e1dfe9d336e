"""
Looks whether jobs are healthy: early, by a part of their receipts, and at their end.

What the last healthy job of a list was like is kept for the next one.
"""

from collections.abc import Iterable
from itertools import islice
from random import Random

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
EARLY_SHARE = 0.05
"""Of the list, likewise: the first batches may all be of one website."""
_MOST_RECEIPTS = 10_000  # that are looked at for it


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

    def early(self, listed: int) -> Health | None:
        """
        Return whether the job is healthy so far; None if it is too early, or was looked at before.

        Call `note_early` when that has been told.

        Args:
            listed: URLs of the list, as far as it is dispatched.
        """
        if self._data.get(checked_key(self._manifest.job)) is not None:
            return None
        tally = Tally()
        for body in self._bodies(self._sample(max(EARLY_URLS, listed * EARLY_SHARE))):
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
            self._data.put(self._key, msgspec.json.encode(job))

    def _last(self) -> LastJob | None:
        body = self._data.get(self._key) if self._manifest.scraper else None
        try:
            return None if body is None else msgspec.json.decode(body, type=LastJob)
        except msgspec.MsgspecError:
            return None  # damaged: there is nothing to compare with, and the next one writes it

    @property
    def _key(self) -> str:
        return last_job_key(self._manifest.scraper, self._manifest.list_id)

    def _sample(self, least: float) -> list[str]:
        """Return keys of receipts by chance, with enough outcomes; none if there are too few."""
        folder = receipts_folder(self._manifest.job)
        keys = list(islice(self._data.keys(folder, end=RECEIPT_END), _MOST_RECEIPTS))
        if sum(_final(key) for key in keys) < least and len(keys) < _MOST_RECEIPTS:
            return []
        Random(self._manifest.job).shuffle(keys)  # noqa: S311 -- the same for who looks again
        wanted, count = [], 0
        for key in keys:
            if count >= EARLY_URLS:
                break
            wanted.append(key)
            count += _final(key)
        return wanted

    def _bodies(self, keys: Iterable[str]) -> Iterable[bytes]:
        for _, body in self._data.get_all(keys):
            if body is not None:
                yield body


def _final(key: str) -> int:
    counts = receipt_counts(key)
    return sum(total(counts, kind) for kind in FINAL)

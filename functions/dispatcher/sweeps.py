"""
The last step of a job that is remembered: each partition is swept, by its owner, for what is gone.

Which partitions these are is written before the first of them is sent.
"""

from collections.abc import Mapping

import msgspec

from functions.dispatcher.written import message_of
from shared.ids import sweep_id
from shared.keys import memory_folder, sweep_key, swept_folder
from shared.manifest import Manifest
from shared.messages import Batch, encode
from shared.queue import Queue
from shared.receipts import ROWS_GONE, ROWS_UNSEEN, read_counts
from shared.store import Bucket
from shared.tally import Tally
from shared.wakes import Wakes

_LIMITS = ("max_pages", "max_pages_per_host")


class Sweep:
    """
    Args:
        data: The data bucket.
        work_queue: Where the sweeps go.
        wakes: Call for workers.
        manifest: Of the job.
        tally: Of all its receipts.
    """

    def __init__(
        self, data: Bucket, work_queue: Queue, wakes: Wakes, manifest: Manifest, tally: Tally
    ) -> None:
        cut = any(tally.cut.get(name) for name in _LIMITS)
        self._leads_known = not (tally.lost_leads or cut)
        self._pages_known = not (tally.lost_pages or tally.lost_leads or cut)
        self._data = data
        self._work_queue = work_queue
        self._wakes = wakes
        self._manifest = manifest
        self.gone = 0
        """Rows that are gone, by the partitions that are swept."""
        self.unseen = 0
        """Rows of which nobody can tell."""

    def advance(self) -> bool:
        """Send for what is not swept yet; tell whether there is nothing left of it."""
        swept = self._swept()
        self.gone = sum(counts.get(ROWS_GONE, 0) for counts in swept.values())
        self.unseen = sum(counts.get(ROWS_UNSEEN, 0) for counts in swept.values())
        left = [number for number in self._partitions() if number not in swept]
        if not left:
            return True
        # Again with each look, if it must be: whoever has swept a partition finds nothing more.
        job = self._manifest.job
        sweeps = (
            Batch(
                job=job,
                batch=sweep_id(number),
                partition=number,
                sweep=True,
                leads_known=self._leads_known,
                pages_known=self._pages_known,
            )
            for number in left
        )
        self._work_queue.send(message_of(sweep, encode(sweep)) for sweep in sweeps)
        self._wakes.for_partitions(len(left))
        return False

    def _swept(self) -> Mapping[int, Mapping[str, int]]:
        keys = self._data.keys(swept_folder(self._manifest.job))
        read = (read_counts(key.rpartition("/")[2]) for key in keys)
        return {int(partition): counts for partition, counts in read}

    def _partitions(self) -> list[int]:
        key = sweep_key(self._manifest.job)
        body = self._data.get(key)
        if body is None:
            folder = memory_folder(self._manifest.scraper)
            names = (key.removeprefix(folder).partition(".")[0] for key in self._data.keys(folder))
            body = msgspec.json.encode(sorted({int(name) for name in names if name.isdigit()}))
            if not self._data.put_new(key, body):
                body = self._data.get(key) or body
        numbers: list[int] = msgspec.json.decode(body, type=list[int])
        return numbers

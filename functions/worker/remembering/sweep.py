"""
What is gone: remembered pages and rows that a job of their list has not found any more.

Looked for at the end of a job, in one partition after the other, each by its owner. Where nobody
can tell, nothing is gone: what could not be had may be there, and what it leads to as well.
"""

from collections import Counter

from msgspec.structs import replace

from functions.worker.remembering.changes import Change, ChangesFile, counts_of, iso
from functions.worker.remembering.entries import Entry, Hash, PageEntry, RowEntry
from functions.worker.remembering.memory import Memory
from shared.keys import changes_key
from shared.messages import Batch
from shared.receipts import ROWS_UNSEEN
from shared.remember_spec import RememberSpec
from shared.store import Bucket

_TOGETHER = 2_000  # entries that are written at once


class Sweep:
    """
    Looks for what is gone in one partition.

    Args:
        memory: Of the partition.
        batch: Says which job, and what its end is known of; see `shared.messages.Batch`.
        remember: Of the spec.
        list_id: Of the job.
        started: When the job began, in epoch seconds.
        now: Likewise.
    """

    def __init__(
        self,
        memory: Memory,
        batch: Batch,
        remember: RememberSpec,
        list_id: str,
        *,
        started: float,
        now: float,
    ) -> None:
        self._memory = memory
        self._batch = batch
        self._remember = remember
        self._list = list_id
        self._started = started
        self._now = now

    def run(self, data: Bucket) -> Counter[str]:
        """
        Write what is gone, and forget it; return the counts of changes.

        Raises:
            StorageError: something cannot be read or written. It may be done again.
        """
        key = changes_key(self._batch.job, self._batch.batch)
        body = data.get(key)
        unknown = self._unknown_pages()
        if body is None:  # else an earlier worker has come so far
            file = ChangesFile()
            for number, entry in self._memory.entries():
                if self._is_missing(number, entry, unknown):
                    if self._missed(entry) >= self._remember.gone_after:
                        self._tell(file, entry)
                elif self._is_unseen(entry):
                    file.counts[ROWS_UNSEEN] += 1
            body = file.close()
            if not data.put_new(key, body):
                body = data.get(key) or body
        self._forget(unknown)
        return counts_of(body)

    def _tell(self, file: ChangesFile, entry: Entry) -> None:
        at = iso(self._now)
        if isinstance(entry, RowEntry):
            file.add(Change(change="gone", key=entry.key, url=entry.url, at=at))
        elif entry.count:
            file.add(Change(change="gone", key=None, url=entry.url, at=at))

    def _forget(self, unknown: set[Hash]) -> None:
        some: dict[Hash, Entry | None] = {}
        for number, entry in self._memory.entries():
            if self._is_missing(number, entry, unknown):
                missed = self._missed(entry)
                # A later `at` would make it one that was asked for: it yields to its equal.
                left = replace(entry, missed=missed, missed_in=self._batch.job)
                some[number] = left if missed < self._remember.gone_after else None
            elif entry.at < self._now - self._remember.seconds:
                some[number] = None
            if len(some) == _TOGETHER:
                self._memory.merge(some)
                some = {}
        self._memory.merge(some)

    def _is_unseen(self, entry: Entry) -> bool:
        """Tell whether an entry is a row, or stands for one, that the job has not seen."""
        if entry.list_id != self._list or entry.at >= self._started:
            return isinstance(entry, PageEntry) and self._is_unread(entry)
        return entry.job != self._batch.job and (isinstance(entry, RowEntry) or bool(entry.count))

    def _is_unread(self, page: PageEntry) -> bool:
        return page.job == self._batch.job and bool(page.count) and not page.was_read_in(page.job)

    def _missed(self, entry: Entry) -> int:
        """Return in how many jobs an entry was missing, with this one."""
        return entry.missed if entry.missed_in == self._batch.job else entry.missed + 1

    def _unknown_pages(self) -> set[Hash]:
        """Return the remembered pages that may be there, though the job has not read them."""
        return {
            number
            for number, entry in self._memory.entries()
            if isinstance(entry, PageEntry) and self._is_unknown(entry)
        }

    def _is_unknown(self, page: PageEntry) -> bool:
        if page.job == self._batch.job:
            return not (page.is_gone or page.was_read_in(page.job))
        if page.at >= self._started or page.list_id != self._list:
            return True  # another job's
        may_be_led_to = page.is_found and not self._batch.leads_known
        return may_be_led_to or (page.location != page.url and not self._batch.pages_known)

    def _is_missing(self, number: Hash, entry: Entry, unknown: set[Hash]) -> bool:
        job = self._batch.job
        if isinstance(entry, PageEntry):
            return number not in unknown and (entry.job != job or entry.is_gone)
        if entry.job == job or entry.at >= self._started or entry.list_id != self._list:
            return False
        # A row among others may be on another page by now.
        return entry.page not in unknown and (entry.is_alone or self._batch.pages_known)

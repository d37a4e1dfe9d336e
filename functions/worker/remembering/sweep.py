"""
What is gone: remembered pages and rows that a job of their list has not found any more.

Looked for at the end of a job, in one partition after the other, each by its owner.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from functions.worker.remembering.changes import Change, ChangesFile, counts_of, iso
from functions.worker.remembering.entries import Entry, Hash, PageEntry, RowEntry
from functions.worker.remembering.memory import Memory
from shared.ids import list_of
from shared.keys import changes_key
from shared.messages import Batch
from shared.remember_spec import RememberSpec
from shared.store import Bucket

_TOGETHER = 5_000  # entries that are written at once


class _Pages(NamedTuple):
    """
    The remembered pages of a job's list, by what the job says of them.

    `gone` are those that the website says are gone, or that nobody has asked for. Of the `unknown`
    ones nobody can tell: they could not be had, or the page could not that leads to them.
    """

    gone: set[Hash]
    unknown: set[Hash]


def sweep(
    data: Bucket,
    memory: Memory,
    batch: Batch,
    remember: RememberSpec,
    *,
    started: float,
    now: float,
) -> Counter[str]:
    """
    Write what is gone, and forget it; return the counts of changes.

    Args:
        data: The data bucket.
        memory: Of the batch's partition.
        batch: Says which job, and nothing else.
        remember: Of the spec.
        started: When the job began, in epoch seconds.
        now: Likewise.

    Raises:
        StorageError: something cannot be read or written. It may be done again.
    """
    pages = _pages(memory, batch.job, started)
    file = ChangesFile()
    entries: dict[Hash, Entry | None] = {}
    for number, entry in memory.entries():
        if not _is_missing(number, entry, pages, batch.job, started):
            if entry.at < now - remember.seconds:
                entries[number] = None
            continue
        missed = entry.missed if entry.missed_in == batch.job else entry.missed + 1
        if missed < remember.gone_after:
            # A later `at` would make it one that was asked for: an entry yields to its equal.
            entries[number] = replace(entry, missed=missed, missed_in=batch.job)
            continue
        entries[number] = None
        if isinstance(entry, RowEntry):
            file.add(Change(change="gone", key=entry.key, url=entry.url, at=iso(now)))
        elif entry.count:
            file.add(Change(change="gone", key=None, url=entry.url, at=iso(now)))
    counts = file.counts
    key = changes_key(batch.job, batch.batch)
    if not file.is_empty and not data.put_new(key, file.close()):
        counts = counts_of(data.get(key) or b"")
    waiting = iter(entries.items())
    while some := dict(_first(waiting)):
        memory.merge(some)
    return +counts


def _pages(memory: Memory, job: str, started: float) -> _Pages:
    gone: set[Hash] = set()
    unknown: set[Hash] = set()
    led_to: dict[Hash, Hash | None] = {}
    for number, entry in memory.entries():
        if not isinstance(entry, PageEntry):
            continue
        if _was_asked(entry, job, started):
            if entry.is_gone:
                gone.add(number)
            elif entry.job == job and not entry.was_read_in(job):
                unknown.add(number)
        elif list_of(entry.job) == list_of(job):
            led_to[number] = entry.found_on
    waiting = True
    while waiting:
        more = {n for n, found_on in led_to.items() if found_on in unknown and n not in unknown}
        unknown |= more
        waiting = bool(more)
    gone |= led_to.keys() - unknown
    return _Pages(gone, unknown)


def _is_missing(number: Hash, entry: Entry, pages: _Pages, job: str, started: float) -> bool:
    if isinstance(entry, PageEntry):
        return number in pages.gone
    if _was_asked(entry, job, started) or list_of(entry.job) != list_of(job):
        return False
    return entry.page not in pages.unknown


def _was_asked(entry: Entry, job: str, started: float) -> bool:
    """Tell whether the job, or another one since it began, has come across it."""
    return entry.job == job or entry.at >= started


def _first(entries: Iterable[tuple[Hash, Entry | None]]) -> Iterable[tuple[Hash, Entry | None]]:
    for count, entry in enumerate(entries, start=1):
        yield entry
        if count == _TOGETHER:
            return

"""
Step 4 of the commit for jobs that are remembered: what has changed, and what the next job knows.

Made of the committed lines and of what is remembered. Changes are written first, once; whoever does
it again finds them, or finds that the batch is remembered already.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from functions.worker.remembering.changes import (
    Change,
    ChangesFile,
    changed_fields,
    counts_of,
    iso,
)
from functions.worker.remembering.entries import (
    Entry,
    Hash,
    Line,
    PageEntry,
    RowEntry,
    compared,
    digest,
    page_hash,
    row_hash,
    row_key,
)
from functions.worker.remembering.memory import Memory
from shared.keys import changes_key
from shared.messages import Batch
from shared.outcomes import FINAL, Kind, RememberedLine
from shared.store import Bucket

_GONE = {404, 410}
KeyOf = Callable[[str | None], Sequence[str]]


class _Noted(NamedTuple):
    """A final line: its place, its page, and of a scraped one the rows that have a key."""

    place: Line
    line: RememberedLine
    page: Hash
    keyed: tuple[tuple[Hash, RowEntry], ...]
    unkeyed: int
    """Rows for which the spec names no key."""


def note(
    data: Bucket,
    memory: Memory,
    batch: Batch,
    lines: Sequence[RememberedLine],
    *,
    key_of: KeyOf,
    watch: Sequence[str],
) -> Counter[str]:
    """
    Write what has changed and what the next job is to know; return the counts of changes.

    Args:
        data: The data bucket.
        memory: Of the batch's partition.
        batch: The batch.
        lines: What was committed.
        key_of: Returns the columns of the key of rows of a page kind.
        watch: The columns that are compared; none: all.

    Raises:
        StorageError: something cannot be read or written. It may be done again.
    """
    noted = list(_noted(batch, lines, key_of, watch))
    numbers = {one.page for one in noted} | {n for one in noted for n, _ in one.keyed}
    known = memory.read(numbers)
    key = changes_key(batch.job, batch.batch)
    if any(_is_of(entry, batch) for entry in known.values()):
        # An earlier worker has come so far, so its changes are written, if there were any.
        counts = _written(data, key, noted)
    else:
        file = _changes(noted, known, memory, watch)
        counts = file.counts
        if not file.is_empty and not data.put_new(key, file.close()):
            counts = _written(data, key, noted)
    memory.merge(_entries(noted, known))
    return +counts


def _noted(
    batch: Batch, lines: Iterable[RememberedLine], key_of: KeyOf, watch: Sequence[str]
) -> Iterator[_Noted]:
    for number, line in enumerate(lines):
        if line.outcome not in FINAL or line.method != "GET":
            continue
        place = Line(batch.job, batch.batch, number)
        page = page_hash(line.url)
        columns = key_of(line.page)
        keyed: dict[Hash, RowEntry] = {}
        if line.memory is not None and columns:
            for index, row in enumerate(line.rows):
                if (key := row_key(row, columns)) is None:
                    continue
                entry = RowEntry(
                    key=key,
                    url=line.url,
                    at=line.fetched_at.timestamp(),
                    job=batch.job,
                    page=page,
                    line=place,
                    index=index,
                    rows=digest(compared(row, watch)),
                    basis=line.memory.basis,
                )
                keyed.setdefault(row_hash(line.page, key), entry)
        unkeyed = 0 if columns or line.memory is None else len(line.rows)
        yield _Noted(place, line, page, tuple(keyed.items()), unkeyed)


def _is_of(entry: Entry, batch: Batch) -> bool:
    return (entry.line.job, entry.line.batch) == (batch.job, batch.batch)


def _written(data: Bucket, key: str, noted: Iterable[_Noted]) -> Counter[str]:
    """Return the counts of changes that are written, and of the rows that stayed the same."""
    body = data.get(key)
    counts = Counter[str]() if body is None else counts_of(body)
    rows = len({n for one in noted for n, _ in one.keyed}) + sum(one.unkeyed for one in noted)
    counts["rows_same"] = max(0, rows - counts["rows_new"] - counts["rows_changed"])
    return counts


def _changes(
    noted: Iterable[_Noted], known: Mapping[Hash, Entry], memory: Memory, watch: Sequence[str]
) -> ChangesFile:
    old_lines = memory.lines(_places_of_old_values(noted, known))
    file = ChangesFile()
    seen: set[Hash] = set()
    for one in noted:
        for number, row in one.keyed:
            if number in seen:
                continue  # another page of the batch has it
            seen.add(number)
            _compare_row(file, one, row, known.get(number), old_lines, watch)
        _compare_page(file, one, known.get(one.page), old_lines, watch)
    return file


def _places_of_old_values(noted: Iterable[_Noted], known: Mapping[Hash, Entry]) -> set[Line]:
    """Return where the rows are of which the old values are wanted."""
    places = set()
    for one in noted:
        for number, row in one.keyed:
            entry = known.get(number)
            if entry is not None and entry.rows != row.rows:
                places.add(entry.line)
        if one.unkeyed and one.line.change == "changed" and one.page in known:
            places.add(known[one.page].line)
    return places


def _compare_row(
    file: ChangesFile,
    one: _Noted,
    row: RowEntry,
    entry: Entry | None,
    old_lines: Mapping[Line, RememberedLine],
    watch: Sequence[str],
) -> None:
    if not isinstance(entry, RowEntry) or entry.basis != row.basis:
        file.add(_change("new", row.key, one))
    elif entry.rows == row.rows or (entry.job == row.job and entry.page != row.page):
        file.same()  # or another page of this job has shown it before
    else:
        old = old_lines.get(entry.line)
        fields = None
        if old is not None and entry.index < len(old.rows):
            fields = changed_fields(old.rows[entry.index], one.line.rows[row.index], watch)
        file.add(_change("changed", row.key, one, fields))


def _compare_page(
    file: ChangesFile,
    one: _Noted,
    entry: Entry | None,
    old_lines: Mapping[Line, RememberedLine],
    watch: Sequence[str],
) -> None:
    rows = one.line.rows[: one.unkeyed]
    if not rows:
        if isinstance(entry, PageEntry) and entry.count and one.line.change == "changed":
            file.add(_change("gone", None, one))
        return
    if one.line.change == "same":
        file.same(len(rows))
        return
    old = old_lines.get(entry.line) if one.line.change == "changed" and entry else None
    if one.line.change == "new" or (old is not None and not old.rows):
        for _ in rows:
            file.add(_change("new", None, one))
        return
    if old is None or len(rows) != 1 or len(old.rows) != 1:
        file.add(_change("changed", None, one))
        file.same(len(rows) - 1)
        return
    file.add(_change("changed", None, one, changed_fields(old.rows[0], rows[0], watch)))


def _change(
    change: str,
    key: dict[str, object] | None,
    one: _Noted,
    fields: dict[str, tuple[object, object]] | None = None,
) -> Change:
    at = iso(one.line.fetched_at.timestamp())
    return Change(
        change=change,  # type: ignore[arg-type] # a str of the three
        key=key,
        url=one.line.url,
        fields=fields,
        at=at,
        page=one.line.page,
    )


def _entries(noted: Iterable[_Noted], known: Mapping[Hash, Entry]) -> dict[Hash, Entry | None]:
    entries: dict[Hash, Entry | None] = {}
    for one in noted:
        entry = _page_entry(one, known.get(one.page))
        if entry is not None:
            entries[one.page] = entry
        for number, row in one.keyed:
            entries.setdefault(number, row)
    return entries


def _page_entry(one: _Noted, known: Entry | None) -> PageEntry | None:
    line, memory = one.line, one.line.memory
    at = line.fetched_at.timestamp()
    if memory is None or line.outcome is not Kind.SCRAPED:
        if not isinstance(known, PageEntry):
            return None
        is_gone = line.outcome is Kind.FAILED and line.status in _GONE
        return replace(known, at=at, job=one.place.job, is_gone=is_gone, missed=0, missed_in="")
    return PageEntry(
        url=line.url,
        at=at,
        job=one.place.job,
        line=one.place,
        location=line.final_url or line.url,
        etag=line.etag,
        last_modified=line.last_modified,
        whole=memory.whole,
        basis=memory.basis,
        content=memory.content,
        rows=memory.rows,
        count=one.unkeyed,
        found_on=page_hash(line.found_on) if line.found_on else None,
    )

"""
Step 4 of the commit for jobs that are remembered: what has changed, and what the next job knows.

Made of the committed lines and of what is remembered. Changes are written first, once, and always:
whoever does it again finds them. Lines are read a few at a time: of a batch with many rows, memory
holds some.
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
_ROWS_TOGETHER = 2_000
KeyOf = Callable[[str | None], Sequence[str]]


class _Noted(NamedTuple):
    """A final line: its place, its page, and of a scraped one the rows that have a key."""

    place: Line
    line: RememberedLine
    page: Hash
    keyed: tuple[tuple[Hash, RowEntry], ...]
    unkeyed: int
    """Rows for which the spec names no key."""
    list_id: str


def note(
    data: Bucket,
    memory: Memory,
    batch: Batch,
    read: Callable[[], Iterable[RememberedLine]],
    *,
    list_id: str,
    key_of: KeyOf,
    watch: Sequence[str],
) -> Counter[str]:
    """
    Write what has changed and what the next job is to know; return the counts of changes.

    Args:
        data: The data bucket.
        memory: Of the batch's partition.
        batch: The batch.
        read: Reads what was committed, as often as it is called.
        list_id: Of the job.
        key_of: Returns the columns of the key of rows of a page kind.
        watch: The columns that are compared; none: all.

    Raises:
        StorageError: something cannot be read or written. It may be done again.
    """
    key = changes_key(batch.job, batch.batch)
    body = data.get(key)

    def noted() -> Iterator[list[_Noted]]:
        return _together(_noted(batch, read(), list_id, key_of, watch))

    if body is None:  # else an earlier worker has come so far
        file = ChangesFile()
        seen: set[Hash] = set()
        for some in noted():
            _compare(file, some, memory.read(_numbers(some)), memory, watch, seen)
        body = file.close()
        if not data.put_new(key, body):
            body = data.get(key) or body
    for some in noted():
        memory.merge(_entries(some, memory.read(_numbers(some))))
    return +counts_of(body)


def _together(noted: Iterable[_Noted]) -> Iterator[list[_Noted]]:
    """Yield lines in pieces of so many rows that memory need not care."""
    some: list[_Noted] = []
    rows = 0
    for one in noted:
        some.append(one)
        rows += 1 + len(one.line.rows)
        if rows >= _ROWS_TOGETHER:
            yield some
            some, rows = [], 0
    yield some


def _numbers(noted: Iterable[_Noted]) -> set[Hash]:
    numbers = set()
    for one in noted:
        numbers.add(one.page)
        numbers.update(number for number, _ in one.keyed)
    return numbers


def _noted(
    batch: Batch,
    lines: Iterable[RememberedLine],
    list_id: str,
    key_of: KeyOf,
    watch: Sequence[str],
) -> Iterator[_Noted]:
    for number, line in enumerate(lines):
        if line.outcome not in FINAL or line.method != "GET":
            continue
        place = Line(batch.job, batch.batch, number)
        page = page_hash(line.url)
        columns = key_of(line.page)
        keyed: dict[Hash, RowEntry] = {}
        is_readable = line.memory is not None and not any(
            problem.is_no_match for problem in line.problems
        )
        if line.memory is not None and is_readable and columns:
            for index, row in enumerate(line.rows):
                if (key := row_key(row, columns)) is None:
                    continue
                entry = RowEntry(
                    key=key,
                    url=line.url,
                    at=line.fetched_at.timestamp(),
                    job=batch.job,
                    list_id=list_id,
                    page=page,
                    line=place,
                    index=index,
                    is_alone=len(line.rows) == 1,
                    rows=digest(compared(row, watch)),
                    basis=line.memory.basis,
                )
                keyed.setdefault(row_hash(line.page, key), entry)
        unkeyed = len(line.rows) if is_readable and not columns else 0
        yield _Noted(place, line, page, tuple(keyed.items()), unkeyed, list_id)


def _compare(
    file: ChangesFile,
    noted: Iterable[_Noted],
    known: Mapping[Hash, Entry],
    memory: Memory,
    watch: Sequence[str],
    seen: set[Hash],
) -> None:
    """Tell `file` what has changed; `seen` are the rows that other pages of the batch had."""
    old_lines = memory.lines(_places_of_old_values(noted, known))
    for one in noted:
        for number, row in one.keyed:
            if number in seen:
                continue
            seen.add(number)
            _compare_row(file, one, row, known.get(number), old_lines, watch)
        _compare_page(file, one, known.get(one.page), old_lines, watch)


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
    elif entry.rows == row.rows or _is_of_other_page(entry, row):
        file.same()
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
            before = known.get(number)
            # Of a row that two pages of a job have, the first one is compared: it is remembered.
            if not (
                isinstance(before, RowEntry) and before.job == row.job and before.page != row.page
            ):
                entries.setdefault(number, row)
    return entries


def _is_of_other_page(entry: Entry | None, row: RowEntry) -> bool:
    """Tell whether another page of the same job has shown a row before."""
    return isinstance(entry, RowEntry) and entry.job == row.job and entry.page != row.page


def _page_entry(one: _Noted, known: Entry | None) -> PageEntry | None:
    line, memory = one.line, one.line.memory
    at = line.fetched_at.timestamp()
    former = known if isinstance(known, PageEntry) else None
    if memory is None or line.outcome is not Kind.SCRAPED or _has_lost_its_rows(one, former):
        if former is None:
            return None
        is_gone = line.outcome is Kind.FAILED and line.status in _GONE
        missed = (former.missed, former.missed_in) if is_gone else (0, "")
        return replace(
            former,
            at=at,
            job=one.place.job,
            list_id=one.list_id,
            is_gone=is_gone,
            missed=missed[0],
            missed_in=missed[1],
        )
    return PageEntry(
        url=line.url,
        at=at,
        job=one.place.job,
        list_id=one.list_id,
        line=one.place,
        location=line.final_url or line.url,
        etag=line.etag,
        last_modified=line.last_modified,
        whole=memory.whole,
        basis=memory.basis,
        content=memory.content,
        rows=memory.rows,
        count=one.unkeyed,
        has_rows=bool(line.rows),
        is_found=line.found_on is not None,
    )


def _has_lost_its_rows(one: _Noted, former: PageEntry | None) -> bool:
    """
    Tell whether a page had rows, and has none that the spec can name.

    It may say "back soon", or have another layout: nobody can tell what is gone.
    """
    return former is not None and former.has_rows and not (one.keyed or one.unkeyed)

"""What has changed from job to job, as a table: read from the files below `changes/`."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

import msgspec

from functions.worker.remembering.changes import Change, read_changes
from scatterfetch.results.columns import Column, Survey
from scatterfetch.results.delimited import write_delimited
from scatterfetch.results.finals import Report
from scatterfetch.results.formats import Format
from scatterfetch.results.parquet import write_parquet
from scatterfetch.results.workbook import write_workbook
from shared.keys import changes_prefix

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

_ORDER = {"new": 0, "changed": 1, "gone": 2}
_LAST = ("url", "field", "old", "new", "at")


class JobChange(NamedTuple):
    """A change, and the job that has found it."""

    job: str
    change: Change


Changes: TypeAlias = Callable[[], Iterable[JobChange]]
"""Reads changes; they can be read as often as need be."""


def changes_of(place: "Folder | Stack", jobs: Iterable[str]) -> Iterator[JobChange]:
    """
    Yield what `jobs` have found to be changed, job by job, then by kind of change and key.

    Raises:
        StorageError: a file cannot be read.
    """
    for job in jobs:
        found: list[Change] = []
        for key in place.data.keys(changes_prefix(job)):
            found += read_changes(place.data.get(key) or b"")
        found.sort(key=lambda one: (_ORDER[one.change], str(one.key), one.url))
        for change in found:
            yield JobChange(job, change)


def write_changes(
    read: Changes, output: Format, file: BinaryIO, report: Report, *, excel: bool = False
) -> None:
    """
    Write changes to `file`: as they are in JSON lines, else a record for each value.

    Raises:
        InvalidJobError: they do not fit the format.
    """
    if output is Format.JSONL:
        for job, change in read():
            line = {"job": job} | msgspec.to_builtins(change)
            file.write(msgspec.json.encode(line) + b"\n")
        return
    found = _survey(_records(read()))
    if excel and output.is_delimited:
        file.write(codecs.BOM_UTF8)
    match output:
        case Format.CSV:
            write_delimited(list(found.columns), _records(read()), file, ",")
        case Format.TSV:
            write_delimited(list(found.columns), _records(read()), file, "\t")
        case Format.PARQUET:
            write_parquet(found.columns, _records(read()), file)
        case Format.XLSX:
            write_workbook(found, _records(read()), file, report)


def _records(changes: Iterable[JobChange]) -> Iterator[dict[str, Any]]:
    """Yield a record for each value that has changed, and for each row that is new or gone."""
    for job, change in changes:
        common = {"job": job, "change": change.change, **(change.key or {}), "url": change.url}
        nothing: dict[str | None, tuple[Any, Any]] = {None: (None, None)}
        for field, (old, new) in (change.fields or nothing).items():
            yield common | {"field": field, "old": old, "new": new, "at": change.at}


def _survey(records: Iterable[dict[str, Any]]) -> Survey:
    found = Survey({"job": Column(), "change": Column()})
    last = {name: Column(dates=name == "at") for name in _LAST}
    for record in records:
        found.records += 1
        for name, value in record.items():
            columns = last if name in last else found.columns
            columns.setdefault(name, Column()).add(value)
    found.columns |= last
    return found

"""The formats that a table is written in, and the file that it is written to."""

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum, auto
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import msgspec

from scatterfetch.results.columns import survey
from scatterfetch.results.delimited import write_delimited
from scatterfetch.results.finals import Report
from scatterfetch.results.parquet import write_parquet
from scatterfetch.results.table import Record, Table
from scatterfetch.results.workbook import write_workbook
from shared.errors import InvalidJobError


class Format(StrEnum):
    JSONL = auto()
    CSV = auto()
    TSV = auto()
    PARQUET = auto()
    XLSX = auto()

    @property
    def is_delimited(self) -> bool:
        return self in {Format.CSV, Format.TSV}

    @property
    def is_text(self) -> bool:
        return self not in _WRITER_PACKAGES


_WRITER_PACKAGES = {Format.PARQUET: "pyarrow", Format.XLSX: "xlsxwriter"}


def format_of(path: Path) -> Format:
    """
    Return the format that the name of `path` ends with.

    Raises:
        InvalidJobError: it ends with none.
    """
    try:
        return Format(path.suffix.lower().removeprefix("."))
    except ValueError as error:
        raise InvalidJobError(
            f"cannot tell the format from the name {path.name}: let it end with "
            f"{', '.join(f'.{known}' for known in Format)}, or add --format"
        ) from error


def prepare(output: Format) -> None:
    """
    Raises:
        InvalidJobError: the package that writes `output` is not installed.
    """
    package = _WRITER_PACKAGES.get(output)
    if package is None:
        return
    try:
        import_module(package)
    except ImportError as error:
        raise InvalidJobError(
            f"--format {output} needs the package {package}, which is not installed: "
            f"`pip install 'scatterfetch[{output}]'`, or `pip install {package}`"
        ) from error


def write(
    table: Table, output: Format, file: BinaryIO, report: Report, *, excel: bool = False
) -> int:
    """
    Write `table` to `file`; return how many records it has.

    With `excel`, CSV and TSV begin with the mark by which Excel knows UTF-8.

    Raises:
        InvalidJobError: the table does not fit the format.
    """
    count = 0

    def records() -> Iterator[Record]:
        nonlocal count
        for record in table.records(report):
            count += 1
            yield record

    if excel and output.is_delimited:
        file.write(codecs.BOM_UTF8)
    match output:
        case Format.JSONL:
            file.writelines(msgspec.json.encode(record) + b"\n" for record in records())
        case Format.CSV:
            write_delimited(list(survey(table).columns), records(), file, ",")
        case Format.TSV:
            write_delimited(list(survey(table).columns), records(), file, "\t")
        case Format.PARQUET:
            write_parquet(survey(table).columns, records(), file)
        case Format.XLSX:
            write_workbook(survey(table), records(), file, report)
    return count


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """
    Open a file that takes the place of `path` at the end, and only if nothing goes wrong.

    Raises:
        InvalidJobError: it cannot be written there.
    """
    in_place = path.exists() and not path.is_file()  # a device or a pipe is not replaced
    target = path.resolve()  # nor is a link
    partial = target if in_place else target.with_name(f".scatterfetch-{os.getpid()}.tmp")
    try:
        file = partial.open("wb")
    except OSError as error:
        raise InvalidJobError(f"cannot write {path}: {error.strerror}") from error
    try:
        with file:
            yield file
        if not in_place:
            partial.replace(target)
    except BaseException as error:
        if not in_place:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # such as of a full disk
            error.filename = str(path)
        raise

"""
Results as tables: what `scatterfetch results` reads and writes.

The files are read more than once, first for what must be known of all records (the columns),
then to write them, so that memory holds one outcome at a time however many there are. Knows
nothing of the command line; the terminal and the exit status are the caller's.
"""

import codecs
import csv
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from functools import cached_property, partial
from importlib import import_module
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, NamedTuple

import msgspec
from msgspec import inspect, structs

from scatterfetch.runs.deployment import READERS, Folder, Stack, place_option
from shared.errors import InvalidJobError
from shared.ids import generation, last_generations
from shared.keys import JOBS, receipts_folder, results_key, results_prefix
from shared.outcomes import Kind, Outcome
from shared.receipts import RECEIPT_END, receipt_batch

MAX_COLUMNS = 10_000
MAX_SHEET_ROWS = 1_048_576  # of Excel, the header included
MAX_CELL_CHARS = 32_767  # of Excel, in UTF-16
_AHEAD = 2 * READERS
_ROW_GROUP_BYTES = 32 * 1024 * 1024  # of records in memory, for one row group of Parquet
_EXACT = 2**53  # up to which a float holds every integer; Excel knows floats only
_INT64 = 2**63
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_JOB_FOLDER = results_prefix("").rstrip("/")  # results/job=
_SUFFIX = ".jsonl.gz"

Record = dict[str, Any]
Report = Callable[[str], None]
"""Takes a sentence about something that did not make it into the table."""


class Format(StrEnum):
    JSONL = auto()
    CSV = auto()
    TSV = auto()
    PARQUET = auto()
    XLSX = auto()

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


def _at_hand() -> None:
    pass


class ResultFile(NamedTuple):
    """The outcomes of one batch. `fetch` is called before they are read."""

    job: str
    path: Path
    fetch: Callable[[], None] = _at_hand

    @property
    def batch(self) -> str:
        return self.path.name.removesuffix(_SUFFIX)


def find_results(folder: Path, job: str | None = None) -> list[ResultFile]:
    """
    Return the files of `folder`, of all jobs or of one: by job, then in the order of batches.

    Raises:
        InvalidJobError: there are none. The message says what to do.
    """
    found = [
        ResultFile(path.parent.name.partition("=")[2], path)
        for path in folder.glob(f"{_JOB_FOLDER}*/*{_SUFFIX}")
    ]
    if not found:
        what = "has no results" if folder.is_dir() else "is no folder"
        raise InvalidJobError(
            f"{folder} {what}; name the folder that `scatterfetch run` was given as --out"
        )
    jobs = sorted({file.job for file in found})
    if job is not None and job not in jobs:
        raise InvalidJobError(f"{folder} has no results of the job {job!r}; it has {_some(jobs)}")
    return sorted((file for file in found if job in {None, file.job}), key=_batch_order)


@contextmanager
def fetched_results(stack: Stack, job: str) -> Iterator[list[ResultFile]]:
    """
    Return the files of a job of `stack`, as `find_results` does.

    Each is fetched once, some ahead of the one that is read, and kept on the disk to the end of
    the block: tables read more than once.

    Raises:
        InvalidJobError: there are none.
    """
    keys = list(stack.data.keys(results_prefix(job)))
    if not keys:
        raise InvalidJobError(
            f"{stack} has no results of a job {job!r}; `scatterfetch jobs {place_option(stack)}` "
            "lists its jobs"
        )
    with (
        TemporaryDirectory(prefix="scatterfetch-") as scratch,
        ThreadPoolExecutor(READERS) as pool,
    ):
        files = sorted(
            (ResultFile(job, Path(scratch) / key.rpartition("/")[2]) for key in keys),
            key=_batch_order,
        )
        begun: dict[int, Future[None]] = {}

        def download(path: Path) -> None:
            body = stack.data.get(f"{results_prefix(job)}{path.name}")
            path.write_bytes(body or b"")

        def fetch(number: int) -> None:
            for ahead in range(number, min(number + _AHEAD, len(files))):
                if ahead not in begun:
                    begun[ahead] = pool.submit(download, files[ahead].path)
            begun[number].result()

        try:
            yield [file._replace(fetch=partial(fetch, number)) for number, file in enumerate(files)]
        finally:
            pool.shutdown(cancel_futures=True)


def gone_results(
    place: Folder | Stack, job: str | None, files: Sequence[ResultFile]
) -> Iterator[str]:
    """
    Yield a sentence for each job that has committed outcomes which are not there any more.

    Args:
        place: Where the jobs are.
        job: One of them; None: all of a folder.
        files: What was found.
    """
    found = {(file.job, file.batch) for file in files}
    for one in [job] if job else place.data.folders(JOBS):
        keys = place.data.keys(receipts_folder(one), end=RECEIPT_END)
        missing = [key for key in keys if (one, receipt_batch(key)) not in found]
        if not missing:
            continue
        # Of a job that goes on there may be more by now than was found.
        there = {key for key, _ in place.data.sizes(results_prefix(one))}
        gone = {results_key(one, receipt_batch(key)) for key in missing} - there
        if gone:
            more = f", nor are {len(gone) - 1:,} more" if len(gone) > 1 else ""
            yield (
                f"{place.address(min(gone))} was committed and is not there any more{more}; "
                f"`scatterfetch status {one} {place_option(place)}` says how many URLs that are"
            )


def _batch_order(file: ResultFile) -> tuple[str, list[tuple[int, str]]]:
    # What a batch deferred comes after it, and the tenth of that after the second.
    return file.job, [(len(part), part) for part in file.batch.split("-")]


def _ignore(_sentence: str) -> None:
    pass


@dataclass(frozen=True)
class Table:
    """
    Records that can be read as often as need be.

    One for each row of the final outcomes (of each target the last), or with `outcomes` one for
    each of these themselves. With `explode` one for each element of that field of a row.
    """

    files: Sequence[ResultFile]
    outcomes: bool = False
    explode: str | None = None

    @property
    def with_job(self) -> bool:
        """Whether records name their job; they need not where there is only one."""
        return self.files[0].job != self.files[-1].job

    def records(self, report: Report = _ignore) -> Iterator[Record]:
        """
        Yield the records, in the order of the files and their lines.

        What is damaged is left out and told to `report`, once a file.
        """
        for file, outcome in self.last_outcomes(report):
            beside = {"job": file.job} if self.with_job else {}
            if self.outcomes:
                record = beside | structs.asdict(outcome)
                del record["rows"]
                yield record
                continue
            beside |= {"url": outcome.url, "fetched_at": outcome.fetched_at}
            for row in outcome.rows:
                for values in _exploded(row, self.explode):
                    yield _joined(beside, values)

    def rows(self) -> Iterator[Record]:
        """Yield the rows of the final outcomes as they are."""
        for _, outcome in self.last_outcomes():
            yield from outcome.rows

    def last_outcomes(self, report: Report = _ignore) -> Iterator[tuple[ResultFile, Outcome]]:
        """Yield the final outcome of each target, of which the last one counts."""
        for file in self.files:
            born = generation(file.batch)
            last = self._generations[file.job]
            for outcome in _read_final(file, report):
                if last.get(outcome.line, born) == born:
                    yield file, outcome

    @cached_property
    def _generations(self) -> dict[str, dict[int, int]]:
        """By job, what is known of targets that were dead and redriven."""
        return {
            job: last_generations(
                (file.batch, outcome.line)
                for file in files
                if generation(file.batch)
                for outcome in _read_final(file, _ignore)
            )
            for job, files in groupby(self.files, key=lambda file: file.job)
        }


def _read_final(file: ResultFile, report: Report) -> Iterator[Outcome]:
    file.fetch()
    path = file.path
    number, damaged, first = 0, 0, ""
    try:
        if not path.stat().st_size:
            raise EOFError("it is empty")  # noqa: TRY301 -- what gzip should do, and does not
        # Not isal, which loses what it has read when it finds the end to be wrong.
        with gzip.open(path) as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    outcome = _decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    damaged += 1
                    first = first or f"line {number} is no outcome: {error}"
                    continue
                if outcome.outcome is not Kind.DEFERRED:
                    yield outcome
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        report(f"{path} is damaged after line {number}: {error}; what came before is kept")
    if damaged:
        more = f", nor are {damaged - 1:,} more" if damaged > 1 else ""
        report(f"{path}: {first}{more}; the other lines are kept")


_decoder = msgspec.json.Decoder(Outcome)


def _exploded(row: Record, explode: str | None) -> Iterator[list[tuple[str, Any]]]:
    """Yield the values of `row` by name, once for each element of the field `explode`."""
    if explode is None:
        yield list(row.items())
        return
    value = row.get(explode)
    for element in value if isinstance(value, list) else [value]:
        if element is None:
            continue
        values = []
        for name, other in row.items():
            if name != explode:
                values.append((name, other))
            elif isinstance(element, dict):
                # In the place of the field, so that columns keep their order.
                values += [(f"{name}.{key}", part) for key, part in element.items()]
            else:
                values.append((name, element))
        yield values


def _joined(beside: Record, values: Iterable[tuple[str, Any]]) -> Record:
    """Put `values` beside what every record has; nothing is lost where names are the same."""
    record = dict(beside)
    for name, value in values:
        free = name
        while free in record:
            free = f"row.{free}"
        record[free] = value
    return record


def explodable(table: Table) -> str | None:
    """
    Return the field whose elements are what the rows are about: the only one, and a list.

    That is a job for links, or for any other list: a table with a cell full of JSON for each page
    would be of no use.
    """
    only: str | None = None
    for row in table.rows():
        if len(row) != 1 or (only is not None and only not in row):
            return None
        [(name, value)] = row.items()
        if isinstance(value, list):
            only = name
        elif value is not None:
            return None
    return only


def check_explode(table: Table, name: str) -> None:
    """
    Raises:
        InvalidJobError: no row has the field `name`.
    """
    known: list[str] = []
    for row in table.rows():
        if name in row:
            return
        known = known or list(row)
    if known:
        raise InvalidJobError(f"no row has the field {name!r}; the first one has {_some(known)}")


class Kinds(Flag):
    """What values a column has been seen to hold."""

    BOOLEAN = auto()
    INTEGER = auto()
    LONG = auto()
    """An integer of 64 bits that a float does not hold."""
    NUMBER = auto()
    TEXT = auto()
    LIST = auto()
    JSON = auto()
    """What has no type of its own in a table."""


_NONE = Kinds(0)
_NUMBERS = Kinds.INTEGER | Kinds.NUMBER


@dataclass
class Column:
    """The kinds of its values; of those of the elements, where values are lists."""

    values: Kinds = _NONE
    items: Kinds = _NONE

    def add(self, value: object) -> None:
        self.values |= _kind(value)
        if isinstance(value, list):
            for item in value:
                self.items |= _kind(item)


def _kind(value: object) -> Kinds:  # noqa: PLR0911 -- a table
    match value:
        case None:
            return _NONE
        case bool():
            return Kinds.BOOLEAN
        case int() if abs(value) <= _EXACT:
            return Kinds.INTEGER
        case int() if -_INT64 <= value < _INT64:
            return Kinds.LONG
        case float():
            return Kinds.NUMBER
        case str():
            return Kinds.TEXT
        case list():
            return Kinds.LIST
        case _:
            return Kinds.JSON


@dataclass
class Survey:
    """What the first pass finds: the columns in order of appearance, and how many records."""

    columns: dict[str, Column] = field(default_factory=dict)
    records: int = 0


def survey(table: Table) -> Survey:
    """
    Read `table` for its columns.

    Those of outcomes are known, and the same for all jobs, whatever their values happen to be.

    Raises:
        InvalidJobError: there are more than `MAX_COLUMNS`.
    """
    text = ["job"] if table.with_job else []
    text += [] if table.outcomes else ["url", "fetched_at"]
    found = Survey({name: Column(Kinds.TEXT) for name in text})
    if table.outcomes:
        found.columns |= _outcome_columns()
    columns = found.columns
    for record in table.records():
        found.records += 1
        if table.outcomes:
            continue
        for name, value in record.items():
            column = columns.get(name)
            if column is None:
                if len(columns) == MAX_COLUMNS:
                    raise InvalidJobError(
                        f"the rows have more than {MAX_COLUMNS:,} different fields, {name!r} of "
                        f"{record['url']} among them; --format jsonl does without columns"
                    )
                column = columns[name] = Column()
            column.add(value)
    return found


def _outcome_columns() -> dict[str, Column]:
    info = inspect.type_info(Outcome)
    assert isinstance(info, inspect.StructType)
    return {found.name: _declared(found.type) for found in info.fields if found.name != "rows"}


def _declared(kind: inspect.Type) -> Column:
    match kind:
        case inspect.UnionType():
            [kind] = [part for part in kind.types if not isinstance(part, inspect.NoneType)]
            return _declared(kind)
        case inspect.VarTupleType() | inspect.ListType():
            return Column(Kinds.LIST, _declared(kind.item_type).values)
        case inspect.IntType():
            return Column(Kinds.INTEGER)
        case inspect.FloatType():
            return Column(Kinds.NUMBER)
        case inspect.StrType() | inspect.EnumType():
            return Column(Kinds.TEXT)
        case _:
            return Column(Kinds.JSON)


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


def write(table: Table, output: Format, file: BinaryIO, report: Report) -> int:
    """
    Write `table` to `file`; return how many records it has.

    Raises:
        InvalidJobError: the table does not fit the format.
    """
    count = 0

    def records() -> Iterator[Record]:
        nonlocal count
        for record in table.records(report):
            count += 1
            yield record

    match output:
        case Format.JSONL:
            file.writelines(msgspec.json.encode(record) + b"\n" for record in records())
        case Format.CSV:
            _write_csv(list(survey(table).columns), records(), file, ",")
        case Format.TSV:
            _write_csv(list(survey(table).columns), records(), file, "\t")
        case Format.PARQUET:
            _write_parquet(survey(table).columns, records(), file)
        case Format.XLSX:
            _write_xlsx(survey(table), records(), file, report)
    return count


def _write_csv(
    names: Sequence[str], records: Iterable[Record], file: BinaryIO, delimiter: str
) -> None:
    # With "\n" alone, Python 3.11 would leave a "\r" within a cell unquoted.
    writer = csv.writer(codecs.getwriter("utf-8")(file), delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([_defused(name) for name in names])
    for record in records:
        writer.writerow([_csv_cell(record.get(name)) for name in names])


def _csv_cell(value: object) -> str:
    if isinstance(value, str):
        return _defused(value)
    return "" if value is None else _text(value)


def _defused(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _text(value: object) -> str:
    """Return text as it is, and anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _write_parquet(
    columns: Mapping[str, Column], records: Iterable[Record], file: BinaryIO
) -> None:
    import pyarrow as pa  # noqa: PLC0415 -- optional
    from pyarrow import parquet  # noqa: PLC0415

    scalars = {"bool": pa.bool_(), "int64": pa.int64(), "double": pa.float64(), "text": pa.string()}
    types: dict[str, Any] = {}
    mixed = set()
    for name, column in columns.items():
        is_list = column.values is Kinds.LIST
        kind = _scalar(column.items if is_list else column.values)
        if kind is None:
            mixed.add(name)
            types[name] = pa.string()
        else:
            types[name] = pa.list_(scalars[kind]) if is_list else scalars[kind]
    schema = pa.schema(types.items())

    def values(group: list[Record], name: str) -> list[object]:
        found = [record.get(name) for record in group]
        if name not in mixed:
            return found
        return [None if value is None else _text(value) for value in found]

    def flush(group: list[Record]) -> None:
        arrays = [pa.array(values(group, name), type_) for name, type_ in types.items()]
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Record] = []
        size = 0
        for record in records:
            group.append(record)
            size += len(msgspec.json.encode(record)) + 8 * len(types)
            if size > _ROW_GROUP_BYTES:
                flush(group)
                group, size = [], 0
        if group:
            flush(group)


def _scalar(kinds: Kinds) -> str | None:
    """Return the type of a column of Parquet that holds such values, or None if only JSON does."""
    if not kinds or kinds is Kinds.TEXT:
        return "text"
    if kinds is Kinds.BOOLEAN:
        return "bool"
    if not kinds & ~(Kinds.INTEGER | Kinds.LONG):
        return "int64"
    if not kinds & ~_NUMBERS:
        return "double"
    return None


def _write_xlsx(found: Survey, records: Iterable[Record], file: BinaryIO, report: Report) -> None:
    import xlsxwriter  # noqa: PLC0415 -- optional

    if found.records >= MAX_SHEET_ROWS:
        raise InvalidJobError(
            f"{found.records:,} records are more than the {MAX_SHEET_ROWS - 1:,} that a sheet "
            "holds; --format csv or parquet has no such limit"
        )
    cut = 0
    with (
        TemporaryDirectory(prefix="scatterfetch-") as scratch,
        xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": scratch}) as book,
    ):
        # Excel's own way of saying "this is text": its apostrophe, which is not part of the value.
        quoted = book.add_format({"quote_prefix": True})
        header = book.add_format({"quote_prefix": True, "bold": True})
        sheet = book.add_worksheet("results")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(found.columns):
            sheet.write_string(0, column, _fitting(name), header)
        for row, record in enumerate(records, start=1):
            for column, name in enumerate(found.columns):
                value = record.get(name)
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(row, column, value)
                elif _kind(value) in _NUMBERS:
                    sheet.write_number(row, column, value)
                else:
                    text = _text(value)
                    fitting = _fitting(text)
                    cut += fitting != text
                    formula = text.startswith(_FORMULA)
                    sheet.write_string(row, column, fitting, quoted if formula else None)
    if cut:
        report(
            f"{cut:,} texts are longer than the {MAX_CELL_CHARS:,} characters of a cell and were "
            "cut off; --format csv or parquet keeps them whole"
        )


def _fitting(text: str) -> str:
    if len(text) * 2 <= MAX_CELL_CHARS:
        return text
    return text.encode("utf-16-le")[: MAX_CELL_CHARS * 2].decode("utf-16-le", "ignore")


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


def _some(names: Sequence[str]) -> str:
    shown = 10
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more

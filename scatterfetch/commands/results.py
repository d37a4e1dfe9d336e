"""`scatterfetch results`: a table of what jobs have left behind."""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scatterfetch.commands.place import DEFAULT_FOLDER, add_stack, open_stack
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import is_list_of
from scatterfetch.jobs.manifests import command_of
from scatterfetch.jobs.same_list import manifests_of, namesakes, older_jobs, runs_of
from scatterfetch.jobs.standing import has_stopped
from scatterfetch.output.sentences import complain, counted
from scatterfetch.results.exploding import check_field, explodable
from scatterfetch.results.files import (
    ResultFile,
    fetched_results,
    find_results,
    gone_results,
    some_of,
)
from scatterfetch.results.formats import Format, format_of, prepare, replacing, write
from scatterfetch.results.jobs import date_fields, unfinished
from scatterfetch.results.selection import read_selection
from scatterfetch.results.table import Table
from scatterfetch.results.url_list import write_urls
from shared.errors import InvalidJobError
from shared.keys import JOBS
from shared.manifest import Manifest

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

EXAMPLE = """\
Makes a table of what `scatterfetch run` has left in DIR, or of a job of a deployed stack: a record
for each row, with the URL, the fetch time and the list's own columns beside its values. Where a
list is all that rows hold, such as `links`, each of its elements is a record. Of a list that has
several jobs, the one that was run last is in the table.

examples:
  $ scatterfetch results out | head -n 3
  $ scatterfetch results out --format csv > rows.csv
  $ scatterfetch results out --explode links -o links.xlsx
  $ scatterfetch results out --outcomes -o outcomes.parquet
  $ scatterfetch results out --outcome failed,dead -o failed.csv
  $ scatterfetch results out --urls link -o found.txt
  $ scatterfetch results books-urls-9f86d081884c --stack scatterfetch -o rows.csv
"""
EPILOG = """\
exit status:
  0    everything that was asked for is in the table
  1    something is not, and standard error says what: URLs that have no final outcome yet, since
       their job is under way or was stopped, a file that is damaged or gone, or a text that is
       too long for Excel
  2    wrong usage or input; no table was made
  130  interrupted; the file of -o is as it was
"""

_ABSOLUTE = "; in the spec, `type: url` makes the URLs of a field absolute"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "source",
        nargs="?",
        metavar="DIR|JOB",
        help=f"the --out of a local run (default: {DEFAULT_FOLDER}); with --stack, the id of a job",
    )
    add_stack(command)
    jobs = command.add_mutually_exclusive_group()
    jobs.add_argument(
        "--job", metavar="JOB", help="one job only (default: of each list in DIR the one run last)"
    )
    jobs.add_argument("--all", action="store_true", help="all jobs of DIR, the older ones as well")
    command.add_argument(
        "--format",
        choices=[known.value for known in Format],
        metavar="FORMAT",
        help=f"{', '.join(Format)} (default: as the name of FILE ends, or else jsonl)",
    )
    command.add_argument(
        "--excel",
        action="store_true",
        help="begin csv or tsv with the mark by which Excel knows UTF-8; xlsx needs none",
    )
    records = command.add_mutually_exclusive_group()
    records.add_argument(
        "--rows", action="store_true", help="a record for each extracted row (the default)"
    )
    records.add_argument(
        "--outcomes", action="store_true", help="a record for each URL: how it went, without rows"
    )
    command.add_argument(
        "--outcome",
        action="append",
        metavar="NAME",
        help="a record for each URL with this outcome, such as failed, http_404 or "
        "failed-http_404, or with problems; repeat, or put commas between them, for more",
    )
    lists = command.add_mutually_exclusive_group()
    lists.add_argument(
        "--explode", metavar="FIELD", help="a record for each element of this field of the rows"
    )
    lists.add_argument(
        "--no-explode",
        action="store_true",
        help="rows as they are, even if all they hold is a list",
    )
    lists.add_argument(
        "--urls",
        metavar="FIELD",
        help="no table: the URLs in this field, each once, as a list that `scatterfetch run` takes",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="written at the end, in one step (default: standard output)",
    )


class _Reports:
    """Says on standard error what is not in the table, and knows whether there was anything."""

    def __init__(self) -> None:
        self.any = False

    def __call__(self, sentence: str) -> None:
        self.any = True
        complain(sentence)


def run(args: argparse.Namespace) -> int:
    if args.rows and args.outcome:
        raise InvalidJobError("--outcome is about URLs and not about rows; leave --rows out")
    selection = None if args.outcome is None else read_selection(args.outcome)
    table = Table([], outcomes=args.outcomes or selection is not None, selection=selection)
    output = None if args.urls else _output_of(args)
    if output is None:
        _check_list(args)
    else:
        _check_table(args, table, output)
        prepare(output)
    if args.stack is None:
        folder = Folder(Path(args.source or DEFAULT_FOLDER))
        return _write(args, output, table, folder, find_results(folder.path, args.job))
    if args.source is None:
        raise InvalidJobError(
            f"name the job; `scatterfetch jobs --stack {args.stack}` lists those that there are"
        )
    if args.job is not None or args.all:
        option = "--all" if args.all else "--job"
        raise InvalidJobError(f"with --stack, the job is named in place of DIR; leave {option} out")
    stack = open_stack(args.stack)
    with fetched_results(stack, args.source) as files:
        return _write(args, output, table, stack, files)


def _output_of(args: argparse.Namespace) -> Format:
    if args.format:
        return Format(args.format)
    return Format.JSONL if args.output is None else format_of(args.output)


def _check_table(args: argparse.Namespace, table: Table, output: Format) -> None:
    if args.output is None and not output.is_text:
        raise InvalidJobError(f"--format {output} is no text; name a file with -o")
    if table.outcomes and (args.explode or args.no_explode):
        option = "--outcomes" if args.outcomes else "--outcome"
        raise InvalidJobError(f"--explode and --no-explode are about rows; leave {option} out")
    if args.excel and not output.is_delimited:
        raise InvalidJobError(f"--excel is about csv and tsv; leave it out for {output}")


def _check_list(args: argparse.Namespace) -> None:
    if args.format or args.excel:
        option = "--format" if args.format else "--excel"
        raise InvalidJobError(f"--urls makes a list and no table; leave {option} out")
    file = args.output
    if file is None or (file.exists() and not file.is_file()):  # a device or a pipe
        return
    if file.suffix.lower() != ".txt":
        raise InvalidJobError(
            f"--urls makes a list of one URL a line, and {file.name} would be read as another: "
            "let the name end with .txt"
        )


def _write(
    args: argparse.Namespace,
    output: Format | None,
    table: Table,
    place: "Folder | Stack",
    files: list[ResultFile],
) -> int:
    manifests = manifests_of(place.data, sorted({file.job for file in files}))
    reports = _Reports()
    older = {} if args.all else older_jobs(manifests, runs_of(place.data, manifests))
    left_out = {job for jobs in older.values() for job in jobs}
    if not args.all:
        _mention_lists(place, manifests, left_out)
    _report_unfinished(place, manifests, left_out, older, reports)
    if args.job or not isinstance(place, Folder):
        jobs = [args.job or args.source]
    else:
        jobs = [job for job in place.data.folders(JOBS) if job not in left_out]
    table = replace(
        table,
        files=[file for file in files if file.job not in left_out],
        date_fields=date_fields(manifests.values()),
    )
    for sentence in gone_results(place, jobs, files):
        reports(sentence)
    if output is None:
        _write_list(args, table, reports)
    else:
        _write_table(args, _exploded(args, table), output, reports)
    return 1 if reports.any else 0


def _mention_lists(
    place: "Folder | Stack", manifests: Mapping[str, Manifest], left_out: Collection[str]
) -> None:
    """Say which jobs are left out, and which of those in the table may have the same URLs."""
    if left_out:
        complain(
            f"left out: {some_of(sorted(left_out))}; jobs that were run later have the same lists. "
            "--all takes all jobs, --job JOB one"
        )
    if not isinstance(place, Folder):
        return
    shown = {job: manifest for job, manifest in manifests.items() if job not in left_out}
    runs = runs_of(place.data, shown)
    for name, jobs in namesakes(shown, runs, partial(is_list_of, place.path)).items():
        complain(
            f"{counted(len(jobs), 'job')} in the table have lists called {name}: {some_of(jobs)}. "
            "If these are one list that was moved, its URLs are in the table more than once; "
            f"--job {jobs[-1]} takes the job that was run last"
        )


def _report_unfinished(
    place: "Folder | Stack",
    manifests: Mapping[str, Manifest],
    left_out: Collection[str],
    older: Mapping[str, Sequence[str]],
    reports: _Reports,
) -> None:
    """Report the jobs in the table that are not complete, and what helps."""
    for job, manifest in manifests.items():
        if job in left_out or not (missing := unfinished(place.data, manifest)):
            continue
        remedy = ""
        if before := older.get(job):
            remedy = f"; --job {before[-1]} has the job before it, --all both"
        elif has_stopped(place):
            remedy = f"; the same `{command_of(manifest.source)}` goes on with it"
        reports(f"{job} is not complete: {missing}{remedy}")


def _exploded(args: argparse.Namespace, table: Table) -> Table:
    if args.explode:
        check_field(table.rows(), args.explode)
        return replace(table, explode=args.explode)
    if table.outcomes or args.no_explode:
        return table
    return replace(table, explode=explodable(table.rows()))


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.flush()
    else:
        with replacing(output) as file:
            yield file


def _write_table(args: argparse.Namespace, table: Table, output: Format, reports: _Reports) -> None:
    with _opened(args.output) as file:
        count = write(table, output, file, reports, excel=args.excel)
    if args.output is not None:
        print(f"{args.output}: {counted(count, 'record')}")
    if not count:
        complain(f"{args.source or DEFAULT_FOLDER} has no {_what(args, table)}")


def _what(args: argparse.Namespace, table: Table) -> str:
    if args.outcome:
        return f"URLs whose outcome is {' or '.join(sorted(table.selection or ()))}"
    if table.outcomes:
        return "final outcomes"
    return "rows; --outcomes says what became of the URLs"


def _write_list(args: argparse.Namespace, table: Table, reports: _Reports) -> None:
    with _opened(args.output) as file:
        written = write_urls(table, args.urls, file, reports)
    if args.output is not None:
        print(f"{args.output}: {counted(written.urls, 'URL')}")
    if written.left_out:
        complain(
            f"left out: {counted(written.left_out, 'value')} of {args.urls}, the first one "
            f"{written.first_left_out}{_ABSOLUTE if written.has_relative else ''}"
        )
    if not written.urls:
        complain(f"{args.source or DEFAULT_FOLDER} has no URLs in {args.urls}")

"""`scatterfetch results`: a table of what jobs have left behind."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch.commands.place import DEFAULT_FOLDER, add_stack, open_stack
from scatterfetch.jobs.folder import Folder
from scatterfetch.output.sentences import complain, counted
from scatterfetch.results.exploding import check_explode, explodable
from scatterfetch.results.files import ResultFile, fetched_results, find_results, gone_results
from scatterfetch.results.formats import Format, format_of, prepare, replacing, write
from scatterfetch.results.table import Table
from shared.errors import InvalidJobError

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

EXAMPLE = """\
Makes a table of what `scatterfetch run` has left in DIR, or of a job of a deployed stack: a record
for each row, with the URL and the fetch time beside its values. Where a list is all that rows hold,
such as `links`, each of its elements is a record.

examples:
  $ scatterfetch results out | head -n 3
  $ scatterfetch results out --format csv > rows.csv
  $ scatterfetch results out --explode links -o links.xlsx
  $ scatterfetch results out --outcomes -o outcomes.parquet
  $ scatterfetch results books-urls-9f86d081884c --stack scatterfetch -o rows.csv
"""
EPILOG = """\
exit status:
  0    everything is in the table
  1    something is not, and standard error says what: a file that is damaged or gone, a text
       too long for Excel
  2    wrong usage or input; no table was made
  130  interrupted; the file of -o is as it was
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "source",
        nargs="?",
        metavar="DIR|JOB",
        help=f"the --out of a local run (default: {DEFAULT_FOLDER}); with --stack, the id of a job",
    )
    add_stack(command)
    command.add_argument(
        "--job", metavar="JOB", help="one job only (default: all of DIR, with a column that says)"
    )
    command.add_argument(
        "--format",
        choices=[known.value for known in Format],
        metavar="FORMAT",
        help=f"{', '.join(Format)} (default: as the name of FILE ends, or else jsonl)",
    )
    records = command.add_mutually_exclusive_group()
    records.add_argument(
        "--rows", action="store_true", help="a record for each extracted row (the default)"
    )
    records.add_argument(
        "--outcomes", action="store_true", help="a record for each URL: how it went, without rows"
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
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="written at the end, in one step (default: standard output)",
    )


def run(args: argparse.Namespace) -> int:
    if args.format:
        output = Format(args.format)
    else:
        output = Format.JSONL if args.output is None else format_of(args.output)
    if args.output is None and not output.is_text:
        raise InvalidJobError(f"--format {output} is no text; name a file with -o")
    if args.outcomes and (args.explode or args.no_explode):
        raise InvalidJobError("--explode and --no-explode are about rows; leave --outcomes out")
    prepare(output)
    if args.stack is None:
        args.source = args.source or DEFAULT_FOLDER
        files = find_results(Path(args.source), args.job)
        return _write_results(args, output, files, Folder(Path(args.source)))
    if args.source is None:
        raise InvalidJobError(
            f"name the job; `scatterfetch jobs --stack {args.stack}` lists those that there are"
        )
    if args.job is not None:
        raise InvalidJobError("with --stack, the job is named in place of DIR; leave --job out")
    stack = open_stack(args.stack)
    with fetched_results(stack, args.source) as files:
        return _write_results(args, output, files, stack)


def _write_results(
    args: argparse.Namespace, output: Format, files: list[ResultFile], place: "Folder | Stack"
) -> int:
    table = Table(files, outcomes=args.outcomes)
    if args.explode:
        check_explode(table.rows(), args.explode)
        table = replace(table, explode=args.explode)
    elif not args.outcomes and not args.no_explode:
        table = replace(table, explode=explodable(table.rows()))
    lost = False

    def report(sentence: str) -> None:
        nonlocal lost
        lost = True
        complain(sentence)

    for sentence in gone_results(place, args.job or (args.stack and args.source), files):
        report(sentence)
    if args.output is None:
        count = write(table, output, sys.stdout.buffer, report)
        sys.stdout.flush()
    else:
        with replacing(args.output) as file:
            count = write(table, output, file, report)
        print(f"{args.output}: {counted(count, 'record')}")
    if not count:
        what = (
            "final outcomes" if args.outcomes else "rows; --outcomes says what became of the URLs"
        )
        complain(f"{args.source} has no {what}")
    return 1 if lost else 0

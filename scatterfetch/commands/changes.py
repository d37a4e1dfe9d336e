"""`scatterfetch changes`: what a job has found to be new, changed and gone."""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.place import place_option
from scatterfetch.jobs.same_list import listed_jobs
from scatterfetch.output.changes import print_changes
from scatterfetch.output.sentences import complain, counted
from scatterfetch.results.changes import changes_of, write_changes
from scatterfetch.results.formats import Format, format_of, prepare, replacing
from shared.errors import InvalidJobError
from shared.keys import JOBS
from shared.manifest import Manifest

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

EXAMPLE = """\
Says which rows a job has found to be new, changed or gone against the job before it. The spec must
say `remember: true`; `extract.key` names the column that tells a row from the others.

examples:
  $ scatterfetch changes
  $ scatterfetch changes shop-urls-9f86d081884c out -o changes.xlsx
  $ scatterfetch changes --since 2026-11-01 --stack scatterfetch --format csv
"""
EPILOG = """\
exit status:
  0    done, also where nothing has changed
  2    there is no such job, it remembers nothing, wrong usage, or AWS refused
  130  interrupted
"""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?")


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "job",
        nargs="?",
        metavar="JOB",
        help="the id of a job (default: the last one that remembers)",
    )
    add_place(command)
    command.add_argument(
        "--since",
        metavar="JOB|DATE",
        help="of all jobs of the same list since that one, or since that day",
    )
    command.add_argument(
        "--format",
        choices=[known.value for known in Format],
        metavar="FORMAT",
        help=f"{', '.join(Format)} (default: as the name of FILE ends, or else text for people)",
    )
    command.add_argument(
        "--excel",
        action="store_true",
        help="begin csv or tsv with the mark by which Excel knows UTF-8; xlsx needs none",
    )
    command.add_argument("-o", "--output", type=Path, metavar="FILE", help="where it is written")


def run(args: argparse.Namespace) -> int:
    # One name alone may be the folder's: no job is called like one that is there.
    if args.folder is None and args.stack is None and args.job and Path(args.job, JOBS).is_dir():
        args.folder, args.job = Path(args.job), None
    output = _output_of(args)
    place = open_place(args)
    jobs = _jobs(place, args.job, args.since)
    if output is None:
        print_changes(changes_of(place, jobs))
        return 0
    prepare(output)
    if args.output is None:
        write_changes(
            lambda: changes_of(place, jobs), output, sys.stdout.buffer, complain, excel=args.excel
        )
        sys.stdout.flush()
        return 0
    with replacing(args.output) as file:
        write_changes(lambda: changes_of(place, jobs), output, file, complain, excel=args.excel)
    print(f"{args.output}: {counted(sum(1 for _ in changes_of(place, jobs)), 'change')}")
    return 0


def _output_of(args: argparse.Namespace) -> Format | None:
    if args.format is None and args.output is None:
        if args.excel:
            raise InvalidJobError("--excel is about csv and tsv; add --format csv")
        return None
    output = Format(args.format) if args.format else format_of(args.output)
    if args.output is None and not output.is_text:
        raise InvalidJobError(f"--format {output} is no text; name a file with -o")
    if args.excel and not output.is_delimited:
        raise InvalidJobError(f"--excel is about csv and tsv; leave it out for {output}")
    return output


def _jobs(place: "Folder | Stack", job: str | None, since: str | None) -> list[str]:
    """
    Return the jobs whose changes are wanted, the oldest one first.

    Raises:
        InvalidJobError: there are none.
    """
    manifests = {one.job: one for one in listed_jobs(place, complain) if not one.error}
    remembering = [one for one in manifests.values() if one.spec.memory]
    if job is not None and job not in manifests:
        raise InvalidJobError(
            f"there is no job {job!r} in {place}; `scatterfetch jobs {place_option(place)}` lists "
            "those that there are"
        )
    if not remembering or (job is not None and not manifests[job].spec.memory):
        what = f"the job {job}" if job else f"no job in {place}"
        verb = "does not remember" if job else "remembers"
        raise InvalidJobError(
            f"{what} {verb} anything for the next one: write `remember: true` into the spec, and "
            "`key` into its extract"
        )
    last = manifests[job] if job is not None else remembering[-1]
    if since is None:
        return [last.job]
    begin = _moment(since, manifests)
    return [
        one.job
        for one in remembering
        if one.list_id == last.list_id
        and begin <= datetime.fromisoformat(one.created_at) <= _created(last)
    ]


def _moment(since: str, manifests: dict[str, Manifest]) -> datetime:
    if since in manifests:
        return _created(manifests[since])
    try:
        if not _DAY.fullmatch(since):
            raise ValueError  # noqa: TRY301 -- as fromisoformat does
        found = datetime.fromisoformat(since)
    except ValueError:
        raise InvalidJobError(
            f"--since {since}: it is neither a job nor a day such as 2026-11-30"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _created(manifest: Manifest) -> datetime:
    return datetime.fromisoformat(manifest.created_at)

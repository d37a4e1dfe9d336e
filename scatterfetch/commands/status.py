"""`scatterfetch status` and `scatterfetch jobs`: where jobs stand."""

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from functions.dispatcher.summary import Summary
from scatterfetch.commands.command import Commands, add_command
from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.manifests import problem_of, read_manifest, read_summary, source_name
from scatterfetch.jobs.place import READERS, place_option
from scatterfetch.jobs.standing import State, has_stopped, look_at
from scatterfetch.output.standing import print_status
from shared.errors import InvalidJobError
from shared.keys import JOBS
from shared.manifest import Manifest

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

STATUS_EXAMPLE = """\
Says where a job stands: its URLs by outcome and reason, what waits and until when, how fast it
goes, and whether the sum adds up. JOB is as `scatterfetch jobs` shows it.

examples:
  $ scatterfetch status books-urls-9f86d081884c --stack scatterfetch
  $ scatterfetch status books-urls-9f86d081884c out --json
"""
JOBS_EXAMPLE = """\
Lists the jobs of a stack or of a folder, the last one at the end.

examples:
  $ scatterfetch jobs --stack scatterfetch
  $ scatterfetch jobs out
"""
EPILOG = """\
exit status:
  0    the job is under way, or has come to its end
  1    URLs have failed, it was refused, its list is damaged, results are gone or cut off, or
       its sum does not add up
  2    there is no such job, wrong usage, or AWS refused
  130  interrupted
"""
JOBS_EPILOG = """\
exit status:
  0    all are listed
  2    wrong usage, or AWS refused
  130  interrupted
"""


def add_commands(commands: Commands) -> None:
    status = add_command(
        commands, "status", "say where a job stands", STATUS_EXAMPLE, _status, epilog=EPILOG
    )
    status.add_argument(
        "job", nargs="?", metavar="JOB", help="the id of a job (default: the only one)"
    )
    add_place(status)
    status.add_argument("--json", action="store_true", help="for programs: one JSON object")
    listing = add_command(commands, "jobs", "list jobs", JOBS_EXAMPLE, _jobs, epilog=JOBS_EPILOG)
    add_place(listing)
    listing.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def _status(args: argparse.Namespace) -> int:
    # One name alone may be the folder's: no job is called like one that is there.
    if args.folder is None and args.stack is None and args.job and Path(args.job, JOBS).is_dir():
        args.folder, args.job = Path(args.job), None
    place = open_place(args)
    status = look_at(place, args.job or _only_job(place))
    if args.json:
        print(msgspec.json.encode(status).decode())
    else:
        print_status(status, place, now=time.time())
    wrong = status.failed or status.damaged or status.lost_batches
    well = status.adds_up and not wrong and status.state is not State.REFUSED
    return 0 if well else 1


def _only_job(place: "Folder | Stack") -> str:
    """
    Return the job of `place`, if there is one and no other.

    Raises:
        InvalidJobError: there are none, or several.
    """
    jobs = [*place.data.folders(JOBS)]
    if len(jobs) == 1:
        return jobs[0]
    raise InvalidJobError(
        f"there are {len(jobs):,} jobs in {place}; name one, as "
        f"`scatterfetch jobs {place_option(place)}` lists them"
        if jobs
        else f"there are no jobs in {place}"
    )


def _jobs(args: argparse.Namespace) -> int:
    place = open_place(args)

    def look(job: str) -> tuple[Manifest | None, Summary | None]:
        return read_manifest(place.data, job), read_summary(place.data, job)

    with ThreadPoolExecutor(READERS) as pool:
        looked = pool.map(look, place.data.folders(JOBS))
        found = [(manifest, summary) for manifest, summary in looked if manifest is not None]
    open_state = "stopped" if has_stopped(place) else "under way"
    width = max((len(manifest.job) for manifest, _ in found), default=0)
    for manifest, summary in sorted(found, key=lambda one: one[0].created_at):
        started = datetime.fromisoformat(manifest.created_at).astimezone(UTC)
        name = source_name(manifest.source, place)
        if args.json:
            print(msgspec.json.encode(_line_of(manifest, summary, name, open_state)).decode())
            continue
        words = _in_short(manifest, summary, name, open_state)
        print(f"{started:%Y-%m-%d %H:%M:%S}  {manifest.job:{width}}  {words}")
    if not found:
        print(f"scatterfetch: there are no jobs in {place}", file=sys.stderr)
    return 0


class JobLine(Struct, frozen=True, kw_only=True):
    """A job as `jobs --json` prints it."""

    job: str
    state: str
    """`refused`, `complete`, or else what its place says of jobs without a summary."""
    source: str
    created_at: str
    problem: str | None
    outcomes: dict[str, int] | None
    """By kind; None before the job's end."""
    damaged: bool


def _line_of(manifest: Manifest, summary: Summary | None, name: str, open_state: str) -> JobLine:
    closed_state = State.REFUSED if manifest.error else State.COMPLETE
    return JobLine(
        job=manifest.job,
        state=str(closed_state) if summary or manifest.error else open_state,
        source=name,
        created_at=manifest.created_at,
        problem=problem_of(manifest, name),
        outcomes=summary.outcomes if summary else None,
        damaged=summary.damaged if summary else False,
    )


def _in_short(manifest: Manifest, summary: Summary | None, name: str, open_state: str) -> str:
    if manifest.error:
        return f"refused: {problem_of(manifest, name)}"
    if summary is None:
        return f"{open_state}, {name}"
    outcomes = ", ".join(f"{count:,} {kind}" for kind, count in summary.outcomes.items() if count)
    return f"complete, {outcomes}{', of a damaged list' if summary.damaged else ''}"

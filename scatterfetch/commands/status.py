"""`scatterfetch status`: where a job stands."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.place import place_option
from scatterfetch.jobs.same_list import listed_jobs
from scatterfetch.jobs.standing import State, look_at
from scatterfetch.output.sentences import complain
from scatterfetch.output.standing import print_status
from scatterfetch.output.verdict import UNHEALTHY
from shared.errors import InvalidJobError
from shared.keys import JOBS

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

EXAMPLE = """\
Says where a job stands: its URLs by outcome and reason, what waits and until when, how fast it
goes, and whether the sum adds up. JOB is as `scatterfetch jobs` shows it.

examples:
  $ scatterfetch status books-urls-9f86d081884c --stack scatterfetch
  $ scatterfetch status books-urls-9f86d081884c out --json
"""
EPILOG = """\
exit status:
  0    the job is under way, or has come to its end
  1    URLs have failed, it was refused, its list is damaged, results are gone or cut off, or
       its sum does not add up
  2    there is no such job, wrong usage, or AWS refused
  3    the job is complete, and is not what `expect` in its spec says
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "job", nargs="?", metavar="JOB", help="the id of a job (default: the only one)"
    )
    add_place(command)
    command.add_argument("--json", action="store_true", help="for programs: one JSON object")


def run(args: argparse.Namespace) -> int:
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
    health = status.health
    if health is not None:  # it says itself which pages may fail
        wrong = status.damaged or status.lost_batches
    well = status.adds_up and not wrong and status.state is not State.REFUSED
    if not well:
        return 1
    return 0 if health is None or health.healthy else UNHEALTHY


def _only_job(place: "Folder | Stack") -> str:
    """
    Return the job of `place`, if there is one and no other.

    Raises:
        InvalidJobError: there are none, or several.
    """
    if isinstance(place, Folder):
        jobs = [manifest.job for manifest in listed_jobs(place, complain)]
    else:  # of thousands, nobody needs the manifests
        jobs = [*place.data.folders(JOBS)]
    if len(jobs) == 1:
        return jobs[0]
    raise InvalidJobError(
        f"there are {len(jobs):,} jobs in {place}; name one, as "
        f"`scatterfetch jobs {place_option(place)}` lists them"
        if jobs
        else f"there are no jobs in {place}"
    )

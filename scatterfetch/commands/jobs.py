"""`scatterfetch jobs`: the jobs that there are."""

import argparse
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import problem_of, read_summary, source_name
from scatterfetch.jobs.place import READERS
from scatterfetch.jobs.same_list import listed_jobs
from scatterfetch.jobs.standing import State, look_at
from scatterfetch.output.sentences import complain
from shared.errors import InvalidJobError
from shared.manifest import Manifest

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_OPEN = "under way"
EXAMPLE = """\
Lists the jobs of a stack or of a folder, the last one at the end. In a folder, a list that was
refused is there until it is run again.

examples:
  $ scatterfetch jobs --stack scatterfetch
  $ scatterfetch jobs out
"""
EPILOG = """\
exit status:
  0    all are listed
  1    some cannot be read: damaged, or of a later release
  2    wrong usage, or AWS refused
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_place(command)
    command.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    place = open_place(args)
    unread: list[str] = []
    found = listed_jobs(place, unread.append)

    def look(manifest: Manifest) -> JobLine | None:
        try:
            return _line_of(place, manifest)
        except InvalidJobError as error:
            unread.append(str(error))
            return None

    width = max((len(manifest.job) for manifest in found), default=0)
    with ThreadPoolExecutor(READERS) as pool:
        for line in filter(None, pool.map(look, found)):
            if args.json:
                print(msgspec.json.encode(line).decode())
                continue
            started = datetime.fromisoformat(line.created_at).astimezone(UTC)
            print(f"{started:%Y-%m-%d %H:%M:%S}  {line.job:{width}}  {_in_short(line)}")
    for problem in sorted(unread):
        complain(problem)
    if not found and not unread:
        complain(f"there are no jobs in {place}")
    return 1 if unread else 0


class JobLine(Struct, frozen=True, kw_only=True):
    """A job as `jobs --json` prints it."""

    job: str
    state: str
    """`refused`, `complete`, `incomplete`, `stopped` or `under way`."""
    source: str
    created_at: str
    problem: str | None
    outcomes: dict[str, int] | None
    """By kind; None before the job's end."""
    damaged: bool
    healthy: bool | None = None
    """Of a job at its end whose spec has `expect`."""


def _line_of(place: "Folder | Stack", manifest: Manifest) -> JobLine:
    name = source_name(manifest.source, place)
    found = _Found(str(State.REFUSED), None, False, None)
    if not manifest.error:
        found = (
            _in_folder(place, manifest.job)
            if isinstance(place, Folder)
            else _in_stack(place, manifest.job)
        )
    return JobLine(
        job=manifest.job,
        state=found.state,
        source=name,
        created_at=manifest.created_at,
        problem=problem_of(manifest, name),
        outcomes=found.outcomes,
        damaged=found.damaged,
        healthy=found.healthy,
    )


class _Found(NamedTuple):
    """State, outcomes, damage and health of a job."""

    state: str
    outcomes: dict[str, int] | None
    damaged: bool
    healthy: bool | None


def _in_folder(folder: Folder, job: str) -> _Found:
    """Return what is known of a job as `status` has it."""
    status = look_at(folder, job)
    if status.has_ended:
        healthy = None if status.health is None else status.health.healthy
        return _Found(str(status.state), status.by_kind, status.damaged, healthy)
    state = str(status.state) if status.state is State.STOPPED else _OPEN
    return _Found(state, None, False, None)


def _in_stack(stack: "Stack", job: str) -> _Found:
    """Return the same as its summary has it: one object, where `status` lists all receipts."""
    summary = read_summary(stack.data, job)
    if summary is None:
        return _Found(_OPEN, None, False, None)
    healthy = None if summary.health is None else summary.health.healthy
    return _Found(str(State.COMPLETE), summary.outcomes, summary.damaged, healthy)


def _in_short(line: JobLine) -> str:
    if line.problem:
        return f"refused: {line.problem}"
    if line.outcomes is None:
        return f"{line.state}, {line.source}"
    outcomes = ", ".join(f"{count:,} {kind}" for kind, count in line.outcomes.items() if count)
    unhealthy = ", unhealthy" if line.healthy is False else ""
    return f"{line.state}{unhealthy}, {outcomes}{', of a damaged list' if line.damaged else ''}"

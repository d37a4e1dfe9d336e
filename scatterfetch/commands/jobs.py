"""`scatterfetch jobs`: the jobs that there are."""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from functions.dispatcher.summary import Summary
from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.manifests import problem_of, read_manifest, read_summary, source_name
from scatterfetch.jobs.place import READERS
from scatterfetch.jobs.standing import State, has_stopped
from shared.keys import JOBS
from shared.manifest import Manifest

EXAMPLE = """\
Lists the jobs of a stack or of a folder, the last one at the end.

examples:
  $ scatterfetch jobs --stack scatterfetch
  $ scatterfetch jobs out
"""
EPILOG = """\
exit status:
  0    all are listed
  2    wrong usage, or AWS refused
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_place(command)
    command.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def run(args: argparse.Namespace) -> int:
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

"""`scatterfetch redrive`: what was given up on has another life."""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.found import found_letters
from scatterfetch.deadletters.letters import QUEUES
from scatterfetch.deadletters.local import redrive_targets
from scatterfetch.deadletters.redriving import redrive
from scatterfetch.jobs.folder import Folder, locked
from scatterfetch.jobs.manifests import find_manifest, read_manifest
from scatterfetch.jobs.place import READERS
from scatterfetch.output.letters import print_letters
from scatterfetch.output.sentences import complain, counted
from shared.errors import InvalidJobError
from shared.keys import JOBS, cancelled_key, summary_key

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

EXAMPLE = """\
Gives what was given up on another life: dead targets are tried again with all their attempts, and
what becomes of them then is their final outcome. Interrupted, it leaves the rest where it is, and
may be repeated. In the DIR of a local run it takes note of the dead targets, and the next
`scatterfetch run` of the same list and spec into DIR tries them again.

examples:
  $ scatterfetch redrive --stack scatterfetch --dry-run
  $ scatterfetch redrive --stack scatterfetch --job books-urls-9f86d081884c
  $ scatterfetch redrive out && scatterfetch run urls.txt --out out
"""
EPILOG = """\
exit status:
  0    done, also if there was nothing to do
  1    there are more messages that it could not look at
  2    wrong usage, or AWS refused
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_place(command)
    command.add_argument("--job", metavar="JOB", help="of one job only")
    command.add_argument("--dry-run", action="store_true", help="say what would be done")


def run(args: argparse.Namespace) -> int:
    place = open_place(args)
    if args.dry_run:
        print_letters(place, found_letters(place, args.job, complain))
        return 0
    if isinstance(place, Folder):
        return _redrive_folder(place, args.job)
    jobs = [args.job] if args.job else list(place.data.folders(JOBS))
    cancelled = set(_with_object(place, jobs, cancelled_key))
    if args.job in cancelled:
        raise InvalidJobError(
            f"{args.job} was cancelled, so its dead letters would be skipped and not fetched; "
            "they stay. Submit its list again"
        )
    moved = {name: redrive(place, name, args.job, cancelled) for name in QUEUES}
    unseen = sum(one.unseen for one in moved.values())
    if args.job and not unseen and not any(one.letters for one in moved.values()):
        find_manifest(place, args.job)
    for name, result in moved.items():
        print(f"{counted(result.letters, 'message')} of {name} moved to {QUEUES[name]}")
        if result.unseen:
            complain(
                f"about {result.unseen:,} more in {name} cannot be seen: they stand behind those "
                "of other jobs, ten and more of a partition; without --job all are moved"
            )
    if left := frozenset[str]().union(*(result.left for result in moved.values())):
        complain(f"letters of {', '.join(sorted(left))} stay: cancelled jobs fetch nothing")
    closed = set(_with_object(place, jobs, summary_key))
    for job in jobs if args.job else sorted(set(jobs) - closed):
        place.look_soon(job)
    return 1 if unseen else 0


def _redrive_folder(folder: Folder, job: str | None) -> int:
    with locked(folder.path):
        redriven = redrive_targets(folder, job)
    for name, count in redriven.items():
        manifest = read_manifest(folder, name)
        source = manifest.source.key if manifest and manifest.source else "its list"
        print(
            f"{name}: the next `scatterfetch run` of {source} and its spec into {folder} "
            f"tries {counted(count, 'URL')} again"
        )
    if not redriven:
        print("nothing was given up on")
    return 0


def _with_object(stack: "Stack", jobs: Sequence[str], key: Callable[[str], str]) -> list[str]:
    """Return those of `jobs` that have the object with this `key` of theirs."""
    with ThreadPoolExecutor(READERS) as pool:
        bodies = pool.map(lambda job: stack.data.get(key(job)), jobs)
        return [job for job, body in zip(jobs, bodies, strict=True) if body is not None]

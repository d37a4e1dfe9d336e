"""`scatterfetch redrive`: what was given up on has another life."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.found import found_letters
from scatterfetch.deadletters.letters import QUEUES, Letter
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
        return _say_what_would_be_done(place, args.job)
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


def _say_what_would_be_done(place: "Folder | Stack", job: str | None) -> int:
    """Print the letters, and what would become of them."""
    urls: Counter[str] = Counter()
    letters: Counter[tuple[str, str | None]] = Counter()

    def counting() -> Iterator[Letter]:
        for letter in found_letters(place, job, complain):
            urls[letter.job or "-"] += len(letter.targets)
            letters[letter.queue, letter.job] += 1
            yield letter

    print_letters(place, counting())
    if isinstance(place, Folder):
        for name, count in urls.items():
            print(
                f"{name}: after `scatterfetch redrive {place}`, the next `scatterfetch run` of "
                f"{_source_of(place, name)} and its spec into {place} would try "
                f"{counted(count, 'URL')} again"
            )
        return 0
    jobs = sorted({name for _, name in letters if name is not None})
    cancelled = {*_with_object(place, jobs, cancelled_key)}
    for queue, target in QUEUES.items():
        count = sum(n for (of, name), n in letters.items() if of == queue and name not in cancelled)
        print(f"{counted(count, 'message')} of {queue} would be moved to {target}")
    if cancelled:
        print(f"letters of {', '.join(sorted(cancelled))} would stay: cancelled jobs fetch nothing")
    return 0


def _source_of(folder: Folder, job: str) -> str:
    manifest = read_manifest(folder, job)
    return manifest.source.key if manifest and manifest.source else "its list"


def _redrive_folder(folder: Folder, job: str | None) -> int:
    with locked(folder.path):
        redriven = redrive_targets(folder, job)
    for name, count in redriven.items():
        print(
            f"{name}: the next `scatterfetch run` of {_source_of(folder, name)} and its spec into "
            f"{folder} tries {counted(count, 'URL')} again"
        )
    if not redriven:
        print("nothing was given up on")
    return 0


def _with_object(stack: "Stack", jobs: Sequence[str], key: Callable[[str], str]) -> list[str]:
    """Return those of `jobs` that have the object with this `key` of theirs."""
    with ThreadPoolExecutor(READERS) as pool:
        bodies = pool.map(lambda job: stack.data.get(key(job)), jobs)
        return [job for job, body in zip(jobs, bodies, strict=True) if body is not None]

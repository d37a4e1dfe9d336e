"""`scatterfetch redrive`: what was given up on has another life."""

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.letters import QUEUES, Letter, letters
from scatterfetch.deadletters.local import check_known, dead_targets, redrive_targets
from scatterfetch.deadletters.redriving import Moved, redrive
from scatterfetch.jobs.folder import Folder, locked
from scatterfetch.jobs.manifests import CRAWL, command_of, find_manifest, read_manifest
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
`scatterfetch run` of the same list and spec into DIR tries them again; after a crawl, the same
`scatterfetch crawl` does.

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
    if isinstance(place, Folder):
        _redrive_folder(place, args.job, dry=args.dry_run)
        return 0
    return _redrive_stack(place, args.job, dry=args.dry_run)


def _redrive_stack(stack: "Stack", job: str | None, *, dry: bool) -> int:
    jobs = [job] if job else list(stack.data.folders(JOBS))
    cancelled = set(_with_object(stack, jobs, cancelled_key))
    if job in cancelled:
        raise InvalidJobError(
            f"{job} was cancelled, so its dead letters would be skipped and not fetched; "
            "they stay. Submit its list again"
        )
    if dry:
        moved = _would_move(stack, job, cancelled)
    else:
        moved = {name: redrive(stack, name, job, cancelled) for name in QUEUES}
    unseen = sum(one.unseen for one in moved.values())
    if job and not unseen and not any(one.letters for one in moved.values()):
        find_manifest(stack, job)
    for name, result in moved.items():
        done = "would be moved" if dry else "moved"
        print(f"{counted(result.letters, 'message')} of {name} {done} to {QUEUES[name]}")
        if result.unseen:
            complain(
                f"about {result.unseen:,} more in {name} cannot be seen: they stand behind those "
                "of other jobs, ten and more of a partition"
                f"{'; without --job all are moved' if job else ''}"
            )
    if left := frozenset[str]().union(*(result.left for result in moved.values())):
        stay = "would stay" if dry else "stay"
        complain(f"letters of {', '.join(sorted(left))} {stay}: cancelled jobs fetch nothing")
    if not dry:
        closed = set(_with_object(stack, jobs, summary_key))
        for one in jobs if job else sorted(set(jobs) - closed):
            stack.look_soon(one)
    return 1 if unseen else 0


def _would_move(stack: "Stack", job: str | None, cancelled: Collection[str]) -> dict[str, Moved]:
    """Print the letters; return what `redrive` of each queue would, as far as they can be seen."""
    found: dict[str, Counter[str | None]] = {name: Counter() for name in QUEUES}
    behind = dict.fromkeys(QUEUES, 0)

    def counting() -> Iterator[Letter]:
        for letter in letters(stack, job, behind.__setitem__):
            found[letter.queue][letter.job] += 1
            yield letter

    print_letters(stack, counting())
    moved = {}
    for name, jobs in found.items():
        left = frozenset(one for one in jobs if one is not None and one in cancelled)
        count = jobs.total() - sum(jobs[one] for one in left)
        if job is None and not cancelled:  # those in front go, and nobody stands before the others
            moved[name] = Moved(count + behind[name])
        else:
            moved[name] = Moved(count, behind[name], left)
    return moved


def _run_of(folder: Folder, job: str) -> str:
    manifest = read_manifest(folder, job)
    source = manifest.source if manifest else None
    if command_of(source) == CRAWL:
        return f"`{CRAWL}` of the same URLs"
    return f"`{command_of(source)}` of {source.key if source else 'its list'}"


def _redrive_folder(folder: Folder, job: str | None, *, dry: bool) -> None:
    if dry:
        dead: Counter[str] = Counter()

        def counting() -> Iterator[Letter]:
            for letter in dead_targets(folder, job):
                dead[letter.job or "-"] += len(letter.targets)
                yield letter

        print_letters(folder, counting())
        check_known(folder, dead)
    else:
        with locked(folder.path):
            dead = redrive_targets(folder, job)
        if not dead:
            print("nothing was given up on")
    for name, count in dead.items():
        run = f"the next {_run_of(folder, name)} and its spec into {folder}"
        urls = f"{counted(count, 'URL')} again"
        if dry:
            print(f"{name}: after `scatterfetch redrive {folder}`, {run} would try {urls}")
        else:
            print(f"{name}: {run} tries {urls}")


def _with_object(stack: "Stack", jobs: Sequence[str], key: Callable[[str], str]) -> list[str]:
    """Return those of `jobs` that have the object with this `key` of theirs."""
    with ThreadPoolExecutor(READERS) as pool:
        bodies = pool.map(lambda job: stack.data.get(key(job)), jobs)
        return [job for job, body in zip(jobs, bodies, strict=True) if body is not None]

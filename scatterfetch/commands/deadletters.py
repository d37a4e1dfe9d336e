"""
What was given up on, and giving it another life: `scatterfetch deadletters` and `redrive`.

A dead letter of DispatchDLQ holds dead targets as the dispatcher takes them, one of WorkDLQ.fifo
a batch that no worker could bring to an end. So a redrive is moving messages, and since their
batch ids are fixed, nothing is fetched twice that was committed once.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct

from scatterfetch.commands.command import Commands, add_command, complain, counted
from scatterfetch.commands.status import find_manifest, read_manifest
from scatterfetch.runs.deployment import READERS, Folder, Stack, add_place, locked, open_place
from shared.errors import InvalidJobError
from shared.ids import job_id
from shared.keys import JOBS, cancelled_key, manifest_key, redriven_key, summary_key
from shared.messages import Defer, ListUploaded, Shard, Tick, decode_batch, decode_dispatch
from shared.outcomes import Kind

if TYPE_CHECKING:
    from scatterfetch.output.results import ResultFile
    from shared.messages import Batch, Dispatch
    from shared.outcomes import Outcome
    from shared.queue import Queue, Received

_HIDDEN = 60
"""Seconds for which nobody else sees a message, should this process die while it looks."""
_SHOWN = 40

_QUEUES = {"DispatchDLQ": "DispatchQueue", "WorkDLQ": "WorkQueue"}
"""Dead-letter queues, and where their messages came from."""

DEADLETTERS_EXAMPLE = """\
Shows what was given up on, by job, reason and host: targets whose attempts are used up, batches
that no worker could bring to an end, and messages that are none. Looking changes nothing.

examples:
  $ scatterfetch deadletters --stack scatterfetch
  $ scatterfetch deadletters --stack scatterfetch --job books-urls-9f86d081884c --json
  $ scatterfetch deadletters out
"""
REDRIVE_EXAMPLE = """\
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
  1    redrive: there are more messages that it could not look at
  2    wrong usage, or AWS refused
  130  interrupted
"""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter. What `deadletters --json` prints, one a line."""

    queue: str
    job: str | None
    """None: the message does not tell."""
    reason: str
    hosts: dict[str, int]
    """How many of its targets each host has."""
    sent_at: float | None = None
    """Into the queue that gave up on it; epoch seconds."""
    message_id: str | None = None
    body: str | None = None

    @property
    def targets(self) -> int:
        return sum(self.hosts.values())


def letter_of(queue: str, message: "Received") -> Letter:
    """Read a message of the dead-letter queue `queue`."""
    job: str | None
    try:
        if queue == "WorkDLQ":
            batch = decode_batch(message.body)
            job, reason, hosts = batch.job, "no worker could bring it to an end", _hosts(batch)
        else:
            job, reason, hosts = _of_dispatch(decode_dispatch(message.body))
    except InvalidJobError as error:
        job, reason, hosts = None, str(error), {}
    return Letter(
        queue=queue,
        job=job,
        reason=reason,
        hosts=hosts,
        sent_at=message.sent_at,
        message_id=message.id,
        body=message.body,
    )


def _of_dispatch(
    requests: "list[Dispatch | ListUploaded]",
) -> tuple[str | None, str, dict[str, int]]:
    request = next(iter(requests), None)
    match request:
        case Defer():
            batch = request.batch
            return batch.job, batch.died or "no dispatcher could pass it on", _hosts(batch)
        case Shard():
            return request.job, "no dispatcher could read this part of its list", {}
        case Tick():
            return request.job, "no dispatcher could see whether the job is complete", {}
        case ListUploaded():
            return None, f"no dispatcher could start the job of {request.place.key}", {}
        case None:
            return None, "it asks for nothing", {}
        case _:
            job = job_id(request.name, request.id) if request.name and request.id else None
            return job, "no dispatcher could start the job", {}


def _hosts(batch: "Batch") -> dict[str, int]:
    from shared.urls import parse_url  # noqa: PLC0415 -- the public suffix list

    return dict(Counter(parse_url(target.url).host for target in batch.targets))


@contextmanager
def held(queue: "Queue") -> "Iterator[Iterator[list[Received]]]":
    """
    Receive all messages of `queue`, some at a time; at the end of the block others see them again.

    Of a FIFO group only those in front can be had, ten or so, unless they are deleted meanwhile.
    """
    handles: dict[str, str] = {}

    def messages() -> "Iterator[list[Received]]":
        while True:
            received = queue.receive(hidden=_HIDDEN)
            new = [message for message in received if message.id not in handles]
            handles.update((message.id, message.handle) for message in received)
            if not new:
                return
            yield new

    try:
        yield messages()
    finally:
        queue.release(list(handles.values()))


def letters(stack: Stack, job: str | None) -> Iterator[Letter]:
    """Yield the dead letters of `stack`, or those of one of its jobs."""
    for name in _QUEUES:
        queue = stack.queue(f"{name}Url")
        seen = 0
        with held(queue) as messages:
            for together in messages:
                seen += len(together)
                for message in together:
                    letter = letter_of(name, message)
                    if job in {None, letter.job}:
                        yield letter
            if behind := max(0, queue.waiting() - seen):
                complain(
                    f"about {behind:,} more in {name} cannot be seen: they stand behind others of "
                    "their partition"
                )


def dead_targets(folder: Folder, job: str | None) -> Iterator[Letter]:
    """Yield the dead targets in the results of `folder`, since the queues of a run end with it."""
    from shared.urls import parse_url  # noqa: PLC0415

    for file, outcome in _last_dead(folder, job):
        yield Letter(
            queue="results",
            job=file.job,
            reason=outcome.reason or "",
            hosts={parse_url(outcome.url).host: 1},
        )


def _last_dead(folder: Folder, job: str | None) -> "Iterator[tuple[ResultFile, Outcome]]":
    from scatterfetch.output.results import Table, find_results  # noqa: PLC0415

    for file, outcome in Table(find_results(folder.path, job)).last_outcomes():
        if outcome.outcome is Kind.DEAD:
            yield file, outcome


def redrive_targets(folder: Folder, job: str | None) -> Counter[str]:
    """
    Leave a note of the dead targets in `folder` to its next run; return how many each job has.

    It makes their letters again, of the results and of the list, which only a run has.

    Raises:
        InvalidJobError: there are no results, or nothing else of a job.
    """
    redriven: Counter[str] = Counter()
    for file, _ in _last_dead(folder, job):
        if not redriven[file.job] and read_manifest(folder, file.job) is None:
            raise InvalidJobError(
                f"{folder.path / manifest_key(file.job)} is gone, so nobody knows what the job was"
            )
        note = folder.path / redriven_key(file.job, file.batch)
        note.parent.mkdir(exist_ok=True)
        note.touch()
        redriven[file.job] += 1
    return redriven


class Moved(NamedTuple):
    """How many letters were moved, and about how many nobody could look at."""

    letters: int
    unseen: int = 0
    left: frozenset[str] = frozenset()
    """Cancelled jobs that have letters there, which stay."""


def redrive(stack: Stack, name: str, job: str | None, cancelled: Collection[str] = ()) -> Moved:
    """
    Give the letters of one dead-letter queue another life, all or those of a job.

    Those of `cancelled` jobs stay: a worker would skip their targets, and they would be gone.

    Raises:
        StorageError: AWS refused. Nothing is lost, and the rest is where it was.
    """
    queue, target = stack.queue(f"{name}Url"), stack.queue(f"{_QUEUES[name]}Url")
    if job is None and not cancelled and (moved_by_sqs := queue.move_all(target)) is not None:
        return Moved(moved_by_sqs)
    # Counted once: SQS takes a while to notice what was deleted.
    waiting, letters = queue.waiting(), 0
    while True:
        moved, kept = _move(queue, target, name, job, cancelled)
        letters += moved
        unseen = max(0, waiting - letters - len(kept))
        if not moved or not unseen:
            left = frozenset(one for one in kept if one is not None and one in cancelled)
            return Moved(letters, unseen, left)
        # What was moved may have made room for those behind it.


def _move(
    queue: "Queue", target: "Queue", name: str, job: str | None, cancelled: Collection[str]
) -> tuple[int, list[str | None]]:
    """Move what can be received now; return how many were moved, and the jobs of the others."""
    from shared.queue import Message  # noqa: PLC0415

    moved = 0
    kept: list[str | None] = []
    with held(queue) as messages:
        for together in messages:
            jobs = [letter_of(name, one).job for one in together]
            wanted = []
            for one, its_job in zip(together, jobs, strict=True):
                if job in {None, its_job} and its_job not in cancelled:
                    wanted.append(one)
                else:
                    kept.append(its_job)
            # Its own identity: SQS would drop what it has seen in the last minutes. The same each
            # time: sent by somebody who did not come to delete it, it is sent once all the same.
            target.send(
                Message(one.body, group=one.group, identity=f"redrive/{one.id}") for one in wanted
            )
            queue.delete([one.handle for one in wanted])
            moved += len(wanted)
    return moved, kept


# ---- the commands


def add_commands(commands: Commands) -> None:
    show = add_command(
        commands,
        "deadletters",
        "show what was given up on",
        DEADLETTERS_EXAMPLE,
        _deadletters,
        epilog=EPILOG,
    )
    add_place(show)
    show.add_argument("--job", metavar="JOB", help="of one job only")
    show.add_argument("--json", action="store_true", help="for programs: one JSON object a line")
    again = add_command(
        commands, "redrive", "give it another life", REDRIVE_EXAMPLE, _redrive, epilog=EPILOG
    )
    add_place(again)
    again.add_argument("--job", metavar="JOB", help="of one job only")
    again.add_argument("--dry-run", action="store_true", help="say what would be done")


def _deadletters(args: argparse.Namespace) -> int:
    place = open_place(args)
    found = _found(place, args.job)
    if args.json:
        for letter in found:
            print(msgspec.json.encode(letter).decode())
    else:
        _print_letters(found)
    return 0


def _found(place: Folder | Stack, job: str | None) -> Iterator[Letter]:
    return dead_targets(place, job) if isinstance(place, Folder) else letters(place, job)


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


def _redrive(args: argparse.Namespace) -> int:
    place = open_place(args)
    if args.dry_run:
        _print_letters(_found(place, args.job))
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
    moved = {name: redrive(place, name, args.job, cancelled) for name in _QUEUES}
    unseen = sum(one.unseen for one in moved.values())
    if args.job and not unseen and not any(one.letters for one in moved.values()):
        find_manifest(place, args.job)
    for name, result in moved.items():
        print(f"{counted(result.letters, 'message')} of {name} moved to {_QUEUES[name]}")
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


def _with_object(stack: Stack, jobs: Sequence[str], key: Callable[[str], str]) -> list[str]:
    """Return those of `jobs` that have the object with this `key` of theirs."""
    with ThreadPoolExecutor(READERS) as pool:
        bodies = pool.map(lambda job: stack.data.get(key(job)), jobs)
        return [job for job, body in zip(jobs, bodies, strict=True) if body is not None]


def _print_letters(found: Iterator[Letter]) -> None:
    urls: Counter[tuple[str, str, str, str]] = Counter()
    messages = 0
    for letter in found:
        messages += 1
        for host, count in (letter.hosts or {"-": 0}).items():
            urls[letter.queue, letter.job or "-", letter.reason, host] += count
    if not messages:
        print("nothing was given up on")
        return
    rows = [("QUEUE", "JOB", "REASON", "HOST", "URLS")] + [
        (*which, f"{count:,}") for which, count in sorted(urls.items(), key=_worst_first)
    ]
    shown = rows[: _SHOWN + 1]
    widths = [max(len(row[column]) for row in shown) for column in range(4)]
    for row in shown:
        print(
            "  ".join(
                [*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]
            )
        )
    if len(rows) > len(shown):
        print(f"... and {len(rows) - len(shown):,} more lines; --json shows all")
    print(f"{counted(urls.total(), 'URL')} in {counted(messages, 'dead letter')}")


def _worst_first(entry: tuple[tuple[str, str, str, str], int]) -> tuple[str, str, int]:
    (queue, job, _, _), count = entry
    return queue, job, -count

"""Moving dead letters back to the queues that gave up on them."""

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from scatterfetch.deadletters.letters import QUEUES, held, letter_of

if TYPE_CHECKING:
    from scatterfetch.jobs.polled_queue import PolledQueue
    from scatterfetch.jobs.stack import Stack


class Moved(NamedTuple):
    """How many letters were moved, and about how many nobody could look at."""

    letters: int
    unseen: int = 0
    left: frozenset[str] = frozenset()
    """Cancelled jobs that have letters there, which stay."""


def redrive(stack: "Stack", name: str, job: str | None, cancelled: Collection[str] = ()) -> Moved:
    """
    Give the letters of one dead-letter queue another life, all or those of a job.

    Those of `cancelled` jobs stay: a worker would skip their targets, and they would be gone.

    Raises:
        StorageError: AWS refused. Nothing is lost, and the rest is where it was.
    """
    queue, target = stack.queue(f"{name}Url"), stack.queue(f"{QUEUES[name]}Url")
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


def _move(
    queue: "PolledQueue",
    target: "PolledQueue",
    name: str,
    job: str | None,
    cancelled: Collection[str],
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

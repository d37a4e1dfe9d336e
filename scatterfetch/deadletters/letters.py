"""A dead letter: what is in it, and looking at all that there are without taking them away."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from shared.errors import InvalidJobError
from shared.ids import job_id
from shared.messages import Defer, ListUploaded, Shard, Tick, decode_batch, decode_dispatch
from shared.urls import parse_url

if TYPE_CHECKING:
    from scatterfetch.jobs.polled_queue import PolledQueue, Received
    from scatterfetch.jobs.stack import Stack
    from shared.messages import Batch, Dispatch, Target

_HIDDEN = 60
"""Seconds for which nobody else sees a message, should this process die while it looks."""
QUEUES = {"DispatchDLQ": "DispatchQueue", "WorkDLQ": "WorkQueue"}
"""Dead-letter queues, and where their messages came from."""


class GivenUp(Struct, frozen=True):
    """A target in a dead letter."""

    url: str
    line: int | None
    """Of the list, from 1."""
    detail: str | None = None
    """Its outcome's: the reason in words. None, too, where nobody has looked."""


class Letter(Struct, frozen=True, kw_only=True):
    """A dead letter. What `deadletters --json` prints, one a line."""

    queue: str
    job: str | None
    """None: the message does not tell."""
    reason: str
    batch: str | None = None
    """Its id as a batch; of a local run the batch that its outcome is in. None: it is no batch."""
    hosts: dict[str, int]
    """How many of its targets each host has."""
    targets: tuple[GivenUp, ...] = ()
    sent_at: float | None = None
    """Into the queue that gave up on it; epoch seconds."""
    message_id: str | None = None
    body: str | None = None


def letter_of(queue: str, message: "Received") -> Letter:
    """Read a message of the dead-letter queue `queue`."""
    batch: Batch | None
    job: str | None
    try:
        if queue == "WorkDLQ":
            batch = decode_batch(message.body)
            job, reason = batch.job, "no worker could bring it to an end"
        else:
            job, reason, batch = _of_dispatch(decode_dispatch(message.body))
    except InvalidJobError as error:
        job, reason, batch = None, str(error), None
    targets = batch.targets if batch else ()
    return Letter(
        queue=queue,
        job=job,
        reason=reason,
        batch=batch.batch if batch else None,
        hosts=_hosts(targets),
        targets=tuple(GivenUp(target.url, target.line or None) for target in targets),
        sent_at=message.sent_at,
        message_id=message.id,
        body=message.body,
    )


def _of_dispatch(
    requests: "list[Dispatch | ListUploaded]",
) -> "tuple[str | None, str, Batch | None]":
    request = next(iter(requests), None)
    match request:
        case Defer():
            batch = request.batch
            return batch.job, batch.died or "no dispatcher could pass it on", batch
        case Shard():
            return request.job, "no dispatcher could read this part of its list", None
        case Tick():
            return request.job, "no dispatcher could see whether the job is complete", None
        case ListUploaded():
            return None, f"no dispatcher could start the job of {request.place.key}", None
        case None:
            return None, "it asks for nothing", None
        case _:
            job = job_id(request.name, request.id) if request.name and request.id else None
            return job, "no dispatcher could start the job", None


def _hosts(targets: "Iterable[Target]") -> dict[str, int]:
    return dict(Counter(parse_url(target.url).host for target in targets))


@contextmanager
def held(queue: "PolledQueue") -> "Iterator[Iterator[list[Received]]]":
    """
    Receive all messages of `queue`, some at a time; at the end of the block others see them again.

    Of a FIFO group only those in front can be had, ten or so, unless they are deleted meanwhile.
    Who takes longer than `_HIDDEN` to look at some gets them again, which is not the end of all.
    """
    handles: dict[str, str] = {}

    def messages() -> "Iterator[list[Received]]":
        again = set[str]()
        while received := queue.receive(hidden=_HIDDEN):
            new = [message for message in received if message.id not in handles]
            handles.update((message.id, message.handle) for message in received)
            if new:
                again.clear()
                yield new
            elif again.issuperset(message.id for message in received):
                return  # a second time since the last new one
            else:
                again.update(message.id for message in received)

    try:
        yield messages()
    finally:
        queue.release(list(handles.values()))


def letters(
    stack: "Stack", job: str | None, report: Callable[[str, int], None]
) -> Iterator[Letter]:
    """
    Yield the dead letters of `stack`, or those of one of its jobs.

    Of each queue with letters that cannot be seen, `report` is told its name and about how many.
    """
    for name in QUEUES:
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
                report(name, behind)

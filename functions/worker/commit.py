"""
The commit: outcomes become one object, and everything else follows from that object.

A crash anywhere leads to a redelivery that ends in the same state, because children and receipt
are made of the committed lines and not of what this worker remembers.
"""

import io
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from isal import igzip
from msgspec.structs import replace

from shared.errors import Reason, StorageError
from shared.jobs import (
    CHILDREN,
    COMMITTED,
    DUE,
    SIZE,
    child_id,
    dead_letter_id,
    receipt_key,
    results_key,
)
from shared.messages import Batch, Defer, Target, encode
from shared.outcomes import CommittedLine, Kind, Outcome, decode_lines, encode_line
from shared.queue import MAX_DELAY, Message, Queue
from shared.store import Bucket
from shared.tally import encode_tally, tally_of
from shared.urls import parse_url, partition_of

_MAX_CHILD_BYTES = 200_000  # of URLs
_DUE_TOGETHER = 5  # seconds, as long as a worker likes to wait: due in one span, one child


MAX_OUTCOME_BYTES = 64_000_000  # compressed; what would go beyond is left to a later batch


class OutcomeFile:
    """Outcomes in the making: memory holds compressed lines, not pages."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._gzip = igzip.IGzipFile(fileobj=self._buffer, mode="wb", compresslevel=1)

    def add(self, outcome: Outcome) -> None:
        self._gzip.write(encode_line(outcome))

    def has_room(self) -> bool:
        """Tell whether another outcome may be added that has rows."""
        return self._buffer.tell() < MAX_OUTCOME_BYTES

    def close(self, now: float) -> bytes:
        """Return the whole file, which tells that it was closed `now`, in epoch seconds."""
        self._gzip.close()
        # The header was written when the file was opened, and MTIME is there: RFC 1952, 2.3.
        self._buffer.getbuffer()[4:8] = int(now).to_bytes(4, "little")
        return self._buffer.getvalue()


def committed(data: Bucket, batch: Batch) -> bytes | None:
    """Return the commit object of `batch`, or None if there is none yet."""
    return data.get(results_key(batch.job, batch.batch))


def commit(data: Bucket, batch: Batch, body: bytes) -> tuple[bytes, bool]:
    """
    Make `body` the outcomes of `batch`, unless somebody was faster.

    Returns the committed object, ours or not, and whether it is ours.
    """
    key = results_key(batch.job, batch.batch)
    if data.put_new(key, body):
        return body, True
    # Either a competitor's, or ours: the SDK repeats a call whose answer was lost.
    found = data.get(key)
    if found is None:
        raise StorageError(f"s3://{data.name}/{key} is there and is not there")
    return found, found == body


def conclude(
    body: bytes,
    batch: Batch,
    *,
    partitions: int | None,
    data: Bucket,
    dispatch_queue: Queue,
    dead_letter_queue: Queue,
    clock: Callable[[], float],
    began: float,
) -> Mapping[str, int]:
    """
    Send what follows from a commit object and write its receipt; return what it counts.

    Doing it again does no harm. `began` is when `clock`, in epoch seconds, saw the worker begin.
    Where nobody knows the number of `partitions`, targets stay in that of the batch.
    """
    file = igzip.open(io.BytesIO(body))
    lines = list(decode_lines(file))
    targets = {target.line: target for target in batch.targets}
    # Also where two targets have the same line, of which one would be lost.
    if len(lines) != len(batch.targets) or {line.line for line in lines} != targets.keys():
        raise StorageError(
            f"the commit object of {batch.job}/{batch.batch} is not about its targets: it has "
            f"{len(lines)} lines for {len(batch.targets)} targets"
        )
    children = list(_children(batch, targets, lines, partitions))
    now = clock()
    dispatch_queue.send(
        Message(encode(child), delay=min(max(0, math.ceil(child.not_before - now)), MAX_DELAY))
        for child in children
    )
    dead_letter_queue.send(
        Message(encode(letter)) for letter in dead_letters(batch, targets, lines, partitions)
    )
    tally = tally_of(lines)
    if children:
        tally.counts[CHILDREN] = len(children)
    if batch.died:
        tally.redrive(batch.died, targets.values())
    tally.message_bytes = len(encode(batch))
    tally.worker_seconds = clock() - began
    # Of the commit object, like all in the key: it must not depend on who writes the receipt.
    times = {
        COMMITTED: file.mtime or 0,
        SIZE: len(body),
        DUE: math.ceil(max((child.not_before for child in children), default=0)),
    }
    # A receipt that is there was written by who knows more: how long the fetching took.
    data.put_new(receipt_key(batch.job, batch.batch, tally.counts | times), encode_tally(tally))
    return tally.counts


def _children(
    batch: Batch,
    targets: Mapping[int, Target],
    lines: Iterable[CommittedLine],
    partitions: int | None,
) -> Iterator[Defer]:
    """Yield the batches of what was deferred: by partition and time, in the order of the list."""
    groups = _Groups[tuple[int, int]]()
    due: dict[tuple[int, int], float] = {}
    for line in sorted(lines, key=lambda line: line.line):
        if line.outcome is not Kind.DEFERRED:
            continue
        target = targets[line.line]
        target = replace(
            target,
            attempt=line.attempt,
            redirects=line.redirects,
            slowdowns=line.slowdowns,
            turned=line.method != target.method,
        )
        not_before = line.not_before or 0.0
        group = (_partition(target, partitions, batch), math.ceil(not_before / _DUE_TOGETHER))
        groups.add(group, target)
        due[group] = max(due.get(group, 0.0), not_before)
    for number, (group, together) in enumerate(groups, start=1):
        child = Batch(
            job=batch.job,
            batch=child_id(batch.batch, number),
            partition=group[0],
            hops=batch.hops + 1,
            targets=together,
        )
        yield Defer(batch=child, not_before=due[group])


def dead_letters(
    batch: Batch,
    targets: Mapping[int, Target],
    lines: Iterable[CommittedLine],
    partitions: int | None,
) -> Iterator[Defer]:
    """
    Yield the batches of what died: by reason and partition, in the order of the list.

    Their targets are as the list has them, for another life with all its attempts. The ids follow
    from the lines, so that of a letter which is there twice only one is acted on.
    """
    groups = _Groups[tuple[Reason, int]]()
    for line in sorted(lines, key=lambda line: line.line):
        if line.outcome is Kind.DEAD and line.reason is not None:
            target = replace(targets[line.line], attempt=1, slowdowns=0)
            if partitions is not None:  # else it stays with the owner of where it has led to
                target = replace(target, redirects=(), turned=False)
            groups.add((line.reason, _partition(target, partitions, batch)), target)
    for number, ((reason, partition), together) in enumerate(groups, start=1):
        letter = Batch(
            job=batch.job,
            batch=dead_letter_id(batch.batch, number),
            partition=partition,
            died=reason,
            targets=together,
        )
        yield Defer(batch=letter)


_Group = TypeVar("_Group", bound=tuple[Any, ...])


class _Groups(Generic[_Group]):
    """Targets by group, in pieces that fit into a message."""

    def __init__(self) -> None:
        self._targets: dict[tuple[_Group, int], list[Target]] = {}
        self._filled: Counter[_Group] = Counter()

    def add(self, group: _Group, target: Target) -> None:
        self._filled[group] += target.size
        piece = self._filled[group] // _MAX_CHILD_BYTES
        self._targets.setdefault((group, piece), []).append(target)

    def __iter__(self) -> Iterator[tuple[_Group, tuple[Target, ...]]]:
        """Yield each piece with its group, in the order of the groups."""
        for group, piece in sorted(self._targets):
            yield group, tuple(self._targets[group, piece])


def _partition(target: Target, partitions: int | None, batch: Batch) -> int:
    if partitions is None:
        return batch.partition
    return partition_of(parse_url(target.location).host, partitions)

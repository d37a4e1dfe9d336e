"""
The commit: outcomes become one object, and everything else follows from that object.

A crash anywhere leads to a redelivery that ends in the same state, because children and receipt
are made of the committed lines and not of what this worker remembers.
"""

import io
import math
from collections import Counter
from collections.abc import Iterator

from isal import igzip

from shared.errors import StorageError
from shared.jobs import child_id, outcome_name, receipt_key, results_key
from shared.messages import Batch, Defer, Target, encode
from shared.outcomes import CommittedLine, Kind, Outcome, decode_lines, encode_line
from shared.queue import MAX_DELAY, Message, Queue
from shared.store import Bucket
from shared.urls import parse_url, partition_of

_MAX_CHILD_BYTES = 200_000  # of URLs
_DUE_TOGETHER = 5  # seconds, as long as a worker likes to wait: due in one span, one child


class OutcomeFile:
    """Outcomes in the making: memory holds compressed lines, not pages."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        # No time in the header: equal outcomes are equal bytes.
        self._gzip = igzip.IGzipFile(fileobj=self._buffer, mode="wb", compresslevel=1, mtime=0)

    def add(self, outcome: Outcome) -> None:
        self._gzip.write(encode_line(outcome))

    def close(self) -> bytes:
        """Return the whole file."""
        self._gzip.close()
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
    body: bytes, batch: Batch, *, partitions: int, data: Bucket, dispatch_queue: Queue, now: float
) -> Counter[str]:
    """
    Send what follows from a commit object and write its receipt; return the receipt's counts.

    Doing it again does no harm. `now` is in epoch seconds.
    """
    counts: Counter[str] = Counter()
    deferred = []
    for line in decode_lines(igzip.open(io.BytesIO(body))):
        counts[outcome_name(line.outcome, line.reason)] += 1
        if line.outcome is Kind.DEFERRED:
            deferred.append(line)
    if counts.total() != len(batch.targets):
        raise StorageError(
            f"the commit object of {batch.job}/{batch.batch} has {counts.total()} lines "
            f"for {len(batch.targets)} targets"
        )
    children = list(_children(batch, deferred, partitions))
    dispatch_queue.send(
        Message(encode(child), delay=min(max(0, math.ceil(child.not_before - now)), MAX_DELAY))
        for child in children
    )
    if children:
        counts["children"] = len(children)
    data.put(receipt_key(batch.job, batch.batch, counts), b"")
    return counts


def _children(batch: Batch, lines: list[CommittedLine], partitions: int) -> Iterator[Defer]:
    """Yield the batches of what was deferred: by partition and time, in the order of the list."""
    groups: dict[tuple[int, int, int], list[Target]] = {}
    due: dict[tuple[int, int, int], float] = {}
    filled: Counter[tuple[int, int]] = Counter()
    for line in sorted(lines, key=lambda line: line.line):
        target = Target(line.url, line.line, line.attempt, line.redirects, line.slowdowns)
        partition = partition_of(parse_url(target.location).host, partitions)
        not_before = line.not_before or 0.0
        span = math.ceil(not_before / _DUE_TOGETHER)
        filled[partition, span] += len(line.url) + sum(map(len, line.redirects))
        group = (partition, span, filled[partition, span] // _MAX_CHILD_BYTES)
        groups.setdefault(group, []).append(target)
        due[group] = max(due.get(group, 0.0), not_before)
    for number, group in enumerate(sorted(groups), start=1):
        child = Batch(
            job=batch.job,
            batch=child_id(batch.batch, number),
            partition=group[0],
            hops=batch.hops + 1,
            targets=tuple(groups[group]),
        )
        yield Defer(batch=child, not_before=due[group])

"""
The commit: outcomes become one object, and everything else follows from that object.

A crash anywhere leads to a redelivery that ends in the same state, because children and receipt
are made of the committed lines and not of what this worker remembers.
"""

import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from isal import igzip

from functions.worker.children import Addresses, children, dead_letters
from functions.worker.identity import Identity
from functions.worker.seen import Seen, Takings, joined, taken_by
from shared.errors import StorageError
from shared.keys import results_key, seen_key
from shared.messages import Batch, encode
from shared.outcomes import (
    FollowedOutcome,
    Outcome,
    RememberedLine,
    decode_lines,
    decode_remembered,
    encode_line,
)
from shared.quality import quality_of
from shared.queue import MAX_DELAY, Message, Queue
from shared.receipts import CHILDREN, COMMITTED, DUE, FOUND, SIZE, outcome_name, receipt_key
from shared.spec import Spec
from shared.store import Bucket
from shared.tally import encode_tally, tally_of

if TYPE_CHECKING:
    from functions.worker.remembering.remembering import Remembering

_SEEN_TRIES = 8
_EXACT = Identity()


class OutcomeFile:
    """
    Outcomes in the making: memory holds compressed lines, not pages.

    `addresses` say where those targets go that are deferred or dead.
    """

    def __init__(self, addresses: Addresses | None = None) -> None:
        self._addresses = addresses
        self.counts: Counter[str] = Counter()
        """By `outcome_name`; and `found`, the targets found."""
        self._buffer = io.BytesIO()
        self._gzip = igzip.IGzipFile(fileobj=self._buffer, mode="wb", compresslevel=1)

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome_name(outcome.outcome, outcome.reason)] += 1
        if isinstance(outcome, FollowedOutcome):
            self.counts[FOUND] += len(outcome.found)
        if self._addresses is not None:
            outcome = self._addresses.addressed(outcome)
        self._gzip.write(encode_line(outcome))

    @property
    def size(self) -> int:
        """The bytes that it has so far, compressed."""
        return self._buffer.tell()

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
    partitions: int,
    data: Bucket,
    dispatch_queue: Queue,
    dead_letter_queue: Queue,
    clock: Callable[[], float],
    seconds: float,
    takes: bool = False,
    follows: bool = False,
    identity: Identity = _EXACT,
    known: Seen | None = None,
    remembering: "Remembering | None" = None,
    expecting: Spec | None = None,
) -> Mapping[str, int]:
    """
    Send what follows from a commit object and write its receipt; return what it counts.

    Doing it again does no harm. `clock` returns epoch seconds; `seconds` are what the batch has
    taken of the worker's time; `partitions` is the job's number, for what release 0.1 has
    committed. `takes` tells whether the partition writes down which pages it has taken,
    `follows` whether the job follows links; `identity` tells which URLs are one page, and `known`
    is what it had taken when the batch began; `remembering` is there where the next
    job is to know what this one has found, and `expecting` is the spec where it has `expect`.
    """
    file = igzip.open(io.BytesIO(body))
    lines = list(decode_lines(file))
    targets = {target.id: target for target in (*batch.targets, *joined(lines))}
    # Also where two targets have the same line, of which one would be lost.
    ids = {line.id for line in lines}
    if not len(lines) == len(ids) >= len(batch.targets) or ids != targets.keys():
        raise StorageError(
            f"the commit object of {batch.job}/{batch.batch} is not about its targets: it has "
            f"{len(lines)} lines for {len(batch.targets)} targets"
        )
    deferred = list(children(batch, targets, lines, partitions, takes=takes))
    now = clock()
    dispatch_queue.send(
        Message(encode(child), delay=min(max(0, math.ceil(child.not_before - now)), MAX_DELAY))
        for child in deferred
    )
    dead_letter_queue.send(
        Message(encode(letter))
        for letter in dead_letters(batch, targets, lines, partitions, takes=takes)
    )
    if takes:
        taken = taken_by(targets, lines, batch.partition, identity, follows=follows)
        add_seen(data, batch, taken, known)
    tally = tally_of(lines)
    if remembering is not None:
        tally.counts.update(remembering.note(lambda: _with_rows(body)))
        tally.memory_damaged = remembering.damaged
        tally.lost_leads, tally.lost_pages = remembering.lost(lines, targets)
    if expecting is not None and expecting.expect is not None:
        tally.quality = quality_of(_with_rows(body), expecting.expect, expecting.has_rows)
    if deferred:
        tally.counts[CHILDREN] = len(deferred)
    if batch.died:
        tally.redrive(batch.died, batch.targets)
    tally.message_bytes = len(encode(batch))
    tally.worker_seconds = seconds
    # Of the commit object, like all in the key: it must not depend on who writes the receipt.
    times = {
        COMMITTED: file.mtime or 0,
        SIZE: len(body),
        DUE: math.ceil(max((child.not_before for child in deferred), default=0)),
    }
    # A receipt that is there was written by who knows more: how long the fetching took.
    data.put_new(receipt_key(batch.job, batch.batch, tally.counts | times), encode_tally(tally))
    return tally.counts


def _with_rows(body: bytes) -> Iterator[RememberedLine]:
    """Yield the lines of a commit object with their rows, of which memory does not hold all."""
    return decode_remembered(igzip.open(io.BytesIO(body)))


def seen(data: Bucket, batch: Batch) -> Seen:
    """
    Return what the batch's partition has taken of its job.

    Raises:
        StorageError: it cannot be read.
    """
    found = data.get_versioned(seen_key(batch.job, batch.partition))
    return Seen(*found) if found else Seen()


def add_seen(data: Bucket, batch: Batch, takings: Takings, known: Seen | None = None) -> None:
    """
    Add `takings` to what the batch's partition has taken of its job.

    `known` is what it had taken when the batch began, if it was read then.

    Raises:
        StorageError: that could not be written.
    """
    key = seen_key(batch.job, batch.partition)
    for _ in range(_SEEN_TRIES):
        before = seen(data, batch) if known is None else known
        merged = before.with_pages(takings)
        if merged is None or data.put_over(key, merged, etag=before.etag) is not None:
            return
        known = None
    raise StorageError(
        f"put s3://{data.name}/{key}: somebody else has written it, {_SEEN_TRIES} times"
    )

"""
From the lines of a shard to its batches.

Pure and deterministic: the same lines give the same batches with the same ids, so that
dispatching twice does nothing twice.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from functions.dispatcher.lists import parse_line
from shared.errors import InvalidUrlError
from shared.jobs import batch_id
from shared.messages import Batch, Target
from shared.urls import partition_of

_MAX_BATCH_BYTES = 200_000  # of URLs; as JSON it stays well under what SQS takes
_EXCERPT = 200
_PASSWORD = re.compile(r"//[^/?#]*@")


class Rejected(Struct, frozen=True):
    """A line that is no URL."""

    line: int
    text: str
    """Its beginning; bytes that are not UTF-8 as U+FFFD."""
    reason: str


@dataclass
class Counts:
    """What came of the lines so far."""

    lines: int = 0
    targets: int = 0
    batches: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def plan_batches(
    lines: Iterable[bytes | None],
    counts: Counts,
    *,
    job: str,
    shard: int,
    first_line: int,
    partitions: int,
    batch_size: int,
) -> Iterator[Batch]:
    """
    Yield the batches of a shard, each of one partition, and count in `counts` on the way.

    A URL that stood on an earlier line of the shard is dropped.
    """
    seen: set[str] = set()
    open_targets: dict[int, list[Target]] = {}
    open_bytes: dict[int, int] = {}

    def close(partition: int) -> Batch:
        targets = tuple(open_targets.pop(partition))
        del open_bytes[partition]
        batch = Batch(
            job=job, batch=batch_id(shard, counts.batches), partition=partition, targets=targets
        )
        counts.batches += 1
        counts.targets += len(targets)
        return batch

    for number, raw in enumerate(lines, start=first_line):
        counts.lines += 1
        try:
            url = parse_line(raw)
        except InvalidUrlError as error:
            text = (raw or b"").strip()[:_EXCERPT].decode(errors="replace")
            text = _PASSWORD.sub("//***@", text)
            counts.rejected.append(Rejected(number, text, str(error)))
            continue
        if url is None:
            continue
        if url.href in seen:
            counts.duplicates += 1
            continue
        seen.add(url.href)
        partition = partition_of(url.host, partitions)
        size = open_bytes.get(partition, 0) + len(url.href)
        if size > _MAX_BATCH_BYTES:
            yield close(partition)
            size = len(url.href)
        open_targets.setdefault(partition, []).append(Target(url.href, number))
        open_bytes[partition] = size
        if len(open_targets[partition]) == batch_size:
            yield close(partition)
    for partition in sorted(open_targets):
        yield close(partition)

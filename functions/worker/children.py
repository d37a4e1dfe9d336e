"""
Which child a deferred or found target goes into, which letter a dead one, and to which partition.

All are decided when the outcome is written, and are written with it. Whoever concludes the commit
object sends what is written, with whatever release and whatever list of public suffixes: so the id
of a child always means the same targets.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec.structs import asdict, replace

from functions.worker.seen import depth_of, found_by, found_target
from shared.errors import Reason
from shared.ids import child_id, dead_letter_id
from shared.messages import Batch, Defer, Target
from shared.outcomes import AddressedOutcome, CommittedLine, FollowedOutcome, Kind, Outcome
from shared.urls import parse_url, partition_of

_MAX_BYTES = 200_000  # of URLs, in a child or a letter
_DUE_TOGETHER = 5  # seconds, as long as a worker likes to wait: due in one span, one child
_MAX_FOUND = 100  # targets in a child of found ones
_FOUND = "found"

_Group = tuple[Any, ...]
_Id = int | str


class Addresses:
    """
    Gives each target of a batch that is deferred or dead the number of its child or letter.

    Args:
        batch: The batch.
        partitions: The number of partitions of this release.
    """

    def __init__(self, batch: Batch, partitions: int) -> None:
        self._targets = {target.id: target for target in batch.targets}
        self._partitions = partitions
        self._children, self._letters = _Numbers(), _Numbers()

    def addressed(self, outcome: Outcome) -> Outcome:
        """Return `outcome` with where it goes; as it is if it stays."""
        if outcome.outcome is Kind.DEFERRED:
            partition = self._partition((outcome.url, *outcome.redirects)[-1])
            due = math.ceil((outcome.not_before or 0.0) / _DUE_TOGETHER)
            number = self._children.of((partition, due), self._size(outcome))
        elif outcome.outcome is Kind.DEAD and outcome.reason is not None:
            partition = self._partition(outcome.url)
            number = self._letters.of((outcome.reason, partition), self._size(outcome))
        elif isinstance(outcome, FollowedOutcome):
            return self._with_found(outcome)
        else:
            return outcome
        return AddressedOutcome(**asdict(outcome), child=number, partition=partition)

    def _with_found(self, outcome: FollowedOutcome) -> Outcome:
        found_on = outcome.final_url or outcome.url
        addressed = []
        for one in outcome.found:
            depth = depth_of(one.page, outcome.page, outcome.depth)
            target = found_target(one, depth=depth, found_on=found_on)
            if one.partition is None:
                self._targets[target.id] = target  # it has joined the batch
                addressed.append(one)
            else:
                number = self._children.of((_FOUND, one.partition), target.size, _MAX_FOUND)
                addressed.append(replace(one, child=number))
        return replace(outcome, found=tuple(addressed))

    def _size(self, outcome: Outcome) -> int:
        return self._targets[outcome.id].size + sum(map(len, outcome.redirects))

    def _partition(self, url: str) -> int:
        return partition_of(parse_url(url).host, self._partitions)


class _Numbers:
    """Numbers, from 1, of groups of targets, in pieces that fit into a message."""

    def __init__(self) -> None:
        self._numbers: dict[_Group, int] = {}
        self._filled: Counter[int] = Counter()
        self._targets: Counter[int] = Counter()

    def of(self, group: _Group, size: int, most: float = math.inf) -> int:
        """
        Return the number of what a target of `group` goes into, of about `size` bytes.

        There go `most` targets into one at most.
        """
        number = self._numbers.get(group)
        if (
            number is None
            or self._filled[number] + size > _MAX_BYTES
            or self._targets[number] >= most
        ):
            number = self._numbers[group] = len(self._filled) + 1
        self._filled[number] += size
        self._targets[number] += 1
        return number


class _Address(NamedTuple):
    number: int
    partition: int


class _Entry(NamedTuple):
    id: _Id
    group: _Group
    partition: int
    size: int


def children(
    batch: Batch,
    targets: Mapping[_Id, Target],
    lines: Iterable[CommittedLine],
    partitions: int,
    *,
    takes: bool = False,
) -> Iterator[Defer]:
    """
    Yield the batches of what was deferred and of what was found, each by their numbers.

    Args:
        batch: The batch.
        targets: Its targets, by id, with those that joined it.
        lines: What was committed.
        partitions: The job's number, for lines of release 0.1, which had no addresses.
        takes: Whether the partition writes down which pages of the job it has taken.
    """
    lines = list(lines)
    deferred = sorted((line for line in lines if line.outcome is Kind.DEFERRED), key=_place)
    owner = batch.partition if takes else None
    going = {line.id: _going_on(targets[line.id], line, owner) for line in deferred}
    addresses = _written(deferred)
    if addresses is None:
        entries = []
        for line in deferred:
            partition = partition_of(parse_url(going[line.id].location).host, partitions)
            group = partition, math.ceil((line.not_before or 0.0) / _DUE_TOGETHER)
            entries.append(_Entry(line.id, group, partition, going[line.id].size))
        addresses = _of_release_0_1(entries)
    for address, together in _by_address(deferred, addresses):
        child = Batch(
            job=batch.job,
            batch=child_id(batch.batch, address.number),
            partition=address.partition,
            hops=batch.hops + 1,
            targets=tuple(going[line.id] for line in together),
        )
        yield Defer(batch=child, not_before=max(line.not_before or 0.0 for line in together))
    yield from _found_children(batch, lines)


def _found_children(batch: Batch, lines: Iterable[CommittedLine]) -> Iterator[Defer]:
    """Yield the batches of what was found and has not joined `batch`."""
    together: dict[_Address, list[Target]] = {}
    for line in lines:
        for found, target in zip(line.found, found_by(line), strict=True):
            if found.child is not None and found.partition is not None:
                is_taken = found.partition == batch.partition
                address = _Address(found.child, found.partition)
                together.setdefault(address, []).append(replace(target, taken=is_taken))
    for address in sorted(together):
        child = Batch(
            job=batch.job,
            batch=child_id(batch.batch, address.number),
            partition=address.partition,
            targets=tuple(together[address]),
        )
        yield Defer(batch=child)


def _place(line: CommittedLine) -> tuple[int, str]:
    """Return the place of a line among others: that of the list, then what was found."""
    return line.line or sys.maxsize, line.url


def _going_on(target: Target, line: CommittedLine, owner: int | None) -> Target:
    going = replace(
        target,
        attempt=line.attempt,
        redirects=line.redirects,
        slowdowns=line.slowdowns,
        turned=line.method != target.method,
    )
    if owner is None:
        return going
    # Who is sent for rules, and who comes back, has its page already.
    has_page = going.is_errand or target.is_errand
    return replace(going, taken=has_page or line.partition == owner)


def dead_letters(
    batch: Batch,
    targets: Mapping[_Id, Target],
    lines: Iterable[CommittedLine],
    partitions: int,
    *,
    takes: bool = False,
) -> Iterator[Defer]:
    """
    Yield the batches of what died, in the order of their numbers.

    Their targets are as the list has them, for another life with all its attempts. The ids follow
    from the lines, so that of a letter which is there twice only one is acted on. The arguments are
    those of `children`.
    """
    dead = sorted(
        (line for line in lines if line.outcome is Kind.DEAD and line.reason is not None),
        key=_place,
    )
    anew = {
        line.id: replace(
            targets[line.id], attempt=1, redirects=(), slowdowns=0, turned=False, redriven=takes
        )
        for line in dead
    }
    addresses = _written(dead)
    if addresses is None:
        entries = []
        for line in dead:
            partition = partition_of(parse_url(line.url).host, partitions)
            group = line.reason, partition
            entries.append(_Entry(line.id, group, partition, anew[line.id].size))
        addresses = _of_release_0_1(entries)
    for address, together in _by_address(dead, addresses):
        letter = Batch(
            job=batch.job,
            batch=dead_letter_id(batch.batch, address.number),
            partition=address.partition,
            died=Reason(together[0].reason or ""),
            targets=tuple(anew[line.id] for line in together),
        )
        yield Defer(batch=letter)


def _written(lines: Iterable[CommittedLine]) -> dict[_Id, _Address] | None:
    """Return the addresses in `lines`; None if release 0.1 has written them."""
    addresses = {}
    for line in lines:
        if line.child is None or line.partition is None:
            return None
        addresses[line.id] = _Address(line.child, line.partition)
    return addresses


def _of_release_0_1(entries: Iterable[_Entry]) -> dict[_Id, _Address]:
    """Return the addresses that release 0.1 gave without writing them down."""
    filled: Counter[_Group] = Counter()
    pieces: dict[tuple[_Group, int], list[_Entry]] = {}
    for entry in entries:
        filled[entry.group] += entry.size
        pieces.setdefault((entry.group, filled[entry.group] // _MAX_BYTES), []).append(entry)
    return {
        entry.id: _Address(number, entry.partition)
        for number, piece in enumerate(sorted(pieces), start=1)
        for entry in pieces[piece]
    }


def _by_address(
    lines: Iterable[CommittedLine], addresses: Mapping[_Id, _Address]
) -> Iterator[tuple[_Address, list[CommittedLine]]]:
    together: dict[_Address, list[CommittedLine]] = {}
    for line in lines:
        together.setdefault(addresses[line.id], []).append(line)
    for address in sorted(together):
        yield address, together[address]

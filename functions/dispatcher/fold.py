"""
The sum of a job's receipts, made while they come, in parts.

S3 lists receipts by the batches of the list, each with all that it has led to, so that they can be
gone through in order: up to the first batch that is not settled they are added up, and never listed
again. Memory holds one such batch and one sum; whoever has no time left leaves the rest to the next
look. A job of a million receipts is closed in as many looks as that takes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum, auto
from math import inf
from typing import NamedTuple

import msgspec
from msgspec import Struct

from shared.errors import StorageError
from shared.ids import batch_id, root_id
from shared.keys import fold_key, receipts_folder
from shared.ledger import Ledger
from shared.receipts import CHILDREN, RECEIPT_END, receipt_batch, receipt_counts, settled
from shared.store import Bucket
from shared.tally import Tally, decode_tally

TOGETHER = 500  # receipts that are read between two looks at the clock
_CHILDREN = {CHILDREN: 1}
FEW = 10_000  # receipts that are counted in any case


class Mark(Struct, omit_defaults=True):
    """How far receipts are counted: those of the `batch` of the list, and of all before it."""

    batch: str = ""
    receipts: int = 0


class Fold(Struct, tag="fold.v2"):
    """The sum of the receipts up to a mark."""

    to: Mark
    tally: Tally
    checked: Mark
    """How far was looked, once all was added up, whether more has come in between."""
    beyond: Mark
    """How far the receipts behind `to` are counted; that takes several looks if they are many."""

    @classmethod
    def empty(cls) -> "Fold":
        return cls(Mark(), Tally(), Mark(), Mark())


class Stand(Enum):
    COMPLETE = auto()
    """All receipts are there, and added up."""
    WAITING = auto()
    """There is a batch whose receipt, or that of what it has led to, is to come."""
    OUT_OF_TIME = auto()
    """There is more to do at once."""


class _Group(NamedTuple):
    """A batch of the list, and the keys of its receipts and of those it has led to, by batch."""

    batch: str
    keys: dict[str, str]


class Receipts:
    """
    The receipts of a job.

    Args:
        data: The data bucket.
        job: The job.
        ledger: What was dispatched of it and what was redriven, without receipts.
        is_over: Tells whether the time for this look is over.
    """

    def __init__(self, data: Bucket, job: str, ledger: Ledger, is_over: Callable[[], bool]) -> None:
        self._data = data
        self._job = job
        self._ledger = ledger
        self._redriven: defaultdict[str, set[str]] = defaultdict(set)
        for batch in ledger.redriven:
            self._redriven[root_id(batch)].add(batch)
        self._is_over = is_over
        body = data.get(fold_key(job))
        self.fold = _decoded(body) if body is not None else Fold.empty()
        self._saved = msgspec.json.encode(self.fold)
        self._began_at = self.fold.to.batch

    @property
    def has_advanced(self) -> bool:
        """Whether this look has added up something."""
        return self.fold.to.batch > self._began_at

    def save(self) -> None:
        """Leave what was added up to the next look."""
        body = msgspec.json.encode(self.fold)
        if body != self._saved:
            self._data.put(fold_key(self._job), body)

    def add_up(self) -> Stand:
        """Add up what is settled, up to the first batch that is not."""
        fold = self.fold
        following = self._following(fold.to.batch)
        ready: list[_Group] = []
        size = 0
        for group in self._groups(fold.to.batch):
            if following is not None and group.batch > following:
                break
            known = self._settled(group)
            if known is None:
                break
            ready.append(_Group(group.batch, known))
            size += len(known)
            if size >= TOGETHER:
                self._add(ready)
                ready, size = [], 0
                if self._is_over():
                    return Stand.OUT_OF_TIME
            if group.batch == following:
                following = self._following(group.batch)
        if following is not None:
            return Stand.WAITING  # few are ready that are not added up, and no fold need be kept
        self._add(ready)
        return self._check() if self._began_at else Stand.COMPLETE

    def count_beyond(self, *, thoroughly: bool) -> int | None:
        """
        Return how many receipts there are behind those added up; None if there was not the time.

        Unless it is done `thoroughly`, there is only the time for a `FEW`.
        """
        mark = self.fold.beyond
        limit = inf if thoroughly else FEW
        listed, look_at = 0, 0
        for group in self._groups(mark.batch or self.fold.to.batch):
            if listed > limit:
                return None
            if listed >= look_at:
                if self._is_over():
                    return None
                look_at = listed + TOGETHER
            listed += len(group.keys)
            mark.batch = group.batch
            mark.receipts += len(group.keys)
        self.fold.beyond = Mark()
        return mark.receipts

    def _check(self) -> Stand:
        """Look whether what several looks have added up is all; if not, begin anew."""
        mark = self.fold.checked
        look_at = mark.receipts + TOGETHER
        for group in self._groups(mark.batch):
            known = self._settled(group)
            if known is None:  # a letter was redriven since
                self.fold = Fold.empty()
                return Stand.WAITING
            mark.batch = group.batch
            mark.receipts += len(known)
            if mark.receipts >= look_at:
                if self._is_over():
                    return Stand.OUT_OF_TIME
                look_at = mark.receipts + TOGETHER
        if mark.receipts == self.fold.to.receipts:
            return Stand.COMPLETE
        self.fold = Fold.empty()
        return Stand.OUT_OF_TIME

    def _groups(self, after: str) -> Iterator[_Group]:
        folder = receipts_folder(self._job)
        start = f"{folder}{after}/" if after else ""  # "/" is behind "-" and "."
        root, keys = "", dict[str, str]()
        for key in self._data.keys(folder, end=RECEIPT_END, after=start):
            batch = receipt_batch(key)
            of = root_id(batch)
            if of != root:
                if keys:
                    yield _Group(root, keys)
                root, keys = of, {}
            keys[batch] = key
        if keys:
            yield _Group(root, keys)

    def _settled(self, group: _Group) -> dict[str, str] | None:
        """Return those receipts of `group` that count, or None if some are to come."""
        counts = {batch: receipt_counts(key) for batch, key in group.keys.items()}
        redriven = self._redriven.get(group.batch, set())
        if len(counts) == 1 and CHILDREN not in counts.get(group.batch, _CHILDREN) and not redriven:
            return group.keys  # as most are
        ledger = Ledger(None, receipts=counts, redriven=redriven)
        if not (settled(counts, group.batch) and ledger.letters_settled):
            return None
        known = ledger.known
        return {batch: key for batch, key in group.keys.items() if batch in known}

    def _following(self, batch: str) -> str | None:
        """Return the batch of the list behind `batch`, or None behind the last one of all."""
        shard, number = map(int, batch.split("-")) if batch else (0, -1)
        number += 1
        while (counts := self._ledger.dispatched.get(f"{shard:05d}")) is not None:
            if number < counts.get("batches", 0):
                return batch_id(shard, number)
            shard, number = shard + 1, 0
        return None if self._ledger.fully_dispatched else batch_id(shard, number)

    def _add(self, groups: list[_Group]) -> None:
        fold = self.fold
        keys = [key for group in groups for key in group.keys.values()]
        for key, body in self._data.get_all(keys):
            fold.tally.add(_tally(key, body))
        if groups:
            fold.to = Mark(groups[-1].batch, fold.to.receipts + len(keys))
            fold.beyond = Mark()


def _tally(key: str, body: bytes | None) -> Tally:
    if body:  # else it is of an older release
        with suppress(StorageError):  # or damaged: its key has what counts
            return decode_tally(body)
    return Tally(receipts=1, counts=receipt_counts(key))


def _decoded(body: bytes) -> Fold:
    try:
        return msgspec.json.decode(body, type=Fold)
    except msgspec.MsgspecError:  # of another release
        return Fold.empty()

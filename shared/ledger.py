"""The ledger: where a job stands, by nothing but the keys below `jobs/<job>/`."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.ids import batch_id
from shared.manifest import Manifest
from shared.outcomes import Kind
from shared.receipts import (
    CHILDREN,
    FOUND,
    REPLACED,
    children_of,
    final_counts,
    of_kind,
    read_counts,
    settled,
    total,
)

_REDRIVEN = re.compile(r"-r[0-9]+$")


@dataclass
class Ledger:
    """
    Where a job stands, from its keys; the order in which they come does not matter.

    `shards` is the manifest's. What died in the `redriven` batches is under way again.
    """

    shards: int | None
    dispatched: dict[str, dict[str, int]] = field(default_factory=dict)
    receipts: dict[str, dict[str, int]] = field(default_factory=dict)
    redriven: set[str] = field(default_factory=set)
    _changes: int = field(default=0, init=False, repr=False, compare=False)
    _known: tuple[int, dict[str, dict[str, int]]] = field(
        default=(-1, {}), init=False, repr=False, compare=False
    )
    """What `known` was, after so many changes."""

    def add(self, key: str) -> None:
        """Take note of a key below `jobs/<job>/`. Other keys than the ledger's say nothing."""
        _, _, kind, *rest = key.split("/")
        if kind == "dispatched":
            shard, counts = read_counts(rest[0])
            self.dispatched[shard] = counts
        elif kind == "receipts":
            batch, counts = read_counts(rest[0])
            self.receipts[batch] = counts
            self._changes += 1  # now, so that whoever has not seen it works `known` out again
        elif kind == "redriven":
            self.redriven.add(rest[0])

    @property
    def known(self) -> dict[str, dict[str, int]]:
        """
        Those of the `receipts` that count: of the list, or made of what has a receipt that counts.

        A worker that dies after it has sent what it deferred leaves children that may come to
        their end before somebody else writes its receipt. Until then all that they are made of is
        under way, with it, and would be counted twice.
        """
        changes = self._changes
        if self._known[0] != changes:
            self._known = changes, self._worked_out()
        return self._known[1]

    def _worked_out(self) -> dict[str, dict[str, int]]:
        waiting, letters = [], dict[str, list[str]]()
        for batch in self.receipts:
            if batch.count("-") == 1:
                waiting.append(batch)
            elif match := _REDRIVEN.search(batch):
                letters.setdefault(batch[: match.start()], []).append(batch)
        if len(waiting) == len(self.receipts):
            return self.receipts
        known = {}
        while waiting:
            batch = waiting.pop()
            counts = self.receipts.get(batch)
            if counts is not None:
                known[batch] = counts
                waiting += children_of(batch, counts)
                waiting += letters.get(batch, ())
        return known

    @property
    def fully_dispatched(self) -> bool:
        shards = self.shards
        if shards is None:
            last = [int(shard) for shard, counts in self.dispatched.items() if "last" in counts]
            shards = last[0] + 1 if last else -1
        return len(self.dispatched) == shards

    @property
    def batches(self) -> int:
        """Batches known so far, those of deferred targets included."""
        return self._sum(self.dispatched, "batches") + self._sum(self.known, CHILDREN)

    @property
    def targets(self) -> int:
        """Targets known so far, listed and found."""
        return self.listed + self.found

    @property
    def listed(self) -> int:
        return self._sum(self.dispatched, "targets")

    @property
    def found(self) -> int:
        """Targets that links have led to, so far, without those that were none after all."""
        known = self.known
        dropped = sum(total(counts, Kind.DROPPED) for counts in known.values())
        return self._sum(known, FOUND) - dropped

    @property
    def rejected(self) -> int:
        return self._sum(self.dispatched, "rejected")

    @property
    def duplicates(self) -> int:
        return self._sum(self.dispatched, "duplicates")

    @property
    def damaged(self) -> bool:
        """Whether the list could not be read to its end."""
        return self._sum(self.dispatched, "damaged") > 0

    @property
    def complete(self) -> bool:
        """Whether every shard is dispatched and every batch has its receipt."""
        # Not by counting: a child's receipt may be there before its parent's, which is what says
        # how many there are.
        return (
            self.fully_dispatched
            and all(
                settled(self.receipts, batch_id(int(shard), number))
                for shard, counts in self.dispatched.items()
                for number in range(counts.get("batches", 0))
            )
            and self.letters_settled
        )

    @property
    def letters_settled(self) -> bool:
        """Whether every dead letter with a receipt, or of a `redriven` batch, is at its end."""
        # Other letters count from their receipt on; until then their targets are dead.
        return not self.redriven_left and all(
            settled(self.receipts, batch) for batch in self.known if _REDRIVEN.search(batch)
        )

    @property
    def redriven_left(self) -> int:
        """How many targets of `redriven` batches are in letters that have no receipt yet."""
        known = self.known
        left = Counter({batch: total(known.get(batch, {}), Kind.DEAD) for batch in self.redriven})
        for letter, parent in self._redriven_letters(known):
            left[parent] -= total(known[letter], REPLACED)
        return (+left).total()

    @property
    def final(self) -> Counter[str]:
        """The final outcomes so far, by `outcome_name`; those of dead letters in their place."""
        known = self.known
        counts: Counter[str] = Counter()
        for receipt in known.values():
            counts.update(receipt)
        for batch in self.redriven:
            counts.subtract(of_kind(known.get(batch, {}), Kind.DEAD))
        for letter, _ in self._redriven_letters(known):
            counts.subtract(of_kind(known[letter], REPLACED))
        return final_counts(counts)

    def _redriven_letters(self, known: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the letters of `redriven` batches among the `known`, each with its batch."""
        for letter in known if self.redriven else ():
            match = _REDRIVEN.search(letter)
            if match and letter[: match.start()] in self.redriven:
                yield letter, letter[: match.start()]

    @staticmethod
    def _sum(receipts: Mapping[str, Mapping[str, int]], name: str) -> int:
        return sum(counts.get(name, 0) for counts in receipts.values())


def ledger_of(manifest: Manifest, keys: Iterable[str]) -> Ledger:
    """Return the ledger that `keys`, a listing of `jobs/<job>/`, amount to."""
    ledger = Ledger(manifest.shards)
    for key in keys:
        ledger.add(key)
    return ledger

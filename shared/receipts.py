"""
The keys that carry counts: what a shard gave, and what became of a batch.

Counts stand in the key, so that one LIST tells where a job stands and no object is read for it.
"""

from collections import Counter
from collections.abc import Mapping

from shared.ids import child_id
from shared.keys import dispatched_prefix, receipts_folder, swept_folder
from shared.outcomes import FINAL, Kind

_MAX_NAME = 240  # characters of a receipt's name: file systems end at 255
RECEIPT_END = "!"
"""
With this the key of a receipt ends, and no other key has it.

For a LIST that has it for its delimiter, such a key is a prefix that others have in common: of a
prefix S3 tells the name and nothing else, which takes a quarter of the work at both ends.
"""
# Counts besides outcomes, and two that are times.
CHILDREN, PROBLEMS, NO_MATCH, DUE = "children", "problems", "no_match", "due"
FOUND, JOINED = "found", "joined"
# Rows, against the job before.
ROWS_NEW, ROWS_CHANGED, ROWS_SAME, ROWS_GONE = "rows_new", "rows_changed", "rows_same", "rows_gone"
ROWS_UNSEEN = "rows_unseen"
"""Those of which nobody can tell whether they are gone."""
COMMITTED = "committed"
SIZE = "size"
"""Of the commit object, in bytes; receipts of release 0.1 do not have it."""
REPLACED = "redriven"
_KINDS = frozenset(Kind)


def dispatched_key(
    job: str,
    shard: int,
    *,
    batches: int,
    targets: int,
    rejected: int,
    duplicates: int,
    last: bool = False,
    damaged: bool = False,
) -> str:
    """
    Return the key that says what a shard gave. Equal shards give equal keys.

    `last` is for lists that are streamed: no shard follows. One that is `damaged` ends before its
    end, and nobody knows what else it holds.
    """
    counts = {
        "batches": batches,
        "targets": targets,
        "rejected": rejected,
        "duplicates": duplicates,
        "last": int(last),
        "damaged": int(damaged),
    }
    return f"{dispatched_prefix(job, shard)}{_encode_counts(counts)}"


def dispatched_shard(key: str) -> int:
    """Return the shard that `dispatched_key` was given."""
    return int(key.rpartition("/")[2].partition(".")[0])


def receipt_key(job: str, batch: str, counts: Mapping[str, int]) -> str:
    """
    Return the key that says what became of a batch.

    Args:
        job: The job.
        batch: The batch, committed.
        counts: By `outcome_name`; and `children`, the batches made of what was deferred or found;
            `found`, the targets found, and `joined`, those of them that joined the batch;
            `due`, when the last of these may be tried, in epoch seconds; `committed`, when the
            batch was, likewise; `size` of the commit object; `redriven-<reason>`, the targets of a
            dead letter; `rows_new`, `rows_changed`, `rows_same` and `rows_gone`, against the job
            before; `problems` of rows; `no_match`, pages on which the spec has found nothing.
            Where all reasons would be too many for a name, kinds are counted alone.
    """
    name = f"{batch}{_encode_counts(counts)}"
    if len(name) > _MAX_NAME:
        kinds: Counter[str] = Counter()
        for outcome, count in counts.items():
            kind = outcome.partition("-")[0]
            kinds[kind if kind in _KINDS else outcome] += count
        name = f"{batch}{_encode_counts(kinds)}"
    return f"{receipts_folder(job)}{name}{RECEIPT_END}"


def swept_key(job: str, partition: int, counts: Mapping[str, int]) -> str:
    """Return the key that says what is gone in a partition; it is read as that of a batch."""
    return f"{swept_folder(job)}{partition}{_encode_counts(counts)}"


def receipt_batch(key: str) -> str:
    """Return the batch that `receipt_key` was given."""
    return key.rpartition("/")[2].partition(".")[0].removesuffix(RECEIPT_END)


def receipt_counts(key: str) -> dict[str, int]:
    """Return the counts that `receipt_key` was given."""
    return read_counts(key.rpartition("/")[2])[1]


def redriven_name(reason: str) -> str:
    """Return the name under which a receipt counts targets that had died of `reason`."""
    return f"{REPLACED}-{reason}"


def outcome_name(kind: str, reason: str | None) -> str:
    """Return the name under which the ledger counts an outcome: `scraped`, `failed-http_404`."""
    return f"{kind}-{reason}" if reason else f"{kind}"


def _encode_counts(counts: Mapping[str, int]) -> str:
    # Zeros too would make keys long; sorted, so that equal counts are equal keys.
    return "".join(f".{name}={count}" for name, count in sorted(counts.items()) if count)


def read_counts(name: str) -> tuple[str, dict[str, int]]:
    """Return the shard or batch in the last part of a key, and the counts behind it."""
    identifier, *parts = name.removesuffix(RECEIPT_END).split(".")
    counts = {}
    for part in parts:
        key, _, count = part.partition("=")
        counts[key] = int(count)
    return identifier, counts


def of_kind(counts: Mapping[str, int], kind: str) -> dict[str, int]:
    """Return those of `counts` whose name is `kind`, or `kind` with a reason."""
    return {name: count for name, count in counts.items() if name.partition("-")[0] == kind}


def total(counts: Mapping[str, int], kind: str) -> int:
    """Return the sum of `of_kind`."""
    return sum(of_kind(counts, kind).values())


def final_counts(counts: Mapping[str, int]) -> Counter[str]:
    """Return the final ones among the `counts` of receipts; see `receipt_key`."""
    final: Counter[str] = Counter()
    for name, count in counts.items():
        kind, _, reason = name.partition("-")
        if kind in FINAL:
            final[name] += count
        elif kind == REPLACED:
            final[outcome_name(Kind.DEAD, reason)] -= count
    for name in [name for name, count in final.items() if count < 0]:
        final[Kind.DEAD] += final.pop(name)  # their receipt had no room for the reasons
    return +final


def lost_batches(receipts: Mapping[str, Mapping[str, int]], sizes: Mapping[str, int]) -> list[str]:
    """
    Return the batches whose outcomes are gone, or not as long as they were committed.

    Args:
        receipts: The counts of each receipt, by batch.
        sizes: How long the results of each batch are, in bytes.
    """
    return [
        batch
        for batch, counts in receipts.items()
        if batch not in sizes or counts.get(SIZE, sizes[batch]) != sizes[batch]
    ]


def settled(receipts: Mapping[str, Mapping[str, int]], batch: str) -> bool:
    """Tell whether `batch` and every batch made of what it deferred have their receipts."""
    waiting = [batch]
    while waiting:
        batch = waiting.pop()
        counts = receipts.get(batch)
        if counts is None:
            return False
        waiting += children_of(batch, counts)
    return True


def children_of(batch: str, counts: Mapping[str, int]) -> list[str]:
    """Return the batches that were made of what `batch` deferred, by its receipt."""
    return [child_id(batch, number) for number in range(1, counts.get(CHILDREN, 0) + 1)]

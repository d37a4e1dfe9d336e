"""
What a job is in the data bucket: its manifest, its keys, and the ledger.

The ledger is the list of keys below `jobs/<job>/`. Receipts carry their counts in the key, so
that one LIST tells where a job stands and no object is read for it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from shared.errors import InvalidJobError
from shared.messages import JobId, Place
from shared.outcomes import Kind
from shared.spec import Spec

SHARD_BYTES = 8 * 1024 * 1024  # seconds of work for one invocation, and some 100 MB of memory
_DATE = re.compile(r"[^a-z0-9]+")


class Manifest(Struct, frozen=True, kw_only=True, tag="manifest.v1", omit_defaults=True):
    """
    A job as it was started; written once, except that `error` may follow.

    `size` is the list's in bytes, `etag` what it must still be when it is read. Without a
    `source` the URLs came in the message itself.
    """

    job: JobId
    source: Place | None = None
    etag: str = ""
    size: int = 0
    spec: Spec
    partitions: int
    batch_size: int
    created_at: str
    error: str | None = None

    @property
    def shards(self) -> int:
        """Into how many shards the list is cut."""
        return max(1, -(-self.size // SHARD_BYTES))


def job_id(name: str, identity: str) -> str:
    """
    Return the id of a job, such as ``books-2026-11-21-9f86d081884c``.

    The same name and identity give the same id, so that an event that is delivered twice starts
    one job.

    Args:
        name: For people; the folder and file of the list, say.
        identity: What tells this job from the next of the same name.
    """
    slug = _DATE.sub("-", name.lower()).strip("-")[-48:].strip("-") or "job"
    digest = hashlib.sha256(f"{name}\n{identity}".encode()).hexdigest()
    return f"{slug}-{digest[:12]}"


def job_prefix(job: str) -> str:
    return f"jobs/{job}/"


def manifest_key(job: str) -> str:
    return f"jobs/{job}/manifest.json"


def rejected_key(job: str, shard: int) -> str:
    return f"jobs/{job}/rejected/{shard:05d}.jsonl"


def results_prefix(job: str) -> str:
    return f"results/job={job}/"


def results_key(job: str, batch: str) -> str:
    return f"results/job={job}/{batch}.jsonl.gz"


def state_key(partition: int) -> str:
    return f"state/{partition}.json"


def batch_id(shard: int, number: int) -> str:
    """Return the id of the batch that is `number`, from 0, of its shard."""
    return f"{shard:05d}-{number:06d}"


def root_id(batch: str) -> str:
    """Return the batch of the list that `batch`, through whatever was deferred, came from."""
    return "-".join(batch.split("-", 2)[:2])


def child_id(batch: str, number: int) -> str:
    """Return the id of the `number`-th batch, from 1, of targets that `batch` deferred."""
    return f"{batch}-{number}"


def dispatched_key(
    job: str, shard: int, *, batches: int, targets: int, rejected: int, duplicates: int
) -> str:
    """Return the key that says what a shard gave. Equal shards give equal keys."""
    counts = {
        "batches": batches,
        "targets": targets,
        "rejected": rejected,
        "duplicates": duplicates,
    }
    return f"jobs/{job}/dispatched/{shard:05d}{_encode_counts(counts)}"


def receipt_key(job: str, batch: str, counts: Mapping[str, int]) -> str:
    """
    Return the key that says what became of a batch.

    Args:
        job: The job.
        batch: The batch, committed.
        counts: By `outcome_name`, and `children`: the batches made of what was deferred.
    """
    return f"jobs/{job}/receipts/{batch}{_encode_counts(counts)}"


def receipts_prefix(job: str, shard: int) -> str:
    return f"jobs/{job}/receipts/{shard:05d}-"


def outcome_name(kind: str, reason: str | None) -> str:
    """Return the name under which the ledger counts an outcome: `scraped`, `failed-http_404`."""
    return f"{kind}-{reason}" if reason else f"{kind}"


def _encode_counts(counts: Mapping[str, int]) -> str:
    # Zeros too would make keys long; sorted, so that equal counts are equal keys.
    return "".join(f".{name}={count}" for name, count in sorted(counts.items()) if count)


def _decode_counts(name: str) -> tuple[str, dict[str, int]]:
    identifier, *parts = name.split(".")
    counts = {}
    for part in parts:
        key, _, count = part.partition("=")
        counts[key] = int(count)
    return identifier, counts


@dataclass
class Ledger:
    """
    Where a job stands, from its keys; the order in which they come does not matter.

    `shards` is the manifest's.
    """

    shards: int
    dispatched: dict[str, dict[str, int]] = field(default_factory=dict)
    receipts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, key: str) -> None:
        """Take note of a key below `jobs/<job>/`. Other keys than the ledger's say nothing."""
        _, _, kind, *rest = key.split("/")
        if kind == "dispatched":
            shard, counts = _decode_counts(rest[0])
            self.dispatched[shard] = counts
        elif kind == "receipts":
            batch, counts = _decode_counts(rest[0])
            self.receipts[batch] = counts

    @property
    def fully_dispatched(self) -> bool:
        return len(self.dispatched) == self.shards

    @property
    def batches(self) -> int:
        """Batches known so far, those of deferred targets included."""
        return self._sum(self.dispatched, "batches") + self._sum(self.receipts, "children")

    @property
    def targets(self) -> int:
        return self._sum(self.dispatched, "targets")

    @property
    def rejected(self) -> int:
        return self._sum(self.dispatched, "rejected")

    @property
    def duplicates(self) -> int:
        return self._sum(self.dispatched, "duplicates")

    @property
    def complete(self) -> bool:
        """Whether every shard is dispatched and every batch has its receipt."""
        # Not by counting: a child's receipt may be there before its parent's, which is what says
        # how many there are.
        return self.fully_dispatched and all(
            settled(self.receipts, batch_id(int(shard), number))
            for shard, counts in self.dispatched.items()
            for number in range(counts.get("batches", 0))
        )

    @property
    def final(self) -> Counter[str]:
        """The final outcomes so far, by `outcome_name`."""
        counts: Counter[str] = Counter()
        for receipt in self.receipts.values():
            counts.update(receipt)
        del counts["children"]
        for name in [name for name in counts if name.startswith(Kind.DEFERRED)]:
            del counts[name]
        return counts

    @staticmethod
    def _sum(receipts: Mapping[str, Mapping[str, int]], name: str) -> int:
        return sum(counts.get(name, 0) for counts in receipts.values())


def settled(receipts: Mapping[str, Mapping[str, int]], batch: str) -> bool:
    """Tell whether `batch` and every batch made of what it deferred have their receipts."""
    waiting = [batch]
    while waiting:
        batch = waiting.pop()
        counts = receipts.get(batch)
        if counts is None:
            return False
        waiting += [child_id(batch, n) for n in range(1, counts.get("children", 0) + 1)]
    return True


def ledger_of(manifest: Manifest, keys: Iterable[str]) -> Ledger:
    """Return the ledger that `keys`, a listing of `jobs/<job>/`, amount to."""
    ledger = Ledger(manifest.shards)
    for key in keys:
        ledger.add(key)
    return ledger


_manifest_decoder = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode_manifest(body: bytes) -> Manifest:
    """
    Return the manifest in `body`.

    Raises:
        InvalidJobError: it is none, or of a later release.
    """
    try:
        return _manifest_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidJobError(f"not a manifest: {error}") from error

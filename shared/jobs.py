"""
What a job is in the data bucket: its manifest, its keys, and the ledger.

The ledger is the list of keys below `jobs/<job>/`. Receipts carry their counts in the key, so
that one LIST tells where a job stands and no object is read for it.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from shared.errors import InvalidJobError
from shared.messages import JobId, Place
from shared.outcomes import Kind
from shared.spec import Spec

JOBS = "jobs/"
STATES = "state/"
SUBMITTED = "submitted/"  # in the input bucket: lists that are no jobs by being uploaded
# Seconds of work for one invocation, and 350 MB of memory where every line is a URL of 11 bytes.
SHARD_BYTES = 16 * 1024 * 1024
MAX_ID = 64  # characters of a batch's id: a file name must hold it, and the counts
_MAX_NAME = 240  # characters of a receipt's name: file systems end at 255
DEFAULT_SPEC = "the default: no spec.yaml in the folders of the list"
MESSAGE_SPEC = "the message"
RECEIPT_END = "!"
"""
With this the key of a receipt ends, and no other key has it.

For a LIST that has it for its delimiter, such a key is a prefix that others have in common: of a
prefix S3 tells the name and nothing else, which takes a quarter of the work at both ends.
"""
_KINDS = frozenset(Kind)
_DATE = re.compile(r"[^a-z0-9]+")
_REDRIVEN = re.compile(r"-r[0-9]+$")
_GENERATION = re.compile(r"-(?:r[0-9]+|g([0-9]+)x)")


class Manifest(Struct, frozen=True, kw_only=True, tag="manifest.v1", omit_defaults=True):
    """
    A job as it was started; written once, except that `error` may follow before its first batch.

    `size` is the list's in bytes, `etag` what it must still be when it is read. Without a
    `source` the URLs came in the message itself.

    A list that is `streamed` can only be read from its beginning: its shards come out of it one
    after another, and how many there are is known at its end.

    `spec_from` says where the `spec` was found: the address of a `spec.yaml`, `MESSAGE_SPEC`, or
    `DEFAULT_SPEC` where there was none. Nothing, where an earlier release has started the job.
    """

    job: JobId
    source: Place | None = None
    etag: str = ""
    size: int = 0
    shard_bytes: int = 8 * 1024 * 1024  # of jobs that began before it was a field
    streamed: bool = False
    spec: Spec
    spec_from: str = ""
    partitions: int
    batch_size: int
    created_at: str
    error: str | None = None

    @property
    def shards(self) -> int | None:
        """Into how many shards the list is cut; None: the receipt of the last one will say."""
        return None if self.streamed else max(1, -(-self.size // self.shard_bytes))


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
    return f"{JOBS}{job}/"


def manifest_key(job: str) -> str:
    return f"jobs/{job}/manifest.json"


def cancelled_key(job: str) -> str:
    """Return the key of the object that tells workers to stop; its content says nothing."""
    return f"{JOBS}{job}/cancelled"


def submitted_key(job: str, name: str) -> str:
    """Return the key in the input bucket of a list that a `submit.v1` message is about."""
    return f"{SUBMITTED}{job}/{name}"


def plan_prefix(job: str) -> str:
    return f"{JOBS}{job}/plan/"


def plan_key(job: str, shard: int) -> str:
    """Return the key of a shard's plan: its messages, written before the first of them is sent."""
    return f"{plan_prefix(job)}{shard:05d}.gz"


def rejected_key(job: str, shard: int) -> str:
    return f"jobs/{job}/rejected/{shard:05d}.jsonl"


def summary_key(job: str) -> str:
    return f"jobs/{job}/summary.json"


def redriven_key(job: str, batch: str) -> str:
    """Return the key of the object that tells that what died in a batch gets another life."""
    return f"{JOBS}{job}/redriven/{batch}"


def announced_key(job: str) -> str:
    """Return the key of the object that tells that the job's end was announced."""
    return f"jobs/{job}/announced"


def ticks_prefix(job: str) -> str:
    return f"{JOBS}{job}/ticks/"


def tick_key(job: str, number: int) -> str:
    """Return the key of the object that tells that the tick after this one was sent."""
    return f"{ticks_prefix(job)}{number:05d}"


def fold_key(job: str) -> str:
    """
    Return the key of what a job's receipts add up to so far.

    Release 0.1 has a form of its own in `fold.json`, and fails on any other.
    """
    return f"jobs/{job}/fold-2.json"


def results_prefix(job: str) -> str:
    return f"results/job={job}/"


def results_key(job: str, batch: str) -> str:
    return f"results/job={job}/{batch}.jsonl.gz"


def state_key(partition: int) -> str:
    return f"{STATES}{partition}.json"


def batch_id(shard: int, number: int) -> str:
    """Return the id of the batch that is `number`, from 0, of its shard."""
    return f"{shard:05d}-{number:06d}"


def root_id(batch: str) -> str:
    """Return the batch of the list that `batch`, through whatever was deferred, came from."""
    return "-".join(batch.split("-", 2)[:2])


def child_id(batch: str, number: int) -> str:
    """
    Return the id of the `number`-th batch, from 1, of targets that `batch` deferred.

    It tells where the batch comes from, as long as there is room for it.
    """
    child = f"{batch}-{number}"
    if len(child) <= MAX_ID:
        return child
    return f"{_digested(batch)}-{number}"


def _digested(batch: str) -> str:
    digest = hashlib.sha256(batch.encode()).hexdigest()[:16]
    return f"{root_id(batch)}-g{generation(batch)}x{digest}"


def dead_letter_id(batch: str, number: int) -> str:
    """Return the id of the `number`-th batch, from 1, of targets that died in `batch`."""
    return f"{batch}-r{number}"


def generation(batch: str) -> int:
    """Return how often the targets of `batch` were redriven."""
    count = 0
    for match in _GENERATION.finditer(batch):
        count = int(match[1]) if match[1] else count + 1
    return count


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
    return f"jobs/{job}/dispatched/{shard:05d}{_encode_counts(counts)}"


def receipt_key(job: str, batch: str, counts: Mapping[str, int]) -> str:
    """
    Return the key that says what became of a batch.

    Args:
        job: The job.
        batch: The batch, committed.
        counts: By `outcome_name`; and `children`, the batches made of what was deferred;
            `due`, when the last of these may be tried, in epoch seconds; `committed`, when the
            batch was, likewise; `size` of the commit object; `redriven-<reason>`, the targets of a
            dead letter; `problems` of rows; `no_match`, pages on which the spec has found nothing.
            Where all reasons would be too many for a name, kinds are counted alone.
    """
    name = f"{batch}{_encode_counts(counts)}"
    if len(name) > _MAX_NAME:
        kinds: Counter[str] = Counter()
        for outcome, count in counts.items():
            kind = outcome.partition("-")[0]
            kinds[kind if kind in _KINDS else outcome] += count
        name = f"{batch}{_encode_counts(kinds)}"
    return f"jobs/{job}/receipts/{name}{RECEIPT_END}"


def receipt_batch(key: str) -> str:
    """Return the batch that `receipt_key` was given."""
    return key.rpartition("/")[2].partition(".")[0].removesuffix(RECEIPT_END)


def receipt_counts(key: str) -> dict[str, int]:
    """Return the counts that `receipt_key` was given."""
    return _decode_counts(key.rpartition("/")[2])[1]


def receipts_folder(job: str) -> str:
    return f"{JOBS}{job}/receipts/"


def receipts_prefix(job: str, shard: int) -> str:
    return f"{receipts_folder(job)}{shard:05d}-"


def dispatched_folder(job: str) -> str:
    return f"{JOBS}{job}/dispatched/"


def redriven_folder(job: str) -> str:
    return f"{JOBS}{job}/redriven/"


# Counts besides outcomes, and two that are times.
CHILDREN, PROBLEMS, NO_MATCH, DUE = "children", "problems", "no_match", "due"
COMMITTED = "committed"
SIZE = "size"
"""Of the commit object, in bytes; receipts of release 0.1 do not have it."""
_REPLACED = "redriven"


def redriven_name(reason: str) -> str:
    """Return the name under which a receipt counts targets that had died of `reason`."""
    return f"{_REPLACED}-{reason}"


def outcome_name(kind: str, reason: str | None) -> str:
    """Return the name under which the ledger counts an outcome: `scraped`, `failed-http_404`."""
    return f"{kind}-{reason}" if reason else f"{kind}"


def _encode_counts(counts: Mapping[str, int]) -> str:
    # Zeros too would make keys long; sorted, so that equal counts are equal keys.
    return "".join(f".{name}={count}" for name, count in sorted(counts.items()) if count)


def _decode_counts(name: str) -> tuple[str, dict[str, int]]:
    identifier, *parts = name.removesuffix(RECEIPT_END).split(".")
    counts = {}
    for part in parts:
        key, _, count = part.partition("=")
        counts[key] = int(count)
    return identifier, counts


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

    def add(self, key: str) -> None:
        """Take note of a key below `jobs/<job>/`. Other keys than the ledger's say nothing."""
        _, _, kind, *rest = key.split("/")
        if kind == "dispatched":
            shard, counts = _decode_counts(rest[0])
            self.dispatched[shard] = counts
        elif kind == "receipts":
            batch, counts = _decode_counts(rest[0])
            self.receipts[batch] = counts
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
                waiting += _children(batch, counts)
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
        return self._sum(self.dispatched, "targets")

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
        left = Counter({batch: _total(known.get(batch, {}), Kind.DEAD) for batch in self.redriven})
        for letter, parent in self._redriven_letters(known):
            left[parent] -= _total(known[letter], _REPLACED)
        return (+left).total()

    @property
    def final(self) -> Counter[str]:
        """The final outcomes so far, by `outcome_name`; those of dead letters in their place."""
        known = self.known
        counts: Counter[str] = Counter()
        for receipt in known.values():
            counts.update(receipt)
        for batch in self.redriven:
            counts.subtract(_only(known.get(batch, {}), Kind.DEAD))
        for letter, _ in self._redriven_letters(known):
            counts.subtract(_only(known[letter], _REPLACED))
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


def _only(counts: Mapping[str, int], kind: str) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name.partition("-")[0] == kind}


def _total(counts: Mapping[str, int], kind: str) -> int:
    return sum(_only(counts, kind).values())


def final_counts(counts: Mapping[str, int]) -> Counter[str]:
    """Return the final ones among the `counts` of receipts; see `receipt_key`."""
    final: Counter[str] = Counter()
    for name, count in counts.items():
        kind, _, reason = name.partition("-")
        if kind in _KINDS and kind != Kind.DEFERRED:
            final[name] += count
        elif kind == _REPLACED:
            final[outcome_name(Kind.DEAD, reason)] -= count
    for name in [name for name, count in final.items() if count < 0]:
        final[Kind.DEAD] += final.pop(name)  # their receipt had no room for the reasons
    return +final


def last_generations(finals: Iterable[tuple[str, int]]) -> dict[int, int]:
    """
    Return by line the generation of each redriven target's last outcome.

    An outcome of a batch of another generation is not the target's last; one of a line that is not
    here always is.

    Args:
        finals: Batch and line of each final outcome in a batch with a `generation`.
    """
    last: dict[int, int] = {}
    for batch, line in finals:
        last[line] = max(last.get(line, 0), generation(batch))
    return last


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


def descendants(roots: Iterable[str], batches: Iterable[str]) -> set[str]:
    """Return those of `batches` that were made of what `roots` deferred, or what died in them."""
    parts = defaultdict[str, set[str]](set)
    for one in batches:
        parts[one.rpartition("-")[0]].add(one)
    found: set[str] = set()
    waiting = [*roots]
    while waiting:
        parent = waiting.pop()
        # The ids of a deep one's children are of either form: by their own length.
        for stem in (parent, _digested(parent)):
            fresh = parts.get(stem, set()) - found
            found |= fresh
            waiting += fresh
    return found


def settled(receipts: Mapping[str, Mapping[str, int]], batch: str) -> bool:
    """Tell whether `batch` and every batch made of what it deferred have their receipts."""
    waiting = [batch]
    while waiting:
        batch = waiting.pop()
        counts = receipts.get(batch)
        if counts is None:
            return False
        waiting += _children(batch, counts)
    return True


def _children(batch: str, counts: Mapping[str, int]) -> list[str]:
    """Return the batches that were made of what `batch` deferred, by its receipt."""
    return [child_id(batch, number) for number in range(1, counts.get(CHILDREN, 0) + 1)]


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

"""The ids of jobs and batches: where a batch comes from is in its name. Pure."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable

MAX_ID = 64  # characters of a batch's id: a file name must hold it, and the counts
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_GENERATION = re.compile(r"-(?:r[0-9]+|g([0-9]+)x)")


def job_id(name: str, identity: str) -> str:
    """
    Return the id of a job, such as ``books-2026-11-21-9f86d081884c``.

    The same name and identity give the same id, so that an event that is delivered twice starts
    one job.

    Args:
        name: For people; the folder and file of the list, say.
        identity: What tells this job from the next of the same name.
    """
    slug = _NO_SLUG.sub("-", name.lower()).strip("-")[-48:].strip("-") or "job"
    digest = hashlib.sha256(f"{name}\n{identity}".encode()).hexdigest()
    return f"{slug}-{digest[:12]}"


def batch_id(shard: int, number: int) -> str:
    """Return the id of the batch that is `number`, from 0, of its shard."""
    return f"{shard:05d}-{number:06d}"


def sweep_id(partition: int) -> str:
    """Return the id of the batch that looks for what is gone in a partition."""
    return f"{batch_id(0, 0)}-sweep{partition}"


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


def last_generations(finals: Iterable[tuple[str, int | str]]) -> dict[int | str, int]:
    """
    Return by id the generation of each redriven target's last outcome.

    An outcome of a batch of another generation is not the target's last; one of a target that is
    not here always is.

    Args:
        finals: Batch and target's id of each final outcome in a batch with a `generation`.
    """
    last: dict[int | str, int] = {}
    for batch, target in finals:
        last[target] = max(last.get(target, 0), generation(batch))
    return last


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

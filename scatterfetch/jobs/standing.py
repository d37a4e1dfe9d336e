"""
Where a job stands.

It is worked out from a manifest and one listing of `jobs/<job>/`, and from nothing else; only
whether results are gone is seen by another listing.
"""

import math
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum, auto
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from functions.dispatcher.health import Health
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import find_manifest, problem_of, read_summary, source_name
from scatterfetch.jobs.place import Data
from shared.ids import child_id
from shared.keys import cancelled_key, job_prefix, results_prefix
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest
from shared.messages import Place
from shared.outcomes import FINAL, Kind
from shared.receipts import (
    CHILDREN,
    COMMITTED,
    DUE,
    FOUND,
    JOINED,
    RECEIPT_END,
    lost_batches,
)

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

RATE_SECONDS = 300
"""The rate of a job under way is that of the last minutes; hosts come and go."""


class State(StrEnum):
    REFUSED = auto()
    """Its list or its spec was wrong; nothing was fetched."""
    DISPATCHING = auto()
    """Its list is being read."""
    RUNNING = auto()
    WAITING = auto()
    """All that is left was deferred, and is not due yet."""
    STOPPED = auto()
    """A local run that has ended before it was through; the same command goes on."""
    COMPLETE = auto()
    INCOMPLETE = auto()
    """It has come to its end, and of its results some are gone or cut off since."""


class Status(Struct, frozen=True, kw_only=True):
    """Where a job stands; times are in epoch seconds. What `--json` prints."""

    job: str
    state: State
    cancelled: bool
    """Whether somebody has asked for its end."""
    problem: str | None
    """Why it was refused."""
    source: Place | None
    """The list; None where the URLs came in the message."""
    spec_from: str
    """Where its spec was found, as `Manifest` says."""
    created_at: str
    """UTC, ISO 8601."""
    last_commit_at: int | None
    """When a worker has committed the last of the batches that are done so far."""
    urls: int
    """Lines of the list with a URL, as far as it is dispatched; duplicates are among them."""
    duplicates: int
    rejected: int
    """Lines that are no URL."""
    damaged: bool
    """Whether the list could not be read to its end."""
    targets: int
    """Listed and found."""
    found: int = 0
    """Targets that links have led to so far."""
    outcomes: dict[str, int]
    """Final outcomes, by `outcome_name`."""
    deferred: int
    """Targets that wait for another attempt."""
    deferred_until: float | None
    """When the last of them may be tried."""
    under_way: int
    """Targets in a queue or with a worker."""
    batches: int
    batches_done: int
    rate: float
    """Final outcomes a second."""
    seconds_left: float | None
    """None: nobody can tell."""
    lost: int = 0
    """Final outcomes whose results are gone or cut off since they were committed."""
    lost_batches: int = 0
    """The batches of these."""
    lost_batch: str = ""
    """One of them."""
    health: Health | None = None
    """Whether a job at its end is what its spec expects; None where that expects nothing."""
    adds_up: bool
    """Whether targets are final outcomes, deferred ones and such that are under way."""

    @property
    def has_ended(self) -> bool:
        return self.state in {State.COMPLETE, State.INCOMPLETE, State.REFUSED}

    @property
    def by_kind(self) -> dict[str, int]:
        """Final outcomes by kind, as a summary has them."""
        kinds = (kind for kind in Kind if kind in FINAL)
        return {str(kind): _count(self.outcomes, {kind}) for kind in kinds}

    @property
    def done(self) -> int:
        """Targets that have their final outcome."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> bool:
        return any(_kind(name) in {Kind.FAILED, Kind.DEAD} for name in self.outcomes)


def status_of(
    manifest: Manifest,
    keys: Iterable[str],
    *,
    now: float,
    sizes: Mapping[str, int] | None = None,
) -> Status:
    """
    Work out where a job stands.

    Args:
        manifest: The job's.
        keys: A listing of `job_prefix`.
        now: In epoch seconds.
        sizes: How long the results of each batch are, listed after `keys`; None: nobody has looked.
    """
    listed = set(keys)
    ledger = ledger_of(manifest, listed)
    known = ledger.known
    receipts = known.values()
    commits = [(c[COMMITTED], _count(c, FINAL)) for c in receipts if COMMITTED in c]
    final = ledger.final
    lost = [] if sizes is None else sorted(lost_batches(known, sizes))
    left = ledger.targets - final.total()
    deferred, due = _deferred(known)
    under_way = left - deferred
    waiting = bool(deferred) and not under_way and due > now
    rate = _rate(manifest, commits, now, complete=ledger.complete)
    return Status(
        job=manifest.job,
        state=_state(manifest, ledger, waiting=waiting, whole=not lost),
        cancelled=cancelled_key(manifest.job) in listed,
        problem=manifest.error,
        source=manifest.source,
        spec_from=manifest.spec_from,
        created_at=manifest.created_at,
        last_commit_at=max((at for at, _ in commits), default=None),
        urls=ledger.listed + ledger.duplicates,
        found=ledger.found,
        duplicates=ledger.duplicates,
        rejected=ledger.rejected,
        damaged=ledger.damaged,
        targets=ledger.targets,
        outcomes=dict(final),
        deferred=deferred,
        deferred_until=due if deferred else None,
        under_way=under_way,
        batches=ledger.batches + sum(1 for batch in known if _is_redriven(batch)),
        batches_done=len(known),
        rate=rate,
        seconds_left=_seconds_left(manifest, ledger, left, rate, due - now if deferred else 0),
        lost=sum(_count(known[batch], FINAL) for batch in lost),
        lost_batches=len(lost),
        lost_batch=lost[0] if lost else "",
        adds_up=_adds_up(ledger, under_way),
    )


def _count(counts: Mapping[str, int], kinds: Collection[str]) -> int:
    return sum(count for name, count in counts.items() if _kind(name) in kinds)


def _kind(name: str) -> str:
    return name.partition("-")[0]


def _is_redriven(batch: str) -> bool:
    return batch.rpartition("-")[2].startswith("r")


def _deferred(known: Mapping[str, Mapping[str, int]]) -> tuple[int, float]:
    """Return how many targets are in child batches without a receipt, and when all are due."""
    waiting, due = 0, 0
    for batch, counts in known.items():
        children = [child_id(batch, n) for n in range(1, counts.get(CHILDREN, 0) + 1)]
        settled = [child for child in children if child in known]
        if len(settled) < len(children):
            handed_on = _count(counts, {Kind.DEFERRED})
            found = counts.get(FOUND, 0) - counts.get(JOINED, 0)
            back = sum(
                _count(known[child], {*Kind}) - known[child].get(JOINED, 0) for child in settled
            )
            waiting += min(handed_on, handed_on + found - back)
            due = max(due, counts.get(DUE, 0))
    return waiting, due


def _adds_up(ledger: Ledger, under_way: int) -> bool:
    roots = sum(1 for batch in ledger.receipts if batch.count("-") == 1)
    all_tried = ledger.fully_dispatched and roots == sum(
        counts.get("batches", 0) for counts in ledger.dispatched.values()
    )
    # What was found is under way until its own batch has a receipt.
    if all_tried and not ledger.found:
        return under_way == ledger.redriven_left
    return under_way >= 0


def _state(manifest: Manifest, ledger: Ledger, *, waiting: bool, whole: bool) -> State:
    if manifest.error:
        return State.REFUSED
    if not ledger.fully_dispatched:
        return State.DISPATCHING
    if ledger.complete:
        return State.COMPLETE if whole else State.INCOMPLETE
    return State.WAITING if waiting else State.RUNNING


def _rate(
    manifest: Manifest, commits: list[tuple[int, int]], now: float, *, complete: bool
) -> float:
    began = datetime.fromisoformat(manifest.created_at).timestamp()
    end = max((at for at, _ in commits), default=began) if complete else now
    start = math.floor(began if complete else max(began, now - RATE_SECONDS))
    recent = sum(final for at, final in commits if at >= start)
    # Receipts have whole seconds: a job of less than one would be of none.
    return recent / max(1.0, end - start)


def _seconds_left(
    manifest: Manifest, ledger: Ledger, left: int, rate: float, until_due: float
) -> float | None:
    if not left:
        return 0.0 if ledger.complete else None
    # Nobody knows what a crawl is still to find.
    if not rate or not ledger.fully_dispatched or manifest.follows:
        return None
    return max(left / rate, until_due)


def look_at(place: "Folder | Stack", job: str) -> Status:
    """
    Return where `job` stands now.

    Raises:
        InvalidJobError: there is no such job.
    """
    manifest = find_manifest(place, job)
    keys = list(place.data.keys(job_prefix(job), end=RECEIPT_END))
    sizes = results_sizes(place.data, job)
    status = status_of(manifest, keys, now=time.time(), sizes=sizes)
    if status.problem:
        return replace(status, problem=problem_of(manifest, source_name(status.source, place)))
    if status.state is State.COMPLETE and manifest.spec.expect is not None:
        summary = read_summary(place.data, job)
        return replace(status, health=summary.health if summary else None)
    if not status.has_ended and has_stopped(place):
        return replace(status, state=State.STOPPED, seconds_left=None)
    return status


def results_sizes(data: Data, job: str) -> dict[str, int]:
    """Return how long the results of each batch of `job` are, in bytes."""
    prefix, end = results_prefix(job), ".jsonl.gz"
    return {
        key.removeprefix(prefix).removesuffix(end): size
        for key, size in data.sizes(prefix)
        if key.endswith(end)
    }


def has_stopped(place: "Folder | Stack") -> bool:
    return isinstance(place, Folder) and not place.is_in_use

"""
Where jobs stand: `scatterfetch status` and `scatterfetch jobs`.

A status is worked out from a manifest and one listing of `jobs/<job>/`, and from nothing else.
"""

import argparse
import math
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scatterfetch.commands.command import Commands, add_command
from scatterfetch.runs.deployment import (
    READERS,
    Data,
    Folder,
    Stack,
    add_place,
    open_place,
    place_option,
)
from shared.errors import InvalidJobError
from shared.ids import child_id
from shared.keys import JOBS, cancelled_key, job_prefix, manifest_key, results_prefix, summary_key
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest, decode_manifest
from shared.messages import Place
from shared.outcomes import Kind
from shared.receipts import CHILDREN, COMMITTED, DUE, RECEIPT_END, lost_batches

if TYPE_CHECKING:
    from functions.dispatcher.summary import Summary

_FINAL = {*Kind} - {Kind.DEFERRED}
RATE_SECONDS = 300
"""The rate of a job under way is that of the last minutes; hosts come and go."""

STATUS_EXAMPLE = """\
Says where a job stands: its URLs by outcome and reason, what waits and until when, how fast it
goes, and whether the sum adds up. JOB is as `scatterfetch jobs` shows it.

examples:
  $ scatterfetch status books-urls-9f86d081884c --stack scatterfetch
  $ scatterfetch status books-urls-9f86d081884c out --json
"""
JOBS_EXAMPLE = """\
Lists the jobs of a stack or of a folder, the last one at the end.

examples:
  $ scatterfetch jobs --stack scatterfetch
  $ scatterfetch jobs out
"""
EPILOG = """\
exit status:
  0    the job is under way, or has come to its end
  1    URLs have failed, it was refused, its list is damaged, results are gone or cut off, or
       its sum does not add up
  2    there is no such job, wrong usage, or AWS refused
  130  interrupted
"""
JOBS_EPILOG = """\
exit status:
  0    all are listed
  2    wrong usage, or AWS refused
  130  interrupted
"""


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
    adds_up: bool
    """Whether targets are final outcomes, deferred ones and such that are under way."""

    @property
    def done(self) -> int:
        """Targets that have their final outcome."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> bool:
        return any(_kind(name) in {Kind.FAILED, Kind.DEAD} for name in self.outcomes)


def read_manifest(data: Data, job: str) -> Manifest | None:
    """Return the manifest of `job`, or None if there is none (yet)."""
    body = data.get(manifest_key(job))
    return None if body is None else decode_manifest(body)


def find_manifest(place: Folder | Stack, job: str) -> Manifest:
    """
    Return the manifest of `job`.

    Raises:
        InvalidJobError: there is no such job.
    """
    manifest = read_manifest(place.data, job)
    if manifest is None:
        raise InvalidJobError(
            f"there is no job {job!r} in {place}; "
            f"`scatterfetch jobs {place_option(place)}` lists those that there are"
        )
    return manifest


def read_summary(data: Data, job: str) -> "Summary | None":
    """Return the summary of `job`, or None if it has not come to its end."""
    from functions.dispatcher.summary import decode_summary  # noqa: PLC0415 -- the URL reader

    body = data.get(summary_key(job))
    return None if body is None else decode_summary(body)


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
    commits = [(c[COMMITTED], _count(c, _FINAL)) for c in receipts if COMMITTED in c]
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
        urls=ledger.targets + ledger.duplicates,
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
        seconds_left=_seconds_left(ledger, left, rate, due - now if deferred else 0),
        lost=sum(_count(known[batch], _FINAL) for batch in lost),
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
            waiting += _count(counts, {Kind.DEFERRED})
            waiting -= sum(_count(known[child], {*Kind}) for child in settled)
            due = max(due, counts.get(DUE, 0))
    return waiting, due


def _adds_up(ledger: Ledger, under_way: int) -> bool:
    roots = sum(1 for batch in ledger.receipts if batch.count("-") == 1)
    all_tried = ledger.fully_dispatched and roots == sum(
        counts.get("batches", 0) for counts in ledger.dispatched.values()
    )
    return under_way == ledger.redriven_left if all_tried else under_way >= 0


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


def _seconds_left(ledger: Ledger, left: int, rate: float, until_due: float) -> float | None:
    if not left:
        return 0.0 if ledger.complete else None
    if not rate or not ledger.fully_dispatched:
        return None
    return max(left / rate, until_due)


# ---- the commands


def add_commands(commands: Commands) -> None:
    status = add_command(
        commands, "status", "say where a job stands", STATUS_EXAMPLE, _status, epilog=EPILOG
    )
    status.add_argument(
        "job", nargs="?", metavar="JOB", help="the id of a job (default: the only one)"
    )
    add_place(status)
    status.add_argument("--json", action="store_true", help="for programs: one JSON object")
    listing = add_command(commands, "jobs", "list jobs", JOBS_EXAMPLE, _jobs, epilog=JOBS_EPILOG)
    add_place(listing)
    listing.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def _status(args: argparse.Namespace) -> int:
    # One name alone may be the folder's: no job is called like one that is there.
    if args.folder is None and args.stack is None and args.job and Path(args.job, JOBS).is_dir():
        args.folder, args.job = Path(args.job), None
    place = open_place(args)
    status = look_at(place, args.job or _only_job(place))
    if args.json:
        print(msgspec.json.encode(status).decode())
    else:
        from scatterfetch.output.display import print_status  # noqa: PLC0415 -- rich

        print_status(status, place, now=time.time())
    wrong = status.failed or status.damaged or status.lost_batches
    well = status.adds_up and not wrong and status.state is not State.REFUSED
    return 0 if well else 1


def _only_job(place: Folder | Stack) -> str:
    """
    Return the job of `place`, if there is one and no other.

    Raises:
        InvalidJobError: there are none, or several.
    """
    jobs = [*place.data.folders(JOBS)]
    if len(jobs) == 1:
        return jobs[0]
    raise InvalidJobError(
        f"there are {len(jobs):,} jobs in {place}; name one, as "
        f"`scatterfetch jobs {place_option(place)}` lists them"
        if jobs
        else f"there are no jobs in {place}"
    )


def look_at(place: Folder | Stack, job: str) -> Status:
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
    ended = {State.COMPLETE, State.INCOMPLETE, State.REFUSED}
    if status.state not in ended and _has_stopped(place):
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


def _has_stopped(place: Folder | Stack) -> bool:
    return isinstance(place, Folder) and not place.is_in_use


def _jobs(args: argparse.Namespace) -> int:
    place = open_place(args)

    def look(job: str) -> "tuple[Manifest | None, Summary | None]":
        return read_manifest(place.data, job), read_summary(place.data, job)

    with ThreadPoolExecutor(READERS) as pool:
        looked = pool.map(look, place.data.folders(JOBS))
        found = [(manifest, summary) for manifest, summary in looked if manifest is not None]
    open_state = "stopped" if _has_stopped(place) else "under way"
    width = max((len(manifest.job) for manifest, _ in found), default=0)
    for manifest, summary in sorted(found, key=lambda one: one[0].created_at):
        started = datetime.fromisoformat(manifest.created_at).astimezone(UTC)
        name = source_name(manifest.source, place)
        if args.json:
            print(msgspec.json.encode(_line_of(manifest, summary, name, open_state)).decode())
            continue
        words = _in_short(manifest, summary, name, open_state)
        print(f"{started:%Y-%m-%d %H:%M:%S}  {manifest.job:{width}}  {words}")
    if not found:
        print(f"scatterfetch: there are no jobs in {place}", file=sys.stderr)
    return 0


class JobLine(Struct, frozen=True, kw_only=True):
    """A job as `jobs --json` prints it."""

    job: str
    state: str
    """`refused`, `complete`, or else what its place says of jobs without a summary."""
    source: str
    created_at: str
    problem: str | None
    outcomes: dict[str, int] | None
    """By kind; None before the job's end."""
    damaged: bool


def _line_of(manifest: Manifest, summary: "Summary | None", name: str, open_state: str) -> JobLine:
    closed_state = State.REFUSED if manifest.error else State.COMPLETE
    return JobLine(
        job=manifest.job,
        state=str(closed_state) if summary or manifest.error else open_state,
        source=name,
        created_at=manifest.created_at,
        problem=problem_of(manifest, name),
        outcomes=summary.outcomes if summary else None,
        damaged=summary.damaged if summary else False,
    )


def _in_short(manifest: Manifest, summary: "Summary | None", name: str, open_state: str) -> str:
    if manifest.error:
        return f"refused: {problem_of(manifest, name)}"
    if summary is None:
        return f"{open_state}, {name}"
    outcomes = ", ".join(f"{count:,} {kind}" for kind, count in summary.outcomes.items() if count)
    return f"complete, {outcomes}{', of a damaged list' if summary.damaged else ''}"


def source_name(source: Place | None, place: Folder | Stack) -> str:
    return "URLs of a message" if source is None else place.list_name(source)


def problem_of(manifest: Manifest, list_name: str) -> str | None:
    """Return why the job was refused, in words, with the name of its list that people know."""
    if manifest.error is None or manifest.source is None:
        return manifest.error
    return manifest.error.replace(str(manifest.source), list_name)

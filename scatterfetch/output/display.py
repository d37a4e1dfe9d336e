"""What a run shows while it goes on, and the summary at its end."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from functions.dispatcher.lists.formats import name_of_line
from scatterfetch.commands.command import complain, counted
from scatterfetch.commands.status import State, Status, read_summary, source_name
from scatterfetch.runs.deployment import Folder, Stack, place_option
from scatterfetch.runs.watch import Display, Finished, Job, Progress
from shared.errors import Reason
from shared.keys import job_prefix, rejected_key, results_key, results_prefix
from shared.manifest import DEFAULT_SPEC
from shared.outcomes import Kind
from shared.receipts import NO_MATCH, PROBLEMS, outcome_name

if TYPE_CHECKING:
    from functions.dispatcher.summary import Summary

_LINE_INTERVAL = 2.0  # seconds between two lines where there is no terminal
_REPEAT_INTERVAL = 30.0  # and between two that say the same
_REJECTED_SHOWN = 5
_HOSTS_SHOWN = 5
_NAMES_SHOWN = 10
_DAY = 24 * 3_600


class _LiveDisplay:
    """A bar in a terminal."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None, facts="")

    def show(self, progress: Progress) -> None:
        self._bar.update(
            self._task,
            description=f"{progress.done:,}/{_total(progress)}",
            completed=progress.done,
            total=progress.total if progress.complete else None,
            facts=_facts(progress),
        )

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False)


class _PlainDisplay:
    """A line now and then."""

    def __init__(self) -> None:
        self._next_line = 0.0
        self._last = ""
        self._repeat = 0.0

    def show(self, progress: Progress) -> None:
        finished = progress.complete and progress.done == progress.total
        if time.monotonic() < self._next_line and not finished:
            return
        self._next_line = time.monotonic() + _LINE_INTERVAL
        line = f"{progress.done:,}/{_total(progress)} URLs, {_facts(progress)}"
        if line != self._last or time.monotonic() > self._repeat:
            self._last = line
            self._repeat = time.monotonic() + _REPEAT_INTERVAL
            self.say(line)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


@contextmanager
def open_display() -> Iterator[Display]:
    """Show a run on standard error: live on a terminal, else in plain lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainDisplay()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        yield _LiveDisplay(bar)


def report(finished: Finished, place: Folder | Stack) -> int:
    """Say on standard error why jobs did not end well; return the exit status."""
    exit_status = _report(finished, place)
    if finished.disk_problem and not finished.complete:
        # Last, since it explains all the rest.
        complain(f"{finished.disk_problem}; make room, and the same command goes on")
    return exit_status


def _report(finished: Finished, place: Folder | Stack) -> int:
    refused = [job.problem for job in finished.jobs if job.problem]
    for problem in refused:
        complain(problem)
    if finished.interrupted:
        if isinstance(place, Folder):
            complain("interrupted; the same command goes on")
            return 130
        for job in finished.jobs:
            if not job.done:
                complain(
                    f"the job goes on: `scatterfetch status {job.id} {place_option(place)}` "
                    "says how far it is, `scatterfetch cancel` with the same words stops it"
                )
        return 130
    if len(refused) == len(finished.jobs):
        return 2
    if finished.dead_letters and not finished.complete:
        complain(
            f"messages given up on after several deliveries: {finished.dead_letters}; "
            "the logs folder says why, and the same command tries again"
        )
    elif not finished.complete:
        complain(
            "some URLs have no outcome, and nothing is left in the queues; the logs folder may say "
            "why, and the same command tries them again"
        )
    well = _judge(finished, place)
    return 0 if well and finished.complete and not refused else 1


def _judge(finished: Finished, place: Folder | Stack) -> bool:
    """Tell whether the outcomes are what one hopes for; complain of those that are not."""
    outcomes = finished.progress.outcomes
    lost = finished.progress.total - finished.progress.done if finished.complete else 0
    if lost:
        complain(
            f"the sum does not add up: {counted(lost, 'URL')} without an outcome, though every "
            "batch is done. This is a mistake of scatterfetch; please report it"
        )
    damaged = [job for job in finished.jobs if job.ledger.damaged]
    for job in damaged:
        complain(
            f"{job.list.name} could not be read to its end: what it holds beyond is not in the job"
        )
    refetched = sum(job.refetched for job in finished.jobs)
    if refetched:
        complain(
            f"results of an earlier run were gone or cut off, those of "
            f"{counted(refetched, 'batch', 'batches')}: whoever has read them has missed "
            "something. Their URLs were fetched again"
        )
    private = outcomes.get(outcome_name(Kind.SKIPPED, Reason.PRIVATE_ADDRESS), 0)
    if private and isinstance(place, Folder):
        complain(
            f"{counted(private, 'URL')} skipped for a private address; "
            "--parameter AllowPrivateNetworks=true lets them be fetched"
        )
    dead = sum(count for name, count in outcomes.items() if name.startswith(Kind.DEAD))
    if dead and isinstance(place, Stack):
        complain(
            f"given up on: {counted(dead, 'URL')}; `scatterfetch redrive {place_option(place)}` "
            "tries again"
        )
    elif dead:
        complain(
            f"given up on: {counted(dead, 'URL')}; `scatterfetch deadletters {place}` shows of "
            f"which hosts, and why; after `scatterfetch redrive {place}` the same command tries "
            "them again"
        )
    failed = any(name.startswith(Kind.FAILED) for name in outcomes)
    wrong = any(_counted(job, name) for job in finished.jobs for name in (NO_MATCH, PROBLEMS))
    return not (failed or dead or lost or damaged or wrong or refetched)


def print_summary(finished: Finished, place: Folder | Stack) -> None:
    """Print what became of each job, and where its files are."""
    console = Console(highlight=False)
    for job in finished.jobs:
        if job.problem:
            continue
        _print_job(console, job, place)
    if all(job.problem for job in finished.jobs):
        return
    progress = finished.progress
    fetched = progress.done - progress.earlier
    if progress.earlier:
        console.print(f"{counted(progress.earlier, 'outcome')} of an earlier run kept.")
    console.print(
        f"{counted(fetched, 'URL')} in {progress.elapsed:.1f} s, {progress.rate:,.0f} a second."
    )


def _print_job(console: Console, job: Job, place: Folder | Stack) -> None:
    ledger = job.ledger
    console.print(f"job {job.id}", style="bold")
    counts = ledger.final
    # An earlier run may have left more outcomes than this one has read of the list.
    known = max(ledger.targets, counts.total())
    more = "" if ledger.fully_dispatched else "+"
    console.print(_outcomes(counts, {"not done": known - counts.total()}, f"{known:,}{more}"))
    if ledger.duplicates:
        console.print(f"{counted(ledger.duplicates, 'duplicate line')} left out.")
    summary = read_summary(place.data, job.id)
    if unmatched := _counted(job, NO_MATCH):
        _print_unmatched(console, unmatched, summary)
    if problems := _counted(job, PROBLEMS):
        pages = summary.problem_pages if summary else {}
        console.print(
            f"{counted(problems, 'problem')} in rows{_by_name(pages, 'on', 'page')}",
            markup=False,
        )
    if summary and summary.skipped_types:
        skipped = sum(summary.skipped_types.values())
        console.print(
            f"{counted(skipped, 'URL')} skipped for the type of the file"
            f"{_by_name(summary.skipped_types)} To fetch such files, name their types in "
            "fetch.content_types.",
            markup=False,
        )
    if ledger.rejected:
        _print_rejected(console, job, place)
    console.print(f"results: {place.address(results_prefix(job.id))}", soft_wrap=True)


def print_status(status: Status, place: Folder | Stack, *, now: float) -> None:
    """Print where a job stands."""
    console = Console(highlight=False, soft_wrap=True)
    began = datetime.fromisoformat(status.created_at).timestamp()
    console.print(f"job {status.job}", style="bold")
    state = f"{status.state}, cancelled" if status.cancelled else f"{status.state}"
    console.print(
        f"{state}, started {_moment(began, now)}, list {source_name(status.source, place)}",
        markup=False,
    )
    if status.problem:
        console.print(f"refused: {status.problem}", markup=False)
        return
    if status.spec_from and (isinstance(place, Stack) or status.spec_from == DEFAULT_SPEC):
        console.print(f"spec: {status.spec_from}", markup=False)
    if status.state == State.STOPPED:
        console.print("The same `scatterfetch run` goes on where it stopped.", markup=False)
    open_ = {"deferred": status.deferred, "under way": status.under_way}
    console.print(_outcomes(status.outcomes, open_, f"{status.targets:,}"))
    if status.duplicates:
        console.print(f"{counted(status.duplicates, 'duplicate line')} left out.")
    if status.rejected:
        what = name_of_line(status.source.key if status.source else "")
        console.print(
            f"{counted(status.rejected, what)} rejected; see {job_prefix(status.job)}rejected/"
        )
    if status.damaged:
        console.print("The list could not be read to its end.")
    if status.lost_batches:
        console.print(_lost(status, place), style="bold", markup=False)
    if status.deferred_until is not None:
        console.print(f"The last deferred ones are due {_moment(status.deferred_until, now)}.")
    facts = [f"{status.batches_done:,} of {counted(status.batches, 'batch', 'batches')}"]
    facts.append(f"{status.rate:,.1f} URLs a second")
    if status.seconds_left:
        facts.append(f"{_duration(status.seconds_left)} left")
    if status.last_commit_at is not None:
        facts.append(f"last commit {_moment(status.last_commit_at, now)}")
    console.print(", ".join(facts) + ".")
    if not status.adds_up:
        console.print(
            f"The sum does not add up: {status.targets:,} targets, of which "
            f"{status.under_way:,} are unaccounted for.",
            style="bold",
        )


def _lost(status: Status, place: Folder | Stack) -> str:
    batches = counted(status.lost_batches, "batch", "batches")
    said = (
        f"Results are gone or cut off: those of {batches}, {counted(status.lost, 'URL')}, "
        f"such as {place.address(results_key(status.job, status.lost_batch))}."
    )
    if isinstance(place, Folder):
        said += " The same `scatterfetch run` fetches them again."
    return said


def _outcomes(final: Mapping[str, int], open_: Mapping[str, int], total: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("outcome", "reason"):
        table.add_column(name)
    table.add_column("URLs", justify="right")
    for name, count in sorted(final.items(), key=lambda entry: _order(entry[0])):
        kind, _, reason = name.partition("-")
        table.add_row(kind, reason, f"{count:,}")
    for what, count in open_.items():
        if count:
            table.add_row(what, "", f"{count:,}")
    table.add_row("total", "", total, style="bold")
    return table


def _counted(job: Job, name: str) -> int:
    """Return how often the job's receipts count `name`."""
    return sum(counts.get(name, 0) for counts in job.ledger.receipts.values())


def _by_name(counts: Mapping[str, int], word: str = "", noun: str = "") -> str:
    """Return the largest of `counts` as the end of a sentence."""
    if not counts:
        return "."
    parts = [
        f"{name} {word} {counted(count, noun)}" if noun else f"{count:,} {name}"
        for name, count in [*counts.items()][:_NAMES_SHOWN]
    ]
    if len(counts) > _NAMES_SHOWN:
        parts.append(f"and {len(counts) - _NAMES_SHOWN} more kinds")
    return f": {', '.join(parts)}."


def _print_unmatched(console: Console, unmatched: int, summary: "Summary | None") -> None:
    console.print(
        f"The spec found nothing on {counted(unmatched, 'page')}: has the website changed?"
    )
    hosts = [host for host in summary.worst_hosts if host.no_match] if summary else []
    for host in sorted(hosts, key=lambda host: -host.no_match)[:_HOSTS_SHOWN]:
        console.print(f"  {host.host}: {host.no_match:,} of {counted(host.targets, 'URL')}")


def _print_rejected(console: Console, job: Job, place: Folder | Stack) -> None:
    where = place.address(f"{job_prefix(job.id)}rejected/")
    what = name_of_line(job.list.key)
    console.print(
        f"{counted(job.ledger.rejected, what)} of {job.list.name} rejected; see {where}",
        soft_wrap=True,
    )
    lines = (place.data.get(rejected_key(job.id, 0)) or b"").splitlines()
    for line in lines[:_REJECTED_SHOWN]:
        rejected = msgspec.json.decode(line)
        console.print(
            f"  {what} {rejected['line']} is {rejected['text']!r}: {rejected['reason']}",
            markup=False,
            soft_wrap=True,
        )
    if len(lines) > _REJECTED_SHOWN:
        console.print("  ...")


def _order(name: str) -> tuple[int, str]:
    return [*Kind].index(Kind(name.partition("-")[0])), name


def _total(progress: Progress) -> str:
    if progress.complete:
        return f"{progress.total:,}"
    return f"{max(progress.total, progress.done):,}+"


def _moment(at: float, now: float) -> str:
    """Return the time of day in UTC and how far away it is: `01:14:42 (3 min ago)`."""
    moment = datetime.fromtimestamp(at, UTC)
    day = "" if abs(now - at) < _DAY else f"{moment:%Y-%m-%d} "
    far = _duration(abs(now - at))
    return (
        f"{day}{moment:%H:%M:%S} UTC ({far} ago)"
        if at <= now
        else f"{day}{moment:%H:%M:%S} UTC (in {far})"
    )


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def _facts(progress: Progress) -> str:
    kinds: Counter[str] = Counter()
    for name, count in progress.outcomes.items():
        kinds[name.partition("-")[0]] += count
    parts = [
        f"{progress.rate:,.0f}/s",
        *(f"{kinds[kind]:,} {kind}" for kind in Kind if kinds[kind]),
    ]
    if progress.hosts:
        # A batch tells what became of it at its end.
        parts.append(f"{progress.under_way:,} under way at {counted(progress.hosts, 'host')}")
    if progress.delayed:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in progress.delayed.items())
        parts.append(f"waiting for their time: {reasons}")
    elif progress.complete and progress.rate and progress.done < progress.total:
        parts.append(f"{(progress.total - progress.done) / progress.rate:,.0f} s left")
    return ", ".join(parts)

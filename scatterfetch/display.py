"""What a run shows while it goes on, and the summary at its end."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from scatterfetch.run import Display, Finished, Job, Progress
from shared.jobs import rejected_key, results_prefix
from shared.outcomes import Kind

_LINE_INTERVAL = 2.0  # seconds between two lines where there is no terminal
_REPEAT_INTERVAL = 30.0  # and between two that say the same
_REJECTED_SHOWN = 5


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


def print_summary(finished: Finished, folder: Path) -> None:
    """Print what became of each job, and where its files are."""
    console = Console(highlight=False)
    for job in finished.jobs:
        if job.problem:
            continue
        _print_job(console, job, folder)
    if all(job.problem for job in finished.jobs):
        return
    progress = finished.progress
    fetched = progress.done - progress.earlier
    if progress.earlier:
        console.print(f"{_count(progress.earlier, 'outcome')} of an earlier run kept.")
    console.print(
        f"{_count(fetched, 'URL')} in {progress.elapsed:.1f} s, {progress.rate:,.0f} a second."
    )


def _print_job(console: Console, job: Job, folder: Path) -> None:
    ledger = job.ledger
    console.print(f"job {job.id}", style="bold")
    table = Table(box=None, pad_edge=False)
    for name in ("outcome", "reason"):
        table.add_column(name)
    table.add_column("URLs", justify="right")
    counts = ledger.final
    for name, count in sorted(counts.items(), key=lambda entry: _order(entry[0])):
        kind, _, reason = name.partition("-")
        table.add_row(kind, reason, f"{count:,}")
    missing = ledger.targets - counts.total()
    if missing:
        table.add_row("not done", "", f"{missing:,}")
    table.add_row("total", "", f"{ledger.targets:,}", style="bold")
    console.print(table)
    if ledger.duplicates:
        console.print(f"{_count(ledger.duplicates, 'duplicate line')} left out.")
    if ledger.rejected:
        _print_rejected(console, job, folder)
    console.print(f"results: {folder / results_prefix(job.id)}/", soft_wrap=True)


def _print_rejected(console: Console, job: Job, folder: Path) -> None:
    path = folder / rejected_key(job.id, 0)
    console.print(
        f"{_count(job.ledger.rejected, 'line')} of {job.list.name} rejected; see {path.parent}/"
    )
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number == _REJECTED_SHOWN:
                console.print("  ...")
                break
            rejected = msgspec.json.decode(line)
            console.print(
                f"  line {rejected['line']} is {rejected['text']!r}: {rejected['reason']}",
                markup=False,
                soft_wrap=True,
            )


def _order(name: str) -> tuple[int, str]:
    return [*Kind].index(Kind(name.partition("-")[0])), name


def _total(progress: Progress) -> str:
    if progress.complete:
        return f"{progress.total:,}"
    return f"{max(progress.total, progress.done):,}+"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _facts(progress: Progress) -> str:
    kinds: Counter[str] = Counter()
    for name, count in progress.outcomes.items():
        kinds[name.partition("-")[0]] += count
    parts = [
        f"{progress.rate:,.0f}/s",
        *(f"{kinds[kind]:,} {kind}" for kind in Kind if kinds[kind]),
    ]
    if progress.hosts:
        parts.append(f"at {_count(progress.hosts, 'host')}")
    if progress.delayed:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in progress.delayed.items())
        parts.append(f"waiting for their time: {reasons}")
    elif progress.complete and progress.rate and progress.done < progress.total:
        parts.append(f"{(progress.total - progress.done) / progress.rate:,.0f} s left")
    return ", ".join(parts)

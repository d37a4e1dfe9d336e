"""What a run shows on standard error while it goes on."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from scatterfetch.jobs.progress import Progress
from scatterfetch.jobs.watch import Display
from scatterfetch.output.sentences import counted, rounded
from shared.outcomes import Kind

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_LINE_INTERVAL = 2.0  # seconds between two lines where there is no terminal
_REPEAT_INTERVAL = 30.0  # and between two that say the same


class _LiveDisplay:
    """A bar in a terminal."""

    def __init__(self, bar: "Bar") -> None:
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
        count = f"{progress.done:,}/{_total(progress)} URLs"
        line = ", ".join(filter(None, (count, _facts(progress))))
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
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 -- slow
    from rich.progress import Progress as Bar  # noqa: PLC0415 -- slow

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[facts]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        yield _LiveDisplay(bar)


def _total(progress: Progress) -> str:
    if not (progress.complete or progress.total or progress.done):
        return "?"  # nothing of a list is read yet
    if progress.complete:
        return f"{progress.total:,}"
    return f"{max(progress.total, progress.done):,}+"


def _facts(progress: Progress) -> str:
    kinds: Counter[str] = Counter()
    for name, count in progress.outcomes.items():
        kinds[name.partition("-")[0]] += count
    parts = [f"{rounded(progress.rate)}/s"] if progress.rate else []
    parts += [f"{kinds[kind]:,} {kind}" for kind in Kind if kinds[kind]]
    under_way = progress.under_way
    if progress.complete:
        # Of a batch that is committed, the worker still has to say that it is through.
        under_way = min(under_way, progress.total - progress.done)
    if progress.hosts and under_way > 0:
        # A batch tells what became of it at its end.
        parts.append(f"{under_way:,} under way at {counted(progress.hosts, 'host')}")
    if progress.delayed:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in progress.delayed.items())
        parts.append(f"waiting for their time: {reasons}")
    elif progress.complete and progress.rate and progress.done < progress.total:
        parts.append(f"{(progress.total - progress.done) / progress.rate:,.0f} s left")
    return ", ".join(parts)

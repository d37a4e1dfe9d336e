"""What a run shows on standard error while it goes on."""

import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

from scatterfetch.jobs.progress import Progress
from scatterfetch.jobs.watch import Display
from scatterfetch.output.sentences import counted, duration, rounded
from shared.outcomes import Kind

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_LINE_INTERVAL = 2.0  # seconds between two lines where there is no terminal
_REPEAT_INTERVAL = 30.0  # and between two that say the same
_PACE_SECONDS, _PACE_OUTCOMES = 3.0, 20  # that the pace is taken of, at least
_BARS = ((140, 30), (100, 10))  # columns: of the terminal, at least, and of its bar
_FEW_SECONDS = 5.0
_ELAPSED = len(" 0:00:00")


class _Pace:
    """How fast outcomes come at present: at the end few hosts are left, and it falls."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._has_begun_anew = False

    def of(self, progress: Progress) -> float:
        """Take note of `progress`; return the outcomes a second."""
        now, done = progress.elapsed, progress.done - progress.earlier
        self._seen.append((now, done))
        while len(self._seen) > 1 and self._is_enough(*self._seen[1]):
            self._seen.popleft()
            self._has_begun_anew = True
        since, before = self._seen[0]
        if not self._has_begun_anew:
            return progress.rate
        return max(0, done - before) / (now - since)

    def _is_enough(self, since: float, before: int) -> bool:
        """Tell whether what has come from then on says how fast it goes."""
        now, done = self._seen[-1]
        return now - since >= _PACE_SECONDS and done - before >= _PACE_OUTCOMES


class _LiveDisplay:
    """A bar in a terminal."""

    def __init__(self, bar: "Bar", room: int) -> None:
        self._bar = bar
        self._room = room
        self._pace = _Pace()
        self._task = bar.add_task("starting", total=None, facts="")

    def show(self, progress: Progress) -> None:
        count = _count(progress)
        room = self._room - cell_len(count) - len(" ")
        self._bar.update(
            self._task,
            description=count,
            completed=progress.done,
            total=progress.total if progress.complete else None,
            facts=_fitting(_facts(progress, self._pace.of(progress)), room),
        )

    def say(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False)


class _PlainDisplay:
    """A line now and then."""

    def __init__(self) -> None:
        self._pace = _Pace()
        self._next_line = 0.0
        self._last = ""
        self._repeat = 0.0
        self._has_finished = False

    def show(self, progress: Progress) -> None:
        facts = _facts(progress, self._pace.of(progress))
        finished = progress.complete and progress.done == progress.total
        is_end = finished and not self._has_finished
        if (self._has_finished and finished) or (time.monotonic() < self._next_line and not is_end):
            return
        self._has_finished = finished
        self._next_line = time.monotonic() + _LINE_INTERVAL
        line = ", ".join((f"{_count(progress)} URLs", *facts))
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

    bar_width = next((bar for width, bar in _BARS if console.width >= width), 0)
    columns = (
        TextColumn("{task.description}", markup=False),
        *([BarColumn(bar_width)] if bar_width else []),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeElapsedColumn(),
    )
    room = console.width - _ELAPSED - (bar_width and bar_width + len(" "))
    with Bar(*columns, console=console, transient=True) as bar:
        yield _LiveDisplay(bar, room)


def _count(progress: Progress) -> str:
    if not (progress.complete or progress.total or progress.done):
        return "0/?"  # nothing of a list is read yet
    if progress.complete:
        return f"{progress.done:,}/{progress.total:,}"
    # Workers have begun before what they work on is counted.
    known = max(progress.total, progress.done + progress.under_way)
    return f"{progress.done:,}/{known:,}+"


def _facts(progress: Progress, pace: float) -> list[str]:
    """Return what is to be said, the most important first."""
    left = progress.total - progress.done if progress.complete else 0
    parts = [f"{rounded(pace)}/s"] if pace else []
    if progress.delayed:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in progress.delayed.items())
        parts.append(f"waiting for their time: {reasons}")
    elif pace and left:
        seconds = left / pace  # which is no promise: the slowest hosts are the last
        parts.append(f"{duration(seconds) if seconds >= _FEW_SECONDS else 'some seconds'} left")
    kinds: Counter[str] = Counter()
    for name, count in progress.outcomes.items():
        kinds[name.partition("-")[0]] += count
    if done := ", ".join(f"{kinds[kind]:,} {kind}" for kind in Kind if kinds[kind]):
        parts.append(done)
    # Of a batch that is committed, the worker still has to say that it is through.
    under_way = min(progress.under_way, left) if progress.complete else progress.under_way
    if progress.hosts and under_way > 0:
        parts.append(f"{under_way:,} under way at {counted(progress.hosts, 'host')}")
    return parts


def _fitting(parts: list[str], width: int) -> str:
    """Return as many of `parts`, from the first on, as a line of `width` has room for."""
    line = ""
    for part in parts:
        longer = f"{line}, {part}" if line else part
        if cell_len(longer) > width:
            break
        line = longer
    return line

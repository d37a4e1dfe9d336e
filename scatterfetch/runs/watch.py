"""
Watching jobs until they are done, whether they run here or in a deployed stack.

How far a job is follows from the keys that the functions put into the data bucket, and from
nothing else.
"""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import SEEK_END, BytesIO
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from scatterfetch.commands.status import problem_of
from shared.errors import InvalidJobError
from shared.ids import child_id
from shared.ledger import Ledger
from shared.manifest import Manifest
from shared.messages import Shard
from shared.outcomes import Kind
from shared.receipts import CHILDREN

if TYPE_CHECKING:
    from functions.dispatcher.lists.formats import Reader

_PIECE = 256 * 1024  # bytes of a list


class UrlList(NamedTuple):
    """A list to scrape: the key it is uploaded under, and what people call it."""

    name: str
    key: str
    body: bytes | Path
    """A file is read when it is dispatched; it must not change meanwhile."""
    spec: bytes | None
    inline: bool = False
    """Whether it was given on the command line."""

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """
        Open the list for reading.

        Raises:
            InvalidJobError: it cannot be read.
        """
        if isinstance(self.body, bytes):
            yield BytesIO(self.body)
            return
        try:
            with self.body.open("rb") as file:
                yield file
        except OSError as error:
            raise InvalidJobError(
                f"cannot read the URL list {self.name}: {error.strerror}"
            ) from error

    @contextmanager
    def reader(self, name: str) -> Iterator["Reader"]:
        """
        Open the list as the dispatcher reads it; errors call it `name`, which tells the format.

        Raises:
            InvalidJobError: it cannot be read, or is none.
        """
        from functions.dispatcher.dispatch import open_stream  # noqa: PLC0415 -- boto3

        with self.opened() as file:

            def read(start: int) -> Iterator[bytes]:
                file.seek(start)
                return iter(lambda: file.read(_PIECE), b"")

            size = file.seek(0, SEEK_END)
            yield open_stream(name, size, read, Shard(job="-"))[0]


@dataclass
class Job:
    """A job that is watched."""

    id: str
    list: UrlList
    manifest: Manifest | None = None
    ledger: Ledger = field(default_factory=lambda: Ledger(shards=1))
    earlier: Counter[str] = field(default_factory=Counter)
    """The final outcomes that earlier runs have left."""
    refetched: int = 0
    """How many batches of earlier runs were not whole any more."""
    refused: str | None = None
    """Why nothing was asked for, where the manifest does not say it."""

    @property
    def problem(self) -> str | None:
        """Why the job was refused, in words."""
        if self.refused or self.manifest is None:
            return self.refused
        return problem_of(self.manifest, self.list.name)

    @property
    def done(self) -> bool:
        return self.problem is not None or (self.manifest is not None and self.ledger.complete)


@dataclass(frozen=True)
class Progress:
    """Where some jobs stand."""

    total: int
    """Targets known so far."""
    complete: bool
    """Whether all lists are dispatched, so that `total` is final."""
    outcomes: Mapping[str, int]
    """Final outcomes by `outcome_name`."""
    earlier: int
    """How many of them are of earlier runs."""
    hosts: int
    """Hosts that workers are at; 0 if nobody knows."""
    under_way: int
    """Targets of batches that are being worked on; 0 if nobody knows."""
    delayed: Mapping[str, int]
    """Targets that wait for their time, by reason; empty while there is something to do."""
    elapsed: float
    """Seconds."""

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    @property
    def rate(self) -> float:
        """Outcomes a second since the watch began."""
        return (self.done - self.earlier) / self.elapsed if self.elapsed else 0.0


def progress_of(
    jobs: Sequence[Job], *, elapsed: float, hosts: int = 0, under_way: int = 0, busy: bool = False
) -> Progress:
    """
    Return where `jobs` stand.

    `busy` tells that something is being worked on, so that nobody waits for anything.
    """
    return Progress(
        total=sum(job.ledger.targets for job in jobs),
        complete=all(job.ledger.fully_dispatched for job in jobs),
        outcomes=sum((job.ledger.final for job in jobs), Counter[str]()),
        earlier=sum(job.earlier.total() for job in jobs),
        hosts=hosts,
        under_way=under_way,
        delayed={} if busy else _delayed(jobs),
        elapsed=elapsed,
    )


def _delayed(jobs: Sequence[Job]) -> dict[str, int]:
    """Return how many targets were deferred, by reason, in batches whose children are to come."""
    reasons: Counter[str] = Counter()
    for job in jobs:
        receipts = job.ledger.known
        for batch, counts in receipts.items():
            children = range(1, counts.get(CHILDREN, 0) + 1)
            if any(child_id(batch, number) not in receipts for number in children):
                for name, count in counts.items():
                    kind, _, reason = name.partition("-")
                    if kind == Kind.DEFERRED:
                        reasons[reason] += count
    return dict(reasons)


class Display(Protocol):
    """Who shows jobs while they go on."""

    def show(self, progress: Progress) -> None: ...
    def say(self, text: str) -> None: ...


@dataclass(frozen=True)
class Finished:
    """Jobs at the end of a watch. `dead_letters` counts messages that were given up on."""

    jobs: Sequence[Job]
    progress: Progress
    dead_letters: int
    interrupted: bool
    disk_problem: str | None = None
    """Why results could not be written, where they could not."""

    @property
    def complete(self) -> bool:
        return all(job.done for job in self.jobs)


class Interruptions:
    """Counts the signals that ask us to stop."""

    def __init__(self) -> None:
        self.count = 0
        self._woken = threading.Event()

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than until the next signal."""
        self._woken.wait(seconds)
        self._woken.clear()


@contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Collect SIGINT and SIGTERM, in place of being ended by them."""
    received = Interruptions()
    before = {
        number: signal.signal(number, received.note) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Source(Protocol):
    """Where jobs run."""

    def wait(self) -> None:
        """Wait until there may be news, for a moment at most."""

    def progress(self) -> Progress: ...

    def done(self) -> bool: ...

    def stuck(self) -> bool:
        """Tell whether nothing can be done any more."""

    def leave(self, times: int) -> bool:
        """Tell whether to stop watching, now that so many signals ask for it."""


def watch(source: Source, display: Display, received: Interruptions) -> None:
    """Show `source` until all is done, nothing can be done, or somebody has had enough."""
    while not source.done():
        source.wait()
        display.show(source.progress())
        if (received.count and source.leave(received.count)) or source.stuck():
            break

"""
How far watched jobs are.

It follows from the keys that the functions put into the data bucket, and from nothing else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scatterfetch.jobs.manifests import problem_of
from scatterfetch.lists.url_list import UrlList
from shared.ids import child_id
from shared.ledger import Ledger
from shared.manifest import Manifest
from shared.outcomes import Kind
from shared.receipts import CHILDREN


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
    equal: Sequence[UrlList] = ()
    """More lists with its name, content and spec, which are the same job."""

    def counted(self, name: str) -> int:
        """Return how often the job's receipts count `name`."""
        return sum(counts.get(name, 0) for counts in self.ledger.receipts.values())

    @property
    def problem(self) -> str | None:
        """Why the job was refused, in words."""
        if self.refused or self.manifest is None:
            return self.refused
        return problem_of(self.manifest, self.list.name)

    @property
    def knows_all_targets(self) -> bool:
        """Whether no target comes any more: of a crawl that is known at its end."""
        if self.manifest is not None and self.manifest.follows:
            return self.ledger.complete
        return self.ledger.fully_dispatched

    @property
    def done(self) -> bool:
        return self.problem is not None or (self.manifest is not None and self.ledger.complete)


@dataclass(frozen=True)
class Progress:
    """Where some jobs stand."""

    total: int
    """Targets known so far."""
    complete: bool
    """Whether `total` is final."""
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
    jobs: Sequence[Job],
    *,
    elapsed: float,
    hosts: int = 0,
    under_way: int = 0,
    ahead: Mapping[str, int] | None = None,
    found: int = 0,
    busy: bool = False,
) -> Progress:
    """
    Return where `jobs` stand.

    `ahead` are final outcomes that are not committed yet, `found` the targets that links on such
    pages have led to. `busy` tells that something is being
    worked on, so that nobody waits for anything.
    """
    return Progress(
        total=sum(job.ledger.targets for job in jobs) + found,
        complete=all(job.knows_all_targets for job in jobs),
        outcomes=sum((job.ledger.final for job in jobs), Counter(ahead or {})),
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

"""What a worker process tells of its batches, and what several of them add up to."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from shared.messages import Batch
from shared.outcomes import FINAL
from shared.urls import parse_url


class Begun(Struct, frozen=True, tag="begun"):
    """A batch is in hand, of so many `targets` at these `hosts`."""

    group: str
    targets: int
    hosts: tuple[str, ...]


class Ended(Struct, frozen=True, tag="ended"):
    """It is not any more. Without `counts`, as of `Worked`, it is delivered again."""

    group: str
    counts: Mapping[str, int] | None = None


News = Begun | Ended
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(News).decode


def begun(batch: Batch) -> Begun:
    """Return what is to be told of a batch that begins."""
    hosts = {parse_url(target.location).host for target in batch.targets}
    return Begun(batch.group, len(batch.targets), tuple(sorted(hosts)))


class Work(NamedTuple):
    """What workers have done so far, and have in hand."""

    outcomes: Mapping[str, int]
    """URLs that have their final outcome, by its kind."""
    batches: int
    """That were concluded."""
    in_hand: int
    """Batches."""
    under_way: int
    """URLs of the batches in hand."""
    hosts: int
    """At which they are."""

    @property
    def done(self) -> int:
        """URLs that have their final outcome."""
        return sum(self.outcomes.values())


class Standing:
    """
    Adds up what workers tell; from any thread.

    Each worker is told from the others by a name, and has a partition once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._batches = 0
        self._in_hand: dict[tuple[str, str], Begun] = {}

    def add(self, worker: str, news: News) -> None:
        with self._lock:
            if isinstance(news, Begun):
                self._in_hand[worker, news.group] = news
                return
            self._in_hand.pop((worker, news.group), None)
            if news.counts is not None:
                self._batches += 1
                for name, count in news.counts.items():
                    if (kind := name.partition("-")[0]) in FINAL:
                        self._outcomes[kind] += count

    def forget(self, worker: str) -> None:
        """Take note that a worker has nothing in hand any more: its process has ended."""
        with self._lock:
            for key in [key for key in self._in_hand if key[0] == worker]:
                del self._in_hand[key]

    def work(self) -> Work:
        """Return what it adds up to."""
        with self._lock:
            batches = list(self._in_hand.values())
            return Work(
                dict(self._outcomes),
                self._batches,
                len(batches),
                sum(one.targets for one in batches),
                len({host for one in batches for host in one.hosts}),
            )

"""
Whose turn it is: the hosts of a batch, who waits for them, and when each may be asked next.

Hosts are asked side by side, each with its pauses. Knows nothing of what is asked and answered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random

from msgspec.structs import replace

from functions.worker.politeness.partition import Partition
from functions.worker.politeness.pause import LONG_PAUSE, HostState
from functions.worker.scraping.means import Means
from functions.worker.scraping.rulebook import Rulebook, key_of
from functions.worker.scraping.visit import Visit


@dataclass
class HostQueue:
    """A host of the batch: who waits for it, and how many requests are open to it."""

    name: str
    state: HostState
    open: int = 0
    opened_at: float = 0.0
    """When the last one was, or began."""
    learning: bool = False
    """Its robots.txt is being fetched, or its login, and nothing else."""
    waiting: list[tuple[float, int, Visit]] = field(default_factory=list)
    """A heap of due times; the numbers keep the order of the list."""
    asked: float = 0.0
    """The longest time that it asked for, in seconds."""
    pause: float | None = None
    """The longest of the pages that have waited for it, in seconds; None: none have."""
    per_host: int | None = None
    """The smallest bound on open requests, likewise."""

    @property
    def first(self) -> Visit:
        """The first in line."""
        return self.waiting[0][2]

    def take_first(self) -> Visit:
        return heappop(self.waiting)[2]

    def take_all(self) -> list[tuple[float, Visit]]:
        """Return all who wait, with their due times, in their order; nobody waits any more."""
        waiting, self.waiting = sorted(self.waiting), []
        return [(due, visit) for due, _, visit in waiting]

    def take_of_key(self, key: str) -> list[Visit]:
        """Return those who wait for the rules of that key, in their order; they wait no more."""
        waiting = sorted(self.waiting)
        self.waiting = [entry for entry in waiting if key_of(entry[2]) != key]
        return [visit for _, _, visit in waiting if key_of(visit) == key]


class Turns:
    """
    Args:
        means: Of the job.
        partition: That the hosts are in; what becomes known of them goes there.
        rulebook: Says who need not wait.
        clock: Returns the seconds since the epoch.
        rng: Source of jitter.
    """

    def __init__(
        self,
        means: Means,
        partition: Partition,
        rulebook: Rulebook,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._means = means
        self._spec = means.fetch
        self._pool = means.pool
        self._partition = partition
        self._rulebook = rulebook
        self._clock = clock
        self._rng = rng
        self._hosts: dict[str, HostQueue] = {}
        self._numbers = count()

    def __iter__(self) -> Iterator[HostQueue]:
        return iter(list(self._hosts.values()))

    def is_anybody_waiting(self) -> bool:
        return any(host.waiting for host in self._hosts.values())

    def host(self, name: str) -> HostQueue:
        host = self._hosts.get(name)
        if host is None:
            known = self._partition.state.hosts.get(name) or HostState()
            host = self._hosts[name] = HostQueue(name, known)
        return host

    def enqueue(self, visit: Visit, due: float = 0.0) -> None:
        """Let `visit` wait for its turn, unless robots.txt already says no."""
        if self._rulebook.lets_wait(visit, self._clock()):
            host = self.host(visit.url.host)
            spec = self._means.overrides.of(visit.url, visit.target)
            host.pause = spec.pause if host.pause is None else max(host.pause, spec.pause)
            host.per_host = min(host.per_host or spec.per_host, spec.per_host)
            heappush(host.waiting, (due, next(self._numbers), visit))

    def pause_of(self, host: HostQueue) -> float:
        """Return the spec's pause for `host`, in seconds: the longest of its pages."""
        return self._means.overrides.of_host(host.name).pause if host.pause is None else host.pause

    def most_open(self, host: HostQueue) -> int:
        """Return how many requests to `host` may be open at once."""
        return host.per_host or self._means.overrides.of_host(host.name).per_host

    def start_ready(
        self, now: float, room_at: Callable[[], float], start: Callable[[HostQueue, float], None]
    ) -> float:
        """
        Start what may start; return when more may, as far as no answer is needed for it.

        Args:
            now: The time.
            room_at: Returns when another request may be open; `now` or earlier if it may be now.
            start: Takes the first in line at a host, and begins with it.
        """
        wake = inf
        for host in self:
            while host.waiting and not host.learning and host.open < self.most_open(host):
                if (room := room_at()) > now:
                    return room
                ready = max(self.ready_at(host, now), host.waiting[0][0])
                if ready > now:
                    wake = min(wake, ready)
                    break
                start(host, now)
        return wake

    def ready_at(self, host: HostQueue, now: float) -> float:
        """Return when a request to `host` may start, and there is a proxy for it."""
        ready = host.state.ready_at(now)
        return ready if self._pool is None else max(ready, self._pool.back_at(host.name, now))

    def open(self, host: HostQueue, now: float, crawl_delay: float | None = None) -> None:
        """Note that a request to `host` has its turn, and when the next one has."""
        pause = self.pause_of(host)
        if self._spec.adaptive and host.state.pause is not None:
            pause = max(pause, host.state.pause)
        host.open += 1
        host.opened_at = now
        host.state = host.state.started(now, pause, self._rng, at_least=crawl_delay or 0.0)
        self.note_pause(host, now)

    def begin(self, host: HostQueue) -> float:
        """
        Return when the request to `host` begins, now: its pause counts from here.

        Raises:
            StorageError: somebody else may be asking the host by now.
        """
        self._partition.check()
        now = self._clock()  # the loop may have had a page to extract since it was the host's turn
        host.state = host.state.late(now - host.opened_at)
        host.opened_at = now
        return now

    def hold(self, host: HostQueue, seconds: float, now: float) -> None:
        """Let nothing more be asked of `host` for so many seconds."""
        host.state = replace(host.state, next_at=max(host.state.next_at, now + seconds))

    def book(self, host: HostQueue, visit: Visit, now: float) -> float:
        """Promise the next free turn at `host` to `visit`, which will not wait here for it."""
        delay = self._rulebook.delay(visit.url.origin)
        adapted = host.state.pause if self._spec.adaptive else None
        pause = max(self.pause_of(host), delay or 0.0, adapted or 0.0)
        host.state, turn = host.state.booked(now, pause)
        return turn

    def note_pause(self, host: HostQueue, now: float) -> None:
        """Have it written soon, if `host` must be left alone for longer than workers live."""
        if host.state.ready_at(now) - now > LONG_PAUSE:
            self._partition.state.hosts[host.name] = host.state
            self._partition.save_soon()

    def close(self) -> None:
        """Hand what is known of the hosts to the state of the partition."""
        for host in self._hosts.values():
            self._partition.state.hosts[host.name] = host.state

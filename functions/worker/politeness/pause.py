"""
When the next request to a host may start, as arithmetic: no clock, no sleep.

`HostState` is what one worker leaves for the next one: it lives in the state object of the host's
partition, so that pauses and cool-downs hold across batches, jobs and workers. Times are epoch
seconds, durations are seconds.
"""

from random import Random
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

LONG_PAUSE = 10.0
"""What is longer is told at once: of a worker that has died or lost its lease, which tells nothing
more, a host may be another's so soon after its last request."""
COOL_FIRST, COOL_MAX = 5.0, 15 * 60.0  # after "slow down" without a Retry-After
COOL_JITTER = 1.1  # times the wish, at most
COOL_LONGEST = 24 * 60 * 60.0  # one wrong header must not shut a host out for a year
CIRCUIT_FAILURES = 5  # connections that fail in a row
CIRCUIT_FIRST, CIRCUIT_MAX = 60.0, 15 * 60.0
_FORGET_AFTER = 60 * 60.0


def jittered(pause: float, rng: Random) -> float:
    """Return `pause` ±50 %, so that a host sees no drumbeat."""
    return rng.uniform(0.5, 1.5) * pause


def next_pause(
    current: float,
    latency: float,
    *,
    target_concurrency: float,
    minimum: float,
    maximum: float,
    ok: bool,
) -> float:
    """
    Return the pause that fits how fast a host answers: Scrapy's AutoThrottle.

    A host that takes `latency` seconds works on `target_concurrency` requests at once when they
    come `latency / target_concurrency` seconds apart. Up to that at once, down to it by halves:
    https://docs.scrapy.org/en/latest/topics/autothrottle.html#throttling-algorithm

    Args:
        current: The pause so far.
        latency: From the request to the answer's headers.
        target_concurrency: Requests that the host shall have in hand on average.
        minimum: The spec's pause, say.
        maximum: Never longer than this.
        ok: Whether the answer was a page. An error is quick to make, and never speeds us up.
    """
    target = latency / target_concurrency
    adapted = min(max((current + target) / 2, target, minimum), maximum)
    return adapted if ok else max(adapted, current)


class HostState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one host. Every change returns a new state."""

    next_at: float = 0.0
    """The pause ends."""
    cool_until: float = 0.0
    """The host asked to be left alone until then."""
    open_until: float = 0.0
    """The circuit is open until then: the host cannot be reached."""
    booked_until: float = 0.0
    """Turns until then are promised to targets that were handed back."""
    pause: float | None = None
    """What `next_pause` arrived at; None where no job was adaptive."""
    slowdowns: int = 0
    """How often it asked to slow down, without a page in between."""
    slow_since: float = 0.0
    """When it asked for the first of these times."""
    failures: int = 0
    """Connections that failed, without an answer in between."""
    updated_at: float = 0.0

    def ready_at(self, now: float) -> float:
        """Return when the next request may start: `now` or later."""
        return max(now, self.next_at, self.cool_until, self.open_until)

    def is_given_up(self, now: float, attempts: int) -> bool:
        """
        Tell whether the host has had its own `attempts`, all in vain.

        The first is the one that opened the circuit, the others those after each time it was open;
        one of these there must be. Somebody makes them for all who wait: if it took the attempts
        of each, a dead host with ten thousand URLs would be tried for days.
        """
        again = self.failures - CIRCUIT_FAILURES
        return now < self.open_until and again >= max(1, attempts - 1)

    def slow_for(self, now: float) -> float:
        """
        Return for how long the host has said "slow down" and nothing else, while it cools down.

        Each answer is worth one of its cool-downs, so that without an end to it a host that gives
        no other would be asked for days, once for each that waits.
        """
        return now - self.slow_since if self.slowdowns and now < self.cool_until else 0.0

    def is_stale(self, now: float) -> bool:
        """Tell whether nothing is lost by forgetting this host."""
        pending = max(self.ready_at(now), self.booked_until) > now
        return not pending and now - self.updated_at > _FORGET_AFTER

    def booked(self, now: float, pause: float) -> tuple[Self, float]:
        """
        Return the state after the next free turn was promised to somebody, and when that is.

        Without it, all targets of a slow host would come back at once, for one turn.
        """
        turn = max(self.ready_at(now), self.booked_until)
        return replace(self, booked_until=turn + pause, updated_at=now), turn

    def started(self, now: float, pause: float, rng: Random, *, at_least: float = 0.0) -> Self:
        """
        Return the state after a request has been started, or been given its turn at `next_at`.

        Args:
            now: The time.
            pause: Until the next one, before jitter.
            rng: Source of jitter.
            at_least: What robots.txt asks for, which jitter does not shorten.
        """
        turn = max(now, self.next_at)
        return replace(self, next_at=turn + max(jittered(pause, rng), at_least), updated_at=now)

    def late(self, seconds: float) -> Self:
        """Return the state when what was started begins only `seconds` after its turn."""
        return replace(self, next_at=self.next_at + max(0.0, seconds))

    def answered(self, now: float, *, pause: float | None = None) -> Self:
        """
        Return the state after an answer that does not say "slow down".

        Args:
            now: The time.
            pause: What `next_pause` makes of this answer, in a job that is adaptive.
        """
        # An answer that comes during a cool-down was asked for before it and proves nothing.
        return replace(
            self,
            pause=self.pause if pause is None else pause,
            slowdowns=self.slowdowns if now < self.cool_until else 0,
            failures=0,
            open_until=0.0,
            updated_at=now,
        )

    def slowed_down(self, now: float, retry_after: float | None, rng: Random) -> Self:
        """
        Return the state after a 429 or 503: the whole host cools down.

        For as long as `retry_after` says, or 5 s, 10 s, ... up to 15 min. A host that asks again
        after its own time is over gets more than it asks for.
        """
        slowdowns = self.slowdowns + (now >= self.cool_until)  # one wave of answers counts once
        is_new = not self.slowdowns or now > self.cool_until + _FORGET_AFTER
        steps = slowdowns - (retry_after is not None)
        cool = max(retry_after or 0.0, _doubled(COOL_FIRST, steps, COOL_MAX))
        # Jitter after the cap and above the wish: nothing undercuts it, and no two hosts or
        # workers come back in step.
        cool = min(cool, COOL_LONGEST) * rng.uniform(1.0, COOL_JITTER)
        return replace(
            self,
            slowdowns=slowdowns,
            slow_since=now if is_new else self.slow_since,
            cool_until=max(self.cool_until, now + cool),
            failures=0,
            open_until=0.0,
            updated_at=now,
        )

    def connection_failed(self, now: float) -> Self:
        """
        Return the state after a connection that could not be made or that broke.

        The fifth in a row opens the circuit for 60 s, each one after that for twice as long, up
        to 15 min. Any answer closes it.
        """
        if now < self.open_until:  # it was under way when the circuit opened
            return self
        failures = self.failures + 1
        opened = _doubled(CIRCUIT_FIRST, failures - CIRCUIT_FAILURES + 1, CIRCUIT_MAX)
        return replace(
            self, failures=failures, open_until=now + opened if opened else 0.0, updated_at=now
        )


def _doubled(first: float, step: int, maximum: float) -> float:
    """Return `first` at step 1, twice that at step 2, ...; nothing before."""
    return min(first * 2.0 ** min(step - 1, 60), maximum) if step > 0 else 0.0

"""
What politeness costs at least, and whether a website was treated as agreed. Arithmetic alone.

The website's own log says when requests came (bench/shops.py); what a tool believes does not count.
"""

from collections.abc import Iterable
from itertools import pairwise
from math import ceil
from random import Random
from statistics import mean
from typing import NamedTuple

JITTER = 0.5  # of the pause, both ways
SLACK = 0.02  # seconds: between a request's start and its coming a busy machine may do other things
_DRAWS = 100


class Request(NamedTuple):
    """A line of the log; times in seconds by the monotonic clock."""

    began: float
    ended: float
    answered: bool
    """False if the client went away before its answer."""
    host: str
    target: str


class Conduct(NamedTuple):
    """How hosts were treated."""

    shortest: float | None
    """The shortest time between two requests for pages of a host; None: there were no two."""
    hasty: int
    """Requests for a page that came sooner than half a pause after the one before."""
    hasty_at_first: int
    """The same, where one of the two was for robots.txt."""
    crowded: int
    """Requests that came while as many as allowed were open already."""
    repeated: int
    """Requests for what had been asked for before."""


def read_log(lines: Iterable[str]) -> list[Request]:
    """Return the requests of a website's log."""
    found = []
    for line in lines:
        began, ended, answered, host, target = line.split()
        found.append(Request(float(began), float(ended), answered == "1", host, target))
    return found


def conduct(requests: Iterable[Request], *, pause: float, at_once: int) -> Conduct:
    """Return how the hosts of `requests` were treated."""
    hosts: dict[str, list[Request]] = {}
    for request in sorted(requests):
        hosts.setdefault(request.host, []).append(request)
    least = pause * (1 - JITTER) - SLACK
    pauses: list[float] = []
    hasty = hasty_at_first = crowded = repeated = 0
    for asked in hosts.values():
        for before, request in pairwise(asked):
            apart = request.began - before.began
            if "/robots.txt" in {before.target, request.target}:
                hasty_at_first += apart < least
            else:
                hasty += apart < least
                pauses.append(apart)
        for number, request in enumerate(asked):
            still_open = sum(other.ended > request.began for other in asked[:number])
            crowded += still_open >= at_once
        repeated += len(asked) - len({request.target for request in asked})
    return Conduct(min(pauses, default=None), hasty, hasty_at_first, crowded, repeated)


def least(requests: int, *, pause: float, answer: float = 0.0, at_once: int = 1) -> float:
    """
    Return the seconds that `requests` to one host take at least, on average.

    Args:
        requests: robots.txt is one of them, which is asked for before all others.
        pause: Between the starts of two of them.
        answer: Seconds that the host takes for each.
        at_once: Requests that it may have open.
    """
    by_answers = answer + ceil((requests - 1) / at_once) * answer
    return max((requests - 1) * pause + answer, by_answers)


def slowest(hosts: int, requests: int, *, pause: float) -> float:
    """Return the seconds that the slowest of some hosts takes on average, by the jitter alone."""
    rng = Random(0)  # noqa: S311 -- jitter
    least, most = pause * (1 - JITTER), pause * (1 + JITTER)
    return mean(
        max(sum(rng.uniform(least, most) for _ in range(requests - 1)) for _ in range(hosts))
        for _ in range(_DRAWS)
    )

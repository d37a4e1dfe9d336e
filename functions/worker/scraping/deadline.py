"""Until when a batch may fetch, and what time it is."""

from collections.abc import Callable


class Deadline:
    """
    The end of a batch. Times in seconds since the epoch.

    Args:
        clock: Returns the time.
        at: From then on nothing is fetched, and what is left is deferred.
    """

    def __init__(self, clock: Callable[[], float], at: float) -> None:
        self.now = clock
        self.at = at
        self._end = at

    def bring_forward(self, at: float) -> None:
        """Begin no request after `at`, if that is sooner."""
        self.at = min(self.at, at)

    def has_passed(self) -> bool:
        return self.now() >= self.at

    def left(self) -> float:
        """Return for how long pages may be extracted, which goes on when nothing is fetched."""
        return self._end - self.now()

    def limit(self, longest: float, now: float) -> float:
        """Return the seconds that a request may take which begins `now`; `longest` at most."""
        return max(0.001, min(longest, self.at - now))

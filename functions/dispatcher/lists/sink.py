"""What a reader of a list and the one who takes what is in the list know of each other."""

from typing import Any, Protocol

from shared.messages import Method


class Rejects(Protocol):
    """Who hears of lines that hold no target."""

    def reject(self, line: int, text: bytes, reason: str) -> None: ...


class Sink(Rejects, Protocol):
    """Who takes what a list holds; see `functions.dispatcher.plan.Plan`."""

    @property
    def is_full(self) -> bool:
        """Whether what would make more of a list than it is itself should stop."""

    def add_lines(self, block: bytes, line: int) -> None: ...
    def add(
        self,
        line: int,
        url: str,
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
        input: dict[str, Any] | None = None,  # noqa: A002 -- the column of the results
        page: str | None = None,
    ) -> None: ...
    def break_off(self, line: int, reason: str) -> None: ...


class Reader(Protocol):
    """
    A list that is being read.

    `position` is the offset of what comes next, in bytes, unpacked, and `line` its line;
    `ended` says that nothing comes.
    """

    position: int
    line: int
    ended: bool

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` what begins before the offset `until`, or less if it is full."""

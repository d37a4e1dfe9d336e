"""What came of a shard of a list: numbers, the lines without a URL, and that in words. Pure."""

import re
from dataclasses import dataclass, field

from msgspec import Struct

from functions.dispatcher.lists import line_words

MAX_REJECTED = 20_000  # of a shard, that are written down
_EXCERPT = 200
_PASSWORD = re.compile(r"//[^/?#]*@")


class Rejected(Struct, frozen=True):
    """A line that is no URL."""

    line: int
    text: str
    """Its beginning; bytes that are not UTF-8 as U+FFFD."""
    reason: str


@dataclass
class Counts:
    """
    What came of a shard.

    Of the lines that were `rejected`, `reports` holds the first `MAX_REJECTED`, and the damage.
    """

    targets: int = 0
    batches: int = 0
    duplicates: int = 0
    rejected: int = 0
    damaged: bool = False
    """Whether the list ends before its end."""
    reports: list[Rejected] = field(default_factory=list)

    def reject(self, line: int, text: bytes, reason: str) -> None:
        """Count a line that cannot be fetched, and report it without a password."""
        self.rejected += 1
        if len(self.reports) < MAX_REJECTED:
            excerpt = text.strip()[:_EXCERPT].decode(errors="replace")
            self.reports.append(Rejected(line, _PASSWORD.sub("//***@", excerpt), reason))

    def break_off(self, line: int, reason: str) -> None:
        """Report that nothing can be read from `line` on, though there may be more."""
        self.damaged = True
        self.rejected += 1
        self.reports.append(Rejected(line, "", reason))


def nothing_to_do(name: str, counts: Counts) -> str:
    """Say why the list called `name` gives no batch."""
    what, _, others = line_words(name)
    if not counts.reports:
        return f"{name} holds no URL{f', only {others}' if others else ''}"
    shown = "; ".join(
        f"{what} {line.line} is {line.text!r}: {line.reason}" for line in counts.reports[:3]
    )
    more = counts.rejected - len(counts.reports[:3])
    return f"{name} holds no URL: {shown}{f'; and {more:,} more' if more else ''}"

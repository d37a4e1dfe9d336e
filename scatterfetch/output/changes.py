"""Changes from job to job, as people read them in a terminal."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from scatterfetch.output.sentences import counted
from scatterfetch.results.changes import JobChange

_STYLES = {"new": "green", "changed": "yellow", "gone": "red"}
_VALUE_CHARS = 60


def print_changes(changes: Iterable[JobChange]) -> Counter[str]:
    """Print a line for each row that is new, changed or gone; return how many there are of each."""
    console = Console(highlight=False)
    counts: Counter[str] = Counter()
    job = None
    for one in changes:
        if one.job != job:
            job = one.job
            console.print(f"job {job}", style="bold")
        change = one.change
        counts[change.change] += 1
        line = Text(f"{change.change:8}", style=_STYLES[change.change])
        if change.key is not None:
            line.append("  " + ", ".join(map(_value, change.key.values())), style="bold")
        for field, (old, new) in (change.fields or {}).items():
            line.append(f"  {field}: {_value(old)} → {_value(new)}", style="default")
        line.append(f"  {change.url}", style="dim")
        console.print(line, soft_wrap=True)
    told = ", ".join(f"{counts[name]:,} {name}" for name in _STYLES if counts[name])
    console.print(f"{counted(counts.total(), 'change')}{f': {told}' if told else ''}.")
    return counts


def _value(value: Any) -> str:  # noqa: ANN401 -- JSON
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _VALUE_CHARS else f"{text[: _VALUE_CHARS - 1]}…"

"""
What has changed: rows of a job against those of the job before, as lines of a file. Pure.

A line says `change` (`new`, `changed` or `gone`), the row's `key`, the `url` of its page, when it
was seen (`at`), and of a changed row the old and the new values of its `fields`.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from isal import igzip
from msgspec import Struct

from functions.worker.remembering.entries import compared
from shared.errors import StorageError

ROWS = "rows_"
"""What the counts of changes begin with in a receipt."""


class Change(Struct, frozen=True, kw_only=True):
    """A line of a file of changes."""

    change: Literal["new", "changed", "gone"]
    key: dict[str, Any] | None
    """None of a row that the spec names no key for: then its page stands for it."""
    url: str
    fields: dict[str, tuple[Any, Any]] | None = None
    """Of a changed row, old and new; None where the old ones are not there any more."""
    at: str
    page: str | None = None
    """The kind of the page."""


def changed_fields(
    old: Mapping[str, Any], new: Mapping[str, Any], watch: Sequence[str]
) -> dict[str, tuple[Any, Any]]:
    """Return the values that are not as they were, of the columns that are compared."""
    before, after = compared(old, watch), compared(new, watch)
    return {
        name: (before.get(name), after.get(name))
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    }


def iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class ChangesFile:
    """Changes in the making: memory holds compressed lines."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """By `ROWS` and the change; those that stayed the same, too."""
        self._buffer = io.BytesIO()
        self._gzip = igzip.IGzipFile(fileobj=self._buffer, mode="wb", compresslevel=1, mtime=0)
        self.is_empty = True

    def add(self, change: Change) -> None:
        self.counts[f"{ROWS}{change.change}"] += 1
        self._gzip.write(_encoder.encode(change) + b"\n")
        self.is_empty = False

    def same(self, rows: int = 1) -> None:
        """Count rows that are as they were."""
        self.counts[f"{ROWS}same"] += rows

    def close(self) -> bytes:
        self._gzip.close()
        return self._buffer.getvalue()


def counts_of(body: bytes) -> Counter[str]:
    """
    Return the counts of a file of changes.

    Raises:
        StorageError: it is none.
    """
    return Counter(f"{ROWS}{change.change}" for change in read_changes(body))


def read_changes(body: bytes) -> Iterator[Change]:
    """
    Yield the changes in a file.

    Raises:
        StorageError: it is none.
    """
    lines: Iterable[bytes]
    try:
        with igzip.open(io.BytesIO(body)) as lines:
            for line in lines:
                yield _decoder.decode(line)
    except (msgspec.MsgspecError, OSError, EOFError) as error:
        raise StorageError(f"not a file of changes: {error}") from error


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Change)

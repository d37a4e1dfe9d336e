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

_COUNTS = b'{"type":"changes.v1"'  # so begins no other line, whatever values it has
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


class _Counts(Struct, tag="changes.v1"):
    """The last line of a file of changes: what it has, and how many rows stayed the same."""

    counts: dict[str, int]


class ChangesFile:
    """Changes in the making: memory holds compressed lines. The last line has the counts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """By `ROWS` and the change; those that stayed the same, too."""
        self._buffer = io.BytesIO()
        self._gzip = igzip.IGzipFile(fileobj=self._buffer, mode="wb", compresslevel=1, mtime=0)

    def add(self, change: Change) -> None:
        self.counts[f"{ROWS}{change.change}"] += 1
        self._gzip.write(_encoder.encode(change) + b"\n")

    def same(self, rows: int = 1) -> None:
        """Count rows that are as they were."""
        self.counts[f"{ROWS}same"] += rows

    def close(self) -> bytes:
        self._gzip.write(_encoder.encode(_Counts(dict(sorted(self.counts.items())))) + b"\n")
        self._gzip.close()
        return self._buffer.getvalue()


def counts_of(body: bytes) -> Counter[str]:
    """
    Return the counts of a file of changes.

    Raises:
        StorageError: it is none.
    """
    for line in _lines(body):
        if isinstance(line, _Counts):
            return Counter(line.counts)
    raise StorageError("not a file of changes: it has no counts")


def read_changes(body: bytes) -> Iterator[Change]:
    """
    Yield the changes in a file.

    Raises:
        StorageError: it is none.
    """
    return (line for line in _lines(body) if isinstance(line, Change))


def _lines(body: bytes) -> Iterator["Change | _Counts"]:
    lines: Iterable[bytes]
    try:
        with igzip.open(io.BytesIO(body)) as lines:
            for line in lines:
                yield (
                    _counts_decoder.decode(line)
                    if line.startswith(_COUNTS)
                    else _decoder.decode(line)
                )
    except (msgspec.MsgspecError, OSError, EOFError) as error:
        raise StorageError(f"not a file of changes: {error}") from error


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Change)
_counts_decoder = msgspec.json.Decoder(_Counts)

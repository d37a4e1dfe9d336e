"""
The output format: one line of JSON per target.

Athena, DuckDB and Spark read the results as they are, so a column is never renamed or given
another type.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from shared.errors import Reason, StorageError


class Kind(StrEnum):
    """What happened to a target. All but `deferred` are final."""

    SCRAPED = "scraped"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEAD = "dead"
    DEFERRED = "deferred"


class Outcome(Struct, frozen=True, kw_only=True):
    """One line of the results. A target's final outcome is its last one."""

    url: str
    """As in the list, in the form of `shared.urls.Url`."""
    final_url: str | None
    """Where the page, or the failure, was found after redirects."""
    line: int
    """Of the list, from 1."""
    outcome: Kind
    status: int | None = None
    """Of HTTP; None without an answer."""
    reason: Reason | None = None
    """Why not `scraped`."""
    detail: str | None = None
    """The reason in words, for people."""
    attempt: int
    """From 1."""
    redirects: tuple[str, ...] = ()
    """The URLs that `url` led to, in order."""
    fetched_at: str
    """UTC, ISO 8601, milliseconds."""
    elapsed_ms: int
    """From the first request to the last byte, redirects included."""
    bytes: int = 0
    """Of the body, after decompression."""
    content_type: str | None = None
    """Without parameters, lower case."""
    rows: list[dict[str, Any]] = []
    """The values extracted from the page."""
    problems: list[dict[str, Any]] = []
    """What was wrong with rows."""


class CommittedLine(Struct, frozen=True, kw_only=True):
    """What the worker itself needs of a committed outcome."""

    url: str
    line: int
    outcome: Kind
    reason: Reason | None = None
    attempt: int
    redirects: tuple[str, ...] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CommittedLine)


def encode_line(outcome: Outcome) -> bytes:
    """Return `outcome` as one line of JSON."""
    return _encoder.encode(outcome) + b"\n"


def decode_lines(lines: Iterable[bytes]) -> Iterator[CommittedLine]:
    """
    Yield the outcomes in `lines`.

    Raises:
        StorageError: a line is no outcome: not a commit object of ours.
    """
    for number, line in enumerate(lines, start=1):
        try:
            yield _decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise StorageError(f"line {number} of a commit object: {error}") from error

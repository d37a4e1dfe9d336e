"""
The output format: one line of JSON per target.

Athena, DuckDB and Spark read the results as they are, so a column is never renamed or given
another type.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from shared.encodable import encodable
from shared.errors import Reason, StorageError
from shared.messages import Method


class Kind(StrEnum):
    """What happened to a target; see `FINAL`."""

    SCRAPED = "scraped"
    FAILED = "failed"
    SKIPPED = "skipped"
    DEAD = "dead"
    DEFERRED = "deferred"
    """Left to a later batch."""
    DROPPED = "dropped"
    """Found, and no target after all: another one has its page, or a limit has cut it off."""


FINAL = frozenset(Kind) - {Kind.DEFERRED, Kind.DROPPED}
"""The kinds of which each target has one in the end."""

_SKIPPED = {
    Reason.CONTENT_TYPE,
    Reason.CANCELLED,
    Reason.DUPLICATE,
    Reason.SAME_REDIRECT,
    Reason.NOINDEX,
    Reason.OUT_OF_SCOPE,
    Reason.OVER_LIMIT,
    Reason.NOT_MODIFIED,  # nobody is told so who has not asked
    Reason.PRIVATE_ADDRESS,
    Reason.ROBOTS_DISALLOWED,
}
_GIVEN_UP = {
    Reason.BAD_JOB,
    Reason.ROBOTS_UNREACHABLE,
    Reason.TOO_MANY_HOPS,
    Reason.WAIT_TOO_LONG,
    Reason.WORKER_DIED,
}


def final_kind(reason: Reason) -> Kind:
    """
    Return what becomes of a target that `reason` has kept from its page for the last time.

    `dead` if the same request may succeed on another day, so that it is worth a redrive.
    """
    if reason in _SKIPPED:
        return Kind.SKIPPED
    return Kind.DEAD if reason.retryable or reason in _GIVEN_UP else Kind.FAILED


class Kept(Struct, frozen=True):
    """Where a page was kept: a record of a WARC file, in a gzip member of its own."""

    file: str
    """Its key in the data bucket."""
    offset: int
    """In bytes."""
    length: int
    """In bytes, compressed."""


class Outcome(Struct, frozen=True, kw_only=True):
    """One line of the results. A target's final outcome is its last one."""

    url: str
    """As in the list, in the form of `shared.urls.Url`."""
    final_url: str | None
    """Where the page, or the failure, was found after redirects."""
    line: int | None
    """Of the list, from 1; None of a found target."""
    outcome: Kind
    status: int | None = None
    """Of HTTP; None without an answer."""
    reason: Reason | None = None
    """Why not `scraped`."""
    detail: str | None = None
    """The reason in words, for people."""
    attempt: int
    """From 1."""
    slowdowns: int = 0
    """How often this URL was answered with "slow down", which costs no attempt."""
    not_before: float | None = None
    """Of a deferred target: when it may be tried again, in epoch seconds."""
    redirects: tuple[str, ...] = ()
    """The URLs that `url` led to, in order."""
    fetched_at: str
    """UTC, ISO 8601, milliseconds."""
    elapsed_ms: int
    """Of this worker's requests for the target, redirects included, pauses not."""
    bytes: int = 0
    """Of the body, after decompression."""
    wire_bytes: int = 0
    """Of the body, as it was sent."""
    remote_address: str | None = None
    """The IP address that answered; None behind a proxy."""
    proxy_tier: int | None = None
    """Of the proxy, from 0, the cheapest; None without one."""
    content_type: str | None = None
    """Without parameters, lower case."""
    robots_tags: tuple[str, ...] = ()
    """What the page asks of its readers: noindex, nofollow, ..."""
    rows: list[dict[str, Any]] = []
    """The values extracted from the page."""
    problems: list[dict[str, Any]] = []
    """What was wrong with rows."""
    method: Method = "GET"
    """Of the last request."""
    input: dict[str, Any] | None = None
    """What else the list says about the URL."""
    page: str | None = None
    """The kind of the page; None where the spec has no kinds, or none fits."""
    depth: int = 0
    """How many links lead from the list to the target."""
    found_on: str | None = None
    """The URL of the page whose link led to a found target."""
    etag: str | None = None
    """What names this version of the page, as the website says."""
    last_modified: str | None = None
    """When the page was changed last, as the website says."""
    change: str | None = None
    """Of a scraped page, against the job before: `new`, `changed` or `same`; None where nothing is
    remembered."""
    kept: Kept | None = None
    """Where the page was kept as it came; None: it was not."""

    @property
    def id(self) -> int | str:
        """As `Target.id`."""
        return self.line or self.url


class Found(Struct, frozen=True, omit_defaults=True):
    """
    A target that a page's link leads to.

    `page` and `carry` are those of `Target`. `child` and `partition` are those of
    `AddressedOutcome`; without them the same batch has it in hand.
    """

    url: str
    page: str | None = None
    carry: dict[str, Any] | None = None
    child: int | None = None
    partition: int | None = None


class CutLink(Struct, frozen=True, order=True):
    """A link that was not followed, with the page that has it, by which limit cut it off."""

    cut: str
    url: str
    found_on: str


class FollowedOutcome(Outcome, frozen=True, kw_only=True):
    """Of a page whose links are followed."""

    found: tuple[Found, ...] = ()
    """The targets that nobody knew of before, as far as this worker could tell."""
    cut: dict[str, int] = {}
    """How many links were not followed, by what has cut them off."""
    cut_links: tuple[CutLink, ...] = ()
    """A few of them, as examples; of a batch not many more than of a page."""
    canonical: str | None = None
    """The URL that counts for the page, where `crawl.same_as` asks for it."""


class Noted(Struct, frozen=True, omit_defaults=True):
    """
    What a later job has to know of a scraped page. Hashes are hexadecimal.

    `whole` is of all that its rows and links are made with, `basis` of what says which rows there
    are; `content` is of the body, `rows` of the rows, as far as they are compared. `links` are
    those to follow, each a URL, the kind that the spec names for it, and what it carries; `cut` is
    how many more there were, by what has cut them off.
    """

    whole: str
    basis: str
    content: str | None
    rows: str
    links: tuple[tuple[str, str | None, dict[str, Any] | None], ...] = ()
    cut: dict[str, int] = {}


class NotedOutcome(FollowedOutcome, frozen=True, kw_only=True):
    """Of a scraped page that is remembered."""

    memory: Noted


class AddressedOutcome(Outcome, frozen=True, kw_only=True):
    """Of a target that goes into another batch; see `functions.worker.children`."""

    child: int
    """The number of the batch that is made of it, from 1: a child's, or a dead letter's."""
    partition: int
    """Of that batch."""


class Problem(Struct, frozen=True):
    """Of a problem with a row, what is counted."""

    problem: str
    field: str | None = None

    @property
    def is_no_match(self) -> bool:
        """Tell whether the whole spec has found nothing on the page."""
        return self.problem == "no_match" and self.field is None

    @property
    def name(self) -> str:
        """What people call it: `price unreadable`, or `nothing_extracted` of a whole page."""
        return f"{self.field} {self.problem}" if self.field else self.problem


class CommittedLine(Struct, frozen=True, kw_only=True):
    """What the worker itself needs of a committed outcome."""

    url: str
    line: int | None
    outcome: Kind
    reason: Reason | None = None
    final_url: str | None = None
    attempt: int
    slowdowns: int = 0
    not_before: float | None = None
    redirects: tuple[str, ...] = ()
    status: int | None = None
    fetched_at: datetime
    elapsed_ms: int
    bytes: int = 0
    wire_bytes: int = 0
    content_type: str | None = None
    problems: tuple[Problem, ...] = ()
    method: Method = "GET"
    child: int | None = None
    """Of a target that goes into another batch; None in lines of release 0.1."""
    partition: int | None = None
    page: str | None = None
    depth: int = 0
    found: tuple[Found, ...] = ()
    cut: dict[str, int] = {}
    cut_links: tuple[CutLink, ...] = ()
    canonical: str | None = None
    kept: Kept | None = None

    @property
    def id(self) -> int | str:
        """As `Target.id`."""
        return self.line or self.url


class RememberedLine(CommittedLine, frozen=True, kw_only=True):
    """A committed outcome, with its rows and what a later job has to know of them."""

    etag: str | None = None
    last_modified: str | None = None
    page: str | None = None
    found_on: str | None = None
    rows: list[dict[str, Any]] = []
    robots_tags: tuple[str, ...] = ()
    change: str | None = None
    memory: Noted | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(CommittedLine)
_remembered_decoder = msgspec.json.Decoder(RememberedLine)


def encode_line(outcome: Outcome) -> bytes:
    """
    Return `outcome` as one line of JSON, whatever its texts hold.

    What JSON cannot hold is null in it: rows are made so that nothing is lost here any more.
    """
    try:
        return _encoder.encode(outcome) + b"\n"
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        mended = encodable(msgspec.structs.asdict(outcome), lambda _: None)
        return _encoder.encode(mended) + b"\n"


def decode_lines(lines: Iterable[bytes]) -> Iterator[CommittedLine]:
    """
    Yield the outcomes in `lines`.

    Raises:
        StorageError: a line is no outcome: not a commit object of ours.
    """
    return _decoded(lines, _decoder)


def decode_remembered(lines: Iterable[bytes]) -> Iterator[RememberedLine]:
    """Yield the outcomes in `lines`, with their rows; see `decode_lines`."""
    return _decoded(lines, _remembered_decoder)


_Line = TypeVar("_Line", bound=CommittedLine)


def _decoded(lines: Iterable[bytes], decoder: msgspec.json.Decoder[_Line]) -> Iterator[_Line]:
    for number, line in enumerate(lines, start=1):
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise StorageError(f"line {number} of a commit object: {error}") from error

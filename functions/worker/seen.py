"""
Which pages of a job a partition has taken: one object, whose only writer is the partition's worker.

It holds 8 bytes for each page. Whoever concludes a batch adds what its commit object says, so that
it is the same however often that is done. Pure.
"""

import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto

import msgspec
from msgspec import Struct

from functions.worker.identity import Identity
from shared.crawl_spec import SITEMAP
from shared.errors import Reason, StorageError
from shared.messages import Target
from shared.outcomes import CommittedLine, Found, Kind
from shared.urls import parse_url

MAX_TOLD = 20_000
"""Pages that a partition remembers to have told other owners of, the last ones: what is at the foot
of each page is sent once in a while, and not by each batch."""
_NOT_TAKEN = {Reason.DUPLICATE, Reason.OVER_LIMIT}


class Taking(Enum):
    """What a committed line says of a page."""

    TARGET = auto()
    """It is a target of the partition."""
    LOCATION = auto()
    """A target was redirected to it, and scraped."""
    CANONICAL = auto()
    """It is the canonical URL of a page that was scraped."""
    TOLD = auto()
    """It is a target of another partition, whose owner was told."""


class Takings:
    """What a partition has taken, by what it has committed: pages, by `Identity.of`."""

    def __init__(self) -> None:
        self.targets: dict[int, str] = {}
        """With the host of each."""
        self.locations: dict[int, None] = {}
        self.canonical: dict[int, None] = {}
        self.told: dict[int, None] = {}

    def add(self, page: int, url: str, what: Taking) -> None:
        """Take note of a page; a set in the order of notes, so that equal lines give equal ones."""
        if what is Taking.TARGET:
            self.targets.setdefault(page, parse_url(url).host)
        elif what is Taking.LOCATION:
            self.locations[page] = None
        elif what is Taking.CANONICAL:
            self.canonical[page] = None
        else:
            self.told[page] = None


class _Seen(Struct, tag="seen.v1", omit_defaults=True):
    """
    Pages of 8 bytes each, little-endian; all but those of `told` are sorted.

    `hashes` are those of targets, which `hosts` counts by host. `told` are the last ones that other
    owners were told of.
    """

    hashes: bytes = b""
    hosts: dict[str, int] = {}
    locations: bytes = b""
    canonical: bytes = b""
    told: bytes = b""


class Seen:
    """
    What a partition has taken of a job.

    Args:
        body: The object, or None where there is none yet.
        etag: Of the object.

    Raises:
        StorageError: it is no such object.
    """

    def __init__(self, body: bytes | None = None, etag: str | None = None) -> None:
        self.etag = etag
        try:
            found = _Seen() if body is None else _decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise StorageError(f"not an object of seen pages: {error}") from error
        self._targets = _numbers(found.hashes)
        self._locations = _numbers(found.locations)
        self._canonical = _numbers(found.canonical)
        self._told = dict.fromkeys(_numbers(found.told))
        self.hosts: Mapping[str, int] = found.hosts
        """How many targets of each host."""

    def __len__(self) -> int:
        return len(self._targets)

    def __contains__(self, page: int) -> bool:
        """Tell whether a page is a target that the partition has taken."""
        return _has(self._targets, page)

    def has_location(self, page: int) -> bool:
        """Tell whether a redirect has led to a page, which was scraped."""
        return _has(self._locations, page)

    def has_canonical(self, page: int) -> bool:
        """Tell whether a page was scraped whose canonical URL this is."""
        return _has(self._canonical, page)

    def has_told(self, page: int) -> bool:
        """Tell whether another owner was told of a page, as far as that is remembered."""
        return page in self._told

    def with_pages(self, takings: Takings) -> bytes | None:
        """Return the object with `takings` in it too; None if they are."""
        targets = [page for page in takings.targets if page not in self]
        locations = [page for page in takings.locations if not self.has_location(page)]
        canonical = [page for page in takings.canonical if not self.has_canonical(page)]
        told = [page for page in takings.told if page not in self._told]
        if not (targets or locations or canonical or told):
            return None
        hosts = Counter(self.hosts)
        hosts.update(takings.targets[page] for page in targets)
        return _encoder.encode(
            _Seen(
                _bytes(sorted([*self._targets, *targets])),
                dict(hosts),
                _bytes(sorted([*self._locations, *locations])),
                _bytes(sorted([*self._canonical, *canonical])),
                _bytes([*self._told, *told][-MAX_TOLD:]),
            )
        )


def found_target(found: Found, *, depth: int, found_on: str) -> Target:
    """Return the target that a link leads to."""
    return Target(found.url, page=found.page, carry=found.carry, depth=depth, found_on=found_on)


def joined(lines: Iterable[CommittedLine]) -> Iterator[Target]:
    """Yield the targets that have joined a batch: found on its pages, and fetched in it."""
    for line in lines:
        for found, target in zip(line.found, found_by(line), strict=True):
            if found.partition is None:
                yield target


def found_by(line: CommittedLine) -> Iterator[Target]:
    """Yield the targets that were found on the page of a line, in their order."""
    found_on = line.final_url or line.url
    return (
        found_target(one, depth=depth_of(one.page, line.page, line.depth), found_on=found_on)
        for one in line.found
    )


def depth_of(kind: str | None, kind_above: str | None, depth: int) -> int:
    """
    Return the depth of a target of one kind that was found on a page of another at `depth`.

    A sitemap is a list, so the depth of its pages is 0. That of sitemaps counts how many name each
    other.
    """
    return 0 if kind_above == SITEMAP and kind != SITEMAP else depth + 1


def taken_by(
    targets: Mapping[int | str, Target],
    lines: Iterable[CommittedLine],
    partition: int,
    identity: Identity,
    *,
    follows: bool,
) -> Takings:
    """
    Return what the owner of `partition` has taken, by what it has committed.

    Those are the pages of its targets, where they have led to, and what it has found. Where a
    target has led to counts in jobs that follow links.
    """
    takings = Takings()
    for line in lines:
        for page, url, what in pages_of(targets[line.id], line, partition, identity):
            if what is Taking.TARGET or follows:
                takings.add(page, url, what)
    return takings


def pages_of(
    target: Target, line: CommittedLine, partition: int, identity: Identity
) -> Iterator[tuple[int, str, Taking]]:
    """Yield the pages in a line that the owner of `partition` has committed, with their URLs."""
    if line.redirects or line.status is not None or line.reason not in _NOT_TAKEN:
        yield identity.of(target.url, target.method, target.body), target.url, Taking.TARGET
    for found in line.found:
        is_ours = found.partition in {None, partition}
        yield identity.of(found.url), found.url, Taking.TARGET if is_ours else Taking.TOLD
    # Until it was scraped there, nobody knows whether it is a page or what has come between.
    if line.outcome is Kind.SCRAPED:
        body = target.body if line.method == target.method else None
        for url in line.redirects:
            yield identity.of(url, line.method, body), url, Taking.LOCATION
        if line.canonical is not None:
            yield identity.of(line.canonical), line.canonical, Taking.CANONICAL


def _has(pages: "array[int]", page: int) -> bool:
    at = bisect_left(pages, page)
    return at < len(pages) and pages[at] == page


def _numbers(data: bytes) -> "array[int]":
    numbers = array("Q")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _bytes(pages: Iterable[int]) -> bytes:
    numbers = array("Q", pages)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Seen)

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
from hashlib import blake2b

import msgspec
from msgspec import Struct

from shared.errors import Reason, StorageError
from shared.messages import ERRAND, Target
from shared.outcomes import CommittedLine, Found
from shared.urls import parse_url

_NOT_TAKEN = {Reason.DUPLICATE, Reason.OVER_LIMIT}


class _Seen(Struct, tag="seen.v1"):
    """`hashes` is sorted, 8 bytes each, little-endian; `hosts` counts targets by host."""

    hashes: bytes = b""
    hosts: dict[str, int] = {}


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
        self._hashes = _numbers(found.hashes)
        self.hosts: Mapping[str, int] = found.hosts
        """How many targets of each host."""

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, page: int) -> bool:
        at = bisect_left(self._hashes, page)
        return at < len(self._hashes) and self._hashes[at] == page

    def with_pages(self, pages: Mapping[int, str]) -> bytes | None:
        """Return the object with `pages`, from `taken_by`, in it too; None if they are."""
        fresh = [page for page in pages if page not in self]
        if not fresh:
            return None
        hosts = Counter(self.hosts)
        hosts.update(host for page in fresh if (host := pages[page]))
        hashes = array("Q", sorted([*self._hashes, *fresh]))
        if sys.byteorder == "big":
            hashes.byteswap()
        return _encoder.encode(_Seen(hashes.tobytes(), dict(hosts)))


def page_hash(url: str, method: str = "GET", body: str | None = None) -> int:
    """Return what stands for a page: its URL, and of a POST its body."""
    text = url if method == "GET" and body is None else f"{method} {url}\n{body or ''}"
    digest = blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def location_hash(target: Target) -> int:
    """Return the `page_hash` of what is to be fetched next for `target`."""
    if target.turned:
        return page_hash(target.location)
    return page_hash(target.location, target.method, target.body)


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
    return (found_target(one, depth=line.depth + 1, found_on=found_on) for one in line.found)


def taken_by(
    targets: Mapping[int | str, Target],
    lines: Iterable[CommittedLine],
    partition: int,
    *,
    follows: bool,
) -> dict[int, str]:
    """
    Return the pages that the owner of `partition` has taken, by what it has committed.

    Those are the pages of its targets, where they have led to, and what it has found of its own.
    Where a target has led to counts in jobs that follow links. Returns by `page_hash` the host of
    each target, and nothing for where one has led to.
    """
    pages: dict[int, str] = {}
    for line in lines:
        for page, url, is_target in pages_of(targets[line.id], line, partition):
            if is_target or follows:
                pages.setdefault(page, _host(url) if is_target else "")
    return pages


def pages_of(
    target: Target, line: CommittedLine, partition: int
) -> Iterator[tuple[int, str, bool]]:
    """
    Yield the pages that the owner of `partition` has taken by one line that it has committed.

    Yields each page's `page_hash` and URL, and whether it is a target: others have led to it.
    """
    if line.redirects or line.reason not in _NOT_TAKEN:
        yield page_hash(target.url, target.method, target.body), target.url, True
    for found in line.found:
        if found.partition in {None, partition}:
            yield page_hash(found.url), found.url, True
    body = target.body if line.method == target.method else None
    for url in line.redirects:
        if not url.endswith(ERRAND):
            yield page_hash(url, line.method, body), url, False


def _host(url: str) -> str:
    return parse_url(url).host


def _numbers(data: bytes) -> "array[int]":
    numbers = array("Q")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Seen)

"""
What the targets of a batch were in the job before: whether their pages have to be sent again.

A page that is as it was has the rows that it had. They are in the outcome of that time; where it is
gone, the page is fetched as one that nobody knows.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from functions.worker.extraction.rows import Extracted, Link
from functions.worker.remembering.basis import Bases
from functions.worker.remembering.entries import Line, PageEntry, compared, digest, page_hash
from functions.worker.remembering.memory import Memory
from functions.worker.transport.page import FetchedPage
from shared.encodable import encodable
from shared.messages import Target
from shared.outcomes import Noted

MAX_BYTES = 8_000_000
"""Of remembered outcomes of a batch, compressed; pages beyond are fetched as if they were new."""
NOT_MODIFIED = 304

Aside = Callable[[Callable[[], Any]], Awaitable[Any]]


class _Outcome(Struct):
    """What a page that is as it was has of its remembered outcome."""

    url: str
    content_type: str | None
    rows: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    robots_tags: tuple[str, ...]
    memory: Noted
    etag: str | None = None
    last_modified: str | None = None
    canonical: str | None = None


_NEVER = ""
"""In the place of how a page was read: never again as then."""


class Recalled(NamedTuple):
    """A remembered page; `line` is its outcome of that time, compressed, if that is there."""

    entry: PageEntry
    line: bytes | None


class Judged(NamedTuple):
    """What a later job has to know of a page, and what it is against the job before."""

    memory: Noted
    change: str


class Recollection:
    """
    Args:
        memory: Of the scraper, in the partition of the batch.
        bases: Of the spec.
        watch: The columns that are compared; none: all.
        aside: Returns what a call returns, made by a thread.
    """

    def __init__(self, memory: Memory, bases: Bases, watch: tuple[str, ...], aside: Aside) -> None:
        self._memory = memory
        self._bases = bases
        self._watch = watch
        self._aside = aside
        self._known: dict[int | str, Recalled] = {}
        self._bytes = 0
        self._asked: set[int | str] = set()
        """Targets whose pages were asked for only if they are not as they were."""
        self._lock = asyncio.Lock()

    async def look_up(self, targets: Iterable[Target]) -> None:
        """
        Find out what is remembered of `targets`.

        Raises:
            StorageError: that cannot be read.
        """
        pages = {page_hash(target.url): target for target in targets if _may_be_known(target)}
        if pages:
            async with self._lock:
                await self._aside(lambda: self._look_up(pages))

    def _look_up(self, pages: Mapping[int, Target]) -> None:
        entries = self._memory.read(pages)
        places: dict[Line, PageEntry] = {}
        for number, entry in entries.items():
            if isinstance(entry, PageEntry) and entry.url == pages[number].url:
                target = pages[number]
                self._known[target.id] = Recalled(entry, None)
                if self._bases.of(target, entry.location).whole == entry.whole:
                    places[entry.line] = entry
        ids = {target.url: target.id for target in pages.values()}
        for place, line in self._memory.raw_lines(places):
            packed = zlib.compress(line, 1)
            entry = places[place]
            # A file of results may have been written over since.
            read = _line(Recalled(entry, packed))
            if read is None or (read.url, read.memory.rows) != (entry.url, entry.rows):
                continue
            if self._bytes + len(packed) > MAX_BYTES:
                return
            self._bytes += len(packed)
            self._known[ids[entry.url]] = Recalled(entry, packed)

    def conditions(self, target: Target, location: str, headers: Iterable[str]) -> dict[str, str]:
        """
        Return the headers that ask for a page only if it is not as it was.

        Args:
            target: Whose page it is.
            location: Of the next request.
            headers: The names of those that are sent anyway.
        """
        recalled = self._known.get(target.id)
        if recalled is None or recalled.line is None or location != recalled.entry.location:
            return {}
        named = {name.lower() for name in headers}
        if not named.isdisjoint(("if-none-match", "if-modified-since", "range")):
            return {}
        entry = recalled.entry
        given = {"If-None-Match": entry.etag, "If-Modified-Since": entry.last_modified}
        conditions = {name: value for name, value in given.items() if value and value.isascii()}
        if conditions:
            self._asked.add(target.id)
        return conditions

    def not_modified(self, target: Target, url: str) -> tuple[FetchedPage, Extracted] | None:
        """Return the page of a target that is as it was, without its body, and what it holds."""
        line = _line(self._known.get(target.id)) if target.id in self._asked else None
        if line is None:
            return None
        page = FetchedPage(
            url,
            NOT_MODIFIED,
            line.content_type,
            None,
            b"",
            etag=line.etag,
            last_modified=line.last_modified,
        )
        return page, _extracted(line)

    def same(self, target: Target, page: FetchedPage) -> Extracted | None:
        """Return what a page holds whose body is the one that is remembered."""
        recalled = self._known.get(target.id)
        if recalled is None or recalled.line is None or page.url != recalled.entry.location:
            return None
        if recalled.entry.content != content_hash(page):
            return None
        line = _line(recalled)
        return None if line is None else _extracted(line)

    def judged(
        self, target: Target, page: FetchedPage, extracted: Extracted, *, anew: bool = False
    ) -> Judged:
        """
        Return what a later job has to know of a scraped page.

        `anew` tells whether it is to read the page again, be it as it was or not.
        """
        recalled = self._known.get(target.id)
        made = self._bases.of(target, page.url)
        rows = _rows_hash([compared(row, self._watch) for row in extracted.rows])
        change = "new"
        if recalled is not None and recalled.entry.basis == made.basis:
            change = "same" if recalled.entry.rows == rows else "changed"
        content: str | None = content_hash(page)
        if page.status == NOT_MODIFIED:
            content = recalled.entry.content if recalled is not None else None
        if anew:
            return Judged(Noted(_NEVER, made.basis, None, rows, (), {}), change)
        links = tuple((link.url, link.page, link.carry) for link in extracted.links)
        return Judged(
            Noted(made.whole, made.basis, content, rows, links, extracted.links_cut or {}), change
        )


def content_hash(page: FetchedPage) -> str:
    """Return a hash of a page's body and of the headers that say how it is read."""
    head = f"{page.content_type}\n{page.charset}\n{page.x_robots_tag}\n".encode()
    return blake2b(head + page.body, digest_size=8).hexdigest()


def _may_be_known(target: Target) -> bool:
    return target.method == "GET" and target.body is None and not target.is_errand


def _rows_hash(rows: list[Mapping[str, Any]]) -> str:
    try:
        return digest(rows)
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        return digest(encodable(rows, lambda _: None))  # as it is written


def _line(recalled: Recalled | None) -> _Outcome | None:
    if recalled is None or recalled.line is None:
        return None
    try:
        return _decoder.decode(zlib.decompress(recalled.line))
    except (msgspec.MsgspecError, zlib.error):
        return None


def _extracted(line: _Outcome) -> Extracted:
    links = tuple(Link(*link) for link in line.memory.links)
    return Extracted(
        line.rows,
        line.problems,
        [*line.robots_tags],
        links=links,
        links_cut=line.memory.cut,
        canonical=line.canonical,
    )


_decoder = msgspec.json.Decoder(_Outcome)

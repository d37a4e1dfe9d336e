"""
Sitemaps as pages: what one lists is followed, or each page that it lists is a row.

A sitemap is an index, the pages themselves, a feed, a text with a URL on each line, or robots.txt,
which names sitemaps; packed or not. It is read as a stream: there is never a tree of it.
"""

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.following.link import (
    MAX_SITEMAP_LINKS,
    MAX_SITEMAP_LINKS_BYTES,
    Cut,
    Link,
)
from functions.worker.extraction.kinds import Reading
from functions.worker.extraction.rows import Extracted
from functions.worker.extraction.values.conventions import Conventions
from functions.worker.extraction.values.dates import read_date, read_iso
from functions.worker.extraction.values.unread import Unread
from functions.worker.transport.content_coding import ContentCodingError, decode
from functions.worker.transport.page import FetchedPage
from shared.crawl_spec import SITEMAP
from shared.errors import InvalidJobError, InvalidUrlError
from shared.fetch_spec import MAX_SITEMAP_BYTES
from shared.sitemap_locations import Location, NotWellFormedError, refusal
from shared.sitemap_parser import SitemapParser
from shared.url_patterns import query_dropper
from shared.url_text import cell_url, line_url
from shared.urls import Url, parse_url

SECONDS = 60.0
"""That one sitemap may take: some have a hundred addresses in other languages beside each."""
_PIECE = 64 * 1024
_HEAD_BYTES = 1_024  # in which there is a tag, if it is no text
_PACKED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
_CONVENTIONS = Conventions(lambda: None, lambda: None, None)  # a sitemap says nothing of its own
_DAY = 10  # characters of YYYY-MM-DD
_SHOWN = 100  # problems
_EXCERPT = 200
_DIRECTIVE = re.compile(rb"\s*sitemap\s*:([^#]*)", re.IGNORECASE)
_NUL = b"\0"  # in UTF-16, which is no text with a URL on each line


class SitemapPages:
    """
    Reads sitemaps: their links are the pages and sitemaps that they list.

    If `reading.lists` says so, the pages are rows in place of links: `url`, and `lastmod`, which
    is ISO 8601 where it can be read, and null where nothing is said.

    Raises:
        InvalidSpecError: `crawl.drop_query` makes no sense.
    """

    def __init__(self, reading: Reading) -> None:
        self._drop_query = query_dropper(reading.drop_query, "crawl.drop_query")
        self._reading = reading

    def extract(
        self,
        page: FetchedPage,
        *,
        token: str,  # noqa: ARG002 -- as `Extraction.extract`
        hurry: Callable[[], None] = lambda: None,
        carry: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Extracted:
        """
        Return the links of a sitemap; `failure` says why it is none.

        Raises:
            TooComplexError: it does not fit into the memory that this process may have.
        """
        links = _Links(self._drop_query, parse_url(page.url), hurry, self._reading)
        try:
            _read(page, links)
        except InvalidJobError as error:
            return Extracted([], [], [], f"{error}")
        except MemoryError as error:
            raise TooComplexError from error
        return links.extracted()


class _Links:
    """What a sitemap lists, each once, and what is wrong with it."""

    def __init__(
        self,
        drop_query: Callable[[str], str],
        base: Url,
        hurry: Callable[[], None],
        reading: Reading,
    ) -> None:
        self._drop_query = drop_query
        self.base = base
        self.hurry = hurry
        self._since = reading.since
        self._lists = reading.lists
        self._rows: dict[str, str | None] = {}
        """When each page that is a row was last changed, by its URL."""
        self._links: dict[str, Link] = {}
        self._cut: Counter[str] = Counter()
        self._bytes = 0
        self._problems: list[dict[str, Any]] = []
        self._problem_count = 0

    @property
    def count(self) -> int:
        return len(self._links) + len(self._rows)

    def add(self, url: Url, *, of_sitemap: bool, date: str = "") -> None:
        href = self._drop_query(url.href)
        if href in self._links or href in self._rows or href == self.base.href:
            return
        if self.count >= MAX_SITEMAP_LINKS or self._bytes + len(href) > MAX_SITEMAP_LINKS_BYTES:
            self._cut[Cut.TOO_MANY.value] += 1
            return
        self._bytes += len(href)
        if self._lists and not of_sitemap:
            self._rows[href] = (date and (_iso(date) or date[:_EXCERPT])) or None
        else:
            self._links[href] = Link(href, SITEMAP if of_sitemap else None)

    def is_too_old(self, location: Location) -> bool:
        """Tell whether a location is dated before the day that counts; note it, if so."""
        if self._since is None or not location.date:
            return False
        day = _iso(location.date)
        if day is None or day[:_DAY] >= self._since:
            return False
        self._cut[Cut.TOO_OLD.value] += 1
        return True

    def is_no_url(self, what: str, text: str, error: InvalidUrlError) -> None:
        """Note that a place of the sitemap holds no URL."""
        self._cut[Cut.INVALID.value] += 1
        self.problem("unreadable", f"{what} is {text[:_EXCERPT]!r}: {error}")

    def problem(self, name: str, value: str) -> None:
        self._problem_count += 1
        if self._problem_count <= _SHOWN:
            self._problems.append({"field": None, "problem": name, "value": value})

    def extracted(self) -> Extracted:
        problems = self._problems
        if self._problem_count > _SHOWN:
            more = str(self._problem_count - _SHOWN)
            problems.append({"field": None, "problem": "more_problems", "value": more})
        links = tuple(self._links.values())
        rows: list[dict[str, Any]] = [{"url": u, "lastmod": date} for u, date in self._rows.items()]
        return Extracted(rows, problems, [], links=links, links_cut=dict(self._cut))


def _iso(date: str) -> str | None:
    found = read_iso(date) or read_date(date, _CONVENTIONS)
    return None if isinstance(found, Unread) else found


def _read(page: FetchedPage, links: _Links) -> None:
    """
    Put what a sitemap lists into `links`.

    Raises:
        InvalidJobError: it is none.
    """
    body = _unpacked(page, links)
    if links.base.href.partition("?")[0].endswith("/robots.txt"):
        _read_robots(body, links)
        return
    head = body[:_HEAD_BYTES]
    if head.strip() and b"<" not in head and _NUL not in head:
        _read_text(body, links, page.url)
        return
    sound = SitemapParser(page.url, page.charset)
    try:
        _read_xml(sound, body, links)
    except NotWellFormedError:
        taken = sound.count - len(sound.found)
        _read_xml(SitemapParser(page.url, page.charset, mend=True), body, links, after=taken)


def _unpacked(page: FetchedPage, links: _Links) -> bytes:
    """
    Return a sitemap without its packing, whatever its name says; of a long one the beginning.

    Raises:
        InvalidJobError: it is not packed as its first bytes say.
    """
    packing = next((name for magic, name in _PACKED if page.body.startswith(magic)), None)
    if packing is None:
        return page.body
    try:
        body = decode(page.body, (packing,), MAX_SITEMAP_BYTES + 1)
    except ContentCodingError as error:
        raise refusal(page.url, str(error)) from error
    if len(body) > MAX_SITEMAP_BYTES:
        links.problem("truncated", f"it is longer than {MAX_SITEMAP_BYTES:,} bytes, unpacked")
    return body[:MAX_SITEMAP_BYTES]


def _read_xml(parser: SitemapParser, body: bytes, links: _Links, *, after: int = 0) -> None:
    """Put the locations behind the first `after` into `links`."""
    for piece in _pieces(body):
        links.hurry()
        parser.feed(piece)
        while parser.found:
            location = parser.found.popleft()
            if location.number <= after or links.is_too_old(location):
                continue
            try:
                url = cell_url(location.text, links.base)
            except InvalidUrlError as error:
                links.is_no_url(f"entry {location.number}", location.text, error)
            else:
                links.add(url, of_sitemap=location.of_sitemap, date=location.date)
    if parser.problem is not None:
        links.problem("not_well_formed", parser.problem)


def _pieces(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _PIECE):
        yield body[start : start + _PIECE]
    yield b""  # the end


def _read_text(body: bytes, links: _Links, name: str) -> None:
    refused: str | None = None
    for number, line in enumerate(body.splitlines(), start=1):
        links.hurry()
        text = line.decode("utf-8", "surrogateescape")
        try:
            url = line_url(text)
        except InvalidUrlError as error:
            shown = text.encode(errors="replace").decode()
            links.is_no_url(f"line {number}", shown, error)
            refused = refused or f"line {number} is {shown[:_EXCERPT]!r}: {error}"
        else:
            if url is not None:
                links.add(url, of_sitemap=False)
    if refused and not links.count:
        raise refusal(name, refused)


def _read_robots(body: bytes, links: _Links) -> None:
    """Put the sitemaps that a robots.txt names; without one, where they are if nothing is said."""
    for number, line in enumerate(body.splitlines(), start=1):
        directive = _DIRECTIVE.match(line.removeprefix(BOM_UTF8))
        if directive is None:
            continue
        value = directive[1].decode("utf-8", "replace")
        try:
            links.add(cell_url(value, links.base), of_sitemap=True)
        except InvalidUrlError as error:
            links.is_no_url(f"line {number}", value, error)
    if not links.count:
        links.add(parse_url("/sitemap.xml", links.base.href), of_sitemap=True)

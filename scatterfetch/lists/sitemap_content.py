"""What stands in a sitemap that is here already: XML, a feed or a text, packed or not."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from functions.dispatcher.lists import DamagedListError, unpacked
from shared.errors import InvalidJobError, InvalidUrlError
from shared.sitemap_locations import NotWellFormedError
from shared.sitemap_parser import SitemapParser
from shared.url_text import cell_url, line_url
from shared.urls import Url

MAX_BYTES = 52_428_800  # what sitemaps.org allows one to have, unpacked
_PIECE = 64 * 1024
_HEAD_BYTES = 1_024  # in which there is a tag, if it is no text
_OF_SITEMAP = re.compile(rb"<(?:[\w.-]{1,50}:)?sitemap[\s>/]", re.IGNORECASE)
_LONGEST_TAG = 64
_EXCERPT = 200


def is_index(path: Path) -> bool:
    """Tell whether the file at `path` names other sitemaps, packed or not."""
    before = b""
    try:
        with path.open("rb") as file:
            for piece in _unpacked(iter(lambda: file.read(_PIECE), b"")):
                text = before + piece.replace(b"\0", b"")  # UTF-16, too
                if _OF_SITEMAP.search(text):
                    return True
                before = text[-_LONGEST_TAG:]
    except (DamagedListError, OSError):
        pass  # whoever reads all of it says what is wrong
    return False


class SitemapContent(NamedTuple):
    """What a sitemap names, and what is wrong with it."""

    pages: list[Url]
    sitemaps: list[Url]
    problems: list[str]


def sitemap_in(
    name: str, body: bytes, charset: str | None = None, base: Url | None = None
) -> SitemapContent:
    """
    Read a sitemap: XML, a feed, or a text with a URL on each line.

    Args:
        name: Of the sitemap, for messages.
        body: All of it, packed or not.
        charset: Of its Content-Type.
        base: Where it stands, for what is relative; a file has none.

    Raises:
        InvalidJobError: it is none.
    """
    problems: list[str] = []
    pieces: list[bytes] = []
    try:
        pieces.extend(_unpacked([body]))
    except DamagedListError as error:
        problems.append(str(error))
    head = pieces[0][:_HEAD_BYTES] if pieces else b""
    if head.strip() and b"<" not in head:
        return _in_text(name, b"".join(pieces), problems)
    if not problems:
        pieces.append(b"")  # the end
    try:
        return _in_xml(SitemapParser(name, charset), pieces, base, problems)
    except NotWellFormedError:
        return _in_xml(SitemapParser(name, charset, mend=True), pieces, base, problems)


def _in_xml(
    parser: SitemapParser, pieces: Iterable[bytes], base: Url | None, problems: list[str]
) -> SitemapContent:
    found = SitemapContent([], [], [*problems])
    for piece in pieces:
        parser.feed(piece)
        while parser.found:
            location = parser.found.popleft()
            try:
                url = cell_url(location.text, base)
            except InvalidUrlError as error:
                shown = location.text[:_EXCERPT]
                found.problems.append(f"entry {location.number} is {shown!r}: {error}")
            else:
                (found.sitemaps if location.of_sitemap else found.pages).append(url)
    if parser.problem is not None:
        found.problems.append(parser.problem)
    return found


def _in_text(name: str, body: bytes, problems: list[str]) -> SitemapContent:
    found = SitemapContent([], [], [*problems])
    for number, line in enumerate(body.splitlines(), start=1):
        text = line.decode("utf-8", "surrogateescape")
        try:
            url = line_url(text)
        except InvalidUrlError as error:
            shown = text[:_EXCERPT].encode(errors="replace").decode()
            found.problems.append(f"line {number} is {shown!r}: {error}")
        else:
            if url is not None:
                found.pages.append(url)
    if found.problems and not found.pages:
        raise InvalidJobError(f"{name} is no sitemap: {found.problems[0]}")
    return found


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """
    Yield a sitemap unpacked, whatever its name says.

    Raises:
        DamagedListError: it breaks off, or is too long.
    """
    source = iter(chunks)
    first = next(source, b"")
    pieces: Iterable[bytes] = chain([first], source)
    if first.startswith(b"\x1f\x8b"):
        pieces = unpacked(pieces, ".gz")
    elif first.startswith(b"\x28\xb5\x2f\xfd"):
        pieces = unpacked(pieces, ".zst")
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            raise DamagedListError(f"longer than {MAX_BYTES:,} bytes")
        yield piece

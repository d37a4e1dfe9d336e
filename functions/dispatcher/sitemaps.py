"""
Sitemaps as lists (https://www.sitemaps.org/protocol.html), read as a stream.

Pure. An XML parser can be made to fetch, to multiply and to hoard; this one refuses declarations of
entities, deep nesting and tags without an end.
"""

from collections import deque
from typing import NamedTuple
from xml.parsers import expat

from functions.dispatcher.lists import MAX_LINE_BYTES, Sink, Source
from shared.errors import InvalidJobError

_ROOTS = {"urlset": "url", "sitemapindex": "sitemap"}
_MAX_DEPTH = 50
_MAX_TOKEN = 1024 * 1024  # bytes of a tag or a comment
_LOC_DEPTH = 3


class Location(NamedTuple):
    """
    What a ``<loc>`` says, and which one it is, from 1. `text` is cut off at `MAX_LINE_BYTES`.

    That number stands for the line: all of a sitemap may be on one.
    """

    position: int
    number: int
    text: str
    of_sitemap: bool
    """It leads to another sitemap and not to a page."""


class _RefusedError(Exception):
    pass


class SitemapParser:
    """
    Takes the bytes of a sitemap and gives its locations.

    Args:
        name: Of the list, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._entity
        self._path: list[str] = []
        self._fed = 0
        self._loc: list[str] | None = None
        self._loc_length = 0
        self._at = (0, 0)
        """Where the last ``<loc>`` stands, and its number."""
        self.found: deque[Location] = deque()
        self.problem: str | None = None
        """Why nothing more is read."""

    @property
    def count(self) -> int:
        """How many locations there are so far."""
        return self._at[1]

    def feed(self, data: bytes) -> None:
        """
        Read on; nothing means that this was all.

        Raises:
            InvalidJobError: this is no sitemap.
        """
        if self.problem is not None:
            return
        try:
            self._parser.Parse(data, not data)
        except expat.ExpatError as error:
            self._refuse(f"not well-formed XML: {expat.ErrorString(error.code)}")
        except _RefusedError as error:
            self._refuse(str(error))
        except (LookupError, ValueError) as error:
            # Expat knows UTF-8 and UTF-16, and pyexpat what has a byte for each letter.
            self._refuse(f"its encoding is not read here ({error}); save it as UTF-8")
        self._fed += len(data)
        if data and self._fed - max(self._parser.CurrentByteIndex, 0) > _MAX_TOKEN + len(data):
            self._refuse(f"a tag or a comment of more than {_MAX_TOKEN:,} bytes")

    def _refuse(self, problem: str) -> None:
        self.problem = problem
        if not self._path and not self.found:
            raise InvalidJobError(f"{self._name} is no sitemap: {problem}")

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self._path and local not in _ROOTS:
            raise InvalidJobError(
                f"{self._name} is no sitemap: it begins with <{local[:60]}>, "
                "and not with <urlset> or <sitemapindex>"
            )
        self._path.append(local)
        if len(self._path) > _MAX_DEPTH:
            raise _RefusedError(f"nested more than {_MAX_DEPTH} deep")
        if (
            len(self._path) == _LOC_DEPTH
            and local == "loc"
            and self._path[1] == _ROOTS[self._path[0]]
        ):
            self._loc, self._loc_length = [], 0
            self._at = self._parser.CurrentByteIndex, self.count + 1

    def _text(self, text: str) -> None:
        if self._loc is not None and self._loc_length <= MAX_LINE_BYTES:
            self._loc.append(text)
            self._loc_length += len(text)

    def _end(self, _name: str) -> None:
        if self._loc is not None and len(self._path) == _LOC_DEPTH:
            text = "".join(self._loc)[: MAX_LINE_BYTES + 1].strip()
            self._loc = None
            of_sitemap = self._path[0] == "sitemapindex"
            self.found.append(Location(*self._at, text, of_sitemap))
        if len(self._path) > 1:
            self._path.pop()

    def _entity(self, *_: object) -> None:
        raise _RefusedError("it declares entities, which no sitemap needs")


class SitemapReader:
    """
    The pages of a sitemap.

    Other sitemaps that it names are rejected: who has no website to be polite to cannot fetch them.

    Args:
        source: All of it, from the first byte.
        name: Of the list, for messages.
        start: In bytes, unpacked; what stands before it is left out.
    """

    def __init__(self, source: Source, name: str, *, start: int = 0) -> None:
        self._source = source
        self._parser = SitemapParser(name)
        self._start = start
        self._complete = False
        self.position = start
        self.line = 1
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the locations that stand before the offset `until`."""
        found = self._parser.found
        while True:
            while found:
                if found[0].position >= until:
                    self.position, self.line = found[0].position, found[0].number
                    return
                location = found.popleft()
                if location.position >= self._start:
                    _take(plan, location)
            if self._complete:
                break
            self._read()
        self.line = self._parser.count + 1
        if self._parser.problem is not None:
            plan.break_off(self.line, f"the sitemap is read up to here: {self._parser.problem}")
        self.ended = True

    def _read(self) -> None:
        data = self._source.read()
        # After damage there is no end that could be right or wrong.
        if data or not self._source.damage:
            self._parser.feed(data)
        self._complete = not data or self._parser.problem is not None


def _take(plan: Sink, location: Location) -> None:
    if location.of_sitemap:
        plan.reject(
            location.number,
            location.text.encode(),
            "another sitemap: put it into the bucket as a list of its own, or let "
            "`scatterfetch submit` read the index",
        )
    else:
        plan.add(location.number, location.text)

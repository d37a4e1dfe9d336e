"""
Sitemaps as lists (https://www.sitemaps.org/protocol.html), and feeds, which may take their place.

Pure. Read as a stream, and as search engines read them: what is not well-formed is mended. Only
declarations of entities are refused.
"""

import codecs
import re
from collections import deque
from typing import NamedTuple
from xml.parsers import expat

from functions.dispatcher.lists.formats import MAX_LINE_BYTES, Sink, Source
from shared.errors import InvalidJobError
from shared.lenient_xml import XmlMender

_ENTRIES = {"url": False, "sitemap": True}
"""What has a ``<loc>``, and whether that leads to another sitemap."""
_ROOTS = {"urlset": False, "sitemapindex": True}
_FEEDS = {"rss", "feed", "rdf", "channel"}
_ITEMS = {"item", "entry"}
_OF_FEEDS = {
    "",
    "http://purl.org/rss/1.0/",
    "http://purl.org/rss/1.0",
    "http://my.netscape.com/rdf/simple/0.9/",
}
_OF_SITEMAPS = "/schemas/sitemap/"
"""What namespaces of sitemaps have in them, and those of images, videos and news have not."""
_ATOM = "http://www.w3.org/2005/Atom"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_MAX_DEPTH = 1_000  # as what is mended has
_MAX_TOKEN = 1024 * 1024  # bytes of a tag or a comment
_HEAD_BYTES = 1_024
_HEAD_CHARACTERS = 64 * 1024  # in which a sitemap has begun
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_HARMLESS = "text in front of the first tag"  # to the mender a loss; it has no URL


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


class _Entry:
    """A ``<url>``, ``<sitemap>`` or item of a feed that is being read."""

    def __init__(self, depth: int, space: str, *, of_sitemap: bool) -> None:
        self.depth = depth
        self.space = space
        self.of_sitemap = of_sitemap
        self.text = _Text()
        """Its own, which is where its URL is if it has no ``<loc>``."""
        self.is_told = False
        self.permalink = ""
        self.alternate = ""
        """The link of Atom in an item of another feed, which counts if it has none of its own."""


class _Text:
    """What stands in an element, up to a bound."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        if self._length <= MAX_LINE_BYTES:
            self._pieces.append(text)
            self._length += len(text)

    def __str__(self) -> str:
        text = "".join(self._pieces)[: MAX_LINE_BYTES + 1].strip()
        # What is cut off does not look whole for the white space in it.
        return text + _REPLACED if len(text) <= MAX_LINE_BYTES < self._length else text


class NotWellFormedError(Exception):
    """A sitemap must be mended to be read. What was found before is sound."""


class SitemapParser:
    """
    Takes the bytes of a sitemap and gives its locations.

    Args:
        name: Of the list, for messages.
        charset: Of its Content-Type, if it has one: it goes before what the sitemap says itself.
        mend: Read it as search engines do; it takes six times as long. The same locations as
            without come first.
    """

    def __init__(self, name: str, charset: str | None = None, *, mend: bool = False) -> None:
        self._name = name
        self._charset = charset
        self._mender = XmlMender(_REPLACED) if mend else None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._head = b""
        """Of what is to be mended, until its encoding is known."""
        self._beginning = ""
        self._has_content = False
        self._fed = 0
        self._parser = expat.ParserCreate(None if mend else charset, namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add_text
        self._parser.EntityDeclHandler = self._refuse_entity
        self._parser.SkippedEntityHandler = self._skip_entity
        self._path: list[str] = []
        self._root_space = ""
        self._entry: _Entry | None = None
        self._text: _Text | None = None
        """Of the ``<loc>``, or of what stands for it in a feed."""
        self._text_depth = 0
        self._is_permalink = False
        self._at = (0, 0)
        """Where the last location stands, and its number."""
        self.found: deque[Location] = deque()
        self.problem: str | None = None
        """What is wrong with it, so that some of its URLs may be missing."""

    @property
    def count(self) -> int:
        """How many locations there are so far."""
        return self._at[1]

    def feed(self, data: bytes) -> None:
        """
        Read on; nothing means that this was all.

        Raises:
            InvalidJobError: this is no sitemap.
            NotWellFormedError: it must be read by a parser that mends, from its beginning.
        """
        if self._mender is not None:
            self._feed_mended(self._mender, data)
            return
        if not self._has_content and data:
            data = data.removeprefix(codecs.BOM_UTF8).lstrip()
            self._has_content = bool(data)
            if not data:
                return
        try:
            self._parser.Parse(data, not data)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise NotWellFormedError from error
        self._fed += len(data)
        if data and self._fed - max(self._parser.CurrentByteIndex, 0) > _MAX_TOKEN + len(data):
            raise NotWellFormedError

    def _feed_mended(self, mender: XmlMender, data: bytes) -> None:
        last = not data
        if self._decoder is None:
            self._head += data
            if len(self._head) < _HEAD_BYTES and not last:
                return
            data = self._head
            self._decoder = self._new_decoder(data[:_HEAD_BYTES])
        text = self._decoder.decode(data, final=last)
        if not self._path:
            self._beginning += text[:_HEAD_CHARACTERS]
            if "<!ENTITY" in self._beginning:
                self._refuse_entity()
        # What breaks off in the middle of a URL is none: the ends that were made up are not read.
        mended = mender.feed(text, last=last).removesuffix(mender.made_up)
        try:
            self._parser.Parse(mended)
        except expat.ExpatError as error:
            self.problem = f"not well-formed XML: {expat.ErrorString(error.code)}"
        if not self._path and len(self._beginning) >= _HEAD_CHARACTERS:
            self._refuse("it has no tag where it begins")
        if last:
            self._finish(mender.losses)

    def _new_decoder(self, head: bytes) -> codecs.IncrementalDecoder:
        name = next((name for bom, name in _BOMS if head.startswith(bom)), self._charset)
        if name is None:
            declared = _ENCODING.search(head)
            if declared is not None:
                name = declared[1].decode()
                if name.lower().startswith(("utf-16", "utf16", "ucs-2")):
                    name = "utf-8"  # it can be read byte by byte
            elif head[1:2] == b"\0":
                name = "utf-16-le"
            elif head[:1] == b"\0":
                name = "utf-16-be"
        try:
            return codecs.getincrementaldecoder(name or "utf-8")(errors="replace")
        except (LookupError, AttributeError) as error:
            problem = f"its encoding {name!r} is not read here; save it as UTF-8"
            raise InvalidJobError(f"{self._name} is no sitemap: {problem}") from error

    def _finish(self, losses: list[str]) -> None:
        if not self._path:
            self._refuse("it is no XML" if self._beginning.strip() else "it is empty")
        losses = [loss for loss in losses if loss != _HARMLESS]
        if losses and self.problem is None:
            self.problem = f"not well-formed XML: {'; '.join(losses[:3])}"

    def _refuse(self, problem: str) -> None:
        raise InvalidJobError(f"{self._name} is no sitemap: {problem}")

    def _refuse_entity(self, *_: object) -> None:
        self._refuse("it declares entities, which no sitemap needs")

    def _skip_entity(self, *_: object) -> None:
        raise NotWellFormedError  # one of those that a DTD declares, which is not read

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        local = local.lower()
        if not self._path:
            self._beginning = ""
            self._root_space = space
            if local not in _ROOTS and local not in _FEEDS:
                self._refuse(
                    f"it begins with <{local[:60]}>, and not with <urlset>, <sitemapindex> or <rss>"
                )
        parent = self._path[-1] if self._path else ""
        self._path.append(local)
        if len(self._path) > _MAX_DEPTH:
            raise NotWellFormedError
        # Text in front of a tag and text behind it are not one word.
        if self._text is not None:
            self._text.add("\n")
        elif self._entry is not None:
            self._entry.text.add("\n")
        if self._path[0] in _FEEDS:
            self._start_in_feed(space, local, attributes)
        elif local in _ENTRIES and self._entry is None:
            self._begin_entry(space, of_sitemap=_ENTRIES[local])
        elif local == "loc" and parent in _ENTRIES | _ROOTS and self._is_of_sitemaps(space):
            if self._entry is None:
                self._begin_entry(space, of_sitemap=_ROOTS.get(parent, False))
            self._begin_text()

    def _is_of_sitemaps(self, space: str) -> bool:
        """Tell whether a ``<loc>`` of the namespace `space` is a page's, and not an image's."""
        around = self._root_space if self._entry is None else self._entry.space
        return space in {"", around} or _OF_SITEMAPS in space

    def _start_in_feed(self, space: str, local: str, attributes: dict[str, str]) -> None:
        entry = self._entry
        if local in _ITEMS and entry is None:
            self._begin_entry(space, of_sitemap=False)
        elif entry is not None and len(self._path) == entry.depth + 1 and not entry.is_told:
            if local == "link" and (space == _ATOM or "href" in attributes):
                if space in {"", _ATOM} and attributes.get("rel", "alternate") == "alternate":
                    href = attributes.get("href", "")
                    if space == entry.space:
                        self._tell(href)
                    else:
                        entry.alternate = entry.alternate or href
            elif local == "link" and space in _OF_FEEDS:
                self._begin_text()
            elif local == "guid" and space in _OF_FEEDS:
                self._is_permalink = attributes.get("isPermaLink", "true").lower() != "false"
                self._begin_text()

    def _begin_entry(self, space: str, *, of_sitemap: bool) -> None:
        self._entry = _Entry(len(self._path), space, of_sitemap=of_sitemap)
        self._at = self._parser.CurrentByteIndex, self.count + 1

    def _begin_text(self) -> None:
        self._text = _Text()
        self._text_depth = len(self._path)

    def _add_text(self, text: str) -> None:
        if self._text is not None:
            self._text.add(text)
        elif self._entry is not None and len(self._path) == self._entry.depth:
            self._entry.text.add(text)

    def _end(self, _name: str) -> None:
        entry, depth = self._entry, len(self._path)
        if self._text is not None and depth == self._text_depth:
            text, self._text = str(self._text), None
            if self._path[0] not in _FEEDS or (text and self._path[-1] == "link"):
                self._tell(text)
            elif self._path[-1] == "guid" and self._is_permalink and entry is not None:
                entry.permalink = text
        elif self._text is not None:
            self._text.add("\n")
        if entry is not None and depth == entry.depth:
            if not entry.is_told:
                own = "" if self._path[0] in _FEEDS else str(entry.text)
                self._tell(entry.permalink or entry.alternate or own)
            self._entry = None
        if depth > 1:
            self._path.pop()

    def _tell(self, text: str) -> None:
        entry = self._entry
        assert entry is not None  # whoever tells has begun one
        if entry.is_told:  # by an earlier <loc>
            self._at = self._parser.CurrentByteIndex, self.count + 1
        entry.is_told = True
        self.found.append(Location(*self._at, text, entry.of_sitemap))


class SitemapReader:
    """
    The pages of a sitemap.

    Other sitemaps that it names are rejected: who has no website to be polite to cannot fetch them.

    Args:
        source: All of it, from the first byte; it can be restarted.
        name: Of the list, for messages.
        start: As `position` of an earlier reader.
        line: As `line` of it; the number of the first location that counts.
    """

    def __init__(self, source: Source, name: str, *, start: int = 0, line: int = 1) -> None:
        self._source = source
        self._name = name
        self._parser = SitemapParser(name)
        self._next = line
        self._complete = False
        self._others = 0
        self.position = start
        self.line = line
        self.ended = False

    def fill(self, plan: Sink, until: int) -> None:
        """Hand to `plan` the locations that stand before the offset `until`."""
        while True:
            found = self._parser.found
            while found:
                if found[0].number < self._next:
                    self._others += found.popleft().of_sitemap
                    continue
                if found[0].position >= until:
                    self.position, self.line = found[0].position, found[0].number
                    return
                location = found.popleft()
                self._next = location.number + 1
                self._others += location.of_sitemap
                _take(plan, location)
            if self._complete:
                break
            self._read()
        self.line = max(self._next, self._parser.count + 1)
        if self._parser.problem is not None:
            plan.break_off(self.line, f"the sitemap is {self._parser.problem}")
        if self._others:
            plan.break_off(self.line, "the sitemap names others, whose pages are not in the job")
        self.ended = True

    def _read(self) -> None:
        data = self._source.read()
        try:
            # After damage there is no end that could be right or wrong.
            if data or not self._source.damage:
                self._parser.feed(data)
            self._complete = not data
        except NotWellFormedError:
            self._parser = SitemapParser(self._name, mend=True)
            self._source.restart()


def _take(plan: Sink, location: Location) -> None:
    if location.of_sitemap:
        plan.reject(
            location.number,
            location.text.encode(errors="replace"),
            "another sitemap: put it into the bucket as a list of its own, or let "
            "`scatterfetch submit` read the index",
        )
    else:
        plan.add(location.number, location.text)

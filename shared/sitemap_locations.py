"""
What the elements of a sitemap or a feed mean: where pages and other sitemaps are.

Pure. Takes start tags, texts and end tags, as expat hands them over, and gives locations. Knows
nothing of bytes, and of XML that is not well-formed.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from shared.errors import InvalidJobError
from shared.url_text import INVISIBLE, MAX_LINE_BYTES

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
_ATOM = {"http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"}
_DATES = {"lastmod": 0, "pubdate": 0, "published": 1, "date": 2, "updated": 3}
"""Elements of an entry that date it; the one with the lowest number counts."""
_MAX_DEPTH = 1_000  # as what is mended has
_REPLACED = "\N{REPLACEMENT CHARACTER}"
FORBIDDEN = "\ufdd0"
"""Stands for a character that no XML may hold: none was lost there."""
_AROUND = INVISIBLE + FORBIDDEN


def _without_forbidden(text: str) -> str:
    """Return what a parser of URLs is to see: around one, control characters are nothing."""
    return text.strip(_AROUND).replace(FORBIDDEN, _REPLACED)


class NotWellFormedError(Exception):
    """A sitemap must be mended to be read. What was found before is sound."""


def refusal(name: str, problem: str) -> InvalidJobError:
    """Return the error that says why the list called `name` is no sitemap."""
    return InvalidJobError(f"{name} is no sitemap: {problem}")


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
    date: str = ""
    """When the page was last changed, or the entry of a feed published, as it is written there."""


class _BoundedText:
    """What stands in an element, up to a bound."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def add(self, text: str) -> None:
        if self._length <= MAX_LINE_BYTES:
            self._pieces.append(text)
            self._length += len(text)

    def __str__(self) -> str:
        text = _without_forbidden("".join(self._pieces)[: MAX_LINE_BYTES + 1])
        # What is cut off does not look whole for the white space in it.
        return text + _REPLACED if len(text) <= MAX_LINE_BYTES < self._length else text


class _SitemapEntry:
    """A ``<url>``, ``<sitemap>`` or item of a feed that is being read."""

    def __init__(self, depth: int, space: str, *, of_sitemap: bool) -> None:
        self.depth = depth
        self.space = space
        self.of_sitemap = of_sitemap
        self.text = _BoundedText()
        """Its own, which is where its URL is if it has no ``<loc>``."""
        self.is_told = False
        self.permalink = ""
        self.alternate = ""
        """The link of Atom in an item of another feed, which counts if it has none of its own."""
        self.dates: dict[str, str] = {}
        """What dates it, by the name of the element."""

    @property
    def date(self) -> str:
        return self.dates[min(self.dates, key=_DATES.__getitem__)] if self.dates else ""


class Locations:
    """
    The locations of a sitemap, as its elements come.

    Args:
        name: Of the list, for messages.
        position: Returns where in the sitemap the element that comes now stands, in bytes.
    """

    def __init__(self, name: str, position: Callable[[], int]) -> None:
        self._name = name
        self._position = position
        self._path: list[str] = []
        self._root_space = ""
        self._entry: _SitemapEntry | None = None
        self._text: _BoundedText | None = None
        """Of the ``<loc>``, or of what stands for it in a feed."""
        self._text_depth = 0
        self._is_permalink = False
        self._at = (0, 0)
        """Where the last location stands, and its number."""
        self._count = 0
        self._held: Location | None = None
        """The last location of the entry that is being read: what dates it may come behind it."""
        self.found: deque[Location] = deque()

    @property
    def count(self) -> int:
        """How many locations were found so far: those of whole entries."""
        return self._count

    @property
    def has_begun(self) -> bool:
        """Whether the first tag has come."""
        return bool(self._path)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """
        Take a start tag; `name` is its namespace, a space and its local name.

        Raises:
            InvalidJobError: no sitemap begins so.
            NotWellFormedError: elements are nested too deeply.
        """
        space, _, local = name.rpartition(" ")
        local = local.lower()
        if not self._path:
            self._root_space = space
            if local not in _ROOTS and local not in _FEEDS:
                raise refusal(
                    self._name,
                    f"it begins with <{local[:60]}>, and not with <urlset>, <sitemapindex> or "
                    "<rss>",
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
        elif local == "lastmod" and self._is_part() and self._is_of_sitemaps(space):
            self._begin_text()

    def _is_part(self) -> bool:
        """Tell whether the element that has begun stands directly in an entry."""
        return self._entry is not None and len(self._path) == self._entry.depth + 1

    def _is_of_sitemaps(self, space: str) -> bool:
        """Tell whether a ``<loc>`` of the namespace `space` is a page's, and not an image's."""
        around = self._root_space if self._entry is None else self._entry.space
        return space in {"", around} or _OF_SITEMAPS in space

    def _start_in_feed(self, space: str, local: str, attributes: dict[str, str]) -> None:
        entry = self._entry
        if local in _ITEMS and entry is None:
            self._begin_entry(space, of_sitemap=False)
        elif local in _DATES and self._is_part() and self._text is None:
            self._begin_text()
        elif entry is not None and self._is_part() and not entry.is_told:
            if local == "link" and (space in _ATOM or "href" in attributes):
                if space in {"", *_ATOM} and attributes.get("rel", "alternate") == "alternate":
                    href = _without_forbidden(attributes.get("href", ""))
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
        self._entry = _SitemapEntry(len(self._path), space, of_sitemap=of_sitemap)
        self._at = self._position(), self._at[1] + 1

    def _begin_text(self) -> None:
        self._text = _BoundedText()
        self._text_depth = len(self._path)

    def add_text(self, text: str) -> None:
        """Take a piece of text."""
        if self._text is not None:
            self._text.add(text)
        elif self._entry is not None and len(self._path) == self._entry.depth:
            self._entry.text.add(text)

    def end(self, _name: str) -> None:
        """Take an end tag."""
        entry, depth = self._entry, len(self._path)
        if self._text is not None and depth == self._text_depth:
            text, self._text = str(self._text), None
            if entry is not None and self._path[-1] in _DATES:
                entry.dates.setdefault(self._path[-1], text)
            elif self._path[0] not in _FEEDS or (text and self._path[-1] == "link"):
                self._tell(text)
            elif self._path[-1] == "guid" and self._is_permalink and entry is not None:
                entry.permalink = text
        elif self._text is not None:
            self._text.add("\n")
        if entry is not None and depth == entry.depth:
            if not entry.is_told:
                own = "" if self._path[0] in _FEEDS else str(entry.text)
                self._tell(entry.permalink or entry.alternate or own)
            self.end_entry()
        if depth > 1:
            self._path.pop()

    def _tell(self, text: str) -> None:
        entry = self._entry
        assert entry is not None  # whoever tells has begun one
        if entry.is_told:  # by an earlier <loc>
            self._give()
            self._at = self._position(), self._at[1] + 1
        entry.is_told = True
        self._held = Location(*self._at, text, entry.of_sitemap)

    def _give(self) -> None:
        if self._held is not None and self._entry is not None:
            self.found.append(self._held._replace(date=self._entry.date))
            self._count += 1
        self._held = None

    def end_entry(self) -> None:
        """End the entry that is being read: its end has come, or there is none."""
        self._give()
        self._entry = None

"""
Sitemaps (https://www.sitemaps.org/protocol.html), and feeds, which may take their place.

Pure. Read as a stream, and as search engines read them: what is not well-formed is mended. Only
declarations of entities are refused. What the elements mean, `sitemap_locations` knows.
"""

import codecs
import re
from collections import deque
from xml.parsers import expat

from shared.lenient_xml import XmlMender
from shared.sitemap_locations import (
    FORBIDDEN,
    Location,
    Locations,
    NotWellFormedError,
    refusal,
)

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ENCODING = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
_MAX_TOKEN = 1024 * 1024  # bytes of a tag or a comment
_HEAD_BYTES = 1_024
_HEAD_CHARACTERS = 64 * 1024  # in which a sitemap has begun
_HARMLESS = "text in front of the first tag"  # to the mender a loss; it has no URL


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
        self._mender = XmlMender(FORBIDDEN) if mend else None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._head = b""
        """Of what is to be mended, until its encoding is known."""
        self._beginning = ""
        """Of what is to be mended, until its first tag."""
        self._has_content = False
        self._fed = 0
        self._parser = parser = expat.ParserCreate(
            None if mend else charset, namespace_separator=" "
        )
        self._locations = Locations(name, lambda: parser.CurrentByteIndex)
        parser.buffer_text = True
        parser.StartElementHandler = self._locations.start
        parser.EndElementHandler = self._locations.end
        parser.CharacterDataHandler = self._locations.add_text
        parser.EntityDeclHandler = self._refuse_entity
        parser.SkippedEntityHandler = self._skip_entity
        self.problem: str | None = None
        """What is wrong with it, so that some of its URLs may be missing."""

    @property
    def found(self) -> deque[Location]:
        """Locations that nobody has taken yet."""
        return self._locations.found

    @property
    def count(self) -> int:
        """How many locations were found so far: those of whole entries."""
        return self._locations.count

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
        if not self._locations.has_begun:
            self._beginning += text[:_HEAD_CHARACTERS]
            if "<!ENTITY" in self._beginning:
                self._refuse_entity()
        # What breaks off in the middle of a URL is none: the ends that were made up are not read.
        mended = mender.feed(text, last=last).removesuffix(mender.made_up)
        try:
            self._parser.Parse(mended)
        except expat.ExpatError as error:
            self.problem = f"not well-formed XML: {expat.ErrorString(error.code)}"
        if not self._locations.has_begun and len(self._beginning) >= _HEAD_CHARACTERS:
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
            raise refusal(self._name, problem) from error

    def _finish(self, losses: list[str]) -> None:
        if not self._locations.has_begun:
            self._refuse("it is no XML" if self._beginning.strip() else "it is empty")
        self._locations.end_entry()
        losses = [loss for loss in losses if loss != _HARMLESS]
        if losses and self.problem is None:
            self.problem = f"not well-formed XML: {'; '.join(losses[:3])}"

    def _refuse(self, problem: str) -> None:
        raise refusal(self._name, problem)

    def _refuse_entity(self, *_: object) -> None:
        self._refuse("it declares entities, which no sitemap needs")

    def _skip_entity(self, *_: object) -> None:
        raise NotWellFormedError  # one of those that a DTD declares, which is not read

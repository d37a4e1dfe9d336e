"""
XML as it is written, made into XML as parsers read it.

Pure. Knows neither what the text is about nor who parses it. `XmlMender` takes text in pieces, so
that a sitemap of any size can be read as a stream; what comes out is well-formed, in time linear
in what goes in.
"""

import re
from collections import Counter
from collections.abc import Iterable
from html import unescape
from html.entities import html5

_MAX_TOKEN = 1 << 20  # characters of a tag, a comment or a CDATA section that are waited for
_HEAD = 1_024  # characters in which an XML declaration is looked for
_MAX_DEPTH = 1_000
_MAX_ENTITY = 100  # characters that a declared entity may stand for
_MAX_LOSSES = 10
_OWN = frozenset(["amp", "lt", "gt", "quot", "apos"])
_REPLACED = "\N{REPLACEMENT CHARACTER}"
# What no XML may hold (https://www.w3.org/TR/xml/#charsets).
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"<\?xml[\s?]")
_MARKUP = re.compile(r"<[^>]*>")
# Each alternative takes all that it looks at, so that nothing is looked at twice.
_TOKEN = re.compile(
    r"""
      (?P<cdata><!\[CDATA\[.*?(?:\]\]>|\Z))
    | (?P<comment><!--.*?(?:-->|\Z))
    | (?P<doctype><!DOCTYPE[^>\[]*(?:\[.*?(?:\]\s*>|\Z)|>|\Z))
    | (?P<aside><[?!][^>]*(?:>|\Z))
    | (?P<tag><(?:[^<>"']|"[^"<]*"|'[^'<]*')*>)
    | (?P<open><[^<>]*>?)
    | (?P<text>&(?:[A-Za-z][A-Za-z0-9]{0,31}|\#[0-9]{1,8}|\#[xX][0-9A-Fa-f]{1,6});|&[#\w]{0,33}|>)
    """,
    re.DOTALL | re.VERBOSE | re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([^\W\d][^\s<>/\"'=&]*)([^<]*?)(/?)>", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_REFERENCE = re.compile(r"&([A-Za-z][A-Za-z0-9]{0,31}|#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,6});|&")
_ENTITY = re.compile(
    rf"""<!ENTITY\s+([A-Za-z][A-Za-z0-9]{{0,31}})\s+(?:"([^"]{{0,{_MAX_ENTITY}}})"|"""
    rf"""'([^']{{0,{_MAX_ENTITY}}})')\s*>"""
)
_NEEDS_MENDING = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|\#(?!1[2-5]\d;)[0-9]{1,8}|\#x[0-9A-Fa-f]{1,6});)|<!ENTITY"
)


def needs_mending(data: bytes) -> bool:
    """
    Tell whether a parser would lose something of `data` without saying that it is not well-formed.

    Names that a DTD declares are such a thing: no DTD is fetched here.
    """
    return _NEEDS_MENDING.search(data) is not None


class XmlMender:
    """
    Makes text well-formed.

    Nothing that a reader would see is lost where it need not be: white space in front of the
    declaration, control characters, a `&` that begins no reference, the names of HTML, prefixes
    that nobody declares, attributes without quotes. Declarations, comments and processing
    instructions are left out. What had to be guessed, as where an end tag is missing, is named in
    `losses`.

    Args:
        stand_in: What stands in the place of a character that no XML may hold, for whom it matters
            that there was one.
    """

    def __init__(self, stand_in: str = "") -> None:
        self._stand_in = stand_in
        self.losses: list[str] = []
        """What was guessed or is missing, the first of it."""
        self.made_up = ""
        """The end tags that the text did not have when it was over."""
        self._begun = False
        self._root = ""
        self._pending = ""
        self._open: list[str] = []
        self._open_names = Counter[str]()
        """How many elements of a name, in lower case, are open: most stray ends are of none."""
        self._cut = 0
        self._last = False
        self._entities: dict[str, str] = {}
        self._global: set[str] = {"xml", "xmlns"}
        """Prefixes that the root declares."""
        self._uris: dict[str, str] = {}

    def feed(self, text: str, *, last: bool = False) -> str:
        """Take the next piece of text; return what is well-formed by now. Ends with `last`."""
        if self._has_ended():
            return ""
        self._pending += FORBIDDEN.sub(self._spared, text)
        if not self._begun:
            if len(self._pending) < _HEAD and not last:
                return ""
            self._begin()
        pending = self._pending
        self._last = last or len(pending) > _MAX_TOKEN
        self._cut = len(pending)
        before = self._root
        mended = _TOKEN.sub(self._mend, pending)
        self._pending = pending[self._cut :]
        if not before:  # what stands outside of the root is no XML
            mended = mended[mended.find("<") :] if self._root else ""
        if self._has_ended():
            mended = mended[: mended.rindex(self._root) + len(self._root)]
        elif last and self._open:
            self._lose(f"<{self._open[-1][:60]}> has no end")
            self.made_up = self._end_above(0)
            mended += self.made_up
        return mended

    def _begin(self) -> None:
        self._begun = True
        head = self._pending[:_HEAD]
        declaration = _DECLARATION.search(head)
        start = declaration.start() if declaration else head.find("<")
        before = head[:start] if start >= 0 else head
        if _MARKUP.sub("", before).strip("\N{BOM}" + " \t\r\n"):
            self._lose("text in front of the first tag")
        if start > 0:
            self._pending = self._pending[start:]

    def _lose(self, what: str) -> None:
        if len(self.losses) < _MAX_LOSSES:
            self.losses.append(what)

    def _has_ended(self) -> bool:
        """Whether the root is complete: what follows it is no XML."""
        return bool(self._root) and not self._open

    def _mend(self, token: re.Match[str]) -> str:
        kind, text = token.lastgroup, token[0]
        if token.end() == len(token.string) and not self._last:
            self._cut = token.start()  # it may go on
            return ""
        if self._has_ended():
            if kind == "tag":
                self._lose(f"{text[:60]} behind the end of the root")
            return ""
        if kind == "tag":
            return self._tag(text)
        if kind == "text":
            return "&gt;" if text == ">" else self._referenced(text)
        return self._bare(text) if kind == "open" else self._section(kind, text)

    def _section(self, kind: str | None, text: str) -> str:
        """Return what remains of CDATA; comments and the like are left out."""
        if kind == "cdata" and self._open:
            if not text.endswith("]]>"):
                self._lose("a CDATA section has no end")
                text = text.rstrip("]") + "]]>"
            return text
        if kind == "comment" and not text.endswith("-->"):
            self._lose("a comment has no end")
        if kind == "doctype":
            self._declare(text)
        return ""

    def _declare(self, doctype: str) -> None:
        for name, *values in _ENTITY.findall(doctype):
            self._entities.setdefault(name, self._escaped("".join(values)))

    def _bare(self, text: str) -> str:
        """Return a `<` that begins no tag, and what follows."""
        found = _TAG.fullmatch(text)
        if found is not None:  # quotes that have no end
            return self._tag(text)
        if text[1:2].isalpha():
            self._lose(f"a < that begins no tag: {text[:60]!r}")
        return "&lt;" + self._text(text[1:])

    def _tag(self, text: str) -> str:
        found = _TAG.fullmatch(text)
        if found is None:
            return "&lt;" + self._text(text[1:-1]) + "&gt;"
        ends, name, attributes, empty = found[1], found[2], found[3], found[4]
        if ends:
            return self._end(name)
        if not _NAME.fullmatch(name) or name.startswith("xmlns:"):
            name = re.sub(r"[^\w.\-]", "_", name)
        written = self._attributes(name, attributes) if attributes or ":" in name else ""
        if empty:
            if not self._root:
                self._root = "/>"
            return f"<{name}{written}/>"
        if len(self._open) >= _MAX_DEPTH:
            self._lose(f"nested more than {_MAX_DEPTH:,} deep")
            return ""
        self._open.append(name)
        self._open_names[name.lower()] += 1
        self._root = self._root or f"</{name}>"
        return f"<{name}{written}>"

    def _attributes(self, name: str, text: str) -> str:
        found: dict[str, str] = {}
        for attribute, *values in _ATTRIBUTE.findall(text):
            if _NAME.fullmatch(attribute):
                found.setdefault(attribute, self._text("".join(values)))
        declared = {key[6:] for key in found if key.startswith("xmlns:")}
        self._uris |= {prefix: found[f"xmlns:{prefix}"] for prefix in declared}
        if not self._open:
            self._global |= declared
        used = _prefixes([name, *found])
        for prefix in sorted(used - self._global - declared):
            found[f"xmlns:{prefix}"] = self._uris.get(prefix) or f"urn:undeclared:{prefix}"
        return "".join(f' {key}="{value}"' for key, value in found.items())

    def _end(self, name: str) -> str:
        if self._open and self._open[-1] == name:
            return self._end_above(len(self._open) - 1)
        folded = name.lower()
        if not self._open_names[folded]:
            self._lose(f"</{name[:60]}> ends nothing")
            return ""
        place = len(self._open) - 1
        while self._open[place].lower() != folded:
            place -= 1
        if place < len(self._open) - 1:
            self._lose(f"<{self._open[-1][:60]}> has no end")
        return self._end_above(place)

    def _end_above(self, place: int) -> str:
        ended = self._open[place:][::-1]
        self._open_names.subtract(name.lower() for name in ended)
        del self._open[place:]
        return "".join(f"</{name}>" for name in ended)

    def _spared(self, found: re.Match[str]) -> str:
        return _REPLACED if "\ud800" <= found[0] <= "\udfff" else self._stand_in

    def _text(self, text: str) -> str:
        """Return text in which no tag begins or ends, nor an attribute that it is in."""
        if "&" in text:
            text = _REFERENCE.sub(lambda found: self._referenced(found[0]), text)
        return text.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")

    def _referenced(self, text: str) -> str:
        """Return what `text`, which begins with a `&`, means."""
        if text[-1:] != ";" or text == "&;":
            return "&amp;" + text[1:]
        name = text[1:-1]
        if name in _OWN:
            return text
        if name.startswith("#"):
            return self._escaped(text)
        known = self._entities.get(name)
        if known is not None:
            return known
        if f"{name};" in html5:
            return self._escaped(text)
        return "&amp;" + text[1:]

    def _escaped(self, text: str) -> str:
        """Return `text`, its references undone, as XML text."""
        # Of a number of no character, nothing remains.
        plain = FORBIDDEN.sub(self._spared, unescape(text)) or self._stand_in
        return plain.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _prefixes(names: Iterable[str]) -> set[str]:
    return {name.partition(":")[0] for name in names if ":" in name}

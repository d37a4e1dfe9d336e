"""
Which characters the bytes of a page stand for, as browsers decide it.

Pure. The order is that of the HTML standard (§13.2.3.2): byte order mark, Content-Type, <meta>; of
XML it is RFC 7303's. Where none of them says anything, the bytes decide.
"""

import re
from functools import lru_cache

from functions.worker.extraction.documents.encodings import (
    byte_order_mark,
    decode,
    encoding_of,
    xml_encoding,
)
from functions.worker.transport.media_types import is_html, is_xml
from functions.worker.transport.page import FetchedPage

_PRESCAN_BYTES = 4_096  # the standard proposes 1,024; browsers look on until the head ends
_GUESS_BYTES = 50_000  # that decide where nothing else does; 10 ms
_FEW = 8  # bytes that are not ASCII; so many do not tell one Latin alphabet from another

# One step of "prescan a byte stream to determine its encoding": a comment, a <meta>, another tag,
# or a declaration. Anything else is stepped over.
_STEP = re.compile(
    rb"""<(?:
        !--(?:>|->|.*?--!?>)
      | (?P<meta>meta)(?=[\s/])(?P<attributes>(?:[^>"']|"[^"]*"|'[^']*')*)
      | /?[a-z](?:[^>"']|"[^"]*"|'[^']*')*
      | [!/?][^>]*
    )""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(
    rb"""([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?""", re.DOTALL
)
_CHARSET = re.compile(rb"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.IGNORECASE)
_HINT = re.compile(rb"""<meta\b[^>]*\bcharset\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE)
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_TOP_LEVEL = re.compile(r"https?://[^/]*?\.?([a-z][a-z0-9-]*)(?::\d+)?/")
_declared = lru_cache(maxsize=100)(encoding_of)  # many pages declare one of a few labels
_SPOKEN = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}
_CODECS_OF_PYTHON = {"cp874": "windows-874"}  # which the detector calls so


def decode_page(page: FetchedPage, kind: str | None = None) -> str | bytes:
    """
    Return the text of a page; as the bytes themselves where they are UTF-8.

    Bytes that stand for nothing become U+FFFD, in what is returned as bytes too once it is read.

    Args:
        page: Without its content coding.
        kind: As for `page_encoding`.
    """
    return decode_in(page, *page_encoding(page, kind))


def decode_in(page: FetchedPage, encoding: str, start: int) -> str | bytes:
    """Return the text of a page, as `decode_page` does; the rest is from `page_encoding`."""
    body = page.body[start:] if start else page.body
    return body if encoding == "utf-8" else decode(body, encoding)


def page_encoding(page: FetchedPage, kind: str | None = None) -> tuple[str, int]:
    """
    Return the encoding of a page, as the standard names it, and how long its byte order mark is.

    Args:
        page: Without its content coding.
        kind: What it is read as, `html`, `xml` or `text`; None: as its type says. Only
            HTML is searched for a <meta>.
    """
    mark = byte_order_mark(page.body)
    if mark is not None:
        return mark
    name = _declared(page.charset) or _said(page.body, kind or kind_of(page)) or _guess(page)
    return name, 0


def kind_of(page: FetchedPage) -> str:
    """Return what a page is read as: html, xml or text."""
    if is_html(page.content_type, page.body):
        return "html"
    return "xml" if is_xml(page.content_type, page.body) else "text"


def _said(body: bytes, kind: str) -> str | None:
    """Return the encoding that a page itself names."""
    found = _prescan(body[:_PRESCAN_BYTES]) if kind == "html" else None
    return found or (None if kind == "text" else xml_encoding(body[:_PRESCAN_BYTES], None))


def _guess(page: FetchedPage) -> str:
    """Return the encoding that the bytes look like, as Firefox sees them (chardetng)."""
    body = page.body
    try:
        body.decode()
    except UnicodeDecodeError as error:
        start = max(error.start - 100, 0)
    else:
        return "utf-8"
    # One that does not count, since it is misspelt, is still better than a guess.
    hint = _HINT.search(body[:_PRESCAN_BYTES])
    name = encoding_of(hint[1].decode("ascii", "replace")) if hint else None
    if name is not None and not name.startswith("utf-"):
        return name
    from chardetng_py import EncodingDetector  # noqa: PLC0415 -- one page out of a hundred

    sample = body[start : start + _GUESS_BYTES]
    domain = _TOP_LEVEL.match(page.url)
    detector = EncodingDetector()
    detector.feed(sample, last=True)
    guess = detector.guess(tld=domain[1].encode() if domain else None, allow_utf8=False)
    name = encoding_of(_CODECS_OF_PYTHON.get(guess, guess)) or "windows-1252"
    if name in _LATIN and len(_NOT_ASCII.findall(sample)) < _FEW:
        return "windows-1252"
    return name


_LATIN = {
    "windows-1250", "windows-1254", "windows-1257", "windows-1258",
    "iso-8859-2", "iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-16",
}  # fmt: skip


def _prescan(head: bytes) -> str | None:
    """Return what a <meta> says."""
    for step in _STEP.finditer(head):
        if step["meta"]:
            label = _meta_label(step["attributes"])
            name = encoding_of(label)
            if name is not None:
                # A <meta> that can be read as ASCII is not in UTF-16; and the standard has it so.
                return _SPOKEN.get(name, name)
    return None


def _meta_label(attributes: bytes) -> str | None:
    values: dict[bytes, bytes] = {}
    for name, *value in _ATTRIBUTE.findall(attributes):
        values.setdefault(name.lower(), b"".join(value))
    if b"charset" in values:
        return _label(values[b"charset"])
    if values.get(b"http-equiv", b"").lower() == b"content-type":
        found = _CHARSET.search(values.get(b"content", b""))
        return _first(found.groups()) if found else None
    return None


def _first(groups: tuple[bytes | None, ...]) -> str:
    return _label(next((group for group in groups if group is not None), b""))


def _label(raw: bytes) -> str:
    return raw.decode("ascii", "replace")

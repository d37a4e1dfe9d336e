"""
What a body is: by its Content-Type, and by its first bytes.

Pure. Content-Type is read as the Fetch standard does ("extract a MIME type"), and first bytes as
the MIME sniffing standard does: https://mimesniff.spec.whatwg.org/
"""

import re
from functools import lru_cache

_MAX_VALUE = 1_000  # characters
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*(?:"|\Z))+')  # a comma in quotes separates nothing
_PARAMETER = re.compile(r';\s*([^;="]*)(?:=\s*(?:"((?:[^"\\]|\\.)*)(?:"|\Z)[^;]*|([^;]*)))?')
_HTML = re.compile(
    rb"[\s\0]*+(?:\xef\xbb\xbf\s*+)?<(?:!doctype\s+html|html|head|script|iframe|h1|div|font|table|a"
    rb"|style|title|b|body|br|p|!--)[\s>-]",
    re.IGNORECASE,
)
_HTML_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml")
# What is no text and can be told at a glance.
_OTHER = (
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"BM", "image/bmp"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"OggS\0", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\3\4", "application/zip"),
    (b"Rar!\x1a\7", "application/x-rar-compressed"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
)
_RIFF = {b"WEBPVP": "image/webp", b"AVI ": "video/avi", b"WAVE": "audio/wave"}
_HTML_TYPES = {"text/html", "application/xhtml+xml"}


@lru_cache(maxsize=256)
def declared_type(values: tuple[str, ...]) -> tuple[str | None, str | None]:
    """
    Return the media type, lower case, that header lines of these `values` declare, and its charset.

    The last value that is a media type counts; a charset holds for later ones of the same type.
    Returns None for a type where no value is one: then the body is as if nothing was declared.
    """
    essence = charset = None
    for value in _VALUE.findall(",".join(values)[:_MAX_VALUE]):
        kind, parameters = _split(value)
        if kind is None or kind == "*/*":
            continue
        own = _charset(parameters)
        charset = own if own is not None or kind != essence else charset
        essence = kind
    return essence, charset


def _split(value: str) -> tuple[str | None, str]:
    head, semicolon, parameters = value.partition(";")
    kind, slash, subtype = head.strip().partition("/")
    if not slash or not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(subtype):
        return None, ""
    return f"{kind}/{subtype}".lower(), semicolon + parameters


def _charset(parameters: str) -> str | None:
    for name, quoted, plain in _PARAMETER.findall(parameters):
        if name.strip().lower() == "charset":
            charset = re.sub(r"\\(.)", r"\1", quoted) or plain
            if charset := charset.strip().strip("\"'").strip():
                return charset
    return None


def binary_type(body: bytes) -> str | None:
    """Return the media type of a body that begins as an image, an archive or the like."""
    for magic, kind in _OTHER:
        if body.startswith(magic):
            return None if magic == b"BM" and _is_text(body) else kind
    if body.startswith(b"RIFF"):
        return next((kind for mark, kind in _RIFF.items() if body.startswith(mark, 8)), None)
    return "video/mp4" if body[4:8] == b"ftyp" and body[:1] == b"\0" else None


def _is_text(body: bytes) -> bool:
    return b"\0" not in body[:32]


def is_html(content_type: str | None, body: bytes) -> bool:
    """
    Tell whether a body is read as HTML.

    Args:
        content_type: As declared; None where no type is.
        body: What the type is asked of where it is one that anything is sent as.
    """
    if content_type is None or content_type in _HTML_TYPES:
        return True
    if "xml" in content_type:
        return False
    begins_as = _HTML_PAGE if content_type.startswith("text/") else _HTML
    return begins_as.match(body) is not None


def is_xml(content_type: str | None, body: bytes) -> bool:
    """Tell whether a body that is no HTML is read as XML."""
    return "xml" in (content_type or "") or _XML.match(body) is not None

"""
Encodings as the Encoding Standard has them (https://encoding.spec.whatwg.org), which browsers read.

Pure. Knows labels, what XML says of itself, and encodings that have a byte for each character; see
`functions.worker.extraction.documents.multibyte` for the others.
"""

import codecs
import re
from functools import cache

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
_UTF_8_LABELS = {"utf-8", "utf8"}
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BY_PYTHON = {"utf-8": "utf-8", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}
_MULTIBYTE = {"gbk", "gb18030", "big5", "euc-kr", "euc-jp", "shift_jis", "iso-2022-jp"}
_USER_DEFINED = {byte: 0xF700 + byte for byte in range(0x80, 0x100)}
_HEAD = 1_024  # bytes in which an XML declaration is looked for
_XML_ENCODING = re.compile(
    rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*(?:"\s*([^"\s]*)\s*"|'\s*([^'\s]*)\s*')"""
)
_UTF_16_XML = {b"<\0?\0x\0": "utf-16le", b"\0<\0?\0x": "utf-16be"}


def encoding_of(label: str | None) -> str | None:
    """Return the name of the encoding that `label` means, None if there is none of that label."""
    if label is None:
        return None
    if label.strip().lower() in _UTF_8_LABELS:
        return "utf-8"
    import webencodings  # noqa: PLC0415 -- nine pages out of ten are UTF-8

    encoding = webencodings.lookup(label)
    return None if encoding is None or encoding.name == "replacement" else encoding.name


def byte_order_mark(body: bytes) -> tuple[str, int] | None:
    """Return the encoding that a byte order mark says, and the length of it."""
    return next(((name, len(mark)) for mark, name in _BOMS if body.startswith(mark)), None)


def xml_encoding(head: bytes, declared: str | None) -> str | None:
    """
    Return in which encoding XML is, None if nothing says so.

    The charset of the Content-Type goes before the declaration (RFC 7303 §3); a byte order mark,
    which goes before both, is looked for by the caller. A declaration that can be read byte by
    byte is not in UTF-16.

    Args:
        head: The first 1,024 bytes.
        declared: The charset of the Content-Type, None without one.
    """
    name = encoding_of(declared) or _UTF_16_XML.get(head[:6])
    if name is not None:
        return name
    found = _XML_ENCODING.match(head[:_HEAD])
    if found is None:
        return None
    name = encoding_of((found[1] or found[2] or b"").decode("ascii", "replace"))
    return "utf-8" if name in {"utf-16le", "utf-16be"} else name


def decode(body: bytes, name: str) -> str:
    """
    Return the text of `body`; bytes that stand for nothing become U+FFFD.

    Args:
        body: Without a byte order mark.
        name: From `encoding_of`.
    """
    codec = _BY_PYTHON.get(name)
    if codec is not None:
        return body.decode(codec, "replace")
    if name in _MULTIBYTE:
        from functions.worker.extraction.documents import multibyte  # noqa: PLC0415

        return multibyte.decode(body, name)
    if name == "x-user-defined":
        return body.decode("latin-1").translate(_USER_DEFINED)
    return codecs.charmap_decode(body, "replace", _single_byte(name))[0]


@cache
def _single_byte(name: str) -> str:
    """Return the 256 characters of an encoding that has a byte for each."""
    import webencodings  # noqa: PLC0415

    own = _OWN_BYTES.get(name, {})
    codec = webencodings.lookup(name).codec_info

    def character(byte: int) -> str:
        if byte in own:
            return own[byte]
        try:
            text: str = codec.decode(bytes([byte]), "strict")[0]
        except UnicodeDecodeError:
            # What windows-125x leaves out, browsers read as control characters; no other encoding
            # of one byte has a gap there.
            return chr(byte) if byte < 0xA0 else _REPLACEMENT  # noqa: PLR2004
        return text

    return "".join(map(character, range(256)))


_OWN_BYTES = {
    "koi8-u": {0xAE: "ў", 0xBE: "Ў"},
    "windows-1255": {0xCA: "\u05ba"},
}

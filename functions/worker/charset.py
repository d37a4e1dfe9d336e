"""
Which characters the bytes of a page stand for, as browsers decide it.

Pure. The order is that of the HTML standard (§13.2.3.2): byte order mark, Content-Type, <meta>;
for the rest, UTF-8 if the bytes are, else windows-1252.
"""

import re

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PRESCAN_BYTES = 4_096  # the standard proposes 1,024; browsers look on until the head ends
_UTF_8_LABELS = {"utf-8", "utf8"}

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
_XML_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def decode_page(body: bytes, declared: str | None) -> str | bytes:
    """
    Return the text of `body`; as the bytes themselves where they are UTF-8.

    Bytes that stand for nothing become U+FFFD, in what is returned as bytes too once it is read.

    Args:
        body: A page without its content coding.
        declared: The charset of the Content-Type.
    """
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :] if name == "utf-8" else body[len(bom) :].decode(name, "replace")
    name = _python_codec(declared) or _prescan(body[:_PRESCAN_BYTES]) or _guess(body)
    return body if name == "utf-8" else body.decode(name, "replace")


def _guess(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _prescan(head: bytes) -> str | None:
    """Return what a <meta>, or else an XML declaration, says."""
    for step in _STEP.finditer(head):
        if step["meta"]:
            label = _meta_label(step["attributes"])
            name = _python_codec(label) if label is not None else None
            if name is not None:
                # A <meta> that can be read as ASCII is not in UTF-16.
                return "utf-8" if name.startswith("utf-16") else name
    declaration = _XML_ENCODING.match(head)
    return _python_codec(_first(declaration.groups())) if declaration else None


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


def _python_codec(label: str | None) -> str | None:
    """Return the codec for a label of the encoding standard, None if there is no such label."""
    if label is None:
        return None
    if label.strip().lower() in _UTF_8_LABELS:
        return "utf-8"
    import webencodings  # noqa: PLC0415 -- nine pages out of ten are UTF-8

    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name == "replacement":
        return None
    return "latin-1" if encoding.name == "x-user-defined" else encoding.codec_info.name

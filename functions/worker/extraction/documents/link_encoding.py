"""
What a link's query is in the encoding of its page.

Pure. Browsers encode a path as UTF-8 and a query as the page is encoded (WHATWG URL,
"percent-encode after encoding"), so that a server gets its own bytes back.
"""

import re

import webencodings

from functions.worker.extraction.documents.encodings import decode

# What Python calls that which browsers mean, where it is not what it calls by that name.
_CODECS = {"shift_jis": "cp932", "euc-kr": "cp949", "big5": "cp950", "gbk": "gbk"}
_SAFE = frozenset(range(0x21, 0x7F)) - frozenset(b"\"#<>'")  # of what encoders give
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def in_encoding(link: str, encoding: str) -> str:
    """
    Return `link` with the characters of its query that are not ASCII percent-encoded.

    Args:
        link: As the page has it.
        encoding: Of the page, as the Encoding Standard names it.
    """
    rest, hash_mark, fragment = link.partition("#")
    path, question_mark, query = rest.partition("?")
    escaped = _NOT_ASCII.sub(lambda found: _escaped(found[0], encoding), query)
    return f"{path}{question_mark}{escaped}{hash_mark}{fragment}"


def _escaped(text: str, encoding: str) -> str:
    codec = _CODECS.get(encoding) or webencodings.lookup(encoding).codec_info.name
    octets = text.encode(codec, "ignore")
    if decode(octets, encoding) != text:  # Python's codecs are not quite those of the standard
        if len(text) > 1:
            return "".join(_escaped(character, encoding) for character in text)
        if (encoding, text) == ("gbk", "€"):
            return "%80"
        return f"%26%23{ord(text)}%3B"  # a reference to it, as in forms
    return "".join(chr(octet) if octet in _SAFE else f"%{octet:02X}" for octet in octets)

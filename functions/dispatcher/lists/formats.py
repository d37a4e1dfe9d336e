"""
Which formats lists have: what the name of a list says, and whether its first bytes agree.

Pure. Knows nothing of what is in a list.
"""

from typing import NamedTuple

from shared.errors import InvalidJobError

FORMATS = ("txt", "csv", "tsv", "jsonl", "xml")
PACKED = (".gz", ".zst")
_CUT_ANYWHERE = {"txt", "jsonl"}  # the byte after any line end begins a line
_MAGIC = {
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8 (in Excel: CSV UTF-8)",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8 (in Excel: CSV UTF-8)",
    b"\x1f\x8b": "is compressed with gzip; its name must end with .gz",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; its name must end with .zst",
    b"PK\x03\x04": "is a zip archive or a spreadsheet; unpack it, or save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet or another document of Office; save it as CSV UTF-8",
    b"%PDF": "is a PDF; save it as text, one URL a line",
    b"BZh": "is compressed with bzip2; pack it with gzip or zstd",
    b"\xfd7zXZ": "is compressed with xz; pack it with gzip or zstd",
    b"7z\xbc\xaf": "is a 7z archive; unpack it",
    b"Rar!": "is a RAR archive; unpack it",
}
_OTHERS = {
    **dict.fromkeys(
        ("xlsx", "xls", "xlsm", "xlsb", "ods", "numbers"),
        "a spreadsheet is no list; save the sheet as CSV UTF-8",
    ),
    **dict.fromkeys(
        ("zip", "7z", "rar", "tar", "tgz"), "an archive is no list; unpack it, and name the list"
    ),
    **dict.fromkeys(("bz2", "xz", "lz4", "br"), "it is packed; pack it with gzip or zstd"),
    **dict.fromkeys(("json", "ndjson"), "write one JSON object a line, and call it .jsonl"),
    **dict.fromkeys(("html", "htm", "pdf", "docx"), "a document is no list; write one URL a line"),
}
"""What to do with files that people take for lists, by the ends of their names."""
_PACKED_MAGIC = {
    ".gz": (b"\x1f\x8b",),
    ".zst": (b"\x28\xb5\x2f\xfd", *(bytes((n,)) + b"\x2a\x4d\x18" for n in range(0x50, 0x60))),
}


class ListFormat(NamedTuple):
    """What the name of a list says about its content."""

    name: str
    """One of `FORMATS`."""
    packed: str
    """One of `PACKED`, or nothing."""

    @property
    def is_streamed(self) -> bool:
        """Whether it can only be read from its beginning."""
        return bool(self.packed) or self.name not in _CUT_ANYWHERE


def format_of(name: str) -> ListFormat:
    """
    Return what the list called `name` is.

    Raises:
        InvalidJobError: no list is called so.
    """
    lower = name.lower()
    packed = next((suffix for suffix in PACKED if lower.endswith(suffix)), "")
    stem, dot, suffix = lower.removesuffix(packed).rpartition(".")
    if not stem or not dot or suffix not in FORMATS:
        formats = f".{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}"
        advice = f"{_OTHERS[suffix]}. A" if suffix in _OTHERS else "a"
        raise InvalidJobError(
            f"{name}: {advice} list's name must end with {formats}, "
            f"or with one of these and {' or '.join(PACKED)}"
        )
    return ListFormat(suffix, packed)


class LineWords(NamedTuple):
    """How people call that which a list has for lines."""

    one: str
    many: str
    others: str
    """What lines are that are no targets, and not rejected either."""


_TEXT_WORDS = LineWords("line", "lines", "blank lines and comments")
_WORDS = {
    "csv": LineWords("line", "lines", "the names of its columns"),
    "tsv": LineWords("line", "lines", "the names of its columns"),
    "jsonl": LineWords("line", "lines", "blank lines"),
    "xml": LineWords("entry", "entries", ""),  # of a sitemap, or of a feed
}


def line_words(name: str) -> LineWords:
    """Return how people call the lines of the list called `name`."""
    lower = name.lower()
    for packed in PACKED:
        lower = lower.removesuffix(packed)
    return _WORDS.get(lower.rpartition(".")[2], _TEXT_WORDS)


def check_list(name: str, size: int, head: bytes, packed: str = "", *, xml: bool = False) -> None:
    """
    See whether a list can be read at all.

    Args:
        name: For the message.
        size: Of the whole list, in bytes.
        head: Its first bytes; a few thousand are enough.
        packed: How it is compressed, one of `PACKED`; `head` is then of the compressed list.
        xml: It tells its encoding itself.

    Raises:
        InvalidJobError: it is empty, or not what its name says.
    """
    if not size:
        raise InvalidJobError(f"{name} is empty; put one URL on each line")
    if packed:
        if head and not head.startswith(_PACKED_MAGIC[packed]):
            raise InvalidJobError(f"{name} is not compressed as its name says ({packed})")
        return
    for magic, problem in _MAGIC.items():
        if head.startswith(magic) and not (xml and "UTF-16" in problem):
            raise InvalidJobError(f"{name} {problem}")
    if b"\0" in head and not xml:
        raise InvalidJobError(
            f"{name} is not text, or UTF-16; it must be UTF-8 with one URL on each line"
        )

"""
Reading a URL list: bytes in, lines with their numbers out, in bounded memory.

Pure. Knows nothing of S3, of batches or of jobs.
"""

from collections.abc import Iterable, Iterator

from shared.errors import InvalidJobError, InvalidUrlError
from shared.urls import MAX_URL_BYTES, Url, parse_url

MAX_LINE_BYTES = 2 * MAX_URL_BYTES
_BOM = b"\xef\xbb\xbf"
_MAGIC = {
    b"\xff\xfe": "is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text; save it as UTF-8",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first",
    b"PK\x03\x04": "is a zip archive or a spreadsheet; save it as text, one URL a line",
    b"%PDF": "is a PDF; save it as text, one URL a line",
}


def check_list(name: str, size: int, head: bytes) -> None:
    """
    See whether a list can be read at all.

    Args:
        name: For the message.
        size: Of the whole list, in bytes.
        head: Its first bytes; a few thousand are enough.

    Raises:
        InvalidJobError: it is empty, or not text.
    """
    if not size:
        raise InvalidJobError(f"{name} is empty; put one URL on each line")
    for magic, problem in _MAGIC.items():
        if head.startswith(magic):
            raise InvalidJobError(f"{name} {problem}")
    if b"\0" in head:
        raise InvalidJobError(f"{name} is not text; it must be UTF-8 with one URL on each line")


def read_lines(
    chunks: Iterable[bytes], *, length: int, inside_line: bool = False
) -> Iterator[bytes | None]:
    r"""
    Yield the lines that begin in the first `length` bytes, without their ``\n``.

    None stands for a line of more than `MAX_LINE_BYTES`; such a line is never held in memory.

    Args:
        chunks: The bytes, and more: the last line may end behind `length`.
        length: In bytes.
        inside_line: The first byte is not the beginning of a line: leave out all up to the first
            line end.
    """
    begin = 0  # of the line at hand
    rest = b""  # of it, so far
    dropped = 0  # bytes of it that are forgotten, since it is too long
    skip = inside_line
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        pieces[0] = rest + pieces[0]
        rest = pieces.pop()
        for piece in pieces:
            if begin >= length:
                return
            if not skip:
                yield None if dropped or len(piece) > MAX_LINE_BYTES else piece
            skip = False
            begin += dropped + len(piece) + 1
            dropped = 0
        if begin >= length:
            return
        if len(rest) > MAX_LINE_BYTES:
            dropped += len(rest)
            rest = b""
        if dropped and begin + dropped >= length:
            break  # whatever follows is of this line, or not ours
    if (rest or dropped) and begin < length and not skip:
        yield None if dropped else rest


def parse_line(raw: bytes | None) -> Url | None:
    """
    Return the URL on a line, or None for a blank line or a comment.

    Args:
        raw: As `read_lines` yields it.

    Raises:
        InvalidUrlError: there is something else on it.
    """
    if raw is None:
        raise InvalidUrlError(f"longer than {MAX_LINE_BYTES:,} bytes")
    text = raw.removeprefix(_BOM).strip()
    if not text or text.startswith(b"#"):
        return None
    try:
        return parse_url(text.decode())
    except UnicodeDecodeError:
        raise InvalidUrlError("not UTF-8 text") from None

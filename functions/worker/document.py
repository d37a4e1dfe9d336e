"""
HTML to a tree, in bounded memory.

Of a page of 36 KB the standard's algorithm can make a tree of 3 GB: an unclosed <b> is opened anew
in each paragraph that follows. The parser has no limit of its own, but gives up when the system
refuses it memory, which is what happens here.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

TREE_BYTES = 400_000_000
_STATM = Path("/proc/self/statm")


def parse_html(text: str | bytes) -> LexborHTMLParser | None:
    """Return the tree of `text`, or None where it would take more than `TREE_BYTES`."""
    try:
        with _address_space(TREE_BYTES):
            return LexborHTMLParser(text)
    except (SelectolaxError, MemoryError):
        return None


@contextmanager
def _address_space(more: int) -> Iterator[None]:
    """Let this process grow by `more` bytes at most, where the system tells how large it is."""
    try:
        pages = int(_STATM.read_bytes().split()[0])
    except OSError:  # not Linux
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + more
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

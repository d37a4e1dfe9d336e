"""
What a page may take of time and memory, and when it is too much.

Of a page of 36 KB the standard's algorithm can make a tree of 3 GB, because an unclosed <b> is
opened anew in each paragraph that follows. The parsers have no limit of their own, but give up when
the system refuses them memory. Nor can they be interrupted, and the time of HTML's is quadratic in
how deeply elements are nested and in the attributes of one tag.
"""

import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from selectolax.lexbor import SelectolaxError

MAX_TAGS = 10_000  # nested in each other they take 0.1 s
_STRETCH = 8_192  # bytes; attributes enough to fill two take 0.1 s
_FEW_WORDS = 100
_STATM = "/proc/self/statm"
_TRIES = 3
_limited = threading.Lock()
T = TypeVar("T")


class TooComplexError(Exception):
    """A page takes more memory than there is for it."""


def check_memory(error: Exception) -> None:
    """
    Tell a page that is wrong from one for which the memory does not suffice.

    Raises:
        TooComplexError: `error`, whatever it is called, is for want of memory. lxml knows only by
            its log; Lexbor, whose selectors are compiled before, has no other reason.
    """
    if isinstance(error, SelectolaxError) or is_for_want_of_memory(error):
        raise TooComplexError from error


def is_for_want_of_memory(error: Exception) -> bool:
    """Tell whether lxml gave up for want of memory: it knows only by its log."""
    log = getattr(error, "error_log", None) or ()
    return isinstance(error, MemoryError) or any(
        entry.type_name == "ERR_NO_MEMORY" for entry in log
    )


def may_take_long(body: bytes) -> bool:
    """
    Tell whether the parser may take more than some 0.1 s for `body`, at a glance.

    A page can be written so that this does not notice it: it is for what is out there, and a
    batch that was delivered again trusts no page.
    """
    # A tag has three bytes at least.
    return (
        (len(body) > 3 * MAX_TAGS and body.count(b"<") > MAX_TAGS)
        or any(
            body.find(b">", start, start + _STRETCH) < 0
            and body.rfind(b"<", 0, start) > body.rfind(b">", 0, start)  # inside a tag
            and len(body[start : start + _STRETCH].split(None, _FEW_WORDS)) > _FEW_WORDS
            for start in range(0, len(body) - _STRETCH, _STRETCH)
        )
    )


@contextmanager
def memory_limit(more: int) -> Iterator[None]:
    """
    Let this process grow by `more` bytes at most, where the system tells how large it is.

    The other threads are part of the process; see `beside_limits`.
    """
    size = memory_used(0)
    if size is None:
        yield
        return
    with _limited:
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + more, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def beside_limits(call: Callable[[], T]) -> T:
    """
    Return what `call` returns; for threads beside one that is under a `memory_limit`.

    A page that takes all that it may leaves nothing to other threads meanwhile. So what fails for
    want of memory, or of a stack for a thread, is done again when the limit is over. It may be done
    twice in part.
    """
    for _ in range(_TRIES - 1):
        try:
            return call()
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "start new thread" not in str(error):
                raise
        with _limited:  # until it is over
            pass
    return call()


def memory_used(column: int) -> int | None:
    """Return the bytes of this process; column 0 of its address space, 1 of the memory in use."""
    try:
        with open(_STATM, "rb", buffering=0) as statm:  # noqa: PTH123 -- for each page: half the time
            return int(statm.read(100).split()[column]) * resource.getpagesize()
    except OSError:  # not Linux
        return None

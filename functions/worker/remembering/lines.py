"""Lines of a commit object, of which few are wanted. Pure."""

import io
from collections.abc import Collection, Iterator
from typing import Any

from isal import igzip, igzip_lib

_ERRORS: Any = (EOFError, OSError, igzip_lib.IsalError)


def lines_at(body: bytes, numbers: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield those lines of a commit object, numbered from 0; none behind where it is damaged."""
    last = max(numbers, default=-1)
    try:
        with igzip.open(io.BytesIO(body)) as file:
            for number, line in enumerate(file):
                if number in numbers:
                    yield number, line
                if number >= last:
                    return
    except _ERRORS:
        return

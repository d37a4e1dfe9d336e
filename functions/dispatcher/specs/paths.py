"""Paths into a spec, as msgspec writes them: ``.extract.fields[...].css``. Pure."""

import re
from collections.abc import Iterator

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")


def steps_of(path: str) -> Iterator[tuple[str, str]]:
    """Yield the steps of `path`: a name, or the number of an item; neither for a key itself."""
    for name, index, _ in _STEP.findall(path):
        yield name, index

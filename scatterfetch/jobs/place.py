"""
Where jobs are: in a deployed stack, or in a folder that `scatterfetch run` has written.

The folder mirrors the data bucket, so both are read in the same way, as `Data`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from scatterfetch.jobs.folder import Folder

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

READERS = 16
"""Objects that are read at once."""


class Data(Protocol):
    """The data bucket, as `shared.store.Bucket` has it."""

    def get(self, key: str) -> bytes | None: ...
    def keys(self, prefix: str, *, end: str = "") -> Iterator[str]: ...
    def folders(self, prefix: str) -> Iterator[str]: ...
    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]: ...


def place_option(place: "Folder | Stack") -> str:
    """Return the argument that stands for `place` on the command line."""
    return str(place.path) if isinstance(place, Folder) else f"--stack {place.name}"

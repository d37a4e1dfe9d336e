"""A list of URLs to scrape: its bytes, its spec, and what people call it."""

import hashlib
import os.path
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from functions.dispatcher.lists import Reader, StoredList, open_list
from scatterfetch.project import root_of
from shared.errors import InvalidJobError

COMMAND_LINE, STANDARD_INPUT = "command-line/urls.txt", "standard-input/urls.txt"
"""The keys of lists that are in no file."""
_PIECE = 256 * 1024  # bytes of a list


class UrlList(NamedTuple):
    """A list to scrape: the key it is uploaded under, and what people call it."""

    name: str
    key: str
    """Lists of folders that are called alike may have the same."""
    body: bytes | Path
    """A file is read when it is dispatched; it must not change meanwhile."""
    spec: bytes | None
    inline: bool = False
    """Whether it was given on the command line."""

    def identity_in(self, folder: Path) -> str:
        """
        Return what tells it from all other lists that are run into `folder`.

        A file is known by its path from `folder` if both are in one project, or beside each other
        in a folder: they may be moved together. A file elsewhere is known by its absolute path, a
        sitemap by its URL, and URLs that are in no file by what they are.
        """
        if self.name.lower().startswith(("http://", "https://")):  # a sitemap
            return self.name
        if isinstance(self.body, bytes):
            return f"{self.name}: {hashlib.sha256(self.body).hexdigest()}"
        path, place = _location(Path(self.name)), _location(folder)
        if path.is_relative_to(root_of(place) or place.parent):
            return Path(os.path.relpath(path, place)).as_posix()
        return str(path)

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """
        Open the list for reading.

        Raises:
            InvalidJobError: it cannot be read.
        """
        if isinstance(self.body, bytes):
            yield BytesIO(self.body)
            return
        try:
            with self.body.open("rb") as file:
                yield file
        except OSError as error:
            raise InvalidJobError(
                f"cannot read the URL list {self.name}: {error.strerror}"
            ) from error

    @contextmanager
    def reader(self, name: str) -> Iterator[Reader]:
        """
        Open the list as the dispatcher reads it; errors call it `name`, which tells the format.

        Raises:
            InvalidJobError: it cannot be read, or is none.
        """
        with self.opened() as file:

            def read(start: int) -> Iterator[bytes]:
                file.seek(start)
                return iter(lambda: file.read(_PIECE), b"")

            size = file.seek(0, SEEK_END)
            yield open_list(StoredList(name, size, read))[0]


def _location(path: Path) -> Path:
    """Return where `path` is; a link is where it stands, whatever it leads to."""
    if path.name in {"", ".."}:
        return path.resolve()
    return path.absolute().parent.resolve() / path.name

"""The folder of local runs: the data bucket that the embedded S3 writes, as files."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import InvalidJobError
from shared.keys import JOBS

if TYPE_CHECKING:
    from shared.messages import Place

_LOCK = ".lock"


class Folder:
    """The data bucket of local runs. Unlike a bucket's, its prefixes end with a slash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def data(self) -> "Folder":
        return self

    @property
    def is_in_use(self) -> bool:
        """Whether a run is writing to it."""
        try:
            with (self.path / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def address(self, key: str) -> str:
        """Return where people find the object, or what is below a prefix."""
        return f"{self.path}/{key}"

    def list_name(self, place: "Place") -> str:
        """Return what people call a list; the bucket that it was in is gone with the run."""
        return place.key

    def get(self, key: str) -> bytes | None:
        try:
            return (self.path / key).read_bytes()
        except FileNotFoundError:
            return None

    def keys(self, prefix: str, *, end: str = "") -> Iterator[str]:  # noqa: ARG002 -- a bucket's
        for path in sorted((self.path / prefix).rglob("[!.]*")):
            if path.is_file():
                yield path.relative_to(self.path).as_posix()

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        for key in self.keys(prefix):
            yield key, (self.path / key).stat().st_size

    def folders(self, prefix: str) -> Iterator[str]:
        for path in sorted((self.path / prefix).glob("*/")):
            yield path.name


def open_folder(path: Path) -> Folder:
    """
    Raises:
        InvalidJobError: no run has written there.
    """
    if not (path / JOBS).is_dir():
        what = "has no jobs" if path.is_dir() else "is no folder"
        raise InvalidJobError(
            f"{path} {what}; name the folder that `scatterfetch run` was given as --out, "
            "or a stack with --stack"
        )
    return Folder(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """
    Keep other runs out of `folder`, which is made where it is not there.

    Raises:
        InvalidJobError: one is there, or it cannot be a folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InvalidJobError(f"{folder} is no folder; name another one with --out") from None
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidJobError(
                f"another run is writing to {folder}; wait for it, or use another --out"
            ) from None
        yield

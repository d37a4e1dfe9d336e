"""What a job says of itself: its manifest, its summary, and both in words."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from functions.dispatcher.summary import Summary, decode_summary
from scatterfetch.jobs.place import Data, place_option
from shared.errors import InvalidJobError
from shared.keys import manifest_key, summary_key
from shared.manifest import Manifest, decode_manifest
from shared.messages import Place

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

CRAWL = "scatterfetch crawl"
_Read = TypeVar("_Read")


def read_manifest(data: Data, job: str) -> Manifest | None:
    """
    Return the manifest of `job`, or None if there is none (yet).

    Raises:
        InvalidJobError: it cannot be read; the message names it.
    """
    return _read(data, manifest_key(job), decode_manifest)


def find_manifest(place: "Folder | Stack", job: str) -> Manifest:
    """
    Return the manifest of `job`.

    Raises:
        InvalidJobError: there is no such job, or it cannot be read.
    """
    manifest = read_manifest(place.data, job)
    if manifest is None:
        raise InvalidJobError(
            f"there is no job {job!r} in {place}; "
            f"`scatterfetch jobs {place_option(place)}` lists those that there are"
        )
    return manifest


def read_summary(data: Data, job: str) -> Summary | None:
    """
    Return the summary of `job`, or None if it has not come to its end.

    Raises:
        InvalidJobError: it cannot be read; the message names it.
    """
    return _read(data, summary_key(job), decode_summary)


def _read(data: Data, key: str, decode: Callable[[bytes], _Read]) -> _Read | None:
    body = data.get(key)
    try:
        return None if body is None else decode(body)
    except InvalidJobError as error:
        raise InvalidJobError(f"{key} is damaged, or of a later release: {error}") from error


def command_of(source: Place | None) -> str:
    """Return the command that has started the local job of a list, and that goes on with it."""
    is_crawl = source is not None and source.key.startswith("crawl/")
    return CRAWL if is_crawl else "scatterfetch run"


def source_name(source: Place | None, place: "Folder | Stack") -> str:
    return "URLs of a message" if source is None else place.list_name(source)


def problem_of(manifest: Manifest, list_name: str) -> str | None:
    """Return why the job was refused, in words, with the name of its list that people know."""
    if manifest.error is None or manifest.source is None:
        return manifest.error
    return manifest.error.replace(str(manifest.source), list_name)

"""
Of which lists a job of a folder is, and when a run has last begun it or gone on with it for them.

A manifest knows neither: of its list it has the name in a bucket, which lists of other folders may
have as well, and it is as old as the job's first run. Jobs of deployed stacks have none.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.place import Data
from shared.keys import run_key


class LastRuns(Struct, frozen=True):
    """The last run of a job for each of its lists."""

    runs: dict[str, str] = {}
    """By `UrlList.identity_in`; UTC, ISO 8601. Lists of one name and content are one job."""


def note_run(folder: Path, job: str, identity: str) -> None:
    """Note that a run begins `job`, or goes on with it. A disk that is full is not its matter."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    path = folder / run_key(job)
    temporary = path.with_name(f".{path.name}.new")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        runs = LastRuns({**last_runs(Folder(folder), job), identity: now})
        temporary.write_bytes(msgspec.json.encode(runs))
        temporary.replace(path)


def last_runs(data: Data, job: str) -> Mapping[str, str]:
    """Return `LastRuns.runs` of `job`; nothing where an older release has run it."""
    body = data.get(run_key(job))
    if body is None:
        return {}
    try:
        return msgspec.json.decode(body, type=LastRuns).runs
    except msgspec.MsgspecError:
        return {}  # damaged: the manifest has to do


def is_list_of(folder: Path, identity: str) -> bool:
    """Tell whether the file is there that `UrlList.identity_in` of `folder` calls `identity`."""
    return (folder / identity).is_file()

"""Which jobs are of the same list, and which of these was run last."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import last_runs
from scatterfetch.jobs.manifests import read_manifest
from scatterfetch.jobs.place import READERS, Data
from scatterfetch.lists.url_list import COMMAND_LINE, STANDARD_INPUT
from shared.errors import InvalidJobError
from shared.keys import JOBS, manifest_key
from shared.manifest import Manifest, decode_manifest

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_Name: TypeAlias = tuple[str, str]
_IN_NO_FILE = {COMMAND_LINE, STANDARD_INPUT}


def manifests_of(data: Data, jobs: Iterable[str]) -> dict[str, Manifest]:
    """Return the manifests of `jobs`; those that are gone or cannot be read are left out."""
    found: dict[str, Manifest] = {}
    for job in jobs:
        body = data.get(manifest_key(job))
        if body is None:
            continue
        try:
            found[job] = decode_manifest(body)
        except InvalidJobError:
            continue  # of a later release, or damaged: a table does without it
    return found


def runs_of(data: Data, jobs: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """Return by job when it was last run for which list, as far as the folder knows."""
    return {job: last_runs(data, job) for job in jobs}


def older_jobs(
    manifests: Mapping[str, Manifest], runs: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """
    Return the jobs all of whose lists have one that was run later, by that one, oldest first.

    Jobs of older releases have no `runs`. Their list is known by its name, and of several lists
    with that name it may be any: then it is one of its own.
    """
    named = defaultdict[_Name, set[str]](set)
    for job, manifest in manifests.items():
        named[_list_of(manifest)].update(runs.get(job, {}))
    lists = defaultdict[str | _Name, list[tuple[str, str]]](list)
    for job, manifest in manifests.items():
        name = _list_of(manifest)
        for one, at in runs.get(job, {}).items():
            lists[one].append((at, job))
        if not runs.get(job):
            known = named[name]
            mine = next(iter(known)) if len(known) == 1 else name
            lists[mine].append((manifest.created_at, job))
    last = {max(same)[1] for same in lists.values()}
    older = defaultdict[str, dict[str, str]](dict)
    for same in lists.values():
        before = older[max(same)[1]]
        for at, job in same:
            if job not in last:
                before[job] = max(at, before.get(job, at))
    return {
        newest: sorted(before, key=lambda job: (before[job], job))
        for newest, before in older.items()
        if before
    }


def namesakes(
    manifests: Mapping[str, Manifest],
    runs: Mapping[str, Mapping[str, str]],
    is_there: Callable[[str], bool],
) -> dict[str, list[str]]:
    """
    Return by the name of a list the jobs whose lists have it, the one run last at the end.

    Lists of one name are left out if each of them is a file at its place, which `is_there` tells of
    an identity: one that was moved is not.
    """
    named = defaultdict[_Name, list[str]](list)
    for job, manifest in manifests.items():
        named[_list_of(manifest)].append(job)

    def last_run(job: str) -> tuple[str, str]:
        return max(runs.get(job, {}).values(), default=manifests[job].created_at), job

    def is_known(job: str) -> bool:
        return bool(runs.get(job)) and all(map(is_there, runs[job]))

    return {
        name: sorted(jobs, key=last_run)
        for (name, _), jobs in named.items()
        if len(jobs) > 1 and not all(map(is_known, jobs))
    }


def _list_of(manifest: Manifest) -> _Name:
    """Return what tells the list of a job from others, as far as its manifest knows."""
    if manifest.source is None:
        return "", manifest.job  # the URLs came in the message of this job alone
    key = manifest.source.key
    # Two lists of the command line have one name; the same URLs are the same list.
    return key, manifest.etag if key in _IN_NO_FILE else ""


def listed_jobs(place: "Folder | Stack", report: Callable[[str], None]) -> list[Manifest]:
    """
    Return the manifests of the jobs in `place`, the one that began last at the end.

    Of a folder a refused job is there until its list is run again, since nothing came of it. URLs
    that are in no file are the same list here, whatever they are: a wrong one is typed anew.

    Args:
        place: Of the jobs.
        report: Is told of each manifest that cannot be read; its job is left out.
    """

    def read_one(job: str) -> Manifest | None:
        try:
            return read_manifest(place.data, job)
        except InvalidJobError as error:
            report(str(error))
            return None

    with ThreadPoolExecutor(READERS) as pool:
        read = pool.map(read_one, place.data.folders(JOBS))
        found = sorted(filter(None, read), key=lambda manifest: manifest.created_at)
    if not isinstance(place, Folder) or not any(manifest.error for manifest in found):
        return found
    manifests = {manifest.job: replace(manifest, etag="") for manifest in found}
    runs = runs_of(place, manifests)
    for job, manifest in manifests.items():
        key = manifest.source.key if manifest.source else ""
        if key in _IN_NO_FILE and runs[job]:
            runs[job] = {key: max(runs[job].values())}
    older = {job for jobs in older_jobs(manifests, runs).values() for job in jobs}
    return [manifest for manifest in found if not (manifest.error and manifest.job in older)]

"""The jobs of a table: of each list the newest, and which of their fields are dates."""

from collections import defaultdict
from collections.abc import Iterable

from scatterfetch.jobs.place import Data
from shared.errors import InvalidJobError
from shared.keys import manifest_key
from shared.manifest import Manifest, decode_manifest

_WITHOUT_FILE = ("command-line/", "standard-input/")
"""The folders that `run` gives to URLs that come from no file."""


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


def older_jobs(manifests: dict[str, Manifest]) -> list[str]:
    """Return the jobs whose list has a newer job among `manifests`."""
    lists = defaultdict[tuple[str, str], list[Manifest]](list)
    for manifest in manifests.values():
        lists[_list_of(manifest)].append(manifest)
    return sorted(
        manifest.job
        for same in lists.values()
        for manifest in sorted(same, key=lambda one: (one.created_at, one.job))[:-1]
    )


def _list_of(manifest: Manifest) -> tuple[str, str]:
    """Return what tells the list of a job from others."""
    if manifest.source is None:
        return "", manifest.job  # the URLs came in the message of this job alone
    key = manifest.source.key
    # Two lists of the command line have one name; the same URLs are the same list.
    return key, manifest.etag if key.startswith(_WITHOUT_FILE) else ""


def date_fields(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Return the fields that the spec of any job says are dates."""
    return frozenset(
        name
        for manifest in manifests
        for name, field in manifest.spec.extract.fields.items()
        if field.type == "date"
    )

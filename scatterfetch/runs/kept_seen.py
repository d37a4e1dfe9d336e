"""
What earlier runs have left of which pages a job has taken.

Of a batch that is fetched again nothing may be taken yet: its pages would all be duplicates.
"""

import gzip
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from functions.dispatcher.written import Written
from functions.worker.identity import identity_of
from functions.worker.seen import Seen, Taking, Takings, pages_of
from shared.keys import plan_prefix, results_prefix, seen_folder, seen_key
from shared.manifest import Manifest
from shared.messages import Target, decode_batch
from shared.outcomes import decode_lines
from shared.urls import parse_url, partition_of


def seen_keys(folder: Path, job: str, manifest: Manifest, *, anew: bool) -> list[str]:
    """
    Return the keys of what the partitions of a job have taken.

    Args:
        folder: Of local runs.
        job: The job, whose results are whole.
        manifest: Its manifest.
        anew: Whether results were lost, so that this is to be worked out from those that are left.
    """
    if not manifest.takes:
        return []
    if anew:
        shutil.rmtree(folder / seen_folder(job), ignore_errors=True)
        for partition, pages in _taken(folder, job, manifest).items():
            path = folder / seen_key(job, partition)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(Seen().with_pages(pages) or b"")
    return [
        path.relative_to(folder).as_posix() for path in (folder / seen_folder(job)).glob("[0-9]*")
    ]


def _taken(folder: Path, job: str, manifest: Manifest) -> dict[int, Takings]:
    """Return by partition what it has taken; what it has told others, they are told again."""
    special = dict(_special_targets(folder, job))
    identity = identity_of(manifest.spec)
    taken: dict[int, Takings] = defaultdict(Takings)
    for path in sorted((folder / results_prefix(job)).glob("[0-9]*.gz")):
        with gzip.open(path) as lines:
            for line in decode_lines(lines):
                target = special.get(line.id) or Target(line.url)
                owner = _partition((line.url, *line.redirects)[-1], manifest)
                for page, url, what in pages_of(target, line, owner, identity):
                    if what is not Taking.TOLD:
                        taken[_partition(url, manifest)].add(page, url, what)
    return taken


def _special_targets(folder: Path, job: str) -> Iterator[tuple[int | str, Target]]:
    """Yield those listed targets that are more than a URL to get."""
    for path in sorted((folder / plan_prefix(job)).glob("*.gz")):
        for _, message in Written(str(path), path.read_bytes()).messages():
            for target in decode_batch(message.body).targets:
                if target.method != "GET":
                    yield target.id, target


def _partition(url: str, manifest: Manifest) -> int:
    return partition_of(parse_url(url).host, manifest.partitions)

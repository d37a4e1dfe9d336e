"""
What earlier runs have left of a job in a folder: whether it is what was committed.

A file may have been deleted or cut off since, by people or by a disk. What is not whole is taken
away with all that was made of it, so that the next run fetches it again, once.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from shared.jobs import (
    SIZE,
    descendants,
    job_prefix,
    lost_batches,
    receipt_batch,
    receipt_counts,
    results_prefix,
)

_RESULTS = ".jsonl.gz"
_PIECE = 1 << 20


def drop_lost(folder: Path, job: str) -> int:
    """
    Delete what is left of batches whose results are gone or cut off; return how many these are.

    What they had deferred goes as well: fetched again, a target may not be deferred again.
    """
    results = {path.name.removesuffix(_RESULTS): path for path in _files(folder, job, results=True)}
    sizes = {batch: path.stat().st_size for batch, path in results.items()}
    receipts = list(_files(folder, job, results=False))
    counts = {receipt_batch(path.name): receipt_counts(path.name) for path in receipts}
    lost = set(lost_batches(counts, sizes))
    # Nobody has written down how long these were.
    unknown = [batch for batch in results if SIZE not in counts.get(batch, {})]
    lost |= {batch for batch in unknown if batch in sizes and not _is_whole(results[batch])}
    gone = lost.union(*(descendants(batch, {*results, *counts}) for batch in lost))
    for path in receipts:
        if receipt_batch(path.name) in gone:
            path.unlink()
    for batch in gone:
        (folder / results_prefix(job) / f"{batch}{_RESULTS}").unlink(missing_ok=True)
        (folder / job_prefix(job) / "redriven" / batch).unlink(missing_ok=True)
    return len(lost)


def _files(folder: Path, job: str, *, results: bool) -> Iterator[Path]:
    if results:
        return (folder / results_prefix(job)).glob(f"[0-9]*{_RESULTS}")
    return (folder / job_prefix(job) / "receipts").glob("[0-9]*")


def _is_whole(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            while file.read(_PIECE):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return path.stat().st_size > 0

"""
The dead letters of a local run, made once more when its queues are long gone.

A result line has no headers and no body, so this takes the plans of the job's shards as well.
"""

import gzip
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from functions.dispatcher.written import Written
from functions.worker.children import dead_letters
from functions.worker.seen import found_by
from scatterfetch.jobs.progress import Job
from shared.errors import InvalidJobError
from shared.keys import plan_prefix, results_key, results_prefix
from shared.messages import Batch, Defer, Target, decode_batch
from shared.outcomes import CommittedLine, Kind, decode_lines
from shared.receipts import settled


def letters_left(folder: Path, job: Job) -> list[Defer]:
    """
    Return the letters of `job`, of its redriven batches, that have not come to their end.

    They are the very ones that the worker has sent.

    Raises:
        InvalidJobError: the plans or the results are not what they were.
    """
    manifest = job.manifest
    if manifest is None or job.ledger.letters_settled:
        return []
    dead = {
        batch: _dead_lines(folder / results_key(job.id, batch))
        for batch in sorted(job.ledger.redriven)
    }
    targets = dict(_targets(folder, job, {line.id for some in dead.values() for line in some}))
    for line in (line for some in dead.values() for line in some):
        if line.id not in targets or targets[line.id].url != line.url:
            raise InvalidJobError(
                f"{folder / plan_prefix(job.id)} has no {line.url} on line {line.line}, as the "
                "results have; was a file deleted?"
            )
    return [
        letter
        for batch, lines in dead.items()
        for letter in dead_letters(
            Batch(job=job.id, batch=batch, partition=0, targets=()),
            targets,
            lines,
            manifest.partitions,
            takes=manifest.takes,
        )
        if not settled(job.ledger.receipts, letter.batch.batch)
    ]


def _dead_lines(path: Path) -> list[CommittedLine]:
    try:
        lines = gzip.decompress(path.read_bytes()).splitlines()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InvalidJobError(
            f"{path} is damaged: {error}; delete it, and its URLs are fetched again"
        ) from error
    return [line for line in decode_lines(lines) if line.outcome is Kind.DEAD]


def _targets(
    folder: Path, job: Job, wanted: Collection[int | str]
) -> Iterator[tuple[int | str, Target]]:
    """Yield the targets of these ids, as they were sent: by the plans, or found on a page."""
    for path in sorted((folder / plan_prefix(job.id)).glob("*.gz")):
        for _, message in Written(str(path), path.read_bytes()).messages():
            batch = decode_batch(message.body)
            yield from ((one.id, one) for one in batch.targets if one.id in wanted)
    if all(isinstance(one, int) for one in wanted):
        return
    for path in sorted((folder / results_prefix(job.id)).glob("[0-9]*.gz")):
        for line in decode_lines(gzip.decompress(path.read_bytes()).splitlines()):
            for target in found_by(line):
                if target.id in wanted:
                    yield target.id, target

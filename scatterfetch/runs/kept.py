"""
What earlier runs have left of a job in a folder: whether it is what was committed.

A file may have been deleted or cut off since, by people or by a disk. What is not whole is taken
away with all that was made of it, so that the next run fetches it again, once. That takes the plans
of the job's shards; where one is gone or damaged, a job is only accepted that has come to its end.
"""

import gzip
import shutil
import zlib
from pathlib import Path

import msgspec
from msgspec.structs import replace

from functions.dispatcher.written import Written
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import last_runs
from scatterfetch.jobs.progress import Job
from scatterfetch.runs.kept_seen import seen_keys
from shared.errors import InvalidJobError, StorageError
from shared.ids import descendants, root_id
from shared.keys import (
    announced_key,
    changes_key,
    changes_prefix,
    dispatched_folder,
    manifest_key,
    plan_prefix,
    receipts_folder,
    redriven_folder,
    redriven_key,
    results_key,
    results_prefix,
    summary_key,
    sweep_key,
    swept_folder,
)
from shared.ledger import Ledger, ledger_of
from shared.manifest import decode_manifest, encode_manifest
from shared.messages import ListUploaded, Place
from shared.receipts import SIZE, lost_batches, receipt_batch, receipt_counts, settled

_RESULTS = ".jsonl.gz"
_PIECE = 1 << 20
_QUOTES = '"'  # around an ETag in HTTP, and not in what S3 notifies


def kept_keys(folder: Path, job: Job) -> list[str]:
    """
    Return the keys of an earlier run that the functions need, and take note of its ledger.

    Raises:
        InvalidJobError: nobody can tell which URLs are left to do.
    """
    path = folder / manifest_key(job.id)
    if not path.is_file():
        # What a job of this id has changed that somebody has deleted is not what this one changes.
        shutil.rmtree(folder / changes_prefix(job.id), ignore_errors=True)
        return []
    try:
        manifest = decode_manifest(path.read_bytes())
    except InvalidJobError as error:
        raise InvalidJobError(f"{path}: {error}; use another folder, or delete it") from error
    if manifest.error:
        return []  # it may have been mended: try again
    problem = _problem_of_plans(folder, job.id)
    if problem:
        folders = receipts_folder, redriven_folder, dispatched_folder
        keys = [key for of in folders for key in _keys(folder, of(job.id), "[0-9]*")]
        ledger = ledger_of(manifest, keys)
        if not ledger.complete or _lost(folder, job.id):
            raise InvalidJobError(problem)
        # Nothing is left, so nothing has to be sent.
        job.manifest, job.ledger, job.earlier = manifest, ledger, ledger.final
        return [manifest_key(job.id), *keys]
    job.refetched = drop_lost(folder, job.id)
    batches = set(_results(folder, job.id))
    receipts = _receipts(folder, job.id)
    redriven = []
    for key in _keys(folder, redriven_folder(job.id), "[0-9]*"):
        if key.rpartition("/")[2] in batches:
            redriven.append(key)
        else:
            (folder / key).unlink()
    job.manifest = manifest
    job.ledger = ledger_of(manifest, [*receipts, *redriven])
    job.earlier = job.ledger.final
    # What is dispatched again says again what it deferred, and so on: none of these batches may be
    # fetched a second time.
    again = set() if job.ledger.letters_settled else {root_id(b) for b in job.ledger.redriven}
    commits = [
        results_key(job.id, batch)
        for batch in batches
        if root_id(batch) in again or not settled(job.ledger.receipts, root_id(batch))
    ]
    plans = _keys(folder, plan_prefix(job.id), "*.gz")
    seen = seen_keys(folder, job.id, manifest, anew=job.refetched > 0)
    swept = [sweep_key(job.id), *_keys(folder, swept_folder(job.id), "[0-9]*")]
    swept = swept if (folder / sweep_key(job.id)).is_file() else []
    changes = _keys(folder, changes_prefix(job.id), "*.gz")
    return [manifest_key(job.id), *plans, *receipts, *redriven, *commits, *seen, *swept, *changes]


def follow_list(folder: Path, job: Job, place: Place) -> None:
    """Let the manifest of an earlier run say where the list is in this one: the bucket is new."""
    path = folder / manifest_key(job.id)
    try:
        manifest = decode_manifest(path.read_bytes())
    except (FileNotFoundError, InvalidJobError):
        return  # `kept_keys` says what is wrong
    if manifest.source and manifest.source.bucket != place.bucket:
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_bytes(encode_manifest(replace(manifest, source=place)))
        temporary.replace(path)


def former_job(folder: Path, job: Job, upload: ListUploaded) -> str | None:
    """
    Return the other job of the list that was run last, if `job` itself has not begun.

    Another spec, parser or parameter makes another job of a list.
    """
    if (folder / manifest_key(job.id)).is_file():
        return None
    same_list = []
    # The id of a job is the name of its list, and a digest without a hyphen.
    for path in folder.glob(manifest_key(f"{job.id.rpartition('-')[0]}-*")):
        try:
            manifest = decode_manifest(path.read_bytes())
        except InvalidJobError:  # of a later release, say
            continue
        source, content = manifest.source, f"/{manifest.etag.strip(_QUOTES)}/"
        if source and source.key == upload.place.key and content in upload.id:
            runs = last_runs(Folder(folder), manifest.job)
            at = runs.get(job.list.identity_in(folder)) if runs else manifest.created_at
            if at is not None:  # else it is a list of the same name elsewhere
                same_list.append((at, manifest.job))
    return max(same_list)[1] if same_list else None


def closing_keys(folder: Path, job: Job) -> list[str]:
    """Return what the end of a job has left, if nothing of the job was deleted since."""
    if job.manifest is None or not (folder / summary_key(job.id)).is_file():
        return []
    ledger = Ledger(job.manifest.shards, receipts=job.ledger.receipts, redriven=job.ledger.redriven)
    for key in _keys(folder, dispatched_folder(job.id), "[0-9]*"):
        ledger.add(key)
    if not ledger.complete:
        return []
    announced = announced_key(job.id)
    return [summary_key(job.id), *([announced] if (folder / announced).is_file() else [])]


def _problem_of_plans(folder: Path, job: str) -> str | None:
    """Say why nobody can tell which URLs the batches of the job hold; None if all can be read."""
    planned = set()
    for key in _keys(folder, plan_prefix(job), "*.gz"):
        path = folder / key
        planned.add(path.name.removesuffix(".gz"))
        try:
            written = Written(str(path), path.read_bytes())
            batches = sum(1 for _ in written.messages())
        except StorageError as error:
            problem = str(error)
        except msgspec.MsgspecError as error:
            problem = f"{path} is damaged: {error}"
        else:
            if batches == written.came.batches:
                continue
            problem = f"{path} is damaged: it has {batches} of {written.came.batches} batches"
        return f"{problem}; put it back as it was, or use another folder"
    for batch in sorted(_results(folder, job)):
        shard = batch.partition("-")[0]
        if shard not in planned:
            return (
                f"{folder / plan_prefix(job)} does not say which URLs the batches of shard {shard} "
                "hold, so nobody can tell which are left; release 0.1 did not write it down. Use "
                "another folder, or go on with release 0.1 if it has begun this job"
            )
    return None


def drop_lost(folder: Path, job: str) -> int:
    """
    Delete what is left of batches whose results are gone or cut off; return how many these are.

    What they had deferred goes as well: fetched again, a target may not be deferred again.
    """
    lost = _lost(folder, job)
    if not lost:
        return 0
    receipts = _receipts(folder, job)
    gone = lost | descendants(lost, {*_results(folder, job), *map(receipt_batch, receipts)})
    for key in receipts:
        if receipt_batch(key) in gone:
            (folder / key).unlink()
    for batch in gone:
        (folder / results_key(job, batch)).unlink(missing_ok=True)
        (folder / changes_key(job, batch)).unlink(missing_ok=True)
        (folder / redriven_key(job, batch)).unlink(missing_ok=True)
    return len(lost)


def _lost(folder: Path, job: str) -> set[str]:
    """Return the batches whose results are gone or cut off."""
    results = _results(folder, job)
    sizes = {batch: path.stat().st_size for batch, path in results.items()}
    counts = {receipt_batch(key): receipt_counts(key) for key in _receipts(folder, job)}
    lost = set(lost_batches(counts, sizes))
    # Nobody has written down how long these were.
    unknown = [batch for batch in results if SIZE not in counts.get(batch, {})]
    return lost.union(batch for batch in unknown if not _is_whole(results[batch]))


def _results(folder: Path, job: str) -> dict[str, Path]:
    """Return the files of results, by batch."""
    files = (folder / results_prefix(job)).glob(f"[0-9]*{_RESULTS}")
    return {path.name.removesuffix(_RESULTS): path for path in files}


def _receipts(folder: Path, job: str) -> list[str]:
    return _keys(folder, receipts_folder(job), "[0-9]*")


def _keys(folder: Path, prefix: str, pattern: str) -> list[str]:
    """Return the keys of the files below `prefix`."""
    return [path.relative_to(folder).as_posix() for path in (folder / prefix).glob(pattern)]


def _is_whole(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            while file.read(_PIECE):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return path.stat().st_size > 0

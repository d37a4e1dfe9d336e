"""The files of results, in a folder or in a deployed stack: which ones, and in which order."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from scatterfetch.jobs.place import READERS, place_option
from shared.errors import InvalidJobError
from shared.keys import receipts_folder, results_key, results_prefix
from shared.receipts import RECEIPT_END, receipt_batch

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

_AHEAD = 2 * READERS
_JOB_FOLDER = results_prefix("").rstrip("/")  # results/job=
_SUFFIX = ".jsonl.gz"


def _at_hand() -> None:
    pass


class ResultFile(NamedTuple):
    """The outcomes of one batch. `fetch` is called before they are read."""

    job: str
    path: Path
    fetch: Callable[[], None] = _at_hand

    @property
    def batch(self) -> str:
        return self.path.name.removesuffix(_SUFFIX)


def find_results(folder: Path, job: str | None = None) -> list[ResultFile]:
    """
    Return the files of `folder`, of all jobs or of one: by job, then in the order of batches.

    Raises:
        InvalidJobError: there are none. The message says what to do.
    """
    found = [
        ResultFile(path.parent.name.partition("=")[2], path)
        for path in folder.glob(f"{_JOB_FOLDER}*/*{_SUFFIX}")
    ]
    if not found:
        what = "has no results" if folder.is_dir() else "is no folder"
        raise InvalidJobError(
            f"{folder} {what}; name the folder that `scatterfetch run` was given as --out, and a "
            "job of it with --job"
        )
    jobs = sorted({file.job for file in found})
    if job is not None and job not in jobs:
        raise InvalidJobError(f"{folder} has no results of the job {job!r}; it has {some_of(jobs)}")
    return sorted((file for file in found if job in {None, file.job}), key=_batch_order)


@contextmanager
def fetched_results(stack: "Stack", job: str) -> Iterator[list[ResultFile]]:
    """
    Return the files of a job of `stack`, as `find_results` does.

    Each is fetched once, some ahead of the one that is read, and kept on the disk to the end of
    the block: tables read more than once.

    Raises:
        InvalidJobError: there are none.
    """
    keys = list(stack.data.keys(results_prefix(job)))
    if not keys:
        raise InvalidJobError(
            f"{stack} has no results of a job {job!r}; `scatterfetch jobs {place_option(stack)}` "
            "lists its jobs"
        )
    with (
        TemporaryDirectory(prefix="scatterfetch-") as scratch,
        ThreadPoolExecutor(READERS) as pool,
    ):
        files = sorted(
            (ResultFile(job, Path(scratch) / key.rpartition("/")[2]) for key in keys),
            key=_batch_order,
        )
        begun: dict[int, Future[None]] = {}

        def download(path: Path) -> None:
            body = stack.data.get(f"{results_prefix(job)}{path.name}")
            path.write_bytes(body or b"")

        def fetch(number: int) -> None:
            for ahead in range(number, min(number + _AHEAD, len(files))):
                if ahead not in begun:
                    begun[ahead] = pool.submit(download, files[ahead].path)
            begun[number].result()

        try:
            yield [file._replace(fetch=partial(fetch, number)) for number, file in enumerate(files)]
        finally:
            pool.shutdown(cancel_futures=True)


def gone_results(
    place: "Folder | Stack", jobs: Iterable[str], files: Sequence[ResultFile]
) -> Iterator[str]:
    """
    Yield a sentence for each job that has committed outcomes which are not there any more.

    Args:
        place: Where the jobs are.
        jobs: Those that are looked at.
        files: What was found.
    """
    found = {(file.job, file.batch) for file in files}
    for one in jobs:
        keys = place.data.keys(receipts_folder(one), end=RECEIPT_END)
        missing = [key for key in keys if (one, receipt_batch(key)) not in found]
        if not missing:
            continue
        # Of a job that goes on there may be more by now than was found.
        there = {key for key, _ in place.data.sizes(results_prefix(one))}
        gone = {results_key(one, receipt_batch(key)) for key in missing} - there
        if gone:
            more = f", nor are {len(gone) - 1:,} more" if len(gone) > 1 else ""
            yield (
                f"{place.address(min(gone))} was committed and is not there any more{more}; "
                f"`scatterfetch status {one} {place_option(place)}` says how many URLs that are"
            )


def _batch_order(file: ResultFile) -> tuple[str, list[tuple[int, str]]]:
    # What a batch deferred comes after it, and the tenth of that after the second.
    return file.job, [(len(part), part) for part in file.batch.split("-")]


def some_of(names: Sequence[str]) -> str:
    """Return the first ones of `names`, and how many more there are."""
    shown = 10
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more

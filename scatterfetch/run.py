"""
`scatterfetch run`: URL lists through the local cloud, from the upload to the last outcome.

Owns what a job is to the person at the terminal. How far it is, is read from the keys that the
functions put into the data bucket, and from nothing else.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Protocol

from functions.dispatcher.dispatch import LIST_SUFFIXES, uploaded_job
from functions.dispatcher.specs import parse_spec
from scatterfetch.cloud import TEMPLATE, WORKER, LocalCloud
from shared.errors import InvalidJobError
from shared.jobs import (
    Ledger,
    Manifest,
    child_id,
    decode_manifest,
    job_prefix,
    ledger_of,
    manifest_key,
    results_key,
    results_prefix,
    root_id,
    settled,
)
from shared.messages import ListUploaded, decode_batch, decode_dispatch
from shared.outcomes import Kind
from shared.urls import parse_url

_TICK = 0.2  # seconds between two looks at the state
_QUEUE_TICK = 1.0
_FINISH_SECONDS = 3.0


class UrlList(NamedTuple):
    """A list to scrape: the key it is uploaded under, and what people call it."""

    name: str
    key: str
    body: bytes
    spec: bytes | None


@dataclass
class Job:
    """A job of this run."""

    id: str
    list: UrlList
    manifest: Manifest | None = None
    ledger: Ledger = field(default_factory=lambda: Ledger(shards=1))
    earlier: Counter[str] = field(default_factory=Counter)
    """The final outcomes that earlier runs have left."""

    @property
    def problem(self) -> str | None:
        """Why the job was refused, in words."""
        if self.manifest is None or self.manifest.error is None or self.manifest.source is None:
            return None
        source = self.manifest.source
        # The name that the person knows, in place of the bucket's.
        return self.manifest.error.replace(f"s3://{source.bucket}/{source.key}", self.list.name)

    @property
    def done(self) -> bool:
        return self.problem is not None or (self.manifest is not None and self.ledger.complete)


@dataclass(frozen=True)
class Progress:
    """Where a run stands."""

    total: int
    """Targets known so far."""
    complete: bool
    """Whether all lists are dispatched, so that `total` is final."""
    outcomes: Mapping[str, int]
    """Final outcomes by `outcome_name`."""
    earlier: int
    """How many of them are of earlier runs."""
    hosts: int
    """Hosts that workers are at."""
    batches: int
    """Batches being worked on."""
    delayed: Mapping[str, int]
    """Targets that wait for their time, by reason; empty while there is something to do."""
    elapsed: float
    """Seconds."""

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())

    @property
    def rate(self) -> float:
        """Outcomes a second in this run."""
        return (self.done - self.earlier) / self.elapsed if self.elapsed else 0.0


class Display(Protocol):
    """Who shows a run while it goes on."""

    def show(self, progress: Progress) -> None: ...
    def say(self, text: str) -> None: ...


@dataclass(frozen=True)
class Finished:
    """A run at its end. `dead_letters` counts messages that were given up on."""

    jobs: Sequence[Job]
    progress: Progress
    dead_letters: int
    interrupted: bool

    @property
    def complete(self) -> bool:
        return all(job.done for job in self.jobs)


class _Watch:
    """Knows the jobs' state from the keys that are put; threads tell it, one waits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = threading.Condition()
        self.jobs: dict[str, Job] = {}

    def on_put(self, key: str) -> None:
        area, _, rest = key.partition("/")
        if area != "jobs":
            return
        with self._changed:
            job = self.jobs.get(rest.partition("/")[0])
            if job is None:
                return
            if key == manifest_key(job.id):
                job.manifest = decode_manifest((self._folder / key).read_bytes())
                job.ledger.shards = job.manifest.shards
            else:
                job.ledger.add(key)
            self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            if not self.all_done():
                self._changed.wait(_TICK)

    def all_done(self) -> bool:
        return all(job.done for job in self.jobs.values())

    def outcomes(self) -> Counter[str]:
        with self._changed:
            return sum((job.ledger.final for job in self.jobs.values()), Counter[str]())


def read_lists(files: Sequence[Path], urls: Sequence[str], *, spec: Path | None) -> list[UrlList]:
    """
    Read the lists of a run, each with its spec: `spec`, or a `spec.yaml` beside the list.

    Raises:
        InvalidJobError: a file cannot be read, or a spec is wrong.
    """
    shared_spec = None if spec is None else _checked_spec(spec)
    folders: dict[Path, str] = {}
    lists = []
    for path in dict.fromkeys(files):
        folder = path.resolve().parent
        if folder not in folders:
            taken = set(folders.values())
            names = (folder.name or "root", *(f"{folder.name}-{n}" for n in range(2, 10_000)))
            folders[folder] = next(name for name in names if name not in taken)
        own_spec = path.parent / "spec.yaml"
        found = _checked_spec(own_spec) if spec is None and own_spec.is_file() else shared_spec
        if path.is_file() and not path.name.lower().endswith(LIST_SUFFIXES):
            raise InvalidJobError(
                f"{path}: a list's name must end with {' or '.join(LIST_SUFFIXES)}"
            )
        body = _read(path, "URL list")
        lists.append(UrlList(str(path), f"{folders[folder]}/{path.name}", body, found))
    if urls:
        body = "".join(f"{url}\n" for url in urls).encode(errors="replace")
        lists.append(UrlList("the command line", "command-line/urls.txt", body, shared_spec))
    return lists


def run(
    lists: Sequence[UrlList],
    folder: Path,
    display: Display,
    *,
    workers: int,
    parameters: Mapping[str, str],
    template: Path = TEMPLATE,
) -> Finished:
    """
    Run `lists` through a local cloud whose data bucket is `folder`.

    What earlier runs of the same list and spec have committed there is not fetched again.

    Args:
        lists: The lists; each becomes a job.
        folder: Is made where it is not there.
        display: Shows the run.
        workers: Worker sandboxes at most.
        parameters: Of the template, in place of their defaults.
        template: The template.

    Raises:
        InvalidJobError: the parameters or the template are wrong.
        OSError: the folder cannot be written.
    """
    watch = _Watch(folder)
    cloud = LocalCloud(
        folder,
        workers=workers,
        parameters=parameters,
        on_put=watch.on_put,
        report=display.say,
        template=template,
    )
    began = time.monotonic()
    with _interruptions() as interruptions:
        try:
            cloud.start()
            notifications = [_upload(cloud, watch, url_list) for url_list in lists]
            cloud.load(path.relative_to(folder).as_posix() for path in folder.glob("state/*.json"))
            for job in watch.jobs.values():
                cloud.load(_keys_to_load(folder, job))
            cloud.serve()
            for url_list in notifications:
                cloud.notify(url_list)
            dead_letters = _wait(cloud, watch, display, interruptions, began)
            if watch.all_done():
                _finish(cloud)
        finally:
            cloud.stop()
    progress = _progress(cloud, watch, began)
    return Finished(
        list(watch.jobs.values()), progress, dead_letters, interrupted=bool(interruptions)
    )


def _upload(cloud: LocalCloud, watch: _Watch, url_list: UrlList) -> str:
    if url_list.spec is not None:
        cloud.upload(f"{url_list.key.rpartition('/')[0]}/spec.yaml", url_list.spec)
    notification = cloud.upload(url_list.key, url_list.body, salt=url_list.spec or b"")
    [uploaded] = decode_dispatch(notification)
    assert isinstance(uploaded, ListUploaded)
    job = uploaded_job(uploaded)
    watch.jobs[job] = Job(job, url_list)
    return notification


def _keys_to_load(folder: Path, job: Job) -> list[str]:
    """Return the keys of an earlier run that the functions need, and take note of its ledger."""
    path = folder / manifest_key(job.id)
    if not path.is_file():
        return []
    try:
        manifest = decode_manifest(path.read_bytes())
    except InvalidJobError as error:
        raise InvalidJobError(f"{path}: {error}; use another folder, or delete it") from error
    if manifest.error:
        return []  # it may have been mended: try again
    batches = {
        file.name.removesuffix(".jsonl.gz")
        for file in (folder / results_prefix(job.id)).glob("[0-9]*.jsonl.gz")
    }
    receipts = []
    for file in (folder / job_prefix(job.id) / "receipts").glob("[0-9]*"):
        if file.name.partition(".")[0] in batches:
            receipts.append(f"{job_prefix(job.id)}receipts/{file.name}")
        else:
            file.unlink()  # its outcomes are gone, so it is to be done again
    job.manifest = manifest
    job.ledger = ledger_of(manifest, receipts)
    job.earlier = job.ledger.final
    # What is dispatched again says again what it deferred, and so on: none of these batches may be
    # fetched a second time.
    commits = [
        results_key(job.id, batch)
        for batch in batches
        if not settled(job.ledger.receipts, root_id(batch))
    ]
    return [manifest_key(job.id), *receipts, *commits]


def _wait(
    cloud: LocalCloud,
    watch: _Watch,
    display: Display,
    interruptions: list[int],
    began: float,
) -> int:
    """Wait until all is done, nothing can be done any more, or somebody has had enough."""
    next_look = time.monotonic() + _QUEUE_TICK
    draining = False
    idle = 0
    while not watch.all_done():
        watch.wait()
        progress = _progress(cloud, watch, began)
        display.show(progress)
        if len(interruptions) > 1:
            break
        if interruptions and not draining:
            draining = True
            cloud.drain()
            display.say(
                f"stopping: {progress.batches} batches under way are brought to their end; "
                "Ctrl-C again stops at once"
            )
        if draining and cloud.drained():
            break
        if time.monotonic() >= next_look:
            next_look = time.monotonic() + _QUEUE_TICK
            # Twice: between two queues a message is in neither.
            idle = idle + 1 if cloud.idle() else 0
            if idle > 1:
                break
    return cloud.dead_letters()


def _finish(cloud: LocalCloud) -> None:
    """Let the invocations end that have said all, and not yet that they are through."""
    cloud.drain()
    deadline = time.monotonic() + _FINISH_SECONDS
    while not cloud.drained() and time.monotonic() < deadline:
        time.sleep(_TICK / 10)


def _progress(cloud: LocalCloud, watch: _Watch, began: float) -> Progress:
    jobs = list(watch.jobs.values())
    records = list(cloud.mappings[WORKER].in_flight.values()) if cloud.mappings else []
    hosts = set()
    for record in records:
        batch = decode_batch(record["body"])
        hosts |= {parse_url(target.location).host for target in batch.targets}
    return Progress(
        total=sum(job.ledger.targets for job in jobs),
        complete=all(job.ledger.fully_dispatched for job in jobs),
        outcomes=watch.outcomes(),
        earlier=sum(job.earlier.total() for job in jobs),
        hosts=len(hosts),
        batches=len(records),
        delayed=_delayed(jobs) if cloud.mappings and not records else {},
        elapsed=time.monotonic() - began,
    )


def _delayed(jobs: Sequence[Job]) -> dict[str, int]:
    """Return how many targets were deferred, by reason, in batches whose children are to come."""
    reasons: Counter[str] = Counter()
    for job in jobs:
        receipts = job.ledger.receipts
        for batch, counts in receipts.items():
            children = range(1, counts.get("children", 0) + 1)
            if any(child_id(batch, number) not in receipts for number in children):
                for name, count in counts.items():
                    kind, _, reason = name.partition("-")
                    if kind == Kind.DEFERRED:
                        reasons[reason] += count
    return dict(reasons)


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Collect the signals that ask us to stop, in place of being ended by them."""
    received: list[int] = []

    def note(signal_number: int, _frame: FrameType | None) -> None:
        received.append(signal_number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _checked_spec(path: Path) -> bytes:
    text = _read(path, "spec")
    parse_spec(str(path), text)
    return text


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidJobError(f"cannot read the {what} {path}: {error.strerror}") from error

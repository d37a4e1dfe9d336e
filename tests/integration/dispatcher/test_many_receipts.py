"""A job of a million batches is closed in bounded memory and time, on listings that are made up."""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from functions.dispatcher.close import Closer
from functions.dispatcher.prices import S3_READ, S3_WRITE
from functions.dispatcher.summary import decode_summary
from shared.ids import batch_id
from shared.keys import announced_key, manifest_key, summary_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Tick, decode_dispatch, is_wake
from shared.receipts import dispatched_key, receipt_key
from shared.settings import DispatcherSettings
from shared.spec import Spec
from shared.store import Bucket
from shared.tally import Tally, encode_tally
from shared.wakes import Wakes
from tests.cloud import Deployment, new_deployment
from tests.listing import ListedS3, Numbered

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

    from shared.queue import Message, Queue

JOB = "many-1"
SHARDS = 100
OF_A_SHARD = 10_000
RECEIPTS = SHARDS * OF_A_SHARD
TALLY = Tally(receipts=1, counts={"scraped": 200}, bytes=70_000_000, worker_seconds=2.0)
SECONDS = {"list": 0.15, "get": 0.03 / 16, "put": 0.03}
"""What a call takes, of sixteen that are read at once."""
LOOK_SECONDS = 100.0
FEWER = 5
"""So many times fewer receipts, and as much less time for a look at them."""


def receipt(number: int) -> str:
    batch = batch_id(*divmod(number, OF_A_SHARD))
    return receipt_key(JOB, batch, {"committed": 1_795_244_400 + number, "scraped": 200})


def receipt_of_two(number: int) -> str:
    """Return the key of one of two of each batch of the list: of what it has deferred, and its."""
    root, is_parent = divmod(number, 2)
    batch = batch_id(*divmod(root, OF_A_SHARD))
    counts = {"committed": 1_795_244_400 + root, "scraped": 100}
    return receipt_key(JOB, batch if is_parent else f"{batch}-1", counts | {"children": is_parent})


class _Receipts(Numbered):
    """Does not search for what must be there."""

    def __contains__(self, key: object) -> bool:
        return "/receipts/" in str(key)


class _Bucket(Bucket):
    """Reads one object at a time: the client counts what sixteen at once would take."""

    def get_all(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        return ((key, self.get(key)) for key in keys)


class _Ticks:
    """The dispatch queue: holds the one tick that was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[Tick, int]] = []

    def send(self, messages: "list[Message]") -> None:
        for message in messages:
            [tick] = decode_dispatch(message.body)
            assert isinstance(tick, Tick)
            self.sent.append((tick, message.delay))


class _Wakes:
    """The queue of wakes, where nobody is called."""

    def send(self, messages: "Iterable[Message]") -> None:
        assert all(is_wake(message.body) for message in messages)


class Closing:
    """Looks at a job of so many receipts until it is closed, by a clock that calls advance."""

    def __init__(
        self,
        settings: DispatcherSettings,
        shards: int = SHARDS,
        missing: int | None = None,
        key: Callable[[int], str] = receipt,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings = settings
        self._look_seconds = look_seconds
        receipts = shards * OF_A_SHARD
        self.now = 1_795_244_400.0
        self.calls: Counter[str] = Counter()
        client = ListedS3(_Receipts(receipts, key, missing), encode_tally(TALLY), self._on_call)
        self.data = _Bucket("data", cast("S3Client", client))
        self._queue = _Ticks()
        self.looks: list[float] = []
        manifest = Manifest(
            job=JOB,
            spec=Spec(),
            size=shards,
            shard_bytes=1,
            partitions=16,
            batch_size=200,
            created_at="2026-11-21T01:14:40.000+00:00",
        )
        self.data.put(manifest_key(JOB), encode_manifest(manifest))
        for shard in range(shards):
            facts: dict[str, Any] = {"targets": 200 * OF_A_SHARD, "rejected": 0, "duplicates": 0}
            self.data.put(dispatched_key(JOB, shard, batches=OF_A_SHARD, **facts), b"")

    def _on_call(self, call: str) -> None:
        self.calls[call] += 1
        self.now += SECONDS[call]

    def look(self, tick: Tick) -> list[tuple[Tick, int]]:
        self._queue.sent.clear()
        began = self.now
        closer = Closer(
            self._settings,
            data=self.data,
            dispatch_queue=cast("Queue", self._queue),
            work_queue=cast("Queue", self._queue),
            wakes=Wakes(cast("Queue", _Wakes()), workers=20),
            announce=lambda *_: None,
            now=lambda: self.now,
        )
        closer.look(tick, until=began + self._look_seconds)
        self.looks.append(self.now - began)
        return self._queue.sent

    def follow(self, tick: Tick) -> tuple[Tick, int] | None:
        """Look, and again while that is asked for at once; return the tick that is sent later."""
        while sent := self.look(tick):
            [(tick, delay)] = sent
            if delay:
                return tick, delay
        return None

    def wait(self, *, looks: int) -> Tick:
        """Look so often, each time when it is due; return the tick that is left."""
        tick = Tick(job=JOB)
        for _ in range(looks):
            found = self.follow(tick)
            assert found is not None
            tick, delay = found
            self.now += delay
        return tick


@pytest.fixture
def settings(deployment: Deployment) -> DispatcherSettings:
    return deployment.dispatcher_settings


@pytest.mark.long
def test_a_job_of_a_million_batches_is_closed_in_bounded_time_and_memory(
    settings: DispatcherSettings,
) -> None:
    """Both would otherwise be those of a million receipts: minutes for one look, and a GB."""
    closing = Closing(settings)
    before = _peak_anew()

    assert closing.follow(Tick(job=JOB)) is None

    grown = _peak() - before
    body = closing.data.get(summary_key(JOB))
    assert body is not None
    summary = decode_summary(body)
    assert (summary.batches, summary.outcomes["scraped"]) == (RECEIPTS, 200 * RECEIPTS)
    assert closing.data.get(announced_key(JOB)) is not None
    assert max(closing.looks) < LOOK_SECONDS + 5
    assert grown < 60, "MB"
    assert closing.calls["get"] < RECEIPTS * 1.001
    assert closing.calls["list"] < 2 * RECEIPTS / 1_000 + 10 * len(closing.looks)
    cost = closing.calls["get"] * S3_READ
    cost += (closing.calls["list"] + closing.calls["put"]) * S3_WRITE
    assert cost < 0.43, "dollars, as docs/performance.md has it"


def test_a_look_at_many_receipts_behind_a_gap_is_bounded(settings: DispatcherSettings) -> None:
    """The job goes on, and its first batches wait for a host."""
    shards, most = SHARDS // FEWER, LOOK_SECONDS / FEWER
    closing = Closing(settings, shards, missing=3, look_seconds=most)
    tick = closing.wait(looks=4)

    assert closing.data.get(summary_key(JOB)) is None
    assert max(closing.looks) < most + 5
    assert closing.calls["get"] < 50
    assert tick.done == shards + shards * OF_A_SHARD - 1, "counted, if not in one look"


def test_batches_of_several_receipts_do_not_keep_a_look_from_the_clock(
    settings: DispatcherSettings,
) -> None:
    """A look that outlives its invocation leaves nothing to the next: nobody would ever look."""
    shards, most = SHARDS // FEWER, LOOK_SECONDS / FEWER
    closing = Closing(settings, shards, missing=6, key=receipt_of_two, look_seconds=most)
    tick = closing.wait(looks=4)

    assert closing.data.get(summary_key(JOB)) is None
    assert max(closing.looks) < most + 5
    assert tick.done == shards + shards * OF_A_SHARD - 1, "counted, if not in one look"


MADE = Numbered(12, lambda number: f"a/b/{number:05d}.x={number}!")


@pytest.fixture(scope="module")
def made_up_and_real(endpoint: str) -> tuple[Bucket, Bucket]:
    """Two buckets of the same objects; in the first one, some are made up."""
    put = ["a/announced", "a/b/00003", "a/b/00004-1.y=1!", "a/c/1", "a/c/2", "b"]
    ours = Bucket("data", cast("S3Client", ListedS3(MADE, b"made")))
    real = new_deployment(endpoint).data
    for bucket, keys in ((ours, put), (real, [*MADE, *put])):
        for key in keys:
            bucket.put(key, b"made" if key in MADE else b"put")
    return ours, real


@pytest.mark.parametrize("prefix", ["", "a/", "a/b/", "a/b/00001", "nothing"])
@pytest.mark.parametrize(
    ("delimiter", "after"),
    [
        *product(["", "!"], ["", "a/b/00001/", "a/b/00003.x=1!", "a/b/00003.x", "a/c", "a/b/0"]),
        ("/", ""),  # what lies behind a key inside of a folder, S3 and moto tell differently
    ],
)
def test_made_up_listings_are_those_of_s3(
    made_up_and_real: tuple[Bucket, Bucket], prefix: str, delimiter: str, after: str
) -> None:
    """And what is put among them is listed in its place."""
    ours, real = (
        list(bucket.keys(prefix, end=delimiter, after=after)) for bucket in made_up_and_real
    )

    assert ours == real


def test_made_up_objects_are_those_of_s3(made_up_and_real: tuple[Bucket, Bucket]) -> None:
    ours, real = made_up_and_real
    for key in ("a/b/00003.x=3!", "a/b/00003", "a/b/00099.x=99!"):
        assert ours.get(key) == real.get(key)
    for key in ("b", "new"):
        assert ours.put_new(key, b"") == real.put_new(key, b"")


def _peak_anew() -> float:
    """Return the memory that this process has, in MB; from now on `_peak` is the most it has."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

"""The worker loop: many batches in hand, against a real website and a real S3 and SQS API."""

import asyncio
import itertools
import threading
import time
from contextlib import asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.calls as calls_module
import functions.worker.capacity as capacity_module
import functions.worker.commit as commit_module
import functions.worker.lock_watch as lock_watch_module
import functions.worker.scraping.scrape as scrape_module
import functions.worker.work as work_module
import functions.worker.worker as worker_module
from functions.worker.bounds import bounds_of
from functions.worker.extraction.extractor import extraction_process
from functions.worker.fence import Fence, LockTakenError
from functions.worker.leases import Lease, LeaseLostError, Leases, Moment
from functions.worker.load import Load
from functions.worker.politeness.pause import LONG_PAUSE
from functions.worker.work import UNFETCHED_FROM, Delivery, Resources, Worked
from functions.worker.worker import (
    ALONE_FROM,
    RELEASE_SECONDS,
    STORAGE_SECONDS,
    Timetable,
    Worker,
)
from functions.worker.workshop import open_workshop
from shared.errors import StorageError
from shared.keys import results_key
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.manifest import Manifest
from shared.messages import Batch, Target, decode_batch, encode, is_wake
from shared.queue import Message, Queue
from shared.spec import FetchSpec, Spec
from shared.urls import partition_of
from shared.wakes import IN_HAND, Wakes
from tests.cloud import Deployment
from tests.site import Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

PARTITIONS = 16
SPEC = Spec(fetch=FetchSpec(timeout=5, pause=0, robots="ignore", wait_initial=0.1))


class Report:
    """Takes note of what becomes of batches."""

    def __init__(self) -> None:
        self.begun_with: list[str] = []
        self.concluded: list[str] = []
        self.counts: dict[str, dict[str, int]] = {}
        self.failures: list[tuple[str, Exception]] = []
        self.troubles: list[Exception] = []

    def begun(self, delivery: Delivery) -> None:
        self.begun_with.append(delivery.batch.batch)

    def outcome(self, batch: Batch, counts: "Mapping[str, int]") -> None:
        self.counts[batch.batch] = dict(counts)

    def done(self, delivery: Delivery, _worked: Worked) -> None:
        self.concluded.append(delivery.batch.batch)

    def failed(self, delivery: Delivery, error: Exception) -> None:
        self.failures.append((delivery.batch.batch, error))

    def trouble(self, error: Exception) -> None:
        self.troubles.append(error)


class Fleet:
    """A deployment with batches in its queue, and workers for it."""

    def __init__(self, deployment: Deployment, site: Site) -> None:
        self.deployment = deployment
        self.site = site
        self.settings = msgspec.structs.replace(
            deployment.worker_settings, connect_to=f":80:127.0.0.1:{site.port}"
        )
        self.manifest = Manifest(
            job="job-1", spec=SPEC, partitions=PARTITIONS, batch_size=100, created_at="now"
        )
        self.report = Report()
        self.time_left: Callable[[], float] = lambda: 300.0
        self.stays = False
        self.wait = 0.0
        self.leases = Leases(queue=lambda queue: queue)
        self.load = Load()
        self._hosts = (f"h{number}.example" for number in itertools.count())
        self._numbers = itertools.count()

    def host(self, partition: int) -> str:
        """Return another host of a partition."""
        return next(host for host in self._hosts if partition_of(host, PARTITIONS) == partition)

    def send(self, partition: int, *paths: str, body: str | None = None) -> str:
        """Send a batch for the pages at `paths`, of a host of its own; return its id."""
        host = self.host(partition)
        batch = Batch(
            job="job-1",
            batch=f"00000-{next(self._numbers):06d}",
            partition=partition,
            targets=tuple(
                Target(f"http://{host}{path}", line) for line, path in enumerate(paths, 1)
            ),
        )
        text = encode(batch) if body is None else body
        self.deployment.work_queue.send([Message(text, group=batch.group, identity=batch.batch)])
        return batch.batch

    @property
    def resources(self) -> Resources:
        return Resources(
            settings=self.settings,
            fence=Fence(self.deployment.data, self.settings, time.time),
            manifest=lambda _job: self.manifest,
            data=self.deployment.data,
            work_queue=self.deployment.work_queue,
            wake_queue=self.deployment.wake_queue,
            dispatch_queue=self.deployment.dispatch_queue,
            dead_letter_queue=self.deployment.dead_letter_queue,
            clock=time.time,
            rng=Random(0),
        )

    def run(self) -> list[str]:
        """Be a worker until its end; return the batches that it has concluded."""
        worker = Worker(
            self.resources,
            self.report,
            Timetable(self.time_left, stays=self.stays, wait=self.wait),
            self.load,
            self.leases,
        )
        with (
            self.leases.kept_up(),
            asyncio.Runner(loop_factory=self.load.new_loop) as runner,
        ):
            runner.run(worker.run())
        return self.report.concluded

    def note_leases(self, monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
        """Return where the leases come that are taken from now on."""
        hold = self.leases.hold
        taken: list[Lease] = []

        def take(*args: Any, **options: Any) -> Lease:
            taken.append(hold(*args, **options))
            return taken[-1]

        monkeypatch.setattr(self.leases, "hold", take)
        return taken

    def wakes(self) -> int:
        records = self.deployment.received(self.deployment.wake_queue_url)
        assert all(is_wake(record["body"]) for record in records)
        return len(records)

    def left(self) -> int:
        """Return how many batches are in the queue, in hand or not."""
        answer = self.deployment.sqs.get_queue_attributes(
            QueueUrl=self.deployment.work_queue_url, AttributeNames=["All"]
        )["Attributes"]
        waiting = int(answer["ApproximateNumberOfMessages"])
        return waiting + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def is_committed(self, batch: str) -> bool:
        return self.deployment.data.get(results_key("job-1", batch)) is not None


@pytest.fixture
def fleet(deployment: Deployment, site: Site, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Fleet]":
    monkeypatch.setattr(worker_module, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(worker_module, "_TAKE_SECONDS", 0.0)
    monkeypatch.setattr(calls_module, "FULL_SECONDS", 0.0)
    monkeypatch.setattr(worker_module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(worker_module, "_LEASE_LOOK_SECONDS", 0.01)
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    for path in ("/a", "/b", "/c"):
        site.page(path, path)
    fleet = Fleet(deployment, site)
    monkeypatch.setattr(fleet.load, "share", lambda: 0.0)  # whatever else the machine does
    yield fleet
    extraction_process(bounds_of(fleet.settings).page).stop()


def note_calls(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return in how many seconds workers are called for from now on."""
    called: list[float] = []
    monkeypatch.setattr(Wakes, "for_one", lambda _self, *, delay=0.0: called.append(delay))
    return called


def note_put_backs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    hidden: list[int] = []
    monkeypatch.setattr(Queue, "put_back", lambda _self, _handle, seconds: hidden.append(seconds))
    return hidden


def fails(*_: object, **__: object) -> None:
    raise StorageError("S3 is full")


# ---- several batches in hand


def test_batches_of_all_partitions_are_in_hand_at_once(fleet: Fleet) -> None:
    fleet.site.reply("/slow", 0.5)
    batches = [fleet.send(partition, "/slow") for partition in range(5)]

    assert sorted(fleet.run()) == batches

    assert fleet.left() == 0
    assert fleet.site.most_open == 5


def test_the_next_batch_of_a_partition_comes_when_the_first_is_acknowledged(fleet: Fleet) -> None:
    batches = [fleet.send(3, "/a"), fleet.send(3, "/b"), fleet.send(3, "/c")]

    assert fleet.run() == batches
    assert fleet.site.paths() == ["/a", "/b", "/c"]


def test_the_next_batch_may_come_before_the_answer_to_the_acknowledgement(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The former one is concluded all the same."""
    batches = [fleet.send(3, "/a"), fleet.send(3, "/b")]
    acknowledge, receive = Queue.acknowledge, Queue.receive_one
    second_is_here = threading.Event()

    def answer_late(queue: Queue, handle: str) -> None:
        acknowledge(queue, handle)
        assert second_is_here.wait(10)

    def note(queue: Queue, **options: Any) -> Any:
        message = receive(queue, **options)
        if message is not None and batches[1] in message.body:
            second_is_here.set()
        return message

    monkeypatch.setattr(Queue, "acknowledge", answer_late)
    monkeypatch.setattr(Queue, "receive_one", note)

    assert fleet.run() == batches
    assert fleet.report.failures == []


def test_one_batch_of_a_job_looks_whether_it_was_cancelled(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(_resources: Resources, job: str) -> bool:
        looks.append(job)
        return len(looks) > 1

    monkeypatch.setattr(Resources, "is_cancelled", look)
    fleet.site.reply("/slow", 0.5)
    batches = [fleet.send(partition, "/slow") for partition in range(3)]

    assert sorted(fleet.run()) == batches
    assert fleet.site.most_open == 3
    assert looks == ["job-1"]


def test_outcomes_are_told_as_they_come(fleet: Fleet) -> None:
    batch = fleet.send(3, "/a", "/b", "/gone")

    fleet.run()

    assert fleet.report.counts == {batch: {"scraped": 2, "failed-http_404": 1}}


def test_a_worker_ends_when_there_is_nothing_to_take(fleet: Fleet) -> None:
    assert fleet.run() == []
    assert fleet.wakes() == 0


def test_what_happens_to_one_batch_touches_no_other(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = commit_module.commit
    bad, good = fleet.send(1, "/a"), fleet.send(2, "/b")

    def commit_or_fail(data: Any, batch: Batch, body: bytes) -> Any:
        if batch.batch == bad:
            raise StorageError("S3 is full")
        return commit(data, batch, body)

    monkeypatch.setattr(work_module, "commit", commit_or_fail)

    assert fleet.run() == [good]
    assert [(batch, str(error)) for batch, error in fleet.report.failures] == [(bad, "S3 is full")]
    assert fleet.left() == 1


def test_a_page_that_leaves_no_memory_to_the_threads_ends_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its limit is one of the whole process, for as long as it is extracted."""
    failures = iter([True, True])

    def failing_once(call: Any) -> Any:
        has_failed: list[None] = []

        def fail_once(*args: Any, **options: Any) -> Any:
            if not has_failed:
                has_failed.append(None)
                next(failures)
                raise MemoryError
            return call(*args, **options)

        return fail_once

    monkeypatch.setattr(Queue, "receive_one", failing_once(Queue.receive_one))
    monkeypatch.setattr(Queue, "acknowledge", failing_once(Queue.acknowledge))
    batch = fleet.send(1, "/a")

    assert fleet.run() == [batch]
    assert fleet.report.failures == []
    assert list(failures) == []


def test_a_mistake_of_ours_touches_no_other_batch(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = commit_module.committed
    bad, good = fleet.send(1, "/a"), fleet.send(2, "/b")
    hidden = note_put_backs(monkeypatch)

    def stumble(data: Any, batch: Batch) -> Any:
        if batch.batch == bad:
            raise IndexError("ours")
        return committed(data, batch)

    monkeypatch.setattr(work_module, "committed", stumble)

    assert fleet.run() == [good]
    assert [batch for batch, _ in fleet.report.failures] == [bad]
    assert hidden == [LONG_PAUSE], "it may have asked a host, of whose pause nobody knows"


@pytest.mark.parametrize("body", ["hello", '{"type":"batch.v9"}', '{"type":"batch.v1"}', "[]"])
def test_what_is_no_batch_soon_is_a_dead_letter(fleet: Fleet, body: str) -> None:
    """It cannot become an outcome, and must not hold up its partition."""
    fleet.send(3, body=body)
    good = fleet.send(3, "/a")

    assert fleet.run() == [good]
    assert len(fleet.deployment.received(fleet.deployment.work_dlq_url)) == 1
    assert len(fleet.report.troubles) == 12


# ---- what could not be brought to its end


@pytest.mark.parametrize(
    ("receives", "seconds"),
    [(1, 5), (2, 20), (3, 80), (4, 300), (5, 900), (6, 1_800), (7, 3_600), (11, 3_600)],
)
def test_a_batch_whose_commit_fails_comes_back_in_seconds(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, receives: int, seconds: int
) -> None:
    """And not when its lease ends: its partition waits with it. A wake comes as late."""
    hidden = note_put_backs(monkeypatch)
    called = note_calls(monkeypatch)
    monkeypatch.setattr(work_module, "commit", fails)
    fleet.send(1, "/a")
    receive = Queue.receive_one

    def received_before(queue: Queue, **options: Any) -> Any:
        message = receive(queue, **options)
        return message and message._replace(receives=receives)

    monkeypatch.setattr(Queue, "receive_one", received_before)

    assert fleet.run() == []
    assert (hidden, called[-1]) == ([seconds], seconds)


def test_two_hours_of_trouble_are_not_taken_for_deaths_of_workers() -> None:
    """A batch is given up by its receives, and SQS counts those of workers that live as well."""
    assert sum(STORAGE_SECONDS[: UNFETCHED_FROM - 1]) >= 6_600
    assert max(RELEASE_SECONDS) == 300, "a mistake of ours soon is a dead letter"


def test_a_batch_that_was_received_often_is_worked_on_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be what its workers die of, and they would take the others with them."""
    in_hand: dict[str, set[str]] = {}
    now: set[str] = set()
    work_on = work_module.work_on

    async def note(delivery: Delivery, *args: Any, **options: Any) -> Worked:
        now.add(delivery.batch.batch)
        for batch in now:
            in_hand.setdefault(batch, set()).update(now)
        try:
            return await work_on(delivery, *args, **options)
        finally:
            now.remove(delivery.batch.batch)

    monkeypatch.setattr(worker_module, "work_on", note)
    fleet.site.reply("/slow", 0.3)
    others = [fleet.send(partition, "/slow") for partition in (1, 2)]
    suspect = fleet.send(3, "/slow")
    others += [fleet.send(partition, "/slow") for partition in (4, 5)]
    receive = Queue.receive_one

    def received_before(queue: Queue, **options: Any) -> Any:
        message = receive(queue, **options)
        if message is not None and suspect in message.body:
            return message._replace(receives=ALONE_FROM)
        return message

    monkeypatch.setattr(Queue, "receive_one", received_before)

    assert sorted(fleet.run()) == sorted([*others, suspect])
    assert fleet.wakes() == 1, "others are called for what it cannot do meanwhile"
    assert in_hand[suspect] == {suspect}
    assert in_hand[others[0]] == set(others[:2])
    assert in_hand[others[2]] == set(others[2:])
    assert ALONE_FROM < UNFETCHED_FROM


# ---- leases


def test_a_batch_whose_lease_has_ended_is_left(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its requests are closed, nothing of it is committed, and nobody puts it back."""
    hidden = note_put_backs(monkeypatch)
    called = note_calls(monkeypatch)
    fleet.site.reply("/slow", 60.0)
    lost, good = fleet.send(1, "/slow"), fleet.send(2, "/a")
    taken = fleet.note_leases(monkeypatch)
    fleet.site.on_visit = lambda path: taken[0].lose() if path == "/slow" else None

    assert fleet.run() == [good]

    assert called == [fleet.leases.seconds], "when SQS hands it out again"
    [(batch, error)] = fleet.report.failures
    assert batch == lost
    assert isinstance(error, LeaseLostError)
    assert not fleet.is_committed(lost)
    assert hidden == []


def test_a_lease_that_ends_before_a_request_is_noticed_at_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody had time to look: the loop was held up, or the machine slept."""
    monkeypatch.setattr(worker_module, "_LEASE_LOOK_SECONDS", 60.0)
    fleet.manifest = msgspec.structs.replace(
        fleet.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1))
    )
    lost = fleet.send(1, "/a", "/b")
    taken = fleet.note_leases(monkeypatch)
    fleet.site.on_visit = lambda _path: taken[0].lose()

    assert fleet.run() == []

    assert fleet.site.paths() == ["/a"]
    assert not fleet.is_committed(lost)
    assert isinstance(fleet.report.failures[0][1], LeaseLostError)


def test_a_call_that_hangs_holds_up_the_end_of_no_other_batch(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQS may say nothing for minutes, just when leases end."""
    fleet.site.reply("/slow", 60.0)
    batches = [fleet.send(partition, "/slow") for partition in (1, 2)]
    taken = fleet.note_leases(monkeypatch)
    both_have_failed = threading.Event()
    in_time: list[bool] = []

    def lose_both(_path: str) -> None:
        if len(fleet.site.visits) == 2:
            for lease in taken:
                lease.lose()

    def note(delivery: Delivery, error: Exception) -> None:
        fleet.report.failures.append((delivery.batch.batch, error))
        if len(fleet.report.failures) == 2:
            both_have_failed.set()

    monkeypatch.setattr(fleet.report, "failed", note)
    monkeypatch.setattr(
        Wakes, "for_one", lambda _self, **_options: in_time.append(both_have_failed.wait(5))
    )
    fleet.site.on_visit = lose_both

    assert fleet.run() == []
    assert sorted(batch for batch, _ in fleet.report.failures) == batches
    assert in_time == [True, True]


def test_a_batch_that_has_failed_fails_once(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease is renewed no more, and may end before SQS has taken it back."""
    monkeypatch.setattr(work_module, "commit", fails)
    taken = fleet.note_leases(monkeypatch)
    give_up = Worker._give_up
    looks = itertools.count()
    was_looked_at = threading.Event()

    async def note(worker: Worker, *hands: Any) -> None:
        await give_up(worker, *hands)
        if taken and taken[0].left <= 0 and next(looks) == 1:
            was_looked_at.set()

    def lose(_queue: Queue, _handle: str, _seconds: int) -> None:
        taken[0].lose()
        assert was_looked_at.wait(10)

    monkeypatch.setattr(Worker, "_give_up", note)
    monkeypatch.setattr(Queue, "put_back", lose)
    batch = fleet.send(1, "/a")

    assert fleet.run() == []
    assert [(failed, str(error)) for failed, error in fleet.report.failures] == [
        (batch, "S3 is full")
    ]


def test_a_partition_that_is_in_hand_is_not_begun_again(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may receive its own batch, when its lease on it has ended."""
    fleet.leases = Leases(seconds=1.0, queue=lambda queue: queue)
    monkeypatch.setattr(Leases, "renew", lambda _self: None)
    monkeypatch.setattr(worker_module, "_LEASE_LOOK_SECONDS", 60.0)
    fleet.site.reply("/slow", 60.0, web.Response(text="at once"))
    batch = fleet.send(1, "/slow")

    assert fleet.run() == [batch]

    [(failed, error)] = fleet.report.failures
    assert failed == batch
    assert isinstance(error, LeaseLostError)
    assert fleet.site.paths() == ["/slow", "/slow"]


@asynccontextmanager
async def holding_one(fleet: Fleet) -> "AsyncIterator[Worker]":
    """Yield a worker that has just begun the one batch that there is."""
    worker = Worker(
        fleet.resources, fleet.report, Timetable(fleet.time_left), fleet.load, fleet.leases
    )
    received = fleet.deployment.work_queue.receive_one(hidden=60, wait=0)
    assert received is not None
    delivery = Delivery(decode_batch(received.body), received.receipt_handle)
    async with open_workshop(fleet.settings, lambda _job: None) as workshop:
        worker._enter(workshop)
        worker._begin(delivery, worker._hold(delivery, Moment.now()))
        yield worker


def test_a_batch_that_is_given_up_before_it_is_begun_is_in_hand_no_more(fleet: Fleet) -> None:
    """The loop was held up for a whole lease, just when the batch came."""
    name = fleet.send(1, "/a")

    async def begin_and_give_up() -> None:
        async with holding_one(fleet) as worker:
            await worker._give_up(worker._hands["1"])
            assert worker._hands == {}

    asyncio.run(begin_and_give_up())

    assert [batch for batch, _ in fleet.report.failures] == [name]
    assert fleet.site.visits == []


def test_who_gives_up_a_batch_can_be_told_to_end(fleet: Fleet) -> None:
    """The watch of the leases is told at the worker's end, whatever it does then."""
    fleet.send(1, "/a")

    async def begin_and_cancel() -> bool:
        async with holding_one(fleet) as worker:
            watch = asyncio.create_task(worker._give_up(worker._hands["1"]))
            await asyncio.sleep(0)
            watch.cancel()
            await asyncio.wait([watch])
            await worker._end()
            return watch.cancelled()

    assert asyncio.run(begin_and_cancel())


# ---- its end


def test_a_worker_whose_time_is_nearly_over_takes_no_more_and_calls_another(fleet: Fleet) -> None:
    fleet.time_left = lambda: worker_module.COMMIT_SECONDS + worker_module.MIN_SECONDS - 1
    fleet.send(1, "/a")

    assert fleet.run() == []
    assert fleet.left() == 1
    assert fleet.wakes() == 1


def test_what_is_in_hand_when_the_time_is_over_is_handed_back(fleet: Fleet) -> None:
    left = [300.0]
    fleet.time_left = lambda: left[0]
    fleet.manifest = msgspec.structs.replace(
        fleet.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1))
    )
    fleet.site.reply("/slow", 1.5)
    batch = fleet.send(1, "/slow", "/a", "/b")
    fleet.site.on_visit = lambda _path: left.__setitem__(0, 0.0)

    assert fleet.run() == [batch]
    assert fleet.site.paths() == ["/slow"]
    assert len(fleet.deployment.received(fleet.deployment.dispatch_queue_url)) == 1
    assert fleet.wakes() == 1


def test_a_request_that_is_open_when_the_end_comes_early_is_closed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Ctrl-C does not wait for the slowest website."""
    monkeypatch.setattr(scrape_module, "LAST_SECONDS", 0.0)
    left = [300.0]
    fleet.time_left = lambda: left[0]
    fleet.site.reply("/slow", 60.0)
    batch = fleet.send(1, "/a", "/slow")
    fleet.site.on_visit = lambda path: left.__setitem__(0, 0.0) if path == "/slow" else None

    assert fleet.run() == [batch]

    [record] = fleet.deployment.received(fleet.deployment.dispatch_queue_url)
    assert ("/slow" in record["body"], "/a" in record["body"]) == (True, False)


def test_a_host_that_is_waited_for_when_the_end_comes_early_is_left(
    fleet: Fleet,
) -> None:
    left = [300.0]
    fleet.time_left = lambda: left[0]
    fleet.manifest = msgspec.structs.replace(
        fleet.manifest, spec=Spec(fetch=FetchSpec(pause=50, max_idle=60, robots="ignore"))
    )
    batch = fleet.send(1, "/a", "/b")
    fleet.site.on_visit = lambda _path: left.__setitem__(0, 0.0)

    assert fleet.run() == [batch]
    assert fleet.site.paths() == ["/a"]


def test_a_batch_that_comes_when_the_time_is_over_is_put_back(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [300.0]
    fleet.stays, fleet.time_left = True, lambda: left[0]
    receive = Queue.receive_one

    def late(queue: Queue, **options: Any) -> Any:
        message = receive(queue, **options)
        left[0] = 0.0
        return message

    monkeypatch.setattr(Queue, "receive_one", late)
    fleet.send(1, "/a")

    assert fleet.run() == []
    assert fleet.report.begun_with == []
    assert fleet.wakes() == 1
    assert len(fleet.deployment.received(fleet.deployment.work_queue_url)) == 1


def test_who_stays_waits_for_long_while_nothing_is_in_hand(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [300.0]
    fleet.stays, fleet.wait, fleet.time_left = True, 20.0, lambda: left[0]
    fleet.site.reply("/slow", 0.3)
    waits: list[tuple[float, float]] = []
    receive = Queue.receive_one

    def note(queue: Queue, *, hidden: float, wait: float) -> Any:
        waits.append((wait, hidden - fleet.leases.seconds))
        if wait == fleet.wait and fleet.report.concluded:
            left[0] = 0.0
        return receive(queue, hidden=hidden, wait=0.0)

    monkeypatch.setattr(Queue, "receive_one", note)
    batch = fleet.send(1, "/slow")

    assert fleet.run() == [batch]
    assert waits[0] == waits[-1] == (20.0, 20.0)
    assert set(waits[1:-1]) == {(0.0, 0.0)}


def test_who_stays_goes_on_asking_a_queue_that_says_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may be without a network for hours."""
    monkeypatch.setattr(worker_module, "_TROUBLE_SECONDS", (0.0, 0.0))
    left = [300.0]
    fleet.stays, fleet.wait, fleet.time_left = True, 20.0, lambda: left[0]
    called = note_calls(monkeypatch)

    def fail(*_: Any, **__: Any) -> None:
        if len(fleet.report.troubles) == 9:
            left[0] = 0.0
        raise StorageError("SQS is away")

    monkeypatch.setattr(Queue, "receive_one", fail)

    assert fleet.run() == []
    assert len(fleet.report.troubles) == 10
    # What one of the receives has had and not told comes back then.
    assert called == [fleet.leases.seconds + 20.0] * 10


def test_nobody_is_called_in_a_stack_without_workers_of_its_own(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity_module, "IN_HAND", 1)
    fleet.settings = msgspec.structs.replace(fleet.settings, worker_concurrency=0)
    batches = [fleet.send(partition, "/a") for partition in range(2)]

    assert fleet.run() == batches
    assert fleet.wakes() == 0


def test_a_worker_that_is_full_calls_for_another_once_a_minute(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity_module, "IN_HAND", 2)
    fleet.site.reply("/slow", 0.5)
    batches = [fleet.send(partition, "/slow") for partition in range(4)]

    assert sorted(fleet.run()) == batches
    assert fleet.wakes() == 1
    assert IN_HAND > 2


def test_a_worker_that_is_full_for_a_moment_calls_nobody(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It soon can take more, and another would share its work for as long as there is any."""
    monkeypatch.setattr(calls_module, "FULL_SECONDS", 60.0)
    monkeypatch.setattr(capacity_module, "IN_HAND", 2)
    fleet.site.reply("/slow", 0.5)
    batches = [fleet.send(partition, "/slow") for partition in range(4)]

    assert sorted(fleet.run()) == batches
    assert fleet.wakes() == 0


def test_a_busy_worker_takes_no_more(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet.site.reply("/slow", 0.3)
    batches = [fleet.send(partition, "/slow") for partition in range(3)]
    taken: list[Any] = []
    receive = Queue.receive_one

    def note(queue: Queue, **options: Any) -> Any:
        if (message := receive(queue, **options)) is not None:
            taken.append(message)
        return message

    monkeypatch.setattr(Queue, "receive_one", note)
    monkeypatch.setattr(
        fleet.load, "share", lambda: float(len(taken) > len(fleet.report.concluded))
    )

    assert fleet.run() == batches
    assert fleet.site.most_open == 1
    assert fleet.wakes() == 1


def test_a_worker_with_little_to_do_lets_others_be_first(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And does what they leave: nothing stands still."""
    monkeypatch.setattr(capacity_module, "SPARSE_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "_YIELD_SECONDS", 0.1)
    monkeypatch.setattr(worker_module, "_WAIT_SECONDS", 1.0)
    fleet.site.reply("/slow", 2.5)
    batches = [fleet.send(1, "/slow"), fleet.send(1, "/a")]
    waits: list[float] = []
    receive = Queue.receive_one

    def note(queue: Queue, *, hidden: float, wait: float) -> Any:
        waits.append(wait)
        return receive(queue, hidden=hidden, wait=wait)

    monkeypatch.setattr(Queue, "receive_one", note)

    assert fleet.run() == batches
    assert waits[0] == 1.0
    assert 0.0 in waits
    assert waits[-1] == 1.0, "with nothing in hand it waits as others do, and ends"
    assert fleet.wakes() == 0


def test_a_worker_with_little_to_do_does_not_take_again_what_it_has_just_left(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one who waits at the queue has it first, so that one of them gathers the rest."""
    monkeypatch.setattr(capacity_module, "SPARSE_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "_YIELD_SECONDS", 0.123)
    fleet.site.reply("/slow", 0.5)
    batches = [fleet.send(1, "/slow"), fleet.send(1, "/a")]
    has_yielded = [False]
    before: list[bool] = []
    receive, sleep = Queue.receive_one, asyncio.sleep

    async def note_sleep(seconds: float) -> None:
        await sleep(seconds)
        has_yielded[0] = has_yielded[0] or seconds in {0.123, 2 * 0.123}

    def note(queue: Queue, *, hidden: float, wait: float) -> Any:
        if (message := receive(queue, hidden=hidden, wait=wait)) is not None:
            before.append(has_yielded[0])
        has_yielded[0] = False
        return message

    monkeypatch.setattr(asyncio, "sleep", note_sleep)
    monkeypatch.setattr(Queue, "receive_one", note)

    assert fleet.run() == batches
    assert before == [False, True]


def test_a_queue_that_says_nothing_for_long_is_an_error(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wake comes back, and with it a worker."""
    monkeypatch.setattr(worker_module, "_TROUBLE_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(Queue, "receive_one", fails)

    with pytest.raises(StorageError):
        fleet.run()

    assert len(fleet.report.troubles) == 3


def test_a_queue_that_says_nothing_for_a_while_is_none(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_TROUBLE_SECONDS", (0.0, 0.0))
    batch = fleet.send(1, "/a")
    receive = Queue.receive_one

    def fail_twice(queue: Queue, **options: Any) -> Any:
        if len(fleet.report.troubles) < 2:
            raise StorageError("SQS is away")
        return receive(queue, **options)

    monkeypatch.setattr(Queue, "receive_one", fail_twice)

    assert fleet.run() == [batch]


def test_what_is_in_hand_of_a_worker_that_ends_by_a_mistake_comes_back_behind_its_pauses(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have asked a host a moment ago, of whose pause nobody knows."""
    hidden = note_put_backs(monkeypatch)
    receive = Queue.receive_one
    fleet.site.reply("/slow", 30.0)
    fleet.send(1, "/slow")

    def stumble(queue: Queue, **options: Any) -> Any:
        if fleet.site.visits:
            raise IndexError("ours")
        return receive(queue, **options)

    monkeypatch.setattr(Queue, "receive_one", stumble)

    with pytest.raises(IndexError):
        fleet.run()

    assert hidden == [LONG_PAUSE]


# ---- the lock of the fleet


def test_a_worker_that_another_release_has_followed_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the lock back, and the two would take it in turn."""
    monkeypatch.setattr(lock_watch_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr("functions.worker.fence.LOOK_SECONDS", 0.0)
    fleet.manifest = msgspec.structs.replace(
        fleet.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1))
    )
    theirs = encode_lock(Lock(name=lock_name(PARTITIONS + 1), since=time.time()))
    fleet.site.reply("/slow", 1.5)
    fleet.site.on_visit = lambda _path: fleet.deployment.data.put(LOCK_KEY, theirs)
    batch = fleet.send(1, "/slow", "/a")

    assert fleet.run() == [batch]

    assert fleet.site.paths() == ["/slow"]
    assert fleet.deployment.data.get(LOCK_KEY) == theirs
    assert any(isinstance(error, LockTakenError) for error in fleet.report.troubles)


def test_a_worker_that_cannot_read_the_lock_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be of another release by now, which writes what this one does not understand."""
    monkeypatch.setattr(lock_watch_module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(lock_watch_module, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(lock_watch_module, "_PATIENCE", 0.0)
    monkeypatch.setattr("functions.worker.fence.LOOK_SECONDS", 0.0)
    fleet.manifest = msgspec.structs.replace(
        fleet.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1))
    )
    fleet.site.reply("/slow", 1.5)
    fleet.site.on_visit = lambda _path: fleet.deployment.data.put(LOCK_KEY, b"{")
    batch = fleet.send(1, "/slow", "/a")

    assert fleet.run() == [batch]

    assert fleet.site.paths() == ["/slow"]
    assert any(isinstance(error, msgspec.DecodeError) for error in fleet.report.troubles)

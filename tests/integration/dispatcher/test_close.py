"""Completion: ticks, the summary and the events, against a real S3 and SQS API."""

from typing import Any

import boto3
import msgspec
import pytest

import functions.dispatcher.fold as fold_module
from functions.dispatcher.close import COMPLETED, LIMIT_SECONDS, STALLED, TICK_FIRST, Closer
from functions.dispatcher.fold import Fold, Mark
from functions.dispatcher.summary import Summary, decode_summary
from shared.errors import Reason, StorageError
from shared.ids import batch_id, root_id
from shared.keys import (
    announced_key,
    fold_key,
    job_prefix,
    limit_key,
    manifest_key,
    redriven_key,
    summary_key,
)
from shared.manifest import Manifest, encode_manifest
from shared.messages import Place, Tick, decode_dispatch, encode
from shared.outcomes import Kind, decode_lines, encode_line
from shared.queue import Queue
from shared.receipts import dispatched_key, receipt_key
from shared.spec import Spec
from shared.store import Bucket
from shared.tally import Tally, encode_tally, tally_of
from shared.wakes import Wakes
from tests.cloud import Deployment
from tests.results import outcome

JOB = "books-1"
T0 = 1_795_244_400.0


class Job:
    """A job in a deployment's data bucket, and a dispatcher that looks at it."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.data = deployment.data
        self.now = T0
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._sent: list[dict[str, Any]] = []
        # A client of its own, to see what is sent: a delayed message cannot be received.
        sqs = boto3.client("sqs", endpoint_url=deployment.sqs.meta.endpoint_url)
        sqs.meta.events.register("provide-client-params.sqs.SendMessageBatch", self._note)
        self._queue = Queue(deployment.dispatch_queue_url, sqs)
        self._pages: list[dict[str, Any]] = []
        events = deployment.s3.meta.events
        events.register(
            "after-call.s3.ListObjectsV2", lambda parsed, **_: self._pages.append(parsed)
        )
        self.workers = 20
        self.data.put(
            manifest_key(JOB),
            encode_manifest(
                Manifest(
                    job=JOB,
                    source=Place("input", "books/1.txt"),
                    spec=Spec(),
                    partitions=16,
                    batch_size=10,
                    created_at="2026-11-21T01:14:40.000+00:00",
                )
            ),
        )

    def dispatched(
        self, batches: int, targets: int | None = None, rejected: int = 0, duplicates: int = 0
    ) -> None:
        key = dispatched_key(
            JOB,
            0,
            batches=batches,
            targets=batches if targets is None else targets,
            rejected=rejected,
            duplicates=duplicates,
        )
        self.data.put(key, b"")

    def shard(self, shard: int, batches: int) -> None:
        key = dispatched_key(JOB, shard, batches=batches, targets=batches, rejected=0, duplicates=0)
        self.data.put(key, b"")

    def fold(self) -> Fold:
        body = self.data.get(fold_key(JOB))
        assert body is not None
        return msgspec.json.decode(body, type=Fold)

    def listed_receipts(self) -> int:
        """Return how many receipts S3 has listed so far."""
        return sum(
            prefix["Prefix"].endswith("!")
            for page in self._pages
            for prefix in page.get("CommonPrefixes", [])
        )

    def receipt(self, batch: str, tally: Tally) -> str:
        key = receipt_key(JOB, batch, tally.counts)
        self.data.put(key, encode_tally(tally))
        return key

    def closer(self, announce: Any = None) -> Closer:
        return Closer(
            msgspec.structs.replace(
                self.deployment.dispatcher_settings, worker_concurrency=self.workers
            ),
            data=self.data,
            dispatch_queue=self._queue,
            work_queue=self.deployment.work_queue,
            wakes=Wakes(self.deployment.wake_queue, workers=20),
            announce=announce or (lambda what, facts: self.events.append((what, facts))),
            now=lambda: self.now,
        )

    def look(self, tick: Tick | None = None, *, until: float = T0 * 2) -> None:
        self.closer().look(tick or Tick(job=JOB), until=until)

    def follow(self, tick: Tick, *, after: float) -> Tick:
        """Look, and return the tick that was sent, `after` seconds later."""
        self.look(tick)
        [(following, _)] = self.sent()
        self.now += after
        return following

    def sent(self) -> list[tuple[Tick, int]]:
        """Return each tick that was sent since the last time, and its delay in seconds."""
        entries, self._sent = self._sent, []
        return [(_tick(entry["MessageBody"]), entry.get("DelaySeconds", 0)) for entry in entries]

    def _note(self, params: dict[str, Any], **_: Any) -> None:
        self._sent += params["Entries"]

    def summary(self) -> Summary:
        body = self.data.get(summary_key(JOB))
        assert body is not None
        return decode_summary(body)

    def kinds(self) -> list[str]:
        return [what for what, _ in self.events]


def _tick(body: str) -> Tick:
    [tick] = decode_dispatch(body)
    assert isinstance(tick, Tick)
    return tick


@pytest.fixture
def job(deployment: Deployment) -> Job:
    return Job(deployment)


SCRAPED = Tally(receipts=1, counts={"scraped": 1})


def test_a_job_that_is_not_complete_is_looked_at_again_and_ever_later(job: Job) -> None:
    job.dispatched(batches=2)
    job.receipt(batch_id(0, 0), SCRAPED)
    tick, delays = Tick(job=JOB), []
    for _ in range(9):
        job.look(tick)
        [(tick, delay)] = job.sent()
        delays.append(delay)

    assert delays == [18, 36, 72, 144, 288, 576, 900, 900, 900]
    assert TICK_FIRST == 9
    assert job.data.get(summary_key(JOB)) is None
    assert job.events == []


def test_a_crawl_that_has_all_its_pages_is_told_so(job: Job) -> None:
    """Of several partitions, none can count for all."""
    body = job.data.get(manifest_key(JOB))
    assert body is not None
    spec = {"follow": [{"css": "a"}], "crawl": {"max_pages": 3}}
    job.data.put(manifest_key(JOB), msgspec.json.encode(msgspec.json.decode(body) | {"spec": spec}))
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), Tally(counts={"scraped": 2, "found": 4, "children": 2}))

    job.look(Tick(job=JOB, number=8, since=T0))
    assert job.data.get(limit_key(JOB)) is None
    assert [delay for _, delay in job.sent()] == [LIMIT_SECONDS]

    job.receipt(f"{batch_id(0, 0)}-1", Tally(counts={"scraped": 1}))
    job.look(Tick(job=JOB, number=9, since=T0))
    assert job.data.get(limit_key(JOB)) == b""


def test_a_complete_job_is_closed_once_and_has_no_timer_any_more(job: Job) -> None:
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), SCRAPED)

    job.look()
    before = {key: job.data.get(key) for key in job.data.keys("")}
    job.look()
    job.look(Tick(job=JOB, number=7))

    assert job.sent() == []
    assert {key: job.data.get(key) for key in job.data.keys("")} == before
    assert job.summary().outcomes == {"scraped": 1, "failed": 0, "skipped": 0, "dead": 0}
    [(what, facts)] = job.events
    assert what == COMPLETED
    assert facts == {
        "job": JOB,
        "targets": 1,
        "outcomes": {"scraped": 1, "failed": 0, "skipped": 0, "dead": 0},
        "rejected": 0,
        "damaged": False,
        "no_match": 0,
        "seconds": None,
        "cost_usd": facts["cost_usd"],
        "data_bucket": job.data.name,
        "summary": summary_key(JOB),
    }


@pytest.mark.parametrize("gone", [True, False])
def test_a_job_that_is_refused_or_deleted_has_no_timer(job: Job, gone: bool) -> None:
    if gone:
        job.deployment.s3.delete_object(Bucket=job.data.name, Key=manifest_key(JOB))
    else:
        manifest = msgspec.structs.replace(job.deployment.manifest(JOB), error="no URL")
        job.data.put(manifest_key(JOB), encode_manifest(manifest))

    job.look()

    assert job.sent() == []
    assert job.events == []


def test_a_tick_that_begins_anew_takes_the_place_of_the_jobs_own(job: Job) -> None:
    """Its delays are short again, and the tick that was on its way ends."""
    job.dispatched(batches=2)
    tick = Tick(job=JOB)
    for _ in range(9):
        job.look(tick)
        [(tick, _)] = job.sent()

    job.look(Tick(job=JOB, number=9, first=9))
    [(anew, delay)] = job.sent()
    job.look(tick)

    assert (tick.number, anew.number, delay) == (9, 10, 18)
    assert job.sent() == []


def test_copies_of_a_tick_do_not_multiply(job: Job) -> None:
    """Every message comes twice: there would be a thousand after ten of them."""
    job.dispatched(batches=1)
    ticks = [Tick(job=JOB)]
    for _ in range(10):
        for tick in [*ticks, *ticks]:
            job.look(tick)
        ticks = [tick for tick, _ in job.sent()]
        assert len(ticks) == 1


def test_a_crash_before_the_next_tick_is_sent_loses_no_timer(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.dispatched(batches=1)
    with monkeypatch.context() as patch:
        patch.setattr("shared.queue.Queue.send", _crash)
        with pytest.raises(KeyboardInterrupt):
            job.look()

    job.look()

    assert [tick.number for tick, _ in job.sent()] == [1]


def _crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_an_event_that_could_not_be_sent_is_sent_by_the_next_tick(job: Job) -> None:
    """The summary is written by then: whoever comes next must not take the job for closed."""
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), SCRAPED)

    def refuse(*_: object) -> None:
        raise StorageError("the bus is full")

    with pytest.raises(StorageError):
        job.closer(refuse).look(Tick(job=JOB), until=T0 * 2)
    written = job.summary()
    assert job.data.get(announced_key(JOB)) is None

    job.look()

    assert job.kinds() == [COMPLETED]
    assert job.summary() == written


def test_of_two_that_close_a_job_one_writes_the_summary(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), SCRAPED)
    job.look()
    first = job.data.get(summary_key(JOB))
    redriven = Tally(receipts=1, counts={"scraped": 1})  # so that the other's would differ
    job.receipt(batch_id(0, 0) + "-r1", redriven)
    later, keys = {summary_key(JOB), announced_key(JOB)}, Bucket.keys
    monkeypatch.setattr(
        Bucket, "keys", lambda *a, **b: (k for k in keys(*a, **b) if k not in later)
    )

    job.look()

    assert job.data.get(summary_key(JOB)) == first
    assert job.kinds() == [COMPLETED, COMPLETED]  # at least once


def test_a_standstill_is_announced_once_until_there_is_something_new(job: Job) -> None:
    job.dispatched(batches=3)
    tick = job.follow(Tick(job=JOB), after=89 * 60)
    tick = job.follow(tick, after=60)
    assert job.events == []

    tick = job.follow(tick, after=3_600)
    tick = job.follow(tick, after=3_600)
    assert job.events == [
        (STALLED, {"job": JOB, "minutes": 90, "data_bucket": job.data.name}),
    ]

    job.receipt(batch_id(0, 0), SCRAPED)
    tick = job.follow(tick, after=91 * 60)
    job.follow(tick, after=0)
    assert job.kinds() == [STALLED, STALLED]


def test_a_job_from_which_nothing_can_come_any_more_has_no_timer(job: Job) -> None:
    """A batch is in the dead-letter queue, say, and nobody has cared for two weeks."""
    job.dispatched(batches=1)
    tick = job.follow(Tick(job=JOB), after=91 * 60)
    tick = job.follow(tick, after=14 * 24 * 60 * 60)

    job.look(tick)

    assert job.sent() == []


# ---- in parts


class Clock:
    """Each look has the time for so many of its questions what time it is."""

    def __init__(self, job: Job, questions: int) -> None:
        self._job = job
        self._questions = questions
        self.looks = 0

    def look(self, tick: Tick) -> list[tuple[Tick, int]]:
        """Look at the job; return what was sent."""
        self._job.sent()
        times = iter(range(self._questions))
        closer = self._job.closer()
        closer._now = lambda: self._job.now + (0 if next(times, None) is not None else 100)
        closer.look(tick, until=self._job.now + 50)
        self.looks += 1
        return self._job.sent()

    def follow(self) -> None:
        """Look until nothing is sent any more; what is sent must be due at once."""
        ticks = [Tick(job=JOB)]
        while ticks:
            sent = self.look(ticks.pop())
            assert [delay for _, delay in sent] in ([], [0])
            ticks = [tick for tick, _ in sent]


@pytest.fixture
def few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold_module, "TOGETHER", 10)
    monkeypatch.setattr(fold_module, "FEW", 20)


@pytest.mark.usefixtures("few_together")
def test_the_adding_up_goes_on_with_the_next_tick(job: Job) -> None:
    job.dispatched(batches=150)
    for number in range(150):
        job.receipt(batch_id(0, number), SCRAPED)
    clock = Clock(job, 5)

    clock.follow()

    assert clock.looks == 6, "60, 60 and 30 are added up, and all are looked through again"
    assert job.summary().outcomes["scraped"] == job.summary().batches == 150


@pytest.mark.usefixtures("few_together")
def test_what_is_settled_is_added_up_before_the_job_is_complete(job: Job) -> None:
    """And is not listed again: at the end there is little to do."""
    job.dispatched(batches=60)
    for number in range(60):
        if number != 40:
            job.receipt(batch_id(0, number), SCRAPED)
    job.look()
    listed = job.listed_receipts()
    assert job.fold().to == Mark(batch_id(0, 39), 40)

    job.look(Tick(job=JOB, number=1))
    assert job.listed_receipts() - listed == 2 * 19, "for the gap, and to count what is behind it"
    job.receipt(batch_id(0, 40), SCRAPED)
    job.look(Tick(job=JOB, number=2))

    assert job.summary().batches == 60


@pytest.mark.usefixtures("few_together")
def test_names_of_release_0_1_hold_forms_of_release_0_1(job: Job) -> None:
    """It fails on any other, and after a rollback no job would end that it has to close."""
    read_by_0_1 = {"manifest.json": "manifest.v1", "fold.json": "fold.v1"}
    read_by_0_1["summary.json"] = "summary.v1"
    job.dispatched(batches=30)
    for number in range(29):
        job.receipt(batch_id(0, number), SCRAPED)
    job.look()
    assert job.fold().to.receipts > 0
    job.receipt(batch_id(0, 29), SCRAPED)
    job.look()
    assert job.summary().batches == 30

    names = {key.rpartition("/")[2]: key for key in job.data.keys(job_prefix(JOB))}
    written = {name: job.data.get(names[name]) for name in read_by_0_1 if name in names}

    forms = {name: msgspec.json.decode(body or b"{}")["type"] for name, body in written.items()}
    assert forms == {name: read_by_0_1[name] for name in forms}
    assert "summary.json" in forms


def test_many_redriven_batches_are_not_gone_through_for_each_batch(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(batch: str) -> str:
        asked.append(batch)
        return root_id(batch)

    monkeypatch.setattr(fold_module, "root_id", noted)
    another_life = Tally(receipts=1, counts={"redriven-timeout": 1, "scraped": 1})
    job.dispatched(batches=60)
    for number in range(60):
        job.receipt(batch_id(0, number), Tally(receipts=1, counts={"dead-timeout": 1}))
        job.receipt(batch_id(0, number) + "-r1", another_life)
        job.data.put(redriven_key(JOB, batch_id(0, number)), b"")

    job.look()

    assert job.summary().outcomes["scraped"] == 60
    assert len(asked) < 5 * 60


@pytest.mark.usefixtures("few_together")
def test_the_parts_of_a_list_follow_each_other(job: Job) -> None:
    """One is empty, one is not dispatched yet though its batches are through."""
    counts = {0: 12, 1: 0, 2: 15}
    for shard, batches in counts.items():
        for number in range(batches):
            job.receipt(batch_id(shard, number), SCRAPED)
    manifest = msgspec.structs.replace(job.deployment.manifest(JOB), size=30, shard_bytes=10)
    job.data.put(manifest_key(JOB), encode_manifest(manifest))
    job.look()
    assert job.fold().to.batch == batch_id(0, 9)

    for shard in (0, 2, 1):
        assert job.data.get(summary_key(JOB)) is None
        job.shard(shard, counts[shard])
        job.look()

    assert job.summary().batches == 27


@pytest.mark.usefixtures("few_together")
@pytest.mark.parametrize("lost", [batch_id(0, 13), batch_id(0, 29), batch_id(0, 3) + "-1-2"])
def test_a_gap_anywhere_keeps_a_job_open(job: Job, lost: str) -> None:
    job.dispatched(batches=30)
    receipts = {batch_id(0, number): dict(SCRAPED.counts) for number in range(30)}
    receipts[batch_id(0, 3)] = {"deferred-timeout": 1, "children": 1}
    receipts[batch_id(0, 3) + "-1"] = {"deferred-timeout": 2, "children": 2}
    receipts |= {batch_id(0, 3) + f"-1-{n}": {"scraped": 1} for n in (1, 2)}
    for batch, counts in receipts.items():
        if batch != lost:
            job.receipt(batch, Tally(receipts=1, counts=counts))

    job.look()
    [(tick, _)] = job.sent()
    assert job.data.get(summary_key(JOB)) is None

    job.receipt(lost, Tally(receipts=1, counts=receipts[lost]))
    job.look(tick)

    assert job.summary().batches == 33


@pytest.mark.usefixtures("few_together")
def test_receipts_that_came_in_between_are_not_left_out(job: Job) -> None:
    """A dead letter's, which stands before the last that was added up."""
    job.dispatched(batches=31)
    for number in range(30):
        job.receipt(batch_id(0, number), SCRAPED)
    job.receipt(batch_id(0, 3), Tally(receipts=1, counts={"dead-timeout": 1}))
    job.deployment.s3.delete_object(
        Bucket=job.data.name, Key=receipt_key(JOB, batch_id(0, 3), SCRAPED.counts)
    )
    job.look()
    assert job.fold().to.receipts == 30
    redriven = Tally(receipts=1, counts={"redriven-timeout": 1, "deferred-timeout": 1})
    redriven.counts["children"] = 1
    job.receipt(batch_id(0, 3) + "-r1", redriven)
    job.receipt(batch_id(0, 30), SCRAPED)

    job.look()
    assert job.data.get(summary_key(JOB)) is None, "the letter has led to something"

    job.receipt(batch_id(0, 3) + "-r1-1", SCRAPED)
    Clock(job, 100).follow()

    assert job.summary().outcomes == {"scraped": 31, "failed": 0, "skipped": 0, "dead": 0}


@pytest.mark.usefixtures("few_together")
def test_a_standstill_of_many_is_told_from_one_gap(job: Job) -> None:
    """The first batch waits for its host for hours, and those behind it come to their end."""
    job.dispatched(batches=300)
    tick = Tick(job=JOB)
    for number in range(1, 101):
        job.receipt(batch_id(0, number), SCRAPED)
    tick = job.follow(tick, after=60 * 60)
    for number in range(101, 201):
        job.receipt(batch_id(0, number), SCRAPED)
    tick = job.follow(tick, after=60 * 60)
    tick = job.follow(tick, after=60 * 60)
    assert job.events == []

    tick = job.follow(tick, after=91 * 60)
    job.follow(tick, after=0)

    assert job.kinds() == [STALLED]


@pytest.mark.usefixtures("few_together")
def test_what_is_behind_a_gap_is_counted_in_parts(job: Job) -> None:
    job.dispatched(batches=300)
    for number in range(1, 101):
        job.receipt(batch_id(0, number), SCRAPED)
    clock, tick = Clock(job, 6), Tick(job=JOB)
    for _ in range(12):
        [(tick, _)] = clock.look(tick)
        job.now += 60 * 60

    assert tick.done == 101
    assert job.kinds() == [STALLED]


def test_of_a_batch_with_two_receipts_one_counts(job: Job) -> None:
    job.dispatched(batches=1)
    for at in (5, 6):
        counts = {"scraped": 1, "committed": at}
        job.data.put(receipt_key(JOB, batch_id(0, 0), counts), encode_tally(SCRAPED))

    job.look()

    assert job.summary().batches == 1


def test_a_fold_of_another_release_is_begun_anew(job: Job) -> None:
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), SCRAPED)
    job.data.put(fold_key(JOB), b'{"type":"fold.v1","count":7,"last":"x","tally":{}}')

    job.look()

    assert job.summary().batches == 1


def test_what_a_dead_letter_without_a_receipt_has_led_to_does_not_count_yet(job: Job) -> None:
    """Its worker has died between what it has deferred and its receipt."""
    job.dispatched(batches=1)
    job.receipt(batch_id(0, 0), Tally(receipts=1, counts={"dead-timeout": 1}))
    job.receipt(batch_id(0, 0) + "-r1-1", SCRAPED)

    job.look()

    assert sum(job.summary().outcomes.values()) == job.summary().targets == 1


@pytest.mark.parametrize("body", [b"", b'{"receipts":1,"cou', b"\x00" * 20])
def test_a_receipt_of_an_older_release_or_damaged_counts_by_its_key(job: Job, body: bytes) -> None:
    job.dispatched(batches=1)
    job.data.put(receipt_key(JOB, batch_id(0, 0), {"scraped": 2, "failed-tls": 1}), body)

    job.look()

    assert job.summary().outcomes == {"scraped": 2, "failed": 1, "skipped": 0, "dead": 0}


def test_the_summary_says_what_became_of_a_job(job: Job) -> None:
    job.dispatched(batches=2, targets=7, rejected=3, duplicates=2)
    no_match = {"field": None, "problem": "no_match", "value": None}
    outcomes = [
        outcome("/1", {"a": 1}, status=200, bytes=9_000, wire_bytes=3_000, elapsed_ms=100),
        outcome("/2", status=200, problems=[no_match], elapsed_ms=100),
        outcome("/3", kind=Kind.FAILED, reason=Reason.HTTP_404, status=404, elapsed_ms=100),
        outcome("/4", kind=Kind.DEAD, reason=Reason.TIMEOUT, elapsed_ms=2_000),
        outcome("/5", kind=Kind.DEFERRED, reason=Reason.HTTP_503),
        outcome("/6", kind=Kind.SKIPPED, reason=Reason.CONTENT_TYPE, status=200, elapsed_ms=100),
    ]
    tally = tally_of(decode_lines(map(encode_line, outcomes)))
    tally.counts["children"] = 1
    tally.worker_seconds, tally.message_bytes = 10.0, 500
    job.receipt(batch_id(0, 0), tally)
    job.receipt(batch_id(0, 0) + "-1", SCRAPED)
    job.receipt(batch_id(0, 1), Tally(receipts=1, counts={"scraped": 1}, worker_seconds=1.5))

    job.look()

    summary = job.summary()
    assert summary == Summary(
        job=JOB,
        source=Place("input", "books/1.txt"),
        created_at="2026-11-21T01:14:40.000+00:00",
        started_at="2026-11-21T01:14:42.120Z",
        ended_at="2026-11-21T01:14:44.120Z",
        seconds=4.12,
        urls=9,
        targets=7,
        duplicates=2,
        rejected=3,
        outcomes={"scraped": 4, "failed": 1, "skipped": 1, "dead": 1},
        reasons={"dead-timeout": 1, "failed-http_404": 1, "skipped-content_type": 1},
        statuses={200: 3, 404: 1},
        problems=0,
        no_match=1,
        skipped_types={"none": 1},
        batches=3,
        deferred={"http_503": 1},
        latency_ms=dict.fromkeys(["p50", "p90", "p95", "p99"], 103.1),
        bytes=9_000,
        wire_bytes=3_000,
        worker_seconds=11.5,
        worst_hosts=summary.worst_hosts,
        worst_hosts_exact=True,
        cost_usd=summary.cost_usd,
    )
    [worst] = summary.worst_hosts
    assert (worst.host, worst.targets, worst.no_match) == ("a.example", 5, 1)
    assert worst.outcomes["dead-timeout"] == 1
    total = summary.cost_usd.pop("total")
    assert sum(summary.cost_usd.values()) == pytest.approx(total, abs=1e-5)
    assert 0.00008 < total < 0.0004  # 11.5 s of half a gigabyte alone are 0.00008 dollars


def test_machines_are_not_charged_at_lambdas_price(job: Job) -> None:
    job.dispatched(batches=1, targets=1)
    job.receipt(batch_id(0, 0), Tally(receipts=1, counts={"scraped": 1}, worker_seconds=1_000.0))
    job.workers = 0

    job.look()

    summary = job.summary()
    assert summary.worker_seconds == 1_000
    assert summary.cost_usd["compute"] < 1e-5


def test_the_worst_hosts_come_first(job: Job) -> None:
    hosts = {f"h{n}.example": {"scraped": 10, "failed-tls": n} for n in range(30)}
    tally = Tally(receipts=1, counts={"scraped": 300, "failed-tls": 435}, hosts=hosts)
    job.dispatched(batches=1, targets=735)
    job.receipt(batch_id(0, 0), tally)

    job.look()

    worst = job.summary().worst_hosts
    assert [entry.host for entry in worst] == [f"h{n}.example" for n in range(29, 9, -1)]


def test_a_tick_is_a_message_of_the_dispatch_queue() -> None:
    tick = Tick(job=JOB, number=3, done=7, since=T0, stalled=True)

    assert decode_dispatch(encode(tick)) == [tick]

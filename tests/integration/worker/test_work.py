"""The worker's protocol against a real website and a real S3 and SQS API."""

import asyncio
import gzip
import math
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.commit as commit_module
import functions.worker.scraping.batch as batch_module
import functions.worker.secrets as secrets_module
import functions.worker.work as work_module
import functions.worker.workshop as workshop_module
from functions.worker.bounds import bounds_of
from functions.worker.children import dead_letters
from functions.worker.commit import OutcomeFile
from functions.worker.extraction.extractor import ExtractionProcess, extraction_process
from functions.worker.fence import Fence
from functions.worker.leases import Lease, LeaseLostError, Moment
from functions.worker.politeness.partition import PartitionState, decode_state, encode_state
from functions.worker.politeness.pause import HostState
from functions.worker.scraping.pending import MAX_HOPS
from functions.worker.work import (
    CAREFUL_FROM,
    UNFETCHED_FROM,
    Delivery,
    Resources,
    Worked,
    work_on,
)
from functions.worker.workshop import open_workshop
from shared.errors import InvalidJobError, Reason, StorageError
from shared.extract_spec import ExtractSpec, FieldSpec
from shared.ids import child_id
from shared.keys import cancelled_key, manifest_key, results_key, state_key
from shared.lock import FENCE_SECONDS, LOCK_KEY, Lock, encode_lock, lock_name
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Defer, Target, decode_dispatch, encode
from shared.outcomes import Kind, Outcome, decode_lines, encode_line
from shared.proxy_spec import ProxySpec
from shared.queue import Message
from shared.receipts import dispatched_key, receipt_counts
from shared.secret_spec import SecretName, SecretSpec
from shared.settings import WorkerSettings
from shared.spec import FetchSpec, Spec
from shared.store import Bucket
from shared.tally import decode_tally
from shared.urls import partition_of
from tests.cloud import Deployment
from tests.results import AT
from tests.roles import restricted_data
from tests.site import Site

PARTITIONS = 16
OWN = partition_of("127.0.0.1", PARTITIONS)
OTHER = partition_of("other.example", PARTITIONS)
SPEC = Spec(
    fetch=FetchSpec(timeout=5, max_bytes=1_000_000, pause=0, robots="ignore", wait_initial=0.1)
)


DOWN = web.Response(status=500)


class Work:
    """A batch in the queue of a deployment, and a worker for it."""

    def __init__(self, deployment: Deployment, site: Site) -> None:
        self.deployment = deployment
        self.site = site
        self.manifest = Manifest(
            job="job-1", spec=SPEC, partitions=PARTITIONS, batch_size=100, created_at="now"
        )
        self.settings = msgspec.structs.replace(
            deployment.worker_settings, connect_to=f"other.example:80:127.0.0.1:{site.port}"
        )
        self.data = restricted_data(deployment, "WorkerRole")
        self.read_manifest: Callable[[str], Manifest] = lambda _: self.manifest
        self.batch: Batch | None = None
        self._deliveries = 0

    def send(self, *urls: str, **facts: Any) -> Batch:
        targets = tuple(Target(url, line) for line, url in enumerate(urls, start=1))
        batch = Batch(
            **{
                "job": "job-1",
                "batch": "00000-000000",
                "partition": OWN,
                "targets": targets,
                **facts,
            }
        )
        self.deployment.work_queue.send([Message(encode(batch), group=batch.group, identity="1")])
        self.batch = batch
        return batch

    @property
    def process(self) -> ExtractionProcess:
        return extraction_process(bounds_of(self.settings).page)

    def receive(self) -> str:
        [record] = self.deployment.receive(self.deployment.work_queue_url)
        handle: str = record["receiptHandle"]
        return handle

    def run(
        self,
        *,
        time_left: float | Callable[[], float] = 60.0,
        lease: float = 60.0,
        receives: int = 1,
    ) -> Worked:
        assert self.batch is not None
        left = time_left if callable(time_left) else lambda: time_left
        delivery = Delivery(self.batch, self.receive(), receives)
        resources = self.resources()

        async def work() -> Worked:
            async with open_workshop(resources.settings, resources.ended) as workshop:
                return await work_on(
                    delivery,
                    resources,
                    workshop,
                    Lease(
                        delivery.receipt_handle, resources.work_queue, Moment.now(), seconds=lease
                    ),
                    stop_at=lambda: time.time() + left(),
                )

        return asyncio.run(work())

    def resources(self) -> Resources:
        return Resources(
            settings=self.settings,
            fence=Fence(self.data, self.settings, time.time),
            manifest=self.read_manifest,
            data=self.data,
            work_queue=self.deployment.work_queue,
            wake_queue=self.deployment.wake_queue,
            dispatch_queue=self.deployment.dispatch_queue,
            dead_letter_queue=self.deployment.dead_letter_queue,
            clock=time.time,
            rng=Random(0),
        )

    def again(self) -> Worked:
        """Work on the batch as after a redelivery."""
        assert self.batch is not None
        self._deliveries += 1
        # Of a group of its own, since the first message still holds the batch's.
        name = f"delivery-{self._deliveries}"
        self.deployment.work_queue.send([Message(encode(self.batch), group=name, identity=name)])
        return self.run()

    def take(self, *batches: Batch) -> None:
        """Work on batches as the dispatcher passes them on."""
        for self.batch in batches:
            self.again()

    def outcomes(self, batch: str = "00000-000000") -> list[Outcome]:
        body = self.deployment.data.get(results_key("job-1", batch))
        assert body is not None
        lines = gzip.decompress(body).splitlines()
        return sorted(
            (msgspec.json.decode(line, type=Outcome) for line in lines), key=lambda o: o.line or 0
        )

    def children(self) -> list[Batch]:
        return self._deferred(self.deployment.dispatch_queue_url)

    def dead_letters(self) -> list[Batch]:
        return self._deferred(self.deployment.dead_letter_queue_url)

    def _deferred(self, queue_url: str) -> list[Batch]:
        records = self.deployment.received(queue_url)
        messages = [decode_dispatch(record["body"])[0] for record in records]
        return [message.batch for message in messages if isinstance(message, Defer)]


@pytest.fixture
def work(deployment: Deployment, site: Site) -> Work:
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    return Work(deployment, site)


def test_a_batch_that_was_delivered_before_trusts_no_page(work: Work) -> None:
    """Its worker may have died of one of them, so all are extracted where that can be noticed."""
    work.send(work.site.page("/a", "Page A"))

    work.run(receives=CAREFUL_FROM)

    assert work.process.is_running
    assert work.outcomes()[0].rows[0]["title"] == "Page A"
    work.process.stop()


def test_a_batch_becomes_one_object_with_an_outcome_for_each_target(work: Work) -> None:
    batch = work.send(work.site.page("/a", "Page A"), work.site.url("/gone"))

    worked = work.run()

    scraped, gone = work.outcomes()
    assert scraped == Outcome(
        url=work.site.url("/a"),
        final_url=work.site.url("/a"),
        line=1,
        outcome=Kind.SCRAPED,
        status=200,
        attempt=1,
        fetched_at=scraped.fetched_at,
        elapsed_ms=scraped.elapsed_ms,
        bytes=len("<!doctype html><title>Page A</title><a href='/other'>other</a>"),
        wire_bytes=scraped.wire_bytes,
        remote_address="127.0.0.1",
        content_type="text/html",
        rows=[
            {
                "title": "Page A",
                "description": None,
                "canonical": None,
                "links": [work.site.url("/other")],
            }
        ],
    )
    assert (gone.outcome, gone.status, gone.reason) == (Kind.FAILED, 404, Reason.HTTP_404)
    assert gone.detail == "the server answered 404"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", scraped.fetched_at)
    assert worked.counts == {"scraped": 1, "failed-http_404": 1}
    assert worked.fetched
    assert worked.facts == {"Pages": 1, "Bytes": scraped.wire_bytes}
    [key] = work.deployment.data.keys("jobs/job-1/receipts/")
    counts = receipt_counts(key)
    last = max(datetime.fromisoformat(outcome.fetched_at) for outcome in (scraped, gone))
    assert int(last.timestamp()) <= counts.pop("committed") <= time.time()
    committed = work.deployment.data.get(results_key("job-1", "00000-000000"))
    assert committed is not None
    assert counts.pop("size") == len(committed)
    assert counts == worked.counts
    body = work.deployment.data.get(key)
    assert body is not None
    tally = decode_tally(body)
    assert tally.counts == worked.counts
    assert tally.hosts == {"127.0.0.1": worked.counts}
    assert tally.statuses == {200: 1, 404: 1}
    assert tally.bytes == scraped.bytes
    assert tally.message_bytes == len(encode(batch))
    assert 0 < tally.worker_seconds < 60


def test_a_result_line_is_what_the_docs_promise(work: Work) -> None:
    """The format is a contract: names, order and types."""
    work.send(work.site.page("/a", "A"))
    work.run()

    body = work.deployment.data.get(results_key("job-1", "00000-000000"))
    assert body is not None
    [line] = gzip.decompress(body).splitlines()
    assert list(msgspec.json.decode(line)) == [
        "url",
        "final_url",
        "line",
        "outcome",
        "status",
        "reason",
        "detail",
        "attempt",
        "slowdowns",
        "not_before",
        "redirects",
        "fetched_at",
        "elapsed_ms",
        "bytes",
        "wire_bytes",
        "remote_address",
        "proxy_tier",
        "content_type",
        "robots_tags",
        "rows",
        "problems",
        "method",
        "input",
        "page",
        "depth",
        "found_on",
        "etag",
        "last_modified",
        "change",
        "kept",
    ]


def test_a_batch_that_is_committed_is_not_fetched_again(work: Work) -> None:
    work.send(work.site.page("/a", "A"))
    work.run()
    before = list(work.deployment.data.keys(""))

    worked = work.again()

    assert not worked.fetched
    assert len(work.site.visits) == 1
    assert list(work.deployment.data.keys("")) == before


@pytest.mark.parametrize("point", ["commit", "conclude", "receipt_key"])
def test_a_crash_at_any_point_ends_in_the_same_state(
    work: Work, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the commit, after it, and after the deferred targets were sent."""
    work.send(
        work.site.page("/a", "A"),
        work.site.reply("/moved", moved("http://other.example/")),
    )
    module = commit_module if point == "receipt_key" else work_module

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, point, crash)
        with pytest.raises(KeyboardInterrupt):
            work.run()
    first = {encode(child) for child in work.children()}

    worked = work.again()

    assert worked.counts == {"scraped": 1, "deferred-redirected": 1, "children": 1}
    children = {encode(child) for child in work.children()}
    assert len(children) == 1
    assert first <= children
    assert len(list(work.deployment.data.keys("jobs/"))) == 1
    assert len(list(work.deployment.data.keys("results/"))) == 1


def test_a_receipt_that_is_there_is_not_written_over(work: Work) -> None:
    """The second worker has fetched nothing, and would say that it all took no time."""
    work.send(work.site.page("/a", "A"))
    work.run()
    [key] = work.deployment.data.keys("jobs/job-1/receipts/")
    first = work.deployment.data.get(key)

    work.again()

    assert work.deployment.data.get(key) == first


def test_a_competitors_commit_counts(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers have the batch since a lease ran out: the second follows the first."""
    work.send(work.site.page("/a", "A"))
    competitor = OutcomeFile()
    outcome = {"url": work.site.url("/a"), "line": 1, "final_url": None, "attempt": 1}
    competitor.add(
        Outcome(**outcome, outcome=Kind.FAILED, reason=Reason.TLS, fetched_at=AT, elapsed_ms=0)  # type: ignore[arg-type]
    )
    body = competitor.close(0)
    monkeypatch.setattr(work_module, "committed", lambda *_: None)
    work.deployment.data.put(results_key("job-1", "00000-000000"), body)

    worked = work.run()

    assert (worked.counts, worked.fetched) == ({"failed-tls": 1}, False)
    assert [o.outcome for o in work.outcomes()] == [Kind.FAILED]


def test_a_repeated_put_that_had_worked_is_ours(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_new = Bucket.put_new

    def lose_the_answer(bucket: Bucket, key: str, body: bytes) -> bool:
        assert put_new(bucket, key, body)
        return put_new(bucket, key, body)

    monkeypatch.setattr(Bucket, "put_new", lose_the_answer)
    work.send(work.site.page("/a", "A"))

    worked = work.run()

    assert (worked.counts, worked.fetched) == ({"scraped": 1}, True)


def test_without_the_lease_nothing_is_fetched(work: Work) -> None:
    work.send(work.site.page("/a", "A"))

    with pytest.raises(LeaseLostError, match="lease"):
        work.run(lease=0.0)

    assert work.site.visits == []
    assert list(work.deployment.data.keys("")) == [LOCK_KEY]


def test_what_there_is_no_time_for_is_deferred_and_not_spent(work: Work) -> None:
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    worked = work.run(time_left=0.0)

    assert work.site.visits == []
    assert worked.counts == {"deferred-out_of_time": 2, "children": 1}
    [child] = work.children()
    assert child == Batch(
        job="job-1",
        batch=child_id("00000-000000", 1),
        partition=OWN,
        hops=1,
        targets=(Target(work.site.url("/a"), 1), Target(work.site.url("/b"), 2)),
    )


def test_a_page_that_is_cut_off_by_the_deadline_is_deferred(work: Work) -> None:
    work.send(work.site.reply("/slow", 30.0), work.site.page("/a", "A"))

    worked = work.run(time_left=0.5)

    assert worked.counts == {"scraped": 1, "deferred-out_of_time": 1, "children": 1}


@pytest.mark.parametrize("receives", [1, CAREFUL_FROM])  # its pages are extracted elsewhere
def test_time_that_becomes_short_is_noticed(
    work: Work, monkeypatch: pytest.MonkeyPatch, receives: int
) -> None:
    """Who stops a local run does not wait until a batch of one slow host is through."""
    monkeypatch.setattr(batch_module, "TIME_SECONDS", 0)
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1))
    )
    # Large, so that neither its answer nor its extraction is there at once.
    large = work.site.page("/large", "x" * 1_000_000)
    work.send(work.site.page("/a", "A"), large, work.site.page("/b", "B"))
    left = [100.0]

    def hurry(path: str) -> None:
        if path == "/large":
            left[0] = 0.0

    work.site.on_visit = hurry

    worked = work.run(time_left=lambda: left[0], receives=receives)

    assert worked.counts == {"scraped": 2, "deferred-out_of_time": 1, "children": 1}
    work.process.stop()


def test_no_request_begins_once_the_time_is_over(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who stops a local run is told so; it is known when the next request is to begin."""
    monkeypatch.setattr(batch_module, "TIME_SECONDS", 100.0)
    fetch = FetchSpec(pause=0, robots="ignore", per_host=1)
    work.manifest = msgspec.structs.replace(work.manifest, spec=Spec(fetch=fetch))
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))
    left = [100.0]
    work.site.on_visit = lambda _path: left.__setitem__(0, 0.0)

    worked = work.run(time_left=lambda: left[0])

    assert worked.counts == {"scraped": 1, "deferred-out_of_time": 1, "children": 1}
    assert work.site.paths() == ["/a"]


def test_the_receipt_says_when_all_that_was_deferred_is_due(work: Work) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "600"})
    work.send(work.site.reply("/busy", busy), work.site.page("/a", "A"))

    work.run()

    last = max(outcome.not_before or 0 for outcome in work.outcomes())
    [receipt] = work.deployment.data.keys("jobs/job-1/receipts/")
    assert receipt_counts(receipt)["due"] == math.ceil(last) > time.time() + 500


def test_a_page_that_takes_longer_than_the_spec_allows_is_dead(work: Work) -> None:
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=Spec(fetch=FetchSpec(timeout=1, robots="ignore", attempts=1))
    )
    work.send(work.site.reply("/slow", 30.0))

    work.run()

    [outcome] = work.outcomes()
    assert (outcome.outcome, outcome.reason) == (Kind.DEAD, Reason.TIMEOUT)
    assert outcome.detail == "no complete answer within the time limit"


def moved(location: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


def test_redirects_inside_the_partition_are_followed(work: Work) -> None:
    work.site.page("/c", "C")
    work.send(work.site.reply("/a", moved("/b")))
    work.site.reply("/b", moved("c#part", 308))

    work.run()

    [outcome] = work.outcomes()
    assert outcome.outcome is Kind.SCRAPED
    assert outcome.final_url == work.site.url("/c")
    assert outcome.redirects == (work.site.url("/b"), work.site.url("/c"))


def test_a_redirect_to_another_owner_is_left_to_that_owner(work: Work) -> None:
    assert OWN != OTHER
    start = work.site.reply("/a", moved("http://other.example/b"))
    work.send(start)

    worked = work.run()

    assert worked.counts == {"deferred-redirected": 1, "children": 1}
    assert work.site.visits == [("127.0.0.1", "/a")]
    [child] = work.children()
    assert child.partition == OTHER
    assert child.targets == (Target(start, 1, 1, ("http://other.example/b",)),)


def test_the_owner_goes_on_where_the_redirect_led(work: Work) -> None:
    work.site.page("/b", "B")
    start = work.site.url("/a")
    target = Target(start, 4, 1, ("http://other.example/b",))
    work.send(partition=OTHER, batch="00000-000000-1", hops=1, targets=(target,))

    work.run()

    [outcome] = work.outcomes("00000-000000-1")
    assert work.site.visits == [("other.example", "/b")]
    assert (outcome.url, outcome.final_url, outcome.line) == (start, "http://other.example/b", 4)
    assert outcome.outcome is Kind.SCRAPED


def test_rules_on_the_host_of_another_owner_are_read_by_that_owner(work: Work) -> None:
    """The batch goes there and comes back; what it brings is in the state of that partition."""
    spec = msgspec.structs.replace(SPEC, fetch=FetchSpec(pause=0))
    work.manifest = msgspec.structs.replace(work.manifest, spec=spec)
    work.site.reply("/robots.txt", moved("http://other.example/robots.txt"))
    first = work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    work.run()
    [there] = work.children()
    assert (there.partition, len(there.targets)) == (OTHER, 2)
    assert work.site.visits == []

    work.site.robots("User-agent: *\nDisallow: /b")
    work.take(there)
    [back] = work.children()
    assert (back.partition, back.targets) == (OWN, first.targets)

    work.site.reply("/robots.txt", moved("http://other.example/robots.txt"))
    work.take(back)

    outcomes = work.outcomes(back.batch)
    assert [outcome.outcome for outcome in outcomes] == [Kind.SCRAPED, Kind.SKIPPED]
    assert [outcome.redirects for outcome in outcomes] == [(), ()]
    assert work.site.visits == [("127.0.0.1", "/a")]
    assert [entry.host for entry in work.site.log].count("other.example") == 1


POST = Target(
    "http://other.example/a",
    7,
    method="POST",
    headers={"Content-Type": "text/x", "X-Key": "k"},
    body="q",
    input={"id": 1},
)


@pytest.mark.parametrize(("status", "turned"), [(303, True), (308, False)])
def test_what_the_list_says_of_a_request_goes_with_it(
    work: Work, status: int, turned: bool
) -> None:
    """To the owner of the host that it is redirected to, and back to the list if it dies there."""
    work.site.reply("/a", moved("http://127.0.0.1/b", status))
    work.send(partition=OTHER, targets=(POST,))

    work.run()

    [outcome] = work.outcomes()
    assert outcome.method == ("GET" if turned else "POST")
    [child] = work.children()
    redirected = ("http://127.0.0.1/b",)
    assert child.targets == (msgspec.structs.replace(POST, redirects=redirected, turned=turned),)
    died = encode_line(msgspec.structs.replace(outcome, outcome=Kind.DEAD, reason=Reason.TIMEOUT))
    [letter] = dead_letters(child, {7: child.targets[0]}, decode_lines([died]), 8)
    assert letter.batch.targets == (POST,)


@pytest.mark.parametrize(
    ("replies", "detail"),
    [
        ({"/0": "/0"}, "redirects in a circle"),
        ({"/0": "/1", "/1": "/0"}, "redirects in a circle"),
        ({f"/{n}": f"/{n + 1}" for n in range(20)}, "more than 10 redirects"),
    ],
)
def test_redirects_without_end_are_a_failure(
    work: Work, replies: dict[str, str], detail: str
) -> None:
    for path, location in replies.items():
        work.site.reply(path, moved(location))
    work.send(work.site.url("/0"))

    work.run()

    [outcome] = work.outcomes()
    assert (outcome.outcome, outcome.reason) == (Kind.FAILED, Reason.TOO_MANY_REDIRECTS)
    assert detail in (outcome.detail or "")


def test_a_target_that_is_handed_on_for_ever_is_dead(work: Work) -> None:
    work.send(work.site.page("/a", "A"), hops=MAX_HOPS)

    worked = work.run(time_left=0)

    assert worked.counts == {"dead-too_many_hops": 1}
    assert work.children() == []


def test_no_more_requests_than_allowed_are_open_to_a_host(work: Work) -> None:
    urls = [work.site.page(f"/{n}", f"{n}") for n in range(30)]
    work.send(*urls)

    work.run()

    assert work.site.most_open <= SPEC.fetch.per_host
    assert {o.outcome for o in work.outcomes()} == {Kind.SCRAPED}


def test_the_user_agent_is_the_deployments(work: Work) -> None:
    work.send(work.site.page("/a", "A"))

    work.run()

    assert work.site.user_agents == {"test-bot/1.0 (+https://bot.example/)"}


def test_private_addresses_are_skipped_unless_allowed(work: Work) -> None:
    work.settings = WorkerSettings.from_env(
        work.deployment.worker_environment | {"ALLOW_PRIVATE_NETWORKS": "false"}
    )
    work.send(work.site.page("/a", "A"))

    worked = work.run()

    assert worked.counts == {"skipped-private_address": 1}
    assert work.site.visits == []


def test_what_died_goes_to_the_dead_letter_queue_by_reason(work: Work) -> None:
    """As the list has it: with all its attempts, and from the start."""
    work.manifest = one_attempt(work.manifest, timeout=3)
    broken = [work.site.reply(f"/{n}", web.Response(status=500)) for n in range(2)]
    slow = work.site.reply("/slow", 30.0)
    work.site.reply("/end", web.Response(status=500))
    moved_on = work.site.reply("/moved", moved("/end"))
    gone = work.site.url("/gone")
    work.send(*broken, slow, moved_on, gone)

    worked = work.run()

    assert worked.counts == {"dead-http_5xx": 3, "dead-timeout": 1, "failed-http_404": 1}
    assert work.children() == []
    letters = {letter.batch: letter for letter in work.dead_letters()}
    assert letters == {
        "00000-000000-r1": Batch(
            job="job-1",
            batch="00000-000000-r1",
            partition=OWN,
            died=Reason.HTTP_5XX,
            targets=(Target(broken[0], 1), Target(broken[1], 2), Target(moved_on, 4)),
        ),
        "00000-000000-r2": Batch(
            job="job-1",
            batch="00000-000000-r2",
            partition=OWN,
            died=Reason.TIMEOUT,
            targets=(Target(slow, 3),),
        ),
    }


def one_attempt(manifest: Manifest, *, timeout: float = 30) -> Manifest:
    fetch = msgspec.structs.replace(manifest.spec.fetch, attempts=1, timeout=timeout)
    return msgspec.structs.replace(manifest, spec=Spec(fetch=fetch))


def test_the_outcomes_of_a_redriven_batch_replace_the_dead_ones(work: Work) -> None:
    work.manifest = one_attempt(work.manifest)
    data = work.deployment.data
    data.put(manifest_key("job-1"), encode_manifest(work.manifest))
    data.put(dispatched_key("job-1", 0, batches=1, targets=3, rejected=0, duplicates=0), b"")
    work.send(work.site.page("/a", "A"), *(work.site.reply(f"/{n}", DOWN) for n in range(2)))
    work.run()
    assert work.deployment.ledger("job-1").final == {"scraped": 1, "dead-http_5xx": 2}
    assert work.deployment.ledger("job-1").complete

    work.site.page("/0", "0")
    work.take(*work.dead_letters())

    ledger = work.deployment.ledger("job-1")
    assert (ledger.final, ledger.complete) == ({"scraped": 2, "dead-http_5xx": 1}, True)

    work.site.page("/1", "1")
    [letter] = work.dead_letters()
    assert letter.batch == "00000-000000-r1-r1"
    work.take(letter)

    assert work.deployment.ledger("job-1").final == {"scraped": 3}


def test_a_dead_letter_that_is_delivered_twice_does_nothing_twice(work: Work) -> None:
    work.manifest = one_attempt(work.manifest)
    work.send(work.site.reply("/a", DOWN))
    work.run()
    work.again()
    first, second = work.dead_letters()
    assert first == second
    visits = len(work.site.visits)

    work.take(first)
    keys = list(work.deployment.data.keys(""))
    work.take(second)

    assert len(work.site.visits) == visits + 1
    assert list(work.deployment.data.keys("")) == keys


def test_a_batch_is_not_concluded_with_the_lines_of_another(work: Work) -> None:
    work.send(work.site.page("/a", "A"))
    work.run()
    assert work.batch is not None
    [target] = work.batch.targets
    work.batch = msgspec.structs.replace(work.batch, targets=(Target(target.url, 2),))

    with pytest.raises(StorageError, match="not about its targets"):
        work.again()


def test_of_two_targets_with_one_line_none_is_lost_in_silence(work: Work) -> None:
    urls = work.site.page("/a", "A"), work.site.page("/b", "B")
    work.send("", targets=tuple(Target(url, 1) for url in urls))

    with pytest.raises(StorageError, match="not about its targets"):
        work.run()


def test_of_a_cancelled_job_nothing_is_fetched(work: Work) -> None:
    work.deployment.data.put(cancelled_key("job-1"), b"")
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    worked = work.run()

    assert worked.counts == {"skipped-cancelled": 2}
    assert work.site.log == []
    assert work.children() == []


def test_a_job_that_is_cancelled_while_it_is_fetched_is_left(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop_module, "CANCEL_SECONDS", 0.05)
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=Spec(fetch=FetchSpec(pause=0, robots="ignore", per_host=1, timeout=50))
    )
    work.send(work.site.page("/a", "A"), work.site.reply("/slow", 60.0), work.site.page("/b", "B"))

    def cancel(path: str) -> None:
        if path == "/slow":
            work.deployment.data.put(cancelled_key("job-1"), b"")

    work.site.on_visit = cancel

    worked = work.run(time_left=100)

    assert worked.counts == {"scraped": 1, "skipped-cancelled": 2}
    assert work.site.paths() == ["/a", "/slow"]


# ---- what is wrong for good


def gone(job: str) -> Manifest:
    raise InvalidJobError(f"job {job} has no manifest; was its folder deleted?")


def with_fetch(manifest: Manifest, **fetch: Any) -> Manifest:
    return msgspec.structs.replace(
        manifest, spec=Spec(fetch=msgspec.structs.replace(SPEC.fetch, **fetch))
    )


def refuse_secret(*_: object) -> None:
    raise InvalidJobError("acme/proxies holds no proxies")


@pytest.mark.parametrize("wrong", ["manifest", "spec", "secret"])
def test_a_job_that_is_wrong_for_good_is_an_outcome_of_its_targets(
    work: Work, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """A message that fails holds up its partition, and all other jobs with it."""
    if wrong == "manifest":
        work.read_manifest, said = gone, "was its folder deleted?"
    elif wrong == "spec":
        field, said = FieldSpec(css="h1:nonsense("), "extract.fields.a"
        spec = Spec(fetch=SPEC.fetch, extract=ExtractSpec(fields={"a": field}))
        work.manifest = msgspec.structs.replace(work.manifest, spec=spec)
    else:
        monkeypatch.setattr(secrets_module, "proxy_tiers", refuse_secret)
        proxies = ProxySpec(secret=SecretName(secrets_manager="acme/proxies"))
        work.manifest = with_fetch(work.manifest, proxies=proxies)
        said = "fetch.proxies: acme/proxies holds no proxies"
    batch = work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    worked = work.run()

    assert worked.counts == {"dead-bad_job": 2}
    assert work.site.visits == []
    assert all(said in (outcome.detail or "") for outcome in work.outcomes())
    [letter] = work.dead_letters()
    assert (letter.died, letter.targets) == (Reason.BAD_JOB, batch.targets)
    assert state_key(OWN) not in work.deployment.data.keys("state/")


TOKEN = SecretSpec(secret=SecretName(ssm="/acme/token"), for_="127.0.0.1", prefix="Bearer ")


def test_a_header_that_is_not_there_is_an_outcome_of_the_targets(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets_module, "read_secret", refuse_secret)
    work.manifest = with_fetch(work.manifest, headers={"Authorization": TOKEN})
    work.send(work.site.page("/a", "A"))

    assert work.run().counts == {"dead-bad_job": 1}
    assert work.site.visits == []
    [outcome] = work.outcomes()
    assert "fetch.headers.Authorization: acme/proxies holds no proxies" in (outcome.detail or "")


def test_a_secret_is_in_no_object_and_no_message(
    work: Work, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(secrets_module, "read_secret", lambda _name: "hunter2")
    work.manifest = with_fetch(work.manifest, headers={"Authorization": TOKEN}, attempts=1)
    site, deployment = work.site, work.deployment
    site.reply("/broken", web.Response(status=500))
    site.reply("/away", web.Response(status=302, headers={"Location": "http://other.example/"}))
    work.send(site.page("/a", "A"), *map(site.url, ["/broken", "/away", "/gone"]))

    work.run()

    assert [head["Authorization"] for head in site.headers] == ["Bearer hunter2"] * 4
    everything = [deployment.data.get(key) or b"" for key in deployment.data.keys("")]
    everything = [gzip.decompress(b) if b.startswith(b"\x1f\x8b") else b for b in everything]
    queues = deployment.dispatch_queue_url, deployment.dead_letter_queue_url
    messages = [record["body"] for queue in queues for record in deployment.received(queue)]
    assert len(messages) == 2
    assert len(everything) >= 3
    assert "hunter2" not in f"{everything}{messages}{capfd.readouterr()}"


def test_a_redrive_brings_back_what_a_bad_job_has_left(work: Work) -> None:
    work.read_manifest = gone
    work.send(work.site.page("/a", "A"))
    work.run()
    data = work.deployment.data
    data.put(manifest_key("job-1"), encode_manifest(work.manifest))
    data.put(dispatched_key("job-1", 0, batches=1, targets=1, rejected=0, duplicates=0), b"")

    work.read_manifest = lambda _: work.manifest
    work.take(*work.dead_letters())

    assert work.deployment.ledger("job-1").final == {"scraped": 1}


def test_a_letter_of_a_job_that_is_gone_goes_to_the_owner_of_its_host(work: Work) -> None:
    """The release says who owns a host, not the job."""
    work.read_manifest = gone
    target = Target(work.site.url("/a"), 4, 2, ("http://other.example/b",))
    work.send(partition=OTHER, batch="00000-000000-1", hops=1, targets=(target,))

    work.run()

    [letter] = work.dead_letters()
    assert letter.partition == OWN
    assert letter.targets == (Target(target.url, target.line),)


def test_what_another_release_has_put_into_this_group_is_handed_to_its_owner(work: Work) -> None:
    """Its hosts have another partition by now, and only one worker may talk to a host."""
    work.site.page("/b", "B")
    urls = work.site.page("/a", "A"), "http://other.example/b", work.site.page("/c", "C")
    work.send(*urls, partition=OTHER)

    work.run()

    assert work.site.visits == [("other.example", "/b")]
    [child] = work.children()
    assert (child.partition, child.batch) == (OWN, "00000-000000-1")
    assert [(target.line, target.attempt) for target in child.targets] == [(1, 1), (3, 1)]


def test_nothing_is_fetched_while_the_lock_changes_hands(work: Work) -> None:
    """The message stays where it is, hidden for as long as a worker of the former lock may live."""
    lock = Lock(name=lock_name(999), since=0.0)
    work.deployment.data.put(LOCK_KEY, encode_lock(lock))
    work.send(work.site.page("/a", "A"))

    with pytest.raises(StorageError, match="the lock of the fleet changes hands") as caught:
        work.run()

    assert FENCE_SECONDS - 5 < caught.value.wait <= FENCE_SECONDS
    assert work.site.visits == []
    assert list(work.deployment.data.keys("results/")) == []


def test_of_a_cancelled_job_that_is_wrong_nothing_is_dead(work: Work) -> None:
    work.deployment.data.put(cancelled_key("job-1"), b"")
    work.read_manifest = gone
    work.send(work.site.page("/a", "A"))

    assert work.run().counts == {"skipped-cancelled": 1}


def test_a_secret_is_read_before_a_page_is_fetched(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later(*_: object) -> None:
        raise StorageError("the secret cannot be read: slow down")

    monkeypatch.setattr(secrets_module, "proxy_tiers", later)
    proxies = ProxySpec(secret=SecretName(secrets_manager="acme/proxies"))
    work.manifest = with_fetch(work.manifest, proxies=proxies)
    work.send(work.site.page("/a", "A"))

    with pytest.raises(StorageError, match="slow down"):
        work.run()

    assert work.site.visits == []


# ---- batches that come again and again


def test_a_batch_that_nobody_brings_to_an_end_is_given_up(work: Work) -> None:
    batch = work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    worked = work.run(receives=UNFETCHED_FROM)

    assert worked.counts == {"dead-worker_died": 2}
    assert work.site.visits == []
    [letter] = work.dead_letters()
    assert (letter.died, letter.targets) == (Reason.WORKER_DIED, batch.targets)
    assert UNFETCHED_FROM == 8


def test_a_batch_that_is_committed_is_not_given_up(work: Work) -> None:
    work.send(work.site.page("/a", "A"))
    work.run()
    name = "delivery"
    assert work.batch is not None
    work.deployment.work_queue.send([Message(encode(work.batch), group=name, identity=name)])

    assert work.run(receives=UNFETCHED_FROM).counts == {"scraped": 1}


def fails(*_: object, **__: object) -> None:
    raise StorageError("S3 is full")


# ---- the state of the partition


def test_a_state_that_cannot_be_written_costs_no_page(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is committed, and whoever is next comes after the longest pause."""
    work.manifest = with_fetch(work.manifest, pause=1_000, max_idle=0)
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))
    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put_over", fails)
        with pytest.raises(StorageError, match="S3 is full") as raised:
            work.run()

    assert 500 <= raised.value.wait <= 1_500
    worked = work.again()
    assert worked.counts == {"scraped": 1, "deferred-host_busy": 1, "children": 1}
    assert len(work.site.visits) == 1


@pytest.mark.parametrize("point", ["commit", "conclude"])
def test_a_batch_that_comes_back_soon_keeps_the_pauses(
    work: Work, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """It is hidden for 5 s, and a pause may be longer."""
    work.manifest = with_fetch(work.manifest, pause=18, max_idle=0)
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))
    with monkeypatch.context() as patch:
        patch.setattr(work_module, point, fails)
        with pytest.raises(StorageError, match="S3 is full"):
            work.run()
    assert len(work.site.visits) == 1

    assert work.batch is not None
    work.take(work.batch, msgspec.structs.replace(work.batch, batch="00000-000001"))

    assert len(work.site.visits) == 1


def test_a_batch_that_comes_back_soon_waits_for_pauses_that_nobody_knows(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.manifest = with_fetch(work.manifest, pause=1_000, max_idle=0)
    work.send(work.site.page("/a", "A"))
    monkeypatch.setattr(work_module, "commit", fails)
    monkeypatch.setattr(Bucket, "put_over", fails)

    with pytest.raises(StorageError) as raised:
        work.run()

    assert 500 <= raised.value.wait <= 1_500


def test_a_long_pause_is_known_to_all_before_the_batch_is_done(work: Work) -> None:
    """Its worker may die, and its lease end before the pause does."""
    busy = web.Response(status=429, headers={"Retry-After": "600"})
    work.send(
        work.site.reply("/busy", busy),
        work.site.reply("/slow", 30.0),
    )
    work.manifest = with_fetch(work.manifest, per_host=2, timeout=30)
    seen: list[float] = []

    def look() -> float:
        found = work.deployment.data.get(state_key(OWN))
        if found is None:
            return 60.0
        seen.append(decode_state(found).hosts["127.0.0.1"].cool_until)
        return 0.0  # that will do

    work.run(time_left=look)

    assert seen[0] > time.time() + 500
    assert work.outcomes() != []


def test_of_two_workers_none_forgets_what_the_other_knows(work: Work) -> None:
    """One of them has lost the lease while it fetched."""
    now = time.time()
    theirs = {
        "127.0.0.1": HostState(cool_until=now + 900, updated_at=now - 5),
        "other.example": HostState(next_at=now + 700, updated_at=now - 5),
    }
    body = encode_state(PartitionState(hosts=theirs), now)

    def meanwhile(_path: str) -> None:
        work.deployment.data.put(state_key(OWN), body)

    work.site.on_visit = meanwhile
    work.send(work.site.page("/a", "A"))

    work.run()

    found = work.deployment.data.get(state_key(OWN))
    hosts = decode_state(found).hosts
    assert hosts["127.0.0.1"].cool_until == now + 900
    assert hosts["127.0.0.1"].updated_at > now
    assert hosts["other.example"] == theirs["other.example"]


# ---- memory


def test_outcomes_that_would_take_too_much_memory_are_left_to_a_later_batch(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = bounds_of(work.settings)._replace(outcomes=300_000)
    monkeypatch.setattr(workshop_module, "bounds_of", lambda _settings: bounds)
    noise = Random(1)  # which no compression makes much shorter

    def page(number: int) -> str:
        text = "".join(f"<p>{noise.randbytes(40_000).hex()}" for _ in range(5))
        return work.site.reply(f"/{number}", web.Response(text=text, content_type="text/html"))

    pages = [page(number) for number in range(8)]
    texts = FieldSpec(css="p", many=True)
    spec = Spec(fetch=SPEC.fetch, extract=ExtractSpec(fields={"texts": texts}))
    work.manifest = msgspec.structs.replace(work.manifest, spec=spec)
    work.send(*pages)

    first = work.run()

    assert first.counts["scraped"] == 2
    assert first.counts["deferred-out_of_room"] == 6
    assert first.counts["children"] == 1
    rounds = 0
    while children := work.children():
        work.take(*children)
        rounds += 1
    assert rounds == 3
    receipts = work.deployment.data.keys("jobs/job-1/receipts/")
    assert sum(receipt_counts(key)["scraped"] for key in receipts) == 8


def test_a_cancel_look_without_an_answer_does_not_hold_up_the_commit(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop_module, "CANCEL_SECONDS", 0.01)
    looking, ended = threading.Event(), threading.Event()
    get = Bucket.get

    def get_or_hang(bucket: Bucket, key: str) -> bytes | None:
        if key == cancelled_key("job-1") and threading.current_thread().name == "cancelled_0":
            looking.set()
            ended.wait(60)
        return get(bucket, key)

    def wait_for_the_look(_path: str) -> None:
        assert looking.wait(60)

    monkeypatch.setattr(Bucket, "get", get_or_hang)
    work.site.on_visit = wait_for_the_look
    work.send(work.site.page("/a", "A"), work.site.reply("/b", 0.3, web.Response(text="b")))

    work.run()

    assert not ended.is_set()
    ended.set()

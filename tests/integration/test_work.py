"""The worker's protocol against a real website and a real S3 and SQS API."""

import gzip
import re
import time
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.commit as commit_module
import functions.worker.work as work_module
from functions.worker.commit import OutcomeFile
from functions.worker.scrape import MAX_HOPS
from functions.worker.work import COMMIT_SECONDS, LEASE_MARGIN, Worked, work_on
from shared.errors import Reason, StorageError
from shared.jobs import Manifest, child_id, receipt_key, results_key
from shared.messages import Batch, Defer, Target, decode_dispatch, encode
from shared.outcomes import Kind, Outcome
from shared.queue import Message, Queue
from shared.settings import WorkerSettings
from shared.spec import FetchSpec, Spec
from shared.store import Bucket
from shared.urls import partition_of
from tests.cloud import Deployment
from tests.site import Site

PARTITIONS = 16
OWN = partition_of("127.0.0.1", PARTITIONS)
OTHER = partition_of("other.example", PARTITIONS)
SPEC = Spec(
    fetch=FetchSpec(timeout=5, max_bytes=100_000, pause=0, robots="ignore", wait_initial=0.1)
)


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
        self.batch: Batch | None = None

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

    def receive(self) -> str:
        [record] = self.deployment.receive(self.deployment.work_queue_url)
        handle: str = record["receiptHandle"]
        return handle

    def run(self, *, time_left: float = 60.0, handle: str | None = None) -> Worked:
        assert self.batch is not None
        return work_on(
            self.batch,
            handle or self.receive(),
            settings=self.settings,
            manifest=lambda _: self.manifest,
            data=self.deployment.data,
            work_queue=self.deployment.work_queue,
            dispatch_queue=self.deployment.dispatch_queue,
            time_left=time_left,
            clock=time.time,
            rng=Random(0),
        )

    def again(self) -> Worked:
        """Work on the batch as after a redelivery."""
        self.deployment.sqs.purge_queue(QueueUrl=self.deployment.work_queue_url)
        assert self.batch is not None
        self.deployment.work_queue.send(
            [Message(encode(self.batch), group=self.batch.group, identity="again")]
        )
        return self.run()

    def outcomes(self, batch: str = "00000-000000") -> list[Outcome]:
        body = self.deployment.data.get(results_key("job-1", batch))
        assert body is not None
        lines = gzip.decompress(body).splitlines()
        return sorted(
            (msgspec.json.decode(line, type=Outcome) for line in lines), key=lambda o: o.line
        )

    def children(self) -> list[Batch]:
        records = self.deployment.received(self.deployment.dispatch_queue_url)
        messages = [decode_dispatch(record["body"])[0] for record in records]
        return [message.batch for message in messages if isinstance(message, Defer)]


@pytest.fixture
def work(deployment: Deployment, site: Site) -> Work:
    return Work(deployment, site)


def test_a_batch_becomes_one_object_with_an_outcome_for_each_target(work: Work) -> None:
    work.send(work.site.page("/a", "Page A"), work.site.url("/gone"))

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
    key = receipt_key("job-1", "00000-000000", worked.counts)
    assert work.deployment.data.get(key) == b""


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


def test_a_competitors_commit_counts(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers have the batch since a lease ran out: the second follows the first."""
    work.send(work.site.page("/a", "A"))
    competitor = OutcomeFile()
    outcome = {"url": work.site.url("/a"), "line": 1, "final_url": None, "attempt": 1}
    competitor.add(
        Outcome(**outcome, outcome=Kind.FAILED, reason=Reason.TLS, fetched_at="", elapsed_ms=0)  # type: ignore[arg-type]
    )
    body = competitor.close()
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

    with pytest.raises(StorageError, match="lease"):
        work.run(handle="of somebody else")

    assert work.site.visits == []
    assert list(work.deployment.data.keys("")) == []


def test_the_lease_outlasts_the_invocation(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    leases: list[int] = []
    monkeypatch.setattr(Queue, "renew", lambda _self, _handle, seconds: leases.append(seconds))
    work.send(work.site.page("/a", "A"))

    work.run(time_left=97.6)

    assert leases == [98 + LEASE_MARGIN]


def test_what_there_is_no_time_for_is_deferred_and_not_spent(work: Work) -> None:
    work.send(work.site.page("/a", "A"), work.site.page("/b", "B"))

    worked = work.run(time_left=COMMIT_SECONDS)

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

    worked = work.run(time_left=COMMIT_SECONDS + 0.5)

    assert worked.counts == {"scraped": 1, "deferred-out_of_time": 1, "children": 1}


def test_a_page_that_takes_longer_than_the_spec_allows_has_failed(work: Work) -> None:
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=Spec(fetch=FetchSpec(timeout=1, robots="ignore", attempts=1))
    )
    work.send(work.site.reply("/slow", 30.0))

    work.run()

    [outcome] = work.outcomes()
    assert (outcome.outcome, outcome.reason) == (Kind.FAILED, Reason.TIMEOUT)
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


def test_a_target_that_is_handed_on_for_ever_has_failed(work: Work) -> None:
    work.send(work.site.page("/a", "A"), hops=MAX_HOPS)

    worked = work.run(time_left=0)

    assert worked.counts == {"failed-too_many_hops": 1}
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

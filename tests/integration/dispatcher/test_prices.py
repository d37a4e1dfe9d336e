"""What the functions really ask of S3 and SQS, against what the cost model says they do."""

import time
from collections import Counter
from typing import Any

import boto3
import pytest

import functions.dispatcher.handler as dispatcher_module
import functions.worker.deployment as deployment_module
import functions.worker.handler as worker_module
import shared.queue
import shared.store
from functions.dispatcher import prices
from functions.worker.capacity import Capacity
from shared.ids import batch_id
from shared.keys import manifest_key, summary_key
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Defer, Place, Shard, Target, Tick, encode
from shared.queue import Message
from shared.receipts import dispatched_key, receipt_key
from shared.spec import FetchSpec, Spec
from shared.urls import parse_url, partition_of
from shared.wakes import Wakes
from tests.cloud import Deployment
from tests.site import Site

JOB = "job-1"
LAMBDAS_LINES = 700  # bytes of platform.start and platform.report


class Context:
    function_name = "scatterfetch-WorkerFunction-AbCdEfGhIjKl"
    memory_limit_in_mb = 1024
    invoked_function_arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function_name}"
    aws_request_id = "5d1c3d7c-c8a4-4d4d-a6a1-7a4d4a9d8e0f"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


class Meter:
    """Invokes the functions and counts their calls, by kind: s3_writes, fifo, ..."""

    def __init__(self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
        self._deployment = deployment
        self.calls: Counter[str] = Counter()
        environment = deployment.dispatcher_environment | deployment.worker_environment
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # Clients of their own, so that the test's calls do not count.
        endpoint = deployment.s3.meta.endpoint_url
        s3 = boto3.client("s3", endpoint_url=endpoint)
        sqs = boto3.client("sqs", endpoint_url=endpoint)
        monkeypatch.setattr(shared.store, "s3_client", lambda: s3)
        monkeypatch.setattr(shared.queue, "sqs_client", lambda: sqs)
        s3.meta.events.register("provide-client-params.s3.*", self._count_s3)
        sqs.meta.events.register("provide-client-params.sqs.*", self._count_sqs)

    def _count_s3(self, model: Any, **_: Any) -> None:
        read = model.name.startswith(("Get", "Head"))
        self.calls["s3_reads" if read else "s3_writes"] += 1

    def _count_sqs(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "ReceiveMessage":  # how many are empty is a matter of time
            return
        self.calls["fifo" if params["QueueUrl"].endswith(".fifo") else "standard"] += 1

    def invoke(self, module: Any, *records: dict[str, Any]) -> Counter[str]:
        self.calls.clear()
        deployment_module._manifest.cache_clear()
        assert module.handler({"Records": records}, Context()) == {"batchItemFailures": []}
        return Counter(self.calls)


@pytest.fixture
def meter(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Meter:
    return Meter(deployment, monkeypatch)


def start_job(deployment: Deployment, **facts: Any) -> None:
    fetch = FetchSpec(pause=0, per_host=10, wait_initial=0.1)
    manifest = Manifest(
        job=JOB, spec=Spec(fetch=fetch), partitions=16, batch_size=100, created_at="now", **facts
    )
    deployment.data.put(manifest_key(JOB), encode_manifest(manifest))


def batch_of(*urls: str) -> Batch:
    targets = tuple(Target(url, line) for line, url in enumerate(urls, start=1))
    partition = partition_of(parse_url(urls[0]).host, 16)  # of tests.cloud
    return Batch(job=JOB, batch="00000-000000", partition=partition, targets=targets)


def wake(deployment: Deployment) -> dict[str, Any]:
    """Return the record of a wake."""
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(16))))
    Wakes(deployment.wake_queue, workers=1).for_one()
    [record] = deployment.receive(deployment.wake_queue_url)
    return record


def test_a_batch_costs_the_calls_of_the_model(
    deployment: Deployment, meter: Meter, site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    start_job(deployment)
    batch = batch_of(*(site.page(f"/{n}", "T") for n in range(100)))
    deployment.work_queue.send([Message(encode(batch), group="1", identity="1")])
    capfd.readouterr()

    calls = meter.invoke(worker_module, wake(deployment))

    received_or_renewed = 1  # the share of a batch
    # The fleet's lock is looked at once a minute, and not for each batch.
    assert calls == {
        "s3_writes": prices.BATCH_WRITES,
        "s3_reads": prices.BATCH_READS + prices.SANDBOX_READS + 1,
        "fifo": prices.BATCH_CALLS - received_or_renewed,
    }
    written = len("".join(capfd.readouterr())) + LAMBDAS_LINES
    assert prices.INVOCATION_LOG_BYTES / 2 < written <= prices.INVOCATION_LOG_BYTES
    head = sum(len(name) + len(value) + 4 for name, value in site.headers[-1].items())
    assert head + len("GET / HTTP/1.1\r\n\r\n") <= prices.PAGE_SENT_BYTES


def test_deferred_targets_cost_a_call_and_their_way_back(
    deployment: Deployment, meter: Meter, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a machine that others load it may seem full, and call another.
    monkeypatch.setattr(Capacity, "is_full", lambda *_: False)
    start_job(deployment)
    site.robots("no", status=500)  # all are deferred for an hour
    batch = batch_of(*(site.url(f"/{n}") for n in range(10)))
    deployment.work_queue.send([Message(encode(batch), group="1", identity="1")])
    record = wake(deployment)

    handed_back = meter.invoke(worker_module, record)
    child = encode(Defer(batch=batch, not_before=time.time() - 1))
    forwarded = meter.invoke(dispatcher_module, {**record, "body": child})

    assert handed_back["standard"] == 1
    lambdas = 2  # it receives and deletes the wake
    assert forwarded == {"fifo": 1, "standard": prices.WAKE_CALLS - lambdas}


def test_deferred_targets_that_come_together_call_one_worker(
    deployment: Deployment, meter: Meter
) -> None:
    start_job(deployment)
    batch = batch_of("http://a.example/")
    child = encode(Defer(batch=batch, not_before=time.time() - 1))
    record = {"messageId": "m", "receiptHandle": "r", "body": child}

    calls = [meter.invoke(dispatcher_module, record)["standard"] for _ in range(4)]

    assert calls == [1, 0, 0, 0]  # for all that come in the next seconds


def test_a_part_of_a_list_costs_the_calls_of_the_model(
    deployment: Deployment, meter: Meter
) -> None:
    body = b"".join(b"http://h%d.example/\n" % n for n in range(1_000))
    deployment.upload("books/list.txt", body)
    etag = deployment.s3.head_object(Bucket=deployment.input_bucket, Key="books/list.txt")["ETag"]
    start_job(
        deployment,
        source=Place(deployment.input_bucket, "books/list.txt"),
        size=len(body),
        etag=etag,
    )
    record = {"messageId": "m", "receiptHandle": "r", "body": encode(Shard(job=JOB))}

    calls = meter.invoke(dispatcher_module, record)

    messages = len(deployment.received(deployment.work_queue_url))
    assert calls == {
        "s3_writes": prices.DISPATCH_WRITES,
        "s3_reads": prices.DISPATCH_READS,
        "fifo": -(-messages // 10),
        "standard": 1,  # wakes for 16 partitions
    }


def test_the_end_of_a_job_costs_a_call_for_each_batch(
    deployment: Deployment, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "announce", lambda *_: None)
    start_job(deployment)
    dispatched = dispatched_key(JOB, 0, batches=9, targets=9, rejected=0, duplicates=0)
    deployment.data.put(dispatched, b"")
    for number in range(9):
        deployment.data.put(receipt_key(JOB, batch_id(0, number), {"scraped": 1}), b"")
    record = {"messageId": "m", "receiptHandle": "r", "body": encode(Tick(job=JOB))}

    calls = meter.invoke(dispatcher_module, record)

    assert deployment.data.get(summary_key(JOB)) is not None
    before = 2  # the manifest, and what an earlier look may have summed up
    assert calls["s3_reads"] == before + 9 * prices.CLOSE_READS

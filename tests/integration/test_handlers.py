"""Both handlers on every sample event, as Lambda calls them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber

import functions.dispatcher.events
import functions.dispatcher.handler as dispatcher_module
import functions.worker.handler as worker_module
import functions.worker.work
import functions.worker.worker
import shared.queue
import shared.store
from functions.dispatcher.dispatch import Dispatcher
from functions.dispatcher.events import announce
from functions.worker.bounds import bounds_of
from functions.worker.extraction.extractor import extraction_process
from functions.worker.politeness.pause import LONG_PAUSE
from functions.worker.work import CAREFUL_FROM
from shared.errors import InvalidJobError, StorageError
from shared.keys import manifest_key, results_prefix
from shared.lock import PARTITIONS
from shared.manifest import Manifest, encode_manifest
from shared.messages import (
    Batch,
    Defer,
    Shard,
    Submit,
    Target,
    Tick,
    decode_batch,
    decode_dispatch,
    encode,
)
from shared.queue import Message
from shared.receipts import dispatched_key, receipt_key
from shared.spec import Spec
from shared.urls import partition_of
from tests import ROOT
from tests.cloud import Deployment
from tests.site import Site

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

EVENTS = ROOT / "events"

OWN = partition_of("127.0.0.1", 16)  # of tests.cloud


class Context:
    """What of Lambda's context the handlers use."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "request-1"

    def __init__(self, seconds: float = 120.0) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@pytest.fixture(autouse=True)
def _environment(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (deployment.dispatcher_environment | deployment.worker_environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(functions.worker.worker, "_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(shared.store, "s3_client", lambda: deployment.s3)
    monkeypatch.setattr(shared.queue, "sqs_client", lambda: deployment.sqs)


def event(name: str, deployment: Deployment) -> dict[str, Any]:
    """Return a sample event, its bucket being the deployment's."""
    text = (EVENTS / f"{name}.json").read_text()
    text = text.replace("scatterfetch-input", deployment.input_bucket)
    return cast("dict[str, Any]", json.loads(text))


def invoke(module: Any, sample: dict[str, Any], seconds: float = 120.0) -> list[str]:
    """Return the ids of the messages that failed."""
    answer = module.handler(sample, cast("LambdaContext", Context(seconds)))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def dispatch_queue(deployment: Deployment) -> list[Any]:
    records = deployment.received(deployment.dispatch_queue_url)
    return [message for record in records for message in decode_dispatch(record["body"])]


@pytest.mark.parametrize("path", sorted(EVENTS.glob("dispatcher_*.json")), ids=lambda p: p.stem)
def test_the_dispatcher_takes_every_sample_event(path: Path, deployment: Deployment) -> None:
    failed = invoke(dispatcher_module, event(path.stem, deployment))

    poison = "poison" in path.stem or "shard" in path.stem  # the shard's job is not there
    assert len(failed) == (1 if poison else 0)


@pytest.mark.parametrize("path", sorted(EVENTS.glob("worker_*.json")), ids=lambda p: p.stem)
def test_the_worker_takes_every_sample_event(path: Path, deployment: Deployment) -> None:
    """They fail, one by one: the queue does not know their receipt handles."""
    sample = event(path.stem, deployment)

    assert invoke(worker_module, sample) == [r["messageId"] for r in sample["Records"]]


def test_an_uploaded_list_is_dispatched(deployment: Deployment) -> None:
    sample = event("dispatcher_list_uploaded", deployment)
    key = decode_dispatch(sample["Records"][0]["body"])[0].place.key  # type: ignore[union-attr]
    deployment.upload(key, b"http://a.example/\nhttp://b.example/\n")

    assert invoke(dispatcher_module, sample) == []
    [shard] = dispatch_queue(deployment)
    assert isinstance(shard, Shard)
    records = [{**sample["Records"][0], "body": encode(shard)}]
    assert invoke(dispatcher_module, {"Records": records}) == []

    batches = [decode_batch(r["body"]) for r in deployment.received(deployment.work_queue_url)]
    assert sum(len(batch.targets) for batch in batches) == 2


def test_poison_does_not_hold_up_the_other_messages(deployment: Deployment) -> None:
    sample = event("dispatcher_one_poison_message", deployment)

    failed = invoke(dispatcher_module, sample)

    assert len(failed) == 1
    assert failed[0] in {record["messageId"] for record in sample["Records"]}
    assert (
        len(list(deployment.data.keys("jobs/")))
        + len(deployment.received(deployment.work_queue_url))
        >= 2
    )


def test_a_mistake_of_ours_does_not_hold_up_the_other_messages(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = event("dispatcher_deferred_batch", deployment)
    [defer] = decode_dispatch(sample["Records"][0]["body"])

    def stumble(*_: object, **__: object) -> None:
        raise IndexError

    monkeypatch.setattr(Dispatcher, "start", stumble)
    monkeypatch.setattr(Dispatcher, "dispatch", stumble)
    start, shard = Submit(urls=("http://a.example/",)), Shard(job="nobody")

    failed = invoke(dispatcher_module, event_of(start, shard, defer))

    assert failed == ["m0", "m1"]
    assert len(deployment.received(deployment.work_queue_url)) == 1


def event_of(*messages: Any) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": f"m{n}", "receiptHandle": "r", "body": encode(message)}
            for n, message in enumerate(messages)
        ]
    }


def test_small_messages_come_first_and_lists_wait_when_time_is_short(
    deployment: Deployment,
) -> None:
    sample = event("dispatcher_deferred_batch", deployment)
    [defer] = decode_dispatch(sample["Records"][0]["body"])
    assert isinstance(defer, Defer)
    first, second = Shard(job="nobody-1"), Shard(job="nobody-2")

    failed = invoke(dispatcher_module, event_of(first, second, defer), seconds=30)

    assert failed == ["m0"]  # tried, since an invocation must get somewhere; there is no such job
    assert dispatch_queue(deployment) == [second]
    assert len(deployment.received(deployment.work_queue_url)) == 1


def test_the_worker_brings_a_message_to_its_receipt(deployment: Deployment, site: Site) -> None:
    sample = event("worker_one_batch", deployment)
    batch = decode_batch(sample["Records"][0]["body"])
    manifest = Manifest(job=batch.job, spec=Spec(), partitions=16, batch_size=10, created_at="now")
    deployment.data.put(manifest_key(batch.job), encode_manifest(manifest))
    body = sample["Records"][0]["body"]
    assert batch.partition == partition_of("books.example", PARTITIONS)
    body = body.replace(f'"partition":{batch.partition}', f'"partition":{OWN}')
    for target in batch.targets:
        body = body.replace(json.dumps(target.url), json.dumps(site.page(f"/{target.line}", "T")))
    deployment.work_queue.send([Message(body, group="1", identity="1")])

    failed = invoke(worker_module, {"Records": deployment.receive(deployment.work_queue_url)})

    assert failed == []
    counts = deployment.ledger(batch.job).final
    assert sum(counts.values()) == len(batch.targets)


@pytest.mark.parametrize("count", [2, 3])
def test_the_worker_knows_a_message_that_was_delivered_before(
    deployment: Deployment, site: Site, count: int
) -> None:
    manifest = Manifest(job="j-1", spec=Spec(), partitions=1, batch_size=9, created_at="now")
    deployment.data.put(manifest_key("j-1"), encode_manifest(manifest))
    batch = Batch(
        job="j-1",
        batch="00000-000000",
        partition=OWN,
        targets=(Target(site.page("/a", "A"), 1),),
    )
    deployment.work_queue.send([Message(encode(batch), group="0", identity="1")])
    for number in range(count):
        [record] = deployment.receive(deployment.work_queue_url)
        if number + 1 == count:
            break
        deployment.sqs.change_message_visibility(
            QueueUrl=deployment.work_queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=0,
        )

    assert invoke(worker_module, {"Records": [record]}) == []
    process = extraction_process(bounds_of(deployment.worker_settings).page)
    assert process.is_running == (count == CAREFUL_FROM)
    process.stop()


def test_a_batch_of_no_job_holds_nobody_up(deployment: Deployment) -> None:
    sample = event("worker_one_batch", deployment)
    batch = decode_batch(sample["Records"][0]["body"].replace('"job":"', '"job":"not-'))
    deployment.work_queue.send([Message(encode(batch), group="1", identity="1")])

    failed = invoke(worker_module, {"Records": deployment.receive(deployment.work_queue_url)})

    assert failed == []
    assert list(deployment.data.keys(results_prefix(batch.job))) != []


@pytest.mark.parametrize("body", ["hello", '{"type":"batch.v9"}', '{"type":"batch.v1"}', "[]"])
def test_what_is_no_batch_holds_up_its_partition_for_no_time(
    deployment: Deployment, body: str
) -> None:
    """It cannot become an outcome, but it was soon received as often as it may be."""
    deployment.work_queue.send([Message(body, group="1", identity="1")])
    records = deployment.receive(deployment.work_queue_url)

    assert invoke(worker_module, {"Records": records}) == [records[0]["messageId"]]

    assert len(deployment.received(deployment.work_dlq_url)) == 1


def test_a_mistake_of_ours_holds_up_its_partition_for_seconds(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise IndexError

    hidden: list[int] = []
    monkeypatch.setattr(functions.worker.work, "committed", stumble)
    monkeypatch.setattr(
        shared.queue.Queue, "put_back", lambda _self, _handle, seconds: hidden.append(seconds)
    )
    body = event("worker_one_batch", deployment)["Records"][0]["body"]
    deployment.work_queue.send([Message(body, group="1", identity="1")])
    records = deployment.receive(deployment.work_queue_url)

    assert invoke(worker_module, {"Records": records}) == [records[0]["messageId"]]

    assert hidden == [LONG_PAUSE]


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("module", [dispatcher_module, worker_module])
def test_a_missing_setting_is_named(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORK_QUEUE_URL")

    with pytest.raises(InvalidJobError, match=r"`work_queue_url`.*see the Environment"):
        invoke(module, {"Records": []})


def test_a_complete_job_is_closed_and_announced(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, str]] = []
    events = boto3.client("events", endpoint_url=deployment.s3.meta.endpoint_url)
    events.meta.events.register(
        "provide-client-params.events.PutEvents", lambda params, **_: sent.extend(params["Entries"])
    )
    monkeypatch.setattr(functions.dispatcher.events, "events_client", lambda: events)
    manifest = Manifest(
        job="job-9", spec=Spec(), partitions=16, batch_size=10, created_at="2026-11-21T07:00:00Z"
    )
    deployment.data.put(manifest_key("job-9"), encode_manifest(manifest))
    dispatched = dispatched_key("job-9", 0, batches=1, targets=2, rejected=0, duplicates=0)
    deployment.data.put(dispatched, b"")
    deployment.data.put(receipt_key("job-9", "00000-000000", {"scraped": 2}), b"")

    assert invoke(dispatcher_module, event_of(Tick(job="job-9"))) == []

    [event] = sent
    assert (event["Source"], event["DetailType"]) == ("scatterfetch", "Job completed")
    detail = json.loads(event["Detail"])
    assert detail["outcomes"]["scraped"] == 2
    summary = deployment.data.get(detail["summary"])
    assert summary is not None
    assert json.loads(summary)["job"] == "job-9"


def test_looks_at_jobs_wait_when_time_is_short(deployment: Deployment) -> None:
    ticks = [Tick(job="nobody-1"), Tick(job="nobody-2")]

    assert invoke(dispatcher_module, event_of(*ticks), seconds=30) == []

    assert dispatch_queue(deployment) == [ticks[1]]


def test_an_event_that_the_bus_does_not_take_is_an_error(
    deployment: Deployment,
) -> None:
    events = boto3.client("events", endpoint_url=deployment.s3.meta.endpoint_url)
    with Stubber(events) as stub:
        entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slower"}
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]})
        with pytest.raises(StorageError, match="ThrottlingException: slower"):
            announce("Job completed", {}, events)
        stub.add_client_error("put_events", "AccessDenied")
        with pytest.raises(StorageError, match="AccessDenied"):
            announce("Job completed", {}, events)

"""The dispatcher against a real S3 and SQS API."""

import gzip
from typing import Any

import msgspec
import pytest

from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.dispatch import Dispatcher
from shared.errors import InvalidJobError
from shared.keys import (
    cancelled_key,
    rejected_key,
)
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
from shared.spec import FetchSpec, Spec
from shared.wakes import LEFT_SECONDS
from tests.cloud import Deployment
from tests.dispatching import LIST, NOW, dispatch_all, lines_of, run, sent, started, upload


def test_a_list_becomes_batches_with_line_numbers(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, LIST))

    assert lines_of(sent(deployment)) == {
        1: "http://a.example/1",
        4: "http://b.example/2",
        8: "http://c.example/7",
    }
    assert manifest.error is None
    ledger = deployment.ledger(manifest.job)
    assert (ledger.targets, ledger.rejected, ledger.duplicates) == (3, 2, 1)
    assert ledger.fully_dispatched


def test_rejected_lines_are_reported_with_number_and_reason(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, LIST))

    body = deployment.data.get(rejected_key(manifest.job, 0))
    assert body is not None
    assert [msgspec.json.decode(line) for line in body.splitlines()] == [
        {
            "line": 6,
            "text": "/about",
            "reason": "a URL must start with http:// or https:// and name a host; this one is "
            "relative",
        },
        {
            "line": 7,
            "text": "http://c.example/\N{REPLACEMENT CHARACTER}",
            "reason": "not UTF-8 text",
        },
    ]


def test_an_event_that_is_delivered_twice_does_nothing_twice(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    body = b"".join(b"http://h%d.example/\n" % n for n in range(40))
    request = upload(deployment, body)
    first = run(dispatcher, deployment, request)
    before = sent(deployment)
    keys = list(deployment.data.keys(""))

    second = run(dispatcher, deployment, request)

    assert second == first
    # SQS itself drops what comes within five minutes; moto forgets what was deleted.
    assert {encode(batch) for batch in sent(deployment)} <= {encode(batch) for batch in before}
    assert list(deployment.data.keys("")) == keys


@pytest.mark.parametrize(
    ("key", "body", "problem"),
    [
        ("urls.txt", b"", "urls.txt is empty; put one URL on each line"),
        ("urls.txt", b"# only\n\n", "holds no URL, only blank lines and comments"),
        ("urls.txt", b"/a\n/b\n", "urls.txt holds no URL: line 1 is '/a': a URL must start"),
        (
            "urls.txt",
            b"/a\n/b\n/c\n/d\n/e\n",
            "must start with http:// or https:// and name a host; this one is relative; and 2 more",
        ),
        ("urls.txt", "http://a.example/".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        ("urls.txt", b"\0\1\2", "is not text"),
        ("urls.xlsx", b"PK", "a spreadsheet is no list; save the sheet as CSV UTF-8"),
        ("tranco.csv", b"1,lamps.example\n2,oak.example\n", "write https://lamps.example, and so"),
        ("urls.txt.gz", b"http://a.example/", "urls.txt.gz is not compressed as its name says"),
        ("urls.txt.gz", gzip.compress(b"\0\1"), "is not text"),
        ("urls.txt.gz", gzip.compress(b""), "holds no URL"),
        ("urls.csv", b"url,price\n\n", "urls.csv holds no URL, only the names of its columns"),
        ("urls.tsv", b"url\tprice\n", "urls.tsv holds no URL, only the names of its columns"),
        ("urls.jsonl", b"\n\n", "urls.jsonl holds no URL, only blank lines"),
        ("urls.csv", b"name,price\nx,1\n", "urls.csv has no column with URLs"),
        ("page.xml", b"<html/>", "page.xml is no sitemap: it begins with <html>"),
        ("feed.xml", b"<rss/>", "feed.xml holds no URL"),
        (
            "feed.xml",
            b"<feed><entry><title>A</title></entry></feed>",
            "feed.xml holds no URL: entry 1 is '': there is no URL",
        ),
        ("urls.xml", b"http://a.example/", "urls.xml is no sitemap: it is no XML"),
    ],
)
def test_a_list_that_is_none_is_an_error_in_the_manifest(
    dispatcher: Dispatcher, deployment: Deployment, key: str, body: bytes, problem: str
) -> None:
    manifest = run(dispatcher, deployment, upload(deployment, body, key))

    assert manifest.error is not None
    assert problem in manifest.error
    assert sent(deployment) == []


def test_a_list_that_changes_while_it_is_read_is_an_error(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    request = upload(deployment, b"http://a.example/")
    dispatcher.start(request, message_id="m1")
    deployment.upload("books/urls.txt", b"http://b.example/")

    dispatch_all(dispatcher, deployment)

    manifest = run(dispatcher, deployment, request)
    assert "was overwritten while it was read" in (manifest.error or "")
    assert sent(deployment) == []


def test_urls_can_come_with_the_message(dispatcher: Dispatcher, deployment: Deployment) -> None:
    spec = Spec(fetch=FetchSpec(timeout=7))
    urls = ("http://a.example/", "/about", "http://b.example/")

    message = Submit(name="Ad hoc", urls=urls, spec=msgspec.to_builtins(spec))
    manifest = run(dispatcher, deployment, message)

    assert manifest.job.startswith("ad-hoc-")
    assert manifest.spec == spec
    assert lines_of(sent(deployment)) == {1: "http://a.example/", 3: "http://b.example/"}
    assert deployment.ledger(manifest.job).rejected == 1


def test_a_deferred_batch_goes_into_the_group_of_its_partition(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    batch = Batch(
        job="j",
        batch="00000-000000-1",
        partition=5,
        hops=1,
        targets=(Target("http://a.example/", 1, 1, ("http://b.example/",)),),
    )

    dispatcher.forward(Defer(batch=batch, not_before=NOW.timestamp()))

    [record] = deployment.received(deployment.work_queue_url)
    assert decode_batch(record["body"]) == batch
    assert record["attributes"]["MessageGroupId"] == "5"


@pytest.mark.parametrize(
    ("how", "delay"),
    [
        ({}, LEFT_SECONDS),
        ({"redirects": ("http://b.example/",)}, 0),
        ({"found_on": "http://b.example/"}, 0),
    ],
)
def test_who_has_handed_a_batch_back_may_take_it_before_another_is_called(
    dispatcher: Dispatcher, deployment: Deployment, how: dict[str, Any], delay: float
) -> None:
    """But not where it was led to another's host, who may not be at work."""
    targets = (Target("http://a.example/", 1, **how),)
    batch = Batch(job="j", batch="00000-000000-1", partition=5, targets=targets)
    parameters: list[dict[str, Any]] = []
    events = deployment.sqs.meta.events
    events.register(
        "provide-client-params.sqs.SendMessageBatch",
        lambda params, **_: parameters.append(params),
    )

    dispatcher.forward(Defer(batch=batch))

    [wake] = [p for p in parameters if p["QueueUrl"] == deployment.wake_queue_url]
    assert [entry.get("DelaySeconds", 0) for entry in wake["Entries"]] == [delay]


@pytest.mark.parametrize(("wait", "delay"), [(0.2, 1), (59.5, 60), (900, 900), (4_000, 900)])
def test_a_batch_that_is_not_due_goes_round_with_a_delay(
    dispatcher: Dispatcher, deployment: Deployment, wait: float, delay: int
) -> None:
    """SQS waits for a quarter of an hour at most; a longer wait takes several rounds."""
    batch = Batch(
        job="j", batch="00000-000000-1", partition=5, targets=(Target("http://a.example/", 1),)
    )
    sent_entries: list[dict[str, object]] = []
    deployment.sqs.meta.events.register(
        "before-parameter-build.sqs.SendMessageBatch",
        lambda params, **_: sent_entries.extend(params["Entries"]),
    )
    defer = Defer(batch=batch, not_before=NOW.timestamp() + wait)

    dispatcher.forward(defer)

    [entry] = sent_entries
    assert entry["DelaySeconds"] == delay
    assert decode_dispatch(str(entry["MessageBody"])) == [defer]
    assert sent(deployment) == []


def test_a_shard_of_no_job_is_refused(dispatcher: Dispatcher) -> None:
    with pytest.raises(InvalidJobError, match="shard of a job that has no list"):
        dispatcher.dispatch(Shard(job="nobody"), time_left=lambda: 100.0)


def test_what_waits_goes_on_at_once_when_its_job_is_cancelled(
    dispatcher: Dispatcher, deployment: Deployment
) -> None:
    """A worker will skip it, so that the job ends."""
    batch = Batch(job="j", batch="00000-000000-1", partition=3, targets=(Target("http://a/", 1),))
    later = Defer(batch=batch, not_before=NOW.timestamp() + 3_000)
    deployment.data.put(cancelled_key("j"), b"")

    dispatcher.forward(later)

    assert sent(deployment) == [batch]


def test_a_job_has_a_tick_from_its_start(dispatcher: Dispatcher, deployment: Deployment) -> None:
    """Whoever comes first sends it, and whoever comes after a crash does too."""
    body = b"http://a.example/"
    sent_messages: list[tuple[str, int]] = []
    deployment.sqs.meta.events.register(
        "provide-client-params.sqs.SendMessageBatch",
        lambda params, **_: sent_messages.extend(
            (entry["MessageBody"], entry.get("DelaySeconds", 0)) for entry in params["Entries"]
        ),
    )
    request = upload(deployment, body)

    for _ in range(2):
        manifest = started(dispatcher, request)
        tick, shard = sent_messages
        assert tick == (encode(Tick(job=manifest.job)), TICK_FIRST)
        assert shard == (encode(Shard(job=manifest.job)), 0)
        sent_messages.clear()

    dispatcher.start(upload(deployment, b"", key="books/empty.txt"), message_id="m2")
    assert sent_messages == []

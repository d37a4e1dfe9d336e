"""What the benchmarks run against is what it stands for."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest

from bench.aws import KEPT, worker_environment
from bench.subjects import BATCH_SIZE
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.template import Template
from shared.errors import InvalidJobError, StorageError
from shared.messages import Place
from shared.queue import Message, Queue, Received
from shared.store import Bucket, head, read_from
from tests import ROOT
from tests.site import Site


@contextmanager
def running_stub(lists: Path) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.aws", lists], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as stub:
        assert stub.stdout is not None
        yield f"http://127.0.0.1:{stub.stdout.readline().strip()}"
        stub.terminate()


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


@pytest.fixture(scope="module")
def stub(lists: Path) -> Iterator[str]:
    with running_stub(lists) as endpoint:
        yield endpoint


@pytest.fixture(params=["stub", "moto"])
def aws(request: pytest.FixtureRequest, stub: str, endpoint: str) -> str:
    return stub if request.param == "stub" else endpoint


@pytest.fixture
def bucket(aws: str, request: pytest.FixtureRequest) -> Bucket:
    client = boto3.client("s3", endpoint_url=aws)
    name = f"bench-{abs(hash(request.node.name))}"
    if aws == request.getfixturevalue("endpoint"):
        client.create_bucket(Bucket=name)
    return Bucket(name, client)


def test_objects(bucket: Bucket) -> None:
    assert bucket.get("a/b c") is None

    bucket.put("a/b c", b"x" * 100_000)

    assert bucket.get("a/b c") == b"x" * 100_000


def test_conditional_puts(bucket: Bucket) -> None:
    assert bucket.put_new("key", b"first")
    assert not bucket.put_new("key", b"second")
    body, etag = bucket.get_versioned("key") or (b"", "")
    assert body == b"first"

    assert not bucket.put_over("key", b"third", etag=None)
    assert bucket.put_over("key", b"third", etag=etag)
    assert not bucket.put_over("key", b"fourth", etag=etag)
    assert not bucket.put_over("other", b"", etag=etag)

    assert bucket.get("key") == b"third"


def test_messages(aws: str, endpoint: str) -> None:
    client = boto3.client("sqs", endpoint_url=aws)
    url = f"{aws}/1/queue"
    if aws == endpoint:
        url = client.create_queue(QueueName="bench")["QueueUrl"]

    Queue(url, client).send(Message(f"{n}", delay=1) for n in range(11))


def test_workers_take_a_message_of_each_group(aws: str, endpoint: str) -> None:
    client = boto3.client("sqs", endpoint_url=aws)
    url = f"{aws}/1/{KEPT}"
    if aws == endpoint:
        client.create_queue(QueueName=KEPT, Attributes={"FifoQueue": "true"})
        url = client.get_queue_url(QueueName=KEPT)["QueueUrl"]
    queue = Queue(url, client)
    sent = [("a", "1"), ("a", "2"), ("b", "3")]
    queue.send(Message(body, group=group, identity=body) for group, body in sent)

    def receive() -> Received:
        message = queue.receive_one(hidden=60, wait=0)
        assert message is not None
        assert message.receives == 1
        return message

    first, other = receive(), receive()
    assert (first.body, other.body) == ("1", "3")
    assert queue.receive_one(hidden=60, wait=0) is None
    queue.acknowledge(first.receipt_handle)
    second = receive()
    assert second.body == "2"
    for message in (other, second):
        queue.acknowledge(message.receipt_handle)
    assert queue.receive_one(hidden=60, wait=0) is None


def test_who_waits_for_a_message_has_it_when_its_group_is_free(stub: str) -> None:
    queue = Queue(f"{stub}/1/{KEPT}", boto3.client("sqs", endpoint_url=stub))
    queue.send(Message(body, group="a", identity=body) for body in ("1", "2"))
    first = queue.receive_one(hidden=60, wait=20)
    assert first is not None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.receive_one, hidden=60, wait=20)
        queue.acknowledge(first.receipt_handle)
        second = waiting.result()

    assert second is not None
    queue.acknowledge(second.receipt_handle)
    assert queue.receive_one(hidden=60, wait=20) is None, "at once: no more can come"


def test_keys(bucket: Bucket) -> None:
    for key in ("a/2 b", "a/10", "b/1"):
        bucket.put(key, b"")

    assert list(bucket.keys("a/")) == ["a/10", "a/2 b"]
    assert list(bucket.keys("c/")) == []


def test_receipts_are_listed_as_prefixes(bucket: Bucket) -> None:
    for key in ("a/1=2!", "a/other", "a/1=1!", "b!"):
        bucket.put(key, b"")

    assert sorted(bucket.keys("a/", end="!")) == ["a/1=1!", "a/1=2!", "a/other"]


def test_a_list_is_read_from_any_byte(aws: str, endpoint: str, lists: Path) -> None:
    text = b"".join(b"http://%d.example/\n" % n for n in range(100_000))  # more than one buffer
    client = boto3.client("s3", endpoint_url=aws)
    if aws == endpoint:
        client.create_bucket(Bucket="lists")
        client.put_object(Bucket="lists", Key="urls.txt", Body=text)
    else:
        (lists / "urls.txt").write_bytes(text)
    etag = client.get_object(Bucket="lists", Key="urls.txt")["ETag"]
    place = Place("lists", "urls.txt")

    assert b"".join(read_from(place, 0, etag=etag, client=client)) == text
    assert b"".join(read_from(place, 1_000_001, etag=etag, client=client)) == text[1_000_001:]
    assert next(read_from(place, 3, etag=etag, client=client)).startswith(text[3:100])  # no more
    with pytest.raises(InvalidJobError, match="overwritten"):
        next(read_from(place, 0, etag='"other"', client=client))
    with pytest.raises(InvalidJobError, match="there is no"):
        next(read_from(Place("lists", "none.txt"), 0, etag=etag, client=client))


def test_what_was_sent_is_summed_up_in_any_order(stub: str) -> None:
    client = boto3.client("sqs", endpoint_url=stub)
    messages = [Message(f'{{"url":"{n}"}}', group="1", identity=f"{n}") for n in range(11)]
    found = []
    for order in ([], messages, messages[::-1], messages[1:]):
        Queue(f"{stub}/1/queue.fifo", client).send(order)
        with urlopen(f"{stub}/counts") as answer:
            found.append(json.load(answer))
    _, forward, backward, fewer = found  # the first of what other tests have sent

    assert forward == backward
    assert (forward["messages"], fewer["targets"]) == (11, 10)
    assert fewer["sum"] != forward["sum"]


def test_what_it_cannot_answer_is_refused(stub: str) -> None:
    with pytest.raises(StorageError):
        head(Place("data", "key"), boto3.client("s3", endpoint_url=stub))


def test_the_measured_worker_scrapes(stub: str, site: Site, tmp_path: Path) -> None:
    """The benchmark's worker is the real one: it must get through, or it measures nothing."""
    page = site.page("/page", "It works")
    for name, count in (("warm", 1), ("work", 101)):
        (tmp_path / name).write_text("\n".join(f"{page}?{name}={n}" for n in range(count)))
    environment = os.environ | worker_environment(stub)

    subprocess.run(
        [sys.executable, "-m", "bench.handler", *(tmp_path / n for n in ("warm", "work", "rows"))],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=300,
    )

    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert len({row["url"] for row in rows}) == 101
    assert {row["title"] for row in rows} == {"It works"}


def test_batches_are_as_large_as_the_template_makes_them() -> None:
    assert Template(TEMPLATE, "http://127.0.0.1:1").parameters["BatchSize"] == str(BATCH_SIZE)

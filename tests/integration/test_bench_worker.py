"""What the benchmarks run against is what it stands for."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from bench.aws import worker_environment
from bench.subjects import BATCH_SIZE
from scatterfetch.cloud import TEMPLATE
from scatterfetch.template import Template
from shared.errors import StorageError
from shared.messages import Place
from shared.queue import Message, Queue
from shared.store import Bucket, head
from tests.site import Site

ROOT = Path(__file__).parents[2]


@contextmanager
def running_stub() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.aws"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as stub:
        assert stub.stdout is not None
        yield f"http://127.0.0.1:{stub.stdout.readline().strip()}"
        stub.terminate()


@pytest.fixture(scope="module")
def stub() -> Iterator[str]:
    with running_stub() as endpoint:
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


def test_keys(bucket: Bucket) -> None:
    for key in ("a/2 b", "a/10", "b/1"):
        bucket.put(key, b"")

    assert list(bucket.keys("a/")) == ["a/10", "a/2 b"]
    assert list(bucket.keys("c/")) == []


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
        timeout=60,
    )

    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert len({row["url"] for row in rows}) == 101
    assert {row["title"] for row in rows} == {"It works"}


def test_batches_are_as_large_as_the_template_makes_them() -> None:
    assert Template(TEMPLATE, "http://127.0.0.1:1").parameters["BatchSize"] == str(BATCH_SIZE)

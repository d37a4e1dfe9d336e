"""A dispatcher at work, as tests see it: lists that are put in, and what is in the queues then."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions.dispatcher.dispatch import Dispatcher
from shared.keys import (
    dispatched_folder,
    plan_prefix,
)
from shared.manifest import Manifest
from shared.messages import (
    Batch,
    ListUploaded,
    Place,
    Shard,
    Submit,
    decode_batch,
    decode_dispatch,
)
from tests.cloud import Deployment

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def upload(deployment: Deployment, body: bytes, key: str = "books/urls.txt") -> ListUploaded:
    deployment.upload(key, body)
    return ListUploaded(Place(deployment.input_bucket, key), "event 1")


def started(dispatcher: Dispatcher, request: ListUploaded | Submit) -> Manifest:
    manifest = dispatcher.start(request, message_id="m1")
    assert manifest is not None
    return manifest


def started_alone(
    dispatcher: Dispatcher, deployment: Deployment, request: ListUploaded | Submit
) -> Manifest:
    """Start a job whose messages nobody but the test handles."""
    manifest = started(dispatcher, request)
    deployment.received(deployment.dispatch_queue_url)
    return manifest


def dispatch_all(dispatcher: Dispatcher, deployment: Deployment) -> None:
    """Dispatch every shard that waits in the dispatch queue, and those that follow."""
    while records := deployment.received(deployment.dispatch_queue_url):
        for record in records:
            [shard] = decode_dispatch(record["body"])
            if isinstance(shard, Shard):
                dispatcher.dispatch(shard, time_left=lambda: 100.0)


def sent(deployment: Deployment) -> list[Batch]:
    return [decode_batch(r["body"]) for r in deployment.received(deployment.work_queue_url)]


def run(dispatcher: Dispatcher, deployment: Deployment, request: ListUploaded | Submit) -> Manifest:
    started = dispatcher.start(request, message_id="m1")
    assert started is not None
    dispatch_all(dispatcher, deployment)
    return deployment.manifest(started.job)


def lines_of(batches: list[Batch]) -> dict[int, str]:
    found = [(target.line, target.url) for batch in batches for target in batch.targets]
    assert len(dict(found)) == len(found)
    return dict(found)


LIST = (
    b"\xef\xbb\xbfhttp://a.example/1\r\n# a comment\r\n\r\n  http://b.example/2  \r\n"
    b"http://A.example/1#again\r\n/about\r\nhttp://c.example/\xff\r\nhttp://c.example/7"
)


def shards_in(deployment: Deployment) -> list[Shard]:
    """Take the shards out of the dispatch queue; ticks come when they are due."""
    records = deployment.received(deployment.dispatch_queue_url)
    messages = [message for record in records for message in decode_dispatch(record["body"])]
    return [message for message in messages if isinstance(message, Shard)]


def forget_plans(deployment: Deployment, job: str) -> None:
    """As release 0.1 leaves a job."""
    forget(deployment, plan_prefix(job))


def forget_dispatch(deployment: Deployment, job: str) -> None:
    """As if nothing had been dispatched yet."""
    forget(deployment, plan_prefix(job))
    forget(deployment, dispatched_folder(job))


def forget(deployment: Deployment, prefix: str) -> None:
    objects: list[ObjectIdentifierTypeDef] = [{"Key": k} for k in deployment.data.keys(prefix)]
    if objects:
        deployment.s3.delete_objects(Bucket=deployment.data_bucket, Delete={"Objects": objects})


def bodies(deployment: Deployment) -> list[str]:
    return sorted(r["body"] for r in deployment.received(deployment.work_queue_url))


LONG = b"".join(b"http://h%d.example/%d\n" % (n % 7, n) for n in range(80))


CSV = b"name;URL\n" + b"".join(
    b'"one\nof %d";http://h%d.example/%d\n' % (n, n % 7, n) for n in range(80)
)


SITEMAP = (
    b"<urlset>\n"
    + b"".join(b"<url><loc>http://h%d.example/%d</loc></url>\n" % (n % 7, n) for n in range(80))
    + b"</urlset>"
)

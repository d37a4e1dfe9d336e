import socket
from typing import Any

import pytest
from botocore.stub import Stubber

from shared.errors import InvalidJobError, StorageError
from shared.messages import Place
from shared.store import Bucket, head, read_from
from tests.cloud import Deployment


def test_an_object_is_what_was_put(deployment: Deployment) -> None:
    deployment.data.put("a/b", b"body")

    assert deployment.data.get("a/b") == b"body"
    assert deployment.data.get("a") is None


def test_only_the_first_put_of_a_new_object_counts(deployment: Deployment) -> None:
    assert deployment.data.put_new("key", b"first")
    assert not deployment.data.put_new("key", b"second")

    assert deployment.data.get("key") == b"first"


def conflicts(stub: Stubber, times: int) -> None:
    for _ in range(times):
        stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)


@pytest.mark.parametrize("etag", [None, '"one"'])
def test_a_conflict_is_tried_again_after_a_pause(deployment: Deployment, etag: str | None) -> None:
    """S3 answers 409 while another conditional write of the same key is under way."""
    pauses: list[float] = []
    bucket = Bucket(deployment.data_bucket, deployment.s3, sleep=pauses.append)
    with Stubber(deployment.s3) as stub:
        conflicts(stub, 3)
        stub.add_response("put_object", {"ETag": '"two"'})

        assert bucket.put_over("key", b"", etag=etag) == '"two"'

    assert pauses == [0.1, 0.2, 0.4]


def test_a_conflict_without_end_is_an_error(deployment: Deployment) -> None:
    bucket = Bucket(deployment.data_bucket, deployment.s3, sleep=lambda _: None)
    with Stubber(deployment.s3) as stub:
        conflicts(stub, 6)

        with pytest.raises(StorageError, match="somebody else was writing it"):
            bucket.put_new("key", b"")


def test_the_embedded_store_takes_no_half_objects(deployment: Deployment, endpoint: str) -> None:
    """As S3: a worker that is killed while it sends has sent nothing."""
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        request = (
            f"PUT /{deployment.data_bucket}/key HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10"
        )
        connection.sendall(f"{request}\r\n\r\nhalf ".encode())
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"IncompleteBody" in answer
    assert deployment.data.get("key") is None


def test_keys_are_listed_over_pages(deployment: Deployment) -> None:
    for number in range(1_003):
        deployment.data.put(f"many/{number:04d}", b"")
    deployment.data.put("other", b"")

    assert list(deployment.data.keys("many/")) == [f"many/{number:04d}" for number in range(1_003)]


def test_keys_with_an_end_are_listed_without_what_else_s3_knows_of_them(
    deployment: Deployment,
) -> None:
    pages: list[dict[str, Any]] = []
    events = deployment.s3.meta.events
    events.register("after-call.s3.ListObjectsV2", lambda parsed, **_: pages.append(parsed))
    keys = {f"job/receipts/{number:04d}.scraped=1!" for number in range(1_003)}
    for key in (*keys, "job/manifest.json", "job/summary.json"):
        deployment.data.put(key, b"")

    found = list(deployment.data.keys("job/", end="!"))

    assert len(found) == 1_005
    assert set(found) == {*keys, "job/manifest.json", "job/summary.json"}
    assert [len(page.get("Contents", ())) for page in pages] == [1, 1]


def test_a_refusal_names_what_was_refused(deployment: Deployment) -> None:
    with pytest.raises(StorageError, match=r"put s3://no-such-bucket/key: .*NoSuchBucket"):
        Bucket("no-such-bucket", deployment.s3).put("key", b"")


def test_no_answer_is_a_storage_error(unreachable_url: str) -> None:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    client = boto3.client(
        "s3", endpoint_url=unreachable_url, config=Config(retries={"total_max_attempts": 1})
    )

    with pytest.raises(StorageError, match="get s3://bucket/key"):
        Bucket("bucket", client).get("key")


def test_an_object_is_read_from_a_byte_on(deployment: Deployment) -> None:
    body = bytes(range(256)) * 4096
    deployment.upload("list.txt", body)
    place = Place(deployment.input_bucket, "list.txt")
    size, etag, _ = head(place, deployment.s3)

    assert size == len(body)
    assert b"".join(read_from(place, 0, etag=etag, client=deployment.s3)) == body
    assert (
        b"".join(read_from(place, 1_000_000, etag=etag, client=deployment.s3)) == body[1_000_000:]
    )


def test_an_object_that_was_overwritten_is_not_read(deployment: Deployment) -> None:
    deployment.upload("list.txt", b"one")
    place = Place(deployment.input_bucket, "list.txt")
    _, etag, _ = head(place, deployment.s3)
    deployment.upload("list.txt", b"two")

    with pytest.raises(InvalidJobError, match="was overwritten while it was read"):
        list(read_from(place, 0, etag=etag, client=deployment.s3))


def test_an_object_that_is_not_there_is_the_callers_mistake(deployment: Deployment) -> None:
    place = Place(deployment.input_bucket, "nowhere.txt")

    with pytest.raises(InvalidJobError, match=r"there is no s3://.*/nowhere.txt"):
        head(place, deployment.s3)
    with pytest.raises(InvalidJobError, match=r"there is no s3://.*/nowhere.txt"):
        list(read_from(place, 0, etag='"x"', client=deployment.s3))


@pytest.mark.usefixtures("deployment")
def test_a_bucket_that_no_bucket_can_be_called_is_the_callers_mistake() -> None:
    for call in (lambda: head(Place("a b", "urls.txt")), lambda: Bucket("a b").get("urls.txt")):
        with pytest.raises(InvalidJobError, match=r"s3://a b/urls\.txt: no bucket or object in it"):
            call()

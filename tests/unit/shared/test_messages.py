import json

import pytest

from shared.errors import InvalidJobError
from shared.messages import (
    Batch,
    Defer,
    ListUploaded,
    Place,
    Shard,
    Submit,
    Target,
    decode_batch,
    decode_dispatch,
    encode,
)

BATCH = Batch(
    job="books-1",
    batch="00000-000001",
    partition=7,
    targets=(Target("http://e.com/", 3), Target("http://e.com/a", 4, 2, ("http://e.com/b",))),
)


def test_a_batch_survives_the_queue() -> None:
    assert decode_batch(encode(BATCH)) == BATCH


@pytest.mark.parametrize(
    "message",
    [
        Submit(urls=("http://e.com/",)),
        Submit(id="x", list=Place("bucket", "key", "v1"), spec_place=Place("bucket", "spec.yaml")),
        Shard(job="books-1", shard=3, start=100, line=17),
        Defer(batch=BATCH),
    ],
)
def test_dispatch_messages_survive_the_queue(message: Submit | Shard | Defer) -> None:
    assert decode_dispatch(encode(message)) == [message]


def test_what_sqs_refuses_travels_as_an_escape() -> None:
    """It takes no U+FFFE and U+FFFF, which columns of a list, and bodies, may hold."""
    target = Target("http://e.com/", 1, method="POST", body="a\ufffe", input={"x": "\uffff\ufffd"})
    batch = Batch(job="books-1", batch="00000-000001", partition=7, targets=(target,))

    body = encode(batch)

    assert "\ufffe" not in body
    assert "\uffff" not in body
    assert decode_batch(body) == batch


def test_a_message_of_the_first_release_is_still_read() -> None:
    """Such messages sit in queues while a new release is deployed."""
    body = (
        '{"type":"batch.v1","job":"j","batch":"00000-000000","partition":1,'
        '"targets":[{"url":"http://e.com/","line":1}]}'
    )

    assert decode_batch(body).targets == (Target("http://e.com/", 1),)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("", "not a batch message"),
        ("{", "not a batch message"),
        ("[]", "Expected `object`, got `array`"),
        ('{"type":"batch.v2"}', r"Invalid value 'batch.v2' - at `\$.type`"),
        (encode(BATCH).replace('"line":3', '"line":"3"'), r"at `\$.targets\[0\].line`"),
        (encode(BATCH).replace('"books-1"', '"../x"'), r"at `\$.job`"),
        (encode(BATCH).replace('"00000-000001"', '"../x"'), r"at `\$.batch`"),
    ],
)
def test_what_is_no_batch_is_refused_with_its_path(body: str, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=problem):
        decode_batch(body)


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"type":"nonsense.v1"}', '{"Records":[{}]}'])
def test_what_is_no_dispatch_message_is_refused(body: str) -> None:
    with pytest.raises(InvalidJobError, match="not a dispatch message"):
        decode_dispatch(body)


def s3_event(name: str = "ObjectCreated:Put", **entity: str) -> str:
    described = {"key": "books/list.txt", "eTag": "e1", "sequencer": "00A", **entity}
    return json.dumps(
        {"Records": [{"eventName": name, "s3": {"bucket": {"name": "input"}, "object": described}}]}
    )


def test_keys_of_s3_events_are_url_decoded() -> None:
    [uploaded] = decode_dispatch(s3_event(key="my+books/caf%C3%A9%2B.txt"))

    assert isinstance(uploaded, ListUploaded)
    assert uploaded.place == Place("input", "my books/café+.txt")


def test_the_test_event_and_deletions_ask_for_nothing() -> None:
    assert decode_dispatch('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"input"}') == []
    assert decode_dispatch(s3_event("ObjectRemoved:Delete")) == []


def test_uploads_are_told_apart_and_copies_of_one_event_are_not() -> None:
    def identity(**entity: str) -> str:
        [uploaded] = decode_dispatch(s3_event(**entity))
        assert isinstance(uploaded, ListUploaded)
        return uploaded.id

    assert identity() == identity()
    assert len({identity(), identity(sequencer="00B"), identity(versionId="v2")}) == 3

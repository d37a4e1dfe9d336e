import pytest
from botocore.stub import ANY, Stubber

from shared.errors import StorageError
from shared.queue import Message, Queue
from tests.cloud import Deployment


def test_all_messages_arrive_in_their_groups(deployment: Deployment) -> None:
    deployment.work_queue.send(
        Message(f"body {n}", group=f"{n % 12}", identity=f"{n}") for n in range(23)
    )

    bodies = {record["body"] for record in deployment.received(deployment.work_queue_url)}
    assert bodies == {f"body {n}" for n in range(23)}


def test_a_message_that_was_sent_twice_arrives_once(deployment: Deployment) -> None:
    for _ in range(2):
        deployment.work_queue.send([Message("body", group="1", identity="x" * 500)])

    assert len(deployment.received(deployment.work_queue_url)) == 1


def test_a_call_holds_ten_messages_and_a_megabyte(deployment: Deployment) -> None:
    calls: list[list[dict[str, str]]] = []
    events = deployment.sqs.meta.events
    events.register(
        "before-parameter-build.sqs.SendMessageBatch",
        lambda params, **_: calls.append(params["Entries"]),
    )

    deployment.dispatch_queue.send(
        [Message("é" * 150_000)] * 4 + [Message("small")] * 21  # 300 kB each: three to a call
    )

    assert sorted(len(entries) for entries in calls) == [2, 3, 10, 10]  # several at once
    assert len(deployment.received(deployment.dispatch_queue_url)) == 25


def test_what_sqs_did_not_take_is_sent_again(deployment: Deployment) -> None:
    waits: list[float] = []
    with Stubber(deployment.sqs) as stub:
        failed = [{"Id": "1", "SenderFault": False, "Code": "InternalError"}]
        stub.add_response("send_message_batch", {"Successful": [], "Failed": failed})
        again = {
            "QueueUrl": ANY,
            "Entries": [{"Id": "1", "MessageBody": "b"}],
        }
        stub.add_response("send_message_batch", {"Successful": [], "Failed": []}, again)

        Queue("https://q", deployment.sqs, sleep=waits.append).send([Message("a"), Message("b")])

    assert waits == [0.1]


def test_what_sqs_never_takes_is_an_error(deployment: Deployment) -> None:
    failed = [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]
    with Stubber(deployment.sqs) as stub:
        for _ in range(6):
            stub.add_response("send_message_batch", {"Successful": [], "Failed": failed})

        with pytest.raises(StorageError, match="1 messages were refused 6 times: InternalError"):
            Queue("https://q", deployment.sqs, sleep=lambda _: None).send([Message("a")])


def test_a_message_that_is_wrong_is_not_sent_again(deployment: Deployment) -> None:
    failed = [{"Id": "0", "SenderFault": True, "Code": "InvalidMessageContents"}]
    with Stubber(deployment.sqs) as stub:
        stub.add_response("send_message_batch", {"Successful": [], "Failed": failed})

        with pytest.raises(StorageError, match="InvalidMessageContents"):
            Queue("https://q", deployment.sqs).send([Message("a")])


def test_one_message_of_each_group_is_received(deployment: Deployment) -> None:
    queue = deployment.work_queue
    queue.send(
        Message(f"{group}{number}", group=group, identity=f"{group}{number}")
        for group in "ab"
        for number in (1, 2)
    )

    received = [queue.receive_one(hidden=60, wait=0) for _ in range(3)]

    assert [message and (message.body, message.receives) for message in received] == [
        ("a1", 1),
        ("b1", 1),
        None,
    ]


def test_the_group_of_an_acknowledged_message_goes_on(deployment: Deployment) -> None:
    queue = deployment.work_queue
    queue.send(Message(body, group="1", identity=body) for body in ("first", "second"))
    first = queue.receive_one(hidden=60, wait=0)
    assert first is not None

    queue.acknowledge(first.receipt_handle)

    second = queue.receive_one(hidden=60, wait=0)
    assert second is not None
    assert second.body == "second"
    assert queue.receive_one(hidden=60, wait=0) is None


def test_leases_are_renewed_from_now_on(deployment: Deployment) -> None:
    deployment.work_queue.send([Message("body", group="1", identity="1")])
    [record] = deployment.receive(deployment.work_queue_url)
    handle = record["receiptHandle"]

    known = deployment.work_queue.renew_all([handle, "of nobody"], 0)

    assert known == {handle: True, "of nobody": False}
    again = deployment.work_queue.receive_one(hidden=60, wait=0)
    assert again is not None
    assert again.receives == 2


def test_what_sqs_cannot_say_of_a_lease_is_not_known(deployment: Deployment) -> None:
    failed = [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]
    with Stubber(deployment.sqs) as stub:
        stub.add_response("change_message_visibility_batch", {"Successful": [], "Failed": failed})

        assert Queue("https://q", deployment.sqs).renew_all(["handle"], 60) == {}

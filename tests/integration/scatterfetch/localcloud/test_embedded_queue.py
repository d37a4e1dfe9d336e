import json
import time

import pytest

from scatterfetch.jobs.polled_queue import PolledQueue
from shared.queue import Message
from tests.cloud import Deployment


def test_the_embedded_queue_hands_out_one_message_of_a_group_at_a_time(
    deployment: Deployment,
) -> None:
    """What guarantee 2 rests on; the embedded queue must be as strict as SQS."""
    deployment.work_queue.send(
        Message(json.dumps(n), group="same", identity=f"{n}") for n in range(3)
    )

    url = deployment.work_queue_url
    for number in range(3):
        [record] = deployment.receive(url, 1)
        assert record["body"] == f"{number}"
        assert deployment.receive(url, 1) == []
        deployment.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])


def test_what_the_embedded_queue_gets_back_it_hands_out_again_before_the_rest(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the same instant."""
    now = time.time() * 1000
    monkeypatch.setattr("scatterfetch.localcloud.queues._now_ms", lambda: now)
    monkeypatch.setattr("moto.sqs.models.unix_time_millis", lambda: now)
    queue = PolledQueue(deployment.work_dlq_url, deployment.sqs)
    for n in range(4):  # several calls at once would keep no order
        queue.send([Message(f"{n}", group="same", identity=f"{n}")])

    for _ in range(2):
        records = deployment.receive(queue.url, 2)
        assert [record["body"] for record in records] == ["0", "1"]
        queue.release([record["receiptHandle"] for record in records])

import boto3
from botocore.stub import ANY, Stubber

from scatterfetch.jobs.polled_queue import PolledQueue


def test_who_receives_waits_until_nothing_means_that_there_is_nothing() -> None:
    sqs = boto3.client("sqs")
    with Stubber(sqs) as stub:
        expected = {
            "QueueUrl": "https://sqs.example/1/dead",
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": 60,
            "WaitTimeSeconds": 1,
            "AttributeNames": ANY,
        }
        stub.add_response("receive_message", {}, expected)

        assert PolledQueue("https://sqs.example/1/dead", sqs).receive(hidden=60) == []

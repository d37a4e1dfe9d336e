"""A real S3 and SQS API (moto's server) with one deployment's buckets and queues in it."""

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from shared.jobs import Ledger, Manifest, decode_manifest, job_prefix, ledger_of, manifest_key
from shared.queue import Queue
from shared.settings import DispatcherSettings, WorkerSettings
from shared.store import Bucket

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Deployment:
    """Two buckets and two queues; each test has its own."""

    s3: "S3Client"
    sqs: "SQSClient"
    input_bucket: str
    data_bucket: str
    dispatch_queue_url: str
    work_queue_url: str

    @property
    def data(self) -> Bucket:
        return Bucket(self.data_bucket, self.s3)

    @property
    def dispatch_queue(self) -> Queue:
        return Queue(self.dispatch_queue_url, self.sqs)

    @property
    def work_queue(self) -> Queue:
        return Queue(self.work_queue_url, self.sqs)

    @property
    def dispatcher_environment(self) -> dict[str, str]:
        return {
            "DATA_BUCKET": self.data_bucket,
            "DISPATCH_QUEUE_URL": self.dispatch_queue_url,
            "WORK_QUEUE_URL": self.work_queue_url,
            "PARTITIONS": "16",
            "BATCH_SIZE": "10",
        }

    @property
    def dispatcher_settings(self) -> DispatcherSettings:
        return DispatcherSettings.from_env(self.dispatcher_environment)

    @property
    def worker_environment(self) -> dict[str, str]:
        return {
            "DATA_BUCKET": self.data_bucket,
            "DISPATCH_QUEUE_URL": self.dispatch_queue_url,
            "WORK_QUEUE_URL": self.work_queue_url,
            "USER_AGENT": "test-bot/1.0 (+https://bot.example/)",
            "ALLOW_PRIVATE_NETWORKS": "true",
        }

    @property
    def worker_settings(self) -> WorkerSettings:
        return WorkerSettings.from_env(self.worker_environment)

    def upload(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.input_bucket, Key=key, Body=body)

    def received(self, url: str) -> list[dict[str, Any]]:
        """Receive every message that there is and delete it; return them as event records."""
        records = []
        while messages := self.receive(url):
            for record in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
            records += messages
        return records

    def receive(self, url: str, most: int = 10) -> list[dict[str, Any]]:
        """Receive some messages, as event records."""
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=most, AttributeNames=["All"], WaitTimeSeconds=0
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
            }
            for message in answer.get("Messages", [])
        ]

    def manifest(self, job: str) -> Manifest:
        body = self.data.get(manifest_key(job))
        assert body is not None
        return decode_manifest(body)

    def ledger(self, job: str) -> Ledger:
        return ledger_of(self.manifest(job), self.data.keys(job_prefix(job)))


def new_deployment(endpoint: str) -> Deployment:
    number = next(_numbers)
    s3: S3Client = boto3.client("s3", endpoint_url=endpoint)
    sqs: SQSClient = boto3.client("sqs", endpoint_url=endpoint)
    buckets = [f"input-{number}", f"data-{number}"]
    for bucket in buckets:
        s3.create_bucket(Bucket=bucket)
    dead = sqs.create_queue(QueueName=f"work-dead-{number}.fifo", Attributes={"FifoQueue": "true"})[
        "QueueUrl"
    ]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
    dispatch = sqs.create_queue(QueueName=f"dispatch-{number}")["QueueUrl"]
    work = sqs.create_queue(
        QueueName=f"work-{number}.fifo",
        Attributes={"FifoQueue": "true", "RedrivePolicy": redrive, "VisibilityTimeout": "130"},
    )["QueueUrl"]
    return Deployment(s3, sqs, buckets[0], buckets[1], dispatch, work)

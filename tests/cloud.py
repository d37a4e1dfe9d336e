"""A real S3 and SQS API (moto's server) with one deployment's buckets and queues in it."""

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from scatterfetch.localcloud.template import ACCOUNT, REGION
from shared.keys import job_prefix, manifest_key
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest, decode_manifest
from shared.queue import Queue
from shared.settings import DispatcherSettings, WorkerSettings
from shared.store import Bucket

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Deployment:
    """Two buckets, two queues and their dead-letter queues; each test has its own."""

    s3: "S3Client"
    sqs: "SQSClient"
    input_bucket: str
    data_bucket: str
    dispatch_queue_url: str
    work_queue_url: str
    wake_queue_url: str
    dead_letter_queue_url: str
    work_dlq_url: str

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of template.yaml."""
        return {
            "InputBucketName": self.input_bucket,
            "DataBucketName": self.data_bucket,
            "DispatchQueueUrl": self.dispatch_queue_url,
            "WorkQueueUrl": self.work_queue_url,
            "WakeQueueUrl": self.wake_queue_url,
            "DispatchDLQUrl": self.dead_letter_queue_url,
            "WorkDLQUrl": self.work_dlq_url,
        }

    @property
    def data(self) -> Bucket:
        return Bucket(self.data_bucket, self.s3)

    @property
    def dispatch_queue(self) -> Queue:
        return Queue(self.dispatch_queue_url, self.sqs)

    @property
    def wake_queue(self) -> Queue:
        return Queue(self.wake_queue_url, self.sqs)

    @property
    def work_queue(self) -> Queue:
        return Queue(self.work_queue_url, self.sqs)

    @property
    def dead_letter_queue(self) -> Queue:
        return Queue(self.dead_letter_queue_url, self.sqs)

    @property
    def dispatcher_environment(self) -> dict[str, str]:
        return {
            "DATA_BUCKET": self.data_bucket,
            "DISPATCH_QUEUE_URL": self.dispatch_queue_url,
            "WORK_QUEUE_URL": self.work_queue_url,
            "WAKE_QUEUE_URL": self.wake_queue_url,
            "WORKER_CONCURRENCY": "20",
            "PARTITIONS": "16",
            "BATCH_SIZE": "10",
            "STALL_MINUTES": "90",
            "WORKER_MEMORY": "512",
            "ARCHITECTURE": "arm64",
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
            "WAKE_QUEUE_URL": self.wake_queue_url,
            "DEAD_LETTER_QUEUE_URL": self.dead_letter_queue_url,
            "WORKER_CONCURRENCY": "20",
            "PARTITIONS": "16",
            "WORKER_MEMORY": "512",
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
            self.sqs.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                    for number, record in enumerate(messages)
                ],
            )
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

    def queue(name: str, *, dead: str | None = None, **attributes: str) -> str:
        if dead is not None:
            target = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead.rpartition('/')[2]}"
            attributes["RedrivePolicy"] = json.dumps(
                {"deadLetterTargetArn": target, "maxReceiveCount": 12}
            )
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type] # str keys

    work_dlq = queue(f"work-dead-{number}.fifo")
    dispatch_dead = queue(f"dispatch-dead-{number}")
    return Deployment(
        s3,
        sqs,
        buckets[0],
        buckets[1],
        dispatch_queue_url=queue(f"dispatch-{number}"),
        work_queue_url=queue(f"work-{number}.fifo", dead=work_dlq, VisibilityTimeout="910"),
        wake_queue_url=queue(f"wake-{number}", VisibilityTimeout="910"),
        dead_letter_queue_url=dispatch_dead,
        work_dlq_url=work_dlq,
    )

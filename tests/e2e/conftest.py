"""A stack that is deployed already; `make e2e` deploys it to `AWS_ENDPOINT_URL` first."""

import gzip
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest

from shared.keys import job_prefix, manifest_key, rejected_key, results_prefix
from shared.ledger import Ledger, ledger_of
from shared.manifest import Manifest, decode_manifest
from shared.store import Bucket

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

T = TypeVar("T")

POLL = 0.25  # seconds


def eventually(look: Callable[[], T], *, within: float, hope: str) -> T:
    """Return the first truthy answer of `look`; fail, naming the `hope`, after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {within:g} s in vain for {hope}; last answer: {answer!r}")
        time.sleep(POLL)
    return answer


@dataclass(frozen=True)
class Stack:
    """The deployed stack, as its outputs describe it."""

    s3: "S3Client"
    sqs: "SQSClient"
    functions: Any
    outputs: dict[str, str]

    @property
    def data(self) -> Bucket:
        return Bucket(self.outputs["DataBucketName"], self.s3)

    def upload(self, key: str, content: bytes) -> str:
        """Put a list into the input bucket; return its etag."""
        bucket = self.outputs["InputBucketName"]
        return self.s3.put_object(Bucket=bucket, Key=key, Body=content)["ETag"]

    def jobs(self, name: str) -> set[str]:
        """Return the ids of the jobs whose id begins with `name`."""
        return {
            key.split("/")[1]
            for key in self.data.keys(job_prefix(name).removesuffix("/"))
            if key.endswith("/manifest.json")
        }

    def manifest(self, job: str) -> Manifest:
        body = self.data.get(manifest_key(job))
        assert body is not None
        return decode_manifest(body)

    def ledger(self, job: str) -> Ledger:
        return ledger_of(self.manifest(job), self.data.keys(job_prefix(job)))

    def job_from(self, name: str, wanted: Callable[[Manifest], bool], *, within: float) -> str:
        """Wait for a job whose id begins with `name` and whose manifest is the `wanted` one."""

        def look() -> str | None:
            # Each time anew: an error comes into a manifest after the manifest.
            return next((job for job in self.jobs(name) if wanted(self.manifest(job))), None)

        job = eventually(look, within=within, hope=f"the job {name}-...")
        assert job is not None
        return job

    def complete(self, job: str, *, within: float) -> Ledger:
        """Wait until every batch of `job` has its receipt; return the ledger."""

        def look() -> Ledger | None:
            ledger = self.ledger(job)
            return ledger if ledger.complete else None

        ledger = eventually(look, within=within, hope=f"the receipts of {job}")
        assert ledger is not None
        return ledger

    def outcomes(self, job: str) -> list[dict[str, Any]]:
        """Return the job's lines, deferred ones too, in the order of the list."""
        lines = [
            json.loads(line)
            for key in self.data.keys(results_prefix(job))
            for line in gzip.decompress(self.data.get(key) or b"").splitlines()
        ]
        return sorted(lines, key=lambda line: line["line"] or math.inf)

    def rejected(self, job: str) -> dict[int, str]:
        """Return the text of each line that was no URL, by its number."""
        lines = (self.data.get(rejected_key(job, 0)) or b"").splitlines()
        return {line["line"]: line["text"] for line in map(json.loads, lines)}

    def waiting(self, output: str) -> int:
        """Return how many messages the queue holds, those in work included."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs[output],
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(map(int, answer["Attributes"].values()))

    def mapped(self) -> dict[str, bool]:
        """Return which queues call the worker function, and whether they are to."""
        names = {url.rpartition("/")[2]: output for output, url in self.outputs.items()}
        mappings = {
            names.get(mapping["EventSourceArn"].rpartition(":")[2], ""): mapping
            for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]
        }
        return {
            output: mapping["State"] in {"Enabled", "Enabling"}
            for output, mapping in mappings.items()
            if "WorkerFunction" in mapping["FunctionArn"] and output
        }


@pytest.fixture(scope="session")
def stack(_fake_credentials: None) -> Iterator[Stack]:
    if not os.environ.get("AWS_ENDPOINT_URL"):  # empty means AWS itself
        pytest.fail("set AWS_ENDPOINT_URL to where the stack is deployed, or run `make e2e`")
    name = os.environ.get("SCATTERFETCH_STACK", "scatterfetch-e2e")
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    cloudformation = boto3.client("cloudformation")
    [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
    functions: Any = boto3.client("lambda")
    yield Stack(s3, sqs, functions, outputs)
    for client in (cloudformation, s3, sqs, functions):
        client.close()

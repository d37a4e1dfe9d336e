"""
What a job costs: AWS's price list, and arithmetic on what AWS meters. Pure.

On-demand prices of us-east-1 in US dollars, without free tiers, volume discounts and taxes, read on
21 November 2026; other regions charge up to twice as much. The pages that state them:

* "AWS Lambda Pricing": GB-seconds (wall time, the start of a sandbox included), requests
* "Amazon S3 pricing": requests by class, storage of S3 Standard; deleting is free
* "Amazon SQS pricing": an API call is a request for each 64 KB of its payload, empty receives
  included; one call may carry ten messages
* "Amazon EventBridge pricing": custom events for each 64 KB; those of AWS services are free
* "Amazon CloudWatch Pricing": logs as they come in, custom metrics for each
  hour in which they are sent
* "Amazon EC2 On-Demand Pricing", data transfer: what is sent to the internet. What comes from there
  is free, and so is traffic with S3 and SQS of the same region. The first 100 GB a month are free
  for every account, which is a crawl of 200 million pages; they are charged here all the same.
"""

import math

from msgspec import Struct

GB_SECOND = {"arm64": 13.3334e-6, "x86_64": 16.6667e-6}
INVOCATION = 0.20e-6
S3_WRITE = 5e-6  # PUT, COPY, POST, LIST
S3_READ = 0.4e-6  # GET, HEAD and all others, a 404 included
S3_GB_MONTH = 0.023
SQS_STANDARD = 0.40e-6
SQS_FIFO = 0.50e-6
SQS_CHUNK = 64 * 1024  # bytes
EVENT = 1e-6
LOG_GB = 0.50
METRIC_HOUR = 0.30 / 730
SENT_GB = 0.09

# What the functions do; tests/integration/dispatcher/test_prices.py counts it.
BATCH_WRITES = 3  # state, commit, receipt
BATCH_READS = 2  # commit, state
BATCH_CALLS = 2  # acknowledge, and a share of renewals and empty receives, besides the receiving
WAKE_CALLS = 3  # sent, received, deleted
TOGETHER_SECONDS = 10.0  # shared.wakes': that children come in which have one wake together
CLOSE_READS = 1  # the receipt of each batch, at the job's end
SANDBOX_READS = 2  # the manifest, and whether the job was cancelled, once for each job
DISPATCH_WRITES = 4  # LISTs of receipts and of what 0.1 has dispatched, plan, what the shard gave
DISPATCH_READS = 3  # manifest, plan, list
DISPATCH_CALLS = 3  # the shard's own message: sent, received, deleted
WORKER_SECONDS = 100.0  # that a worker of few hosts works for on average: make bench-fleet
WAKE_SECONDS = 1.3  # of a worker that a child has called, and whom others left nothing to take
INVOCATION_LOG_BYTES = 2_000  # of a batch too: our line, the metrics; Lambda's own two lines
# Of a request to a website: its head, and a share of a TLS handshake.
PAGE_SENT_BYTES = 500
_MESSAGES_IN_A_CALL = 10  # SQS's limit; shared.queue sends as many
_GB = 1e9  # of CloudWatch and of data transfer
_MEMORY_GB = 1024  # MB, of Lambda


class Usage(Struct, frozen=True, kw_only=True):
    """What AWS meters. SQS in requests as they are billed: calls times their 64 KB chunks."""

    gb_seconds: float = 0.0
    invocations: float = 0.0
    s3_writes: float = 0.0
    s3_reads: float = 0.0
    sqs_fifo: float = 0.0
    sqs_standard: float = 0.0
    events: float = 0.0
    log_bytes: float = 0.0
    sent_bytes: float = 0.0


class Cost(Struct, frozen=True, kw_only=True):
    """Dollars."""

    compute: float
    """Lambda: GB-seconds and invocations."""
    s3: float
    sqs: float
    events: float
    logs: float
    sent: float
    """To the internet."""

    @property
    def total(self) -> float:
        return self.compute + self.s3 + self.sqs + self.events + self.logs + self.sent


def cost_of(usage: Usage, *, architecture: str = "arm64") -> Cost:
    """
    Return what `usage` costs; storage, which depends on how long it is kept, comes on top.

    Args:
        usage: Of a job, say.
        architecture: The template's parameter.
    """
    return Cost(
        compute=usage.gb_seconds * GB_SECOND[architecture] + usage.invocations * INVOCATION,
        s3=usage.s3_writes * S3_WRITE + usage.s3_reads * S3_READ,
        sqs=usage.sqs_fifo * SQS_FIFO + usage.sqs_standard * SQS_STANDARD,
        events=usage.events * EVENT,
        logs=usage.log_bytes / _GB * LOG_GB,
        sent=usage.sent_bytes / _GB * SENT_GB,
    )


def usage_of(
    *,
    requests: int,
    batches: int,
    children: int,
    worker_seconds: float,
    worker_memory: int,
    message_bytes: float,
    dispatches: int = 0,
    dispatcher_seconds: float = 0.0,
    dispatcher_memory: int = 512,
    sandboxes: int = 0,
    seconds: float = math.inf,
    takes: bool = False,
) -> Usage:
    """
    Return what a job has used, from what its receipts tell; deliveries that failed come on top.

    Args:
        requests: To websites, robots.txt and redirects included.
        batches: Committed, children included.
        children: Of these, those made of deferred targets: they came through the dispatcher.
        worker_seconds: Of all invocations of the worker, wall time.
        worker_memory: MB, as the function has it.
        message_bytes: Of a batch as a message, on average.
        dispatches: Invocations of the dispatcher that read a part of the list.
        dispatcher_seconds: Of all invocations of the dispatcher.
        dispatcher_memory: MB.
        sandboxes: Of the worker, as far as they are known.
        seconds: From the job's start to its end: children that come together call one worker.
        takes: Whether each batch reads and writes which pages its partition has taken.
    """
    wakes = min(children, 1 + seconds / TOGETHER_SECONDS)
    chunks = math.ceil(message_bytes / SQS_CHUNK)
    chunks_together = math.ceil(message_bytes * _MESSAGES_IN_A_CALL / SQS_CHUNK)
    return Usage(
        gb_seconds=(
            (worker_seconds + WAKE_SECONDS * wakes) * worker_memory
            + dispatcher_seconds * dispatcher_memory
        )
        / _MEMORY_GB,
        invocations=worker_seconds / WORKER_SECONDS + wakes + children + dispatches,
        s3_writes=(BATCH_WRITES + takes) * batches + DISPATCH_WRITES * dispatches,
        s3_reads=(BATCH_READS + takes + CLOSE_READS) * batches
        + SANDBOX_READS * sandboxes
        + DISPATCH_READS * dispatches,
        # Batches of the list are sent ten at a time; a child alone, whenever it is due, and it has
        # been through the standard queue before: sent, received, deleted.
        sqs_fifo=(chunks + BATCH_CALLS) * batches
        + chunks_together * (batches - children) / _MESSAGES_IN_A_CALL
        + chunks * children,
        sqs_standard=(2 * chunks + 1) * children
        + DISPATCH_CALLS * dispatches
        + WAKE_CALLS * (wakes + dispatches),
        events=1,
        log_bytes=INVOCATION_LOG_BYTES * (batches + children + dispatches),
        sent_bytes=PAGE_SENT_BYTES * requests,
    )

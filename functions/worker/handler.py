"""SQS event in, failed message ids out. Translates; decides nothing."""

import os
import time
from contextlib import suppress
from functools import lru_cache
from random import Random
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.worker.work import Delivery, Resources, Worked, work_on
from shared.errors import InvalidJobError, StorageError
from shared.keys import manifest_key
from shared.manifest import Manifest, decode_manifest
from shared.messages import Batch, decode_batch
from shared.outcomes import Kind
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket

_UNITS = {"Bytes": MetricUnit.Bytes, "MillisecondsWaited": MetricUnit.Milliseconds}

logger = Logger(service="worker")
metrics = Metrics(namespace="scatterfetch", service="worker")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on the batch in every record; the failed ones go back to SQS."""
    settings = WorkerSettings.from_env(os.environ)
    resources = Resources(
        settings=settings,
        manifest=lambda job: _manifest(settings.data_bucket, job),
        data=Bucket(settings.data_bucket),
        work_queue=Queue(settings.work_queue_url),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        dead_letter_queue=Queue(settings.dead_letter_queue_url),
        clock=time.time,
        rng=Random(),  # noqa: S311 -- jitter
    )
    failed: list[str] = []
    for record in event["Records"]:
        try:
            batch = _batch(record, resources.work_queue)
            worked = work_on(
                Delivery(
                    batch,
                    record["receiptHandle"],
                    receives=int(record["attributes"]["ApproximateReceiveCount"]),
                ),
                resources,
                time_left=lambda: context.get_remaining_time_in_millis() / 1000,
            )
            logger.info("Batch done", job=batch.job, batch=batch.batch, counts=worked.counts)
            _measure(worked)
        except Exception:  # a mistake of ours, too: it is put back, and its partition goes on soon
            logger.exception("Batch failed", message_id=record["messageId"])
            failed.append(record["messageId"])
    metrics.add_metric("BatchesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _batch(record: dict[str, Any], work_queue: Queue) -> Batch:
    """
    Raises:
        InvalidJobError: it is no batch. It soon was received as often as it may be, so that it
            becomes a dead letter in place of holding up its partition.
    """
    try:
        return decode_batch(record["body"])
    except InvalidJobError:
        with suppress(StorageError):  # then that takes longer
            work_queue.put_back(record["receiptHandle"], 0)
        raise


@lru_cache(maxsize=64)
def _manifest(bucket: str, job: str) -> Manifest:
    body = Bucket(bucket).get(manifest_key(job))
    if body is None:
        raise InvalidJobError(f"job {job} has no manifest; was its folder deleted?")
    return decode_manifest(body)


def _measure(worked: Worked) -> None:
    if not worked.fetched:
        return  # who fetched it has counted it
    for name, value in worked.facts.items():
        metrics.add_metric(name, _UNITS.get(name, MetricUnit.Count), value)
    for kind in Kind:
        count = sum(n for name, n in worked.counts.items() if name.partition("-")[0] == kind)
        metrics.add_metric(f"Targets{kind.capitalize()}", MetricUnit.Count, count)
    for name, count in worked.counts.items():
        outcome, _, reason = name.partition("-")
        if outcome in {Kind.FAILED, Kind.DEAD}:
            words = "".join(word.capitalize() for word in reason.split("_"))
            metrics.add_metric(f"{outcome.capitalize()}{words}", MetricUnit.Count, count)

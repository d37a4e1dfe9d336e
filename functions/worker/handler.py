"""SQS event in, failed message ids out. Translates; decides nothing."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.worker.deployment import resources_of
from functions.worker.leases import Leases
from functions.worker.load import Load
from functions.worker.work import Delivery, Worked
from functions.worker.worker import Timetable, Worker
from shared.errors import InvalidJobError, StorageError
from shared.messages import Batch, decode_batch, is_wake
from shared.outcomes import Kind
from shared.settings import WorkerSettings

_UNITS = {"Bytes": MetricUnit.Bytes, "MillisecondsWaited": MetricUnit.Milliseconds}

logger = Logger(service="worker")
metrics = Metrics(namespace="scatterfetch", service="worker")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """
    Be a worker for as long as there is something to do, or time for it.

    The event is a wake, which says nothing more. Batches come with it from an event source mapping
    of release 0.1, as long as there is one.
    """
    settings = WorkerSettings.from_env(os.environ)
    resources = resources_of(settings, time.time)
    # Who watches a local run is told of each outcome; Lambda has nobody to tell.
    report = _Report(getattr(context, "tell", None))
    given: list[Delivery] = []
    leases = Leases(on_trouble=report.trouble)
    for record in event["Records"]:
        handle, body = record["receiptHandle"], record["body"]
        if is_wake(body):
            # A worker that dies gives it back, as its batches.
            leases.hold_wake(handle, resources.wake_queue)
            continue
        try:
            receives = int(record["attributes"]["ApproximateReceiveCount"])
            given.append(Delivery(decode_batch(body), handle, receives))
            report.open[handle] = record["messageId"]
        except InvalidJobError as error:
            report.trouble(error)
            report.open[handle] = record["messageId"]
            with suppress(StorageError):  # it soon was received as often as it may be
                resources.work_queue.put_back(handle, 0)
    load = Load()
    worker = Worker(
        resources,
        report,
        Timetable(lambda: context.get_remaining_time_in_millis() / 1000),
        load,
        leases,
    )
    with leases.kept_up(), asyncio.Runner(loop_factory=load.new_loop) as runner:
        runner.run(worker.run(*given))
    return {"batchItemFailures": [{"itemIdentifier": name} for name in report.open.values()]}


class _Report:
    """
    Logs and counts what becomes of batches.

    `open` are the message ids, by receipt handle, of those that came with the event and are not
    concluded.
    """

    def __init__(self, tell: Callable[[str, str, Mapping[str, int]], None] | None = None) -> None:
        self.open: dict[str, str] = {}
        self._tell = tell

    def outcome(self, batch: Batch, counts: Mapping[str, int]) -> None:
        if self._tell is not None:
            self._tell(batch.job, batch.batch, counts)

    def begun(self, delivery: Delivery) -> None:
        """Say nothing: what becomes of it is said."""

    def done(self, delivery: Delivery, worked: Worked) -> None:
        self.open.pop(delivery.receipt_handle, None)
        batch = delivery.batch
        logger.info("Batch done", job=batch.job, batch=batch.batch, counts=worked.counts)
        _measure(worked)
        metrics.add_metric("BatchesFailed", MetricUnit.Count, 0)
        metrics.flush_metrics()  # each with its time: the worker may go on for long

    def failed(self, delivery: Delivery, error: Exception) -> None:
        batch = delivery.batch
        logger.error(
            "Batch failed",
            job=batch.job,
            batch=batch.batch,
            receives=delivery.receives,
            exc_info=error,
        )
        metrics.add_metric("BatchesFailed", MetricUnit.Count, 1)
        metrics.flush_metrics()

    def trouble(self, error: Exception) -> None:
        logger.error("Trouble", exc_info=error)


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

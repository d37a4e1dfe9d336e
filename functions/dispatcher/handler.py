"""SQS event in, failed message ids out. Translates; decides only what comes first."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.dispatcher.dispatch import Dispatcher
from shared.errors import ScrapeError
from shared.jobs import Manifest
from shared.messages import Defer, ListUploaded, Shard, Submit, decode_dispatch
from shared.queue import Queue
from shared.settings import DispatcherSettings
from shared.store import Bucket

_SHARD_SECONDS = 60  # what a shard may take at worst; no shard is begun with less time left

logger = Logger(service="dispatcher")
metrics = Metrics(namespace="scatterfetch", service="dispatcher")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """
    Act on every message; the failed ones go back to SQS.

    Small messages come before lists, and a list for which there is no time left is put back at
    the end of the queue, so that nobody waits for somebody else's ten million lines.
    """
    settings = DispatcherSettings.from_env(os.environ)
    dispatcher = Dispatcher(
        settings,
        data=Bucket(settings.data_bucket),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        work_queue=Queue(settings.work_queue_url),
        now=lambda: datetime.now(UTC),
    )
    failed: set[str] = set()
    shards: list[tuple[str, Shard]] = []
    for record in SQSEvent(event).records:
        try:
            for message in decode_dispatch(record.body):
                if isinstance(message, Shard):
                    shards.append((record.message_id, message))
                else:
                    _act(dispatcher, message, record.message_id)
        except ScrapeError:
            logger.exception("Message failed", message_id=record.message_id)
            failed.add(record.message_id)
    for number, (message_id, shard) in enumerate(shards):
        try:
            if number and context.get_remaining_time_in_millis() < _SHARD_SECONDS * 1000:
                dispatcher.postpone(shard)
            else:
                _log(dispatcher.dispatch(shard))
        except ScrapeError:
            logger.exception("Shard failed", message_id=message_id, job=shard.job)
            failed.add(message_id)
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _act(dispatcher: Dispatcher, message: Submit | Defer | ListUploaded, message_id: str) -> None:
    if isinstance(message, Defer):
        dispatcher.forward(message)
    else:
        _log(dispatcher.start(message, message_id=message_id))


def _log(manifest: Manifest | None) -> None:
    if manifest is None:
        return
    if manifest.error:
        logger.error("Job refused", job=manifest.job, problem=manifest.error)
    else:
        logger.info("Dispatched", job=manifest.job)

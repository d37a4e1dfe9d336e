"""SQS event in, failed message ids out. Translates; decides only what comes first."""

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.dispatcher.close import Closer
from functions.dispatcher.dispatch import Dispatcher
from functions.dispatcher.events import announce
from functions.dispatcher.shards import SHARD_SECONDS
from shared.manifest import Manifest
from shared.messages import Defer, ListUploaded, Shard, Submit, Tick, decode_dispatch
from shared.queue import Queue
from shared.settings import DispatcherSettings
from shared.store import Bucket
from shared.wakes import LastCall, Wakes

_MARGIN_SECONDS = 20  # kept free after the adding up of receipts

logger = Logger(service="dispatcher")
metrics = Metrics(namespace="scatterfetch", service="dispatcher")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """
    Act on every message; the failed ones go back to SQS.

    Small messages come before lists and looks at jobs, and what there is no time left for is put
    back at the end of the queue, so that nobody waits for somebody else's ten million lines.
    """
    settings = DispatcherSettings.from_env(os.environ)
    wakes = Wakes(
        Queue(settings.wake_queue_url),
        workers=settings.worker_concurrency,
        last=_last_call(settings.wake_queue_url),
    )
    dispatcher = Dispatcher(
        settings,
        data=Bucket(settings.data_bucket),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        work_queue=Queue(settings.work_queue_url),
        wakes=wakes,
        now=lambda: datetime.now(UTC),
    )
    closer = Closer(
        settings,
        data=Bucket(settings.data_bucket),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        work_queue=Queue(settings.work_queue_url),
        wakes=wakes,
        announce=announce,
        now=time.time,
    )

    def time_left() -> float:
        seconds: float = context.get_remaining_time_in_millis() / 1000
        return seconds

    failed: dict[str, None] = {}  # message ids, each once, in the order in which they failed
    shards: list[tuple[str, Shard]] = []
    ticks: list[tuple[str, Tick]] = []
    for record in event["Records"]:
        try:
            for message in decode_dispatch(record["body"]):
                if isinstance(message, Shard):
                    shards.append((record["messageId"], message))
                elif isinstance(message, Tick):
                    ticks.append((record["messageId"], message))
                else:
                    _act(dispatcher, message, record["messageId"])
        except Exception:  # a mistake of ours, too: the other messages are none of its business
            logger.exception("Message failed", message_id=record["messageId"])
            failed[record["messageId"]] = None
    later: list[tuple[str, Shard | Tick]] = [*shards, *ticks]
    for number, (message_id, work) in enumerate(later):
        try:
            if number and time_left() < SHARD_SECONDS:
                dispatcher.postpone(work)
            elif isinstance(work, Shard):
                _log(dispatcher.dispatch(work, time_left=time_left))
            else:
                closer.look(work, until=time.time() + time_left() - _MARGIN_SECONDS)
        except Exception:
            logger.exception("Message failed", message_id=message_id, job=work.job)
            failed[message_id] = None
    metrics.add_metric("MessagesFailed", MetricUnit.Count, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _last_call(_queue: str) -> LastCall:
    """Return what is known of the wakes that earlier invocations have sent to a queue."""
    return LastCall(time.time)


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
        logger.info("Dispatched", job=manifest.job, spec=manifest.spec_from)

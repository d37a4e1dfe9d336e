"""
The deployed handlers, with minutes that last seconds.

Only how long things take is changed, and only in the processes that run these handlers; see
`TIMES` in `tests.chaos.harness` for what the template says of it.
"""

from types import ModuleType
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

import functions.dispatcher.handler
import functions.worker.handler
from functions.dispatcher import close, dispatch
from functions.worker import pause, robots, scrape, work
from shared import clients


def _set(module: ModuleType, **values: Any) -> None:
    for name, value in values.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} any more"
        setattr(module, name, value)


# A client that waits for 4 s where it would wait for 20.
_set(clients, _CONFIG=clients._CONFIG.merge(Config(connect_timeout=4, read_timeout=4)))
_set(functions.dispatcher.handler, SHARD_SECONDS=4, _MARGIN_SECONDS=2)
_set(dispatch, SHARD_SECONDS=4, _SCAN_SECONDS=4, TICK_FIRST=1)
_set(close, TICK_FIRST=1)
_set(work, CANCEL_SECONDS=1.0, COMMIT_SECONDS=4.0, LEASE_MARGIN=1)
_set(pause, COOL_FIRST=0.1, COOL_MAX=0.5, CIRCUIT_FIRST=0.5, CIRCUIT_MAX=2.0)
_set(robots, TTL_ERROR=1.0)
_set(scrape, TTL_ERROR=1.0)

dispatcher = functions.dispatcher.handler.handler
worker = functions.worker.handler.handler


def dispatcher_of_shards(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Cut lists after a dozen lines."""
    _set(dispatch, SHARD_BYTES=400)
    result: dict[str, Any] = dispatcher(event, context)
    return result

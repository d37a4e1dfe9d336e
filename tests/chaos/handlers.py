"""
The deployed handlers, with minutes that last seconds.

Only how long things take is changed, and only in the processes that run these handlers; see
`TIMES` in `tests.chaos.harness` for what the template says of it.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared import clients

FENCE = 9.0  # seconds, where a worker's time is up after seven
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def __getattr__(name: str) -> Handler:
    """Return a handler. Most of what a scenario costs are imports, so the other's are left out."""
    try:
        return {
            "worker": _worker,
            "worker_of_the_next_release": _worker_of_the_next_release,
            "dispatcher_of_the_next_release": _dispatcher_of_the_next_release,
            "worker_that_gives_up": _worker_that_gives_up,
            "dispatcher": _dispatcher,
            "dispatcher_of_shards": _dispatcher_of_shards,
            "dispatcher_in_a_hurry": _dispatcher_in_a_hurry,
        }[name]()
    except KeyError:
        raise AttributeError(name) from None


def _set(module: ModuleType, **values: Any) -> None:
    for name, value in values.items():
        assert hasattr(module, name), f"{module.__name__} has no {name} any more"
        setattr(module, name, value)


# A client that waits for 4 s where it would wait for 20.
_set(clients, _CONFIG=clients._CONFIG.merge(Config(connect_timeout=4, read_timeout=4)))


def _worker() -> Handler:
    from functions.worker import fence, handler, work  # noqa: PLC0415
    from functions.worker.politeness import pause, robots  # noqa: PLC0415
    from functions.worker.scraping import invocation, rulebook  # noqa: PLC0415

    _set(fence, FENCE_SECONDS=FENCE, LOOK_SECONDS=1.0)
    _set(work, COMMIT_SECONDS=4.0, LEASE_MARGIN=1)
    _set(invocation, CANCEL_SECONDS=1.0)
    # Faults come a hundred times as often as in life, so batches are not given up.
    _set(work, RELEASE_SECONDS=(1,), UNFETCHED_FROM=1_000)
    _set(pause, COOL_FIRST=0.1, COOL_MAX=0.5, CIRCUIT_FIRST=0.5, CIRCUIT_MAX=2.0)
    _set(robots, TTL_ERROR=1.0)
    _set(rulebook, TTL_ERROR=1.0)
    return handler.handler


def _worker_that_gives_up() -> Handler:
    """Give batches up when that is due in life, too."""
    from functions.worker import work  # noqa: PLC0415

    usual = work.UNFETCHED_FROM
    handler = _worker()
    _set(work, UNFETCHED_FROM=usual)
    return handler


def _dispatcher() -> Handler:
    from functions.dispatcher import close, dispatch, handler, ranges, streams  # noqa: PLC0415

    _set(handler, SHARD_SECONDS=4, _MARGIN_SECONDS=2)
    _set(streams, SHARD_SECONDS=4)
    _set(ranges, _SCAN_SECONDS=4)
    _set(dispatch, TICK_FIRST=1)
    _set(close, TICK_FIRST=1)
    return handler.handler


def _dispatcher_in_a_hurry() -> Handler:
    """Have the time to add up three receipts."""
    from functions.dispatcher import fold, handler  # noqa: PLC0415

    _set(fold, TOGETHER=3, FEW=6)
    dispatcher = _dispatcher_of_shards()
    _set(handler, _MARGIN_SECONDS=1_000)
    return dispatcher


def _dispatcher_of_shards() -> Handler:
    """Cut lists after a dozen lines."""
    from functions.dispatcher import jobs  # noqa: PLC0415

    _set(jobs, SHARD_BYTES=400)
    return _dispatcher()


def _next_release() -> None:
    """
    Be a release with another lock, another planner, and a field more in all that it writes.

    The number of partitions is in the environment, as in any local cloud.
    """
    from functions.dispatcher import plan, written  # noqa: PLC0415
    from functions.worker import children  # noqa: PLC0415
    from shared import lock, manifest, messages, urls  # noqa: PLC0415

    frozen, encode_manifest = urls._frozen_domain, manifest.encode_manifest
    _set(lock, SUFFIXES=2)
    _set(urls, _frozen_domain=lambda host: frozen(host)[::-1])
    _set(plan, _in_turns=lambda hosts: [entry for host in hosts[::-1] for entry in host])
    _set(children, _DUE_TOGETHER=1)
    encoder = _Encoder()
    _set(written, _encoder=encoder)
    _set(messages, encode=lambda message: encoder.encode(message).decode())
    _set(manifest, encode_manifest=lambda manifest: _with_news(encode_manifest(manifest)))


class _Encoder:
    """Writes a field more in each object."""

    def encode(self, message: object) -> bytes:
        return _with_news(msgspec.json.encode(message))


def _with_news(body: bytes) -> bytes:
    return msgspec.json.encode(_told(msgspec.json.decode(body)))


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(one) for one in value]
    if not isinstance(value, dict):
        return value
    maps = ("headers", "cookies", "input", "fields")
    told = {key: one if key in maps else _told(one) for key, one in value.items()}
    return told | {"news": {"of": "the next release"}}


def _worker_of_the_next_release() -> Handler:
    _next_release()
    return _worker()


def _dispatcher_of_the_next_release() -> Handler:
    _next_release()
    return _dispatcher()

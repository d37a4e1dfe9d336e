"""
The deployed handlers, with minutes that last seconds.

Only how long things take is changed, and only in the processes that run these handlers; see
`TIMES` in `tests.chaos.harness` for what the template says of it.
"""

import asyncio
import ctypes
import math
import os
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared import clients
from shared.settings import WorkerSettings
from tests.chaos.times import FENCE, GAP, LEASE, STALL

if TYPE_CHECKING:
    from shared.outcomes import Outcome

IN_HAND = 5  # batches, so that several workers have something to do
Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def __getattr__(name: str) -> Handler:
    """Return a handler. Most of what a scenario costs are imports, so the other's are left out."""
    try:
        return {
            "worker": _worker,
            "worker_of_the_next_release": _worker_of_the_next_release,
            "dispatcher_of_the_next_release": _dispatcher_of_the_next_release,
            "worker_that_gives_up": _worker_that_gives_up,
            "worker_with_many": _worker_with_many,
            "worker_that_stalls": _worker_that_stalls,
            "worker_that_freezes": _worker_that_freezes,
            "machine": _machine,
            "dispatcher": _dispatcher,
            "dispatcher_that_calls_few": _dispatcher_that_calls_few,
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
    from functions.worker import (  # noqa: PLC0415
        calls,
        capacity,
        fence,
        handler,
        leases,
        lock_watch,
        work,
        worker,
        workshop,
    )
    from functions.worker.politeness import pause, robots  # noqa: PLC0415
    from functions.worker.scraping import rulebook, turns  # noqa: PLC0415

    _set(fence, FENCE_SECONDS=FENCE, LOOK_SECONDS=1.0)
    _set(leases, _PATIENCE=1.0)
    _set(handler, Leases=partial(leases.Leases, LEASE))
    _set(worker, COMMIT_SECONDS=4.0, MIN_SECONDS=1.0)
    _set(
        worker,
        RELEASE_SECONDS=(1,),
        STORAGE_SECONDS=(1,),
        LONG_PAUSE=GAP,
        _TROUBLE_SECONDS=(0.2,) * 4,
    )
    _set(turns, LONG_PAUSE=GAP)
    _set(calls, CALL_SECONDS=2.0, FULL_SECONDS=0.0)
    _set(lock_watch, LOOK_SECONDS=1.0, _LOOK_SECONDS=0.5, _PATIENCE=4.0)
    _set(capacity, IN_HAND=IN_HAND)
    _set(workshop, CANCEL_SECONDS=1.0)
    # Faults come a hundred times as often as in life, so batches are not given up.
    _set(worker, ALONE_FROM=1_000)
    _set(work, UNFETCHED_FROM=1_000)
    _set(pause, COOL_FIRST=0.1, COOL_MAX=0.5, CIRCUIT_FIRST=0.5, CIRCUIT_MAX=2.0)
    _set(robots, TTL_ERROR=1.0)
    _set(rulebook, TTL_ERROR=1.0)
    return handler.handler


def _worker_that_gives_up() -> Handler:
    """Give batches up when that is due in life, too."""
    from functions.worker import work, worker  # noqa: PLC0415

    unfetched, alone = work.UNFETCHED_FROM, worker.ALONE_FROM
    handler = _worker()
    _set(work, UNFETCHED_FROM=unfetched)
    _set(worker, ALONE_FROM=alone)
    return handler


def _worker_with_many() -> Handler:
    """Have as many batches in hand as in life."""
    from functions.worker import capacity  # noqa: PLC0415
    from shared import wakes  # noqa: PLC0415

    handler = _worker()
    _set(capacity, IN_HAND=wakes.IN_HAND)
    return handler


def _worker_that_stalls() -> Handler:
    """Let nothing go on in the event loop for a while when a page comes that is XHTML."""
    return _held_up_by(time.sleep)


def _worker_that_freezes() -> Handler:
    """Let no thread go on for a while when a page comes that is XHTML."""
    libc = ctypes.PyDLL(None)  # whose functions keep the interpreter's lock
    return _held_up_by(lambda seconds: libc.usleep(int(seconds * 1e6)))


def _held_up_by(hold: Callable[[float], object]) -> Handler:
    from functions.worker import work  # noqa: PLC0415
    from functions.worker.commit import OutcomeFile  # noqa: PLC0415

    class Held(OutcomeFile):
        def add(self, outcome: "Outcome") -> None:
            if outcome.content_type == "application/xhtml+xml":
                hold(STALL)
            super().add(outcome)

    handler = _worker_with_many()
    _set(work, OutcomeFile=Held)
    return handler


def _machine() -> Handler:
    """Be a worker that no wake calls and that stays."""
    _worker()
    from functions.worker.deployment import resources_of  # noqa: PLC0415
    from functions.worker.handler import _Report  # noqa: PLC0415
    from functions.worker.leases import Leases  # noqa: PLC0415
    from functions.worker.load import Load  # noqa: PLC0415
    from functions.worker.worker import Timetable, Worker  # noqa: PLC0415

    def machine(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
        resources = resources_of(WorkerSettings.from_env(os.environ), time.time)
        load, leases = Load(), Leases(LEASE)
        timetable = Timetable(lambda: math.inf, stays=True, wait=2.0)
        worker = Worker(resources, _Report(), timetable, load, leases)
        with leases.kept_up(), asyncio.Runner(loop_factory=load.new_loop) as runner:
            runner.run(worker.run())
        return {"batchItemFailures": []}

    return machine


def _dispatcher() -> Handler:
    from functions.dispatcher import close, dispatch, handler, ranges, streams  # noqa: PLC0415
    from shared import wakes  # noqa: PLC0415

    _set(wakes, IN_HAND=IN_HAND, TOGETHER_SECONDS=1.0)
    _set(dispatch, LEFT_SECONDS=0.0)
    _set(handler, SHARD_SECONDS=4, _MARGIN_SECONDS=2)
    _set(streams, SHARD_SECONDS=4)
    _set(ranges, _SCAN_SECONDS=4)
    _set(dispatch, TICK_FIRST=1)
    _set(close, TICK_FIRST=1)
    return handler.handler


def _dispatcher_that_calls_few() -> Handler:
    """Call for as many workers as in life."""
    from shared import wakes  # noqa: PLC0415

    usual = wakes.IN_HAND
    handler = _dispatcher()
    _set(wakes, IN_HAND=usual)
    return handler


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

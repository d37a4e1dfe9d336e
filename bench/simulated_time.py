"""
An event loop whose clock jumps to the next event, and the calls that take time there.

What would be made by a thread (S3 and SQS) is made at once, and lasts as long as it would.
"""

import asyncio
import contextvars
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

EPOCH = 1_800_000_000.0  # when simulations begin; the state of a host is stale in 1970
_STEP = 1e-6  # seconds

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class NothingYet(BaseException):
    """Is raised by a simulated call that waits, for `change` or for so many seconds."""

    def __init__(self, change: "asyncio.Future[None]", seconds: float) -> None:
        super().__init__()
        self.change = change
        self.seconds = seconds


class Processor:
    """
    The part of a core that a worker has.

    Args:
        share: Of a core.
        clock: Returns seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float]) -> None:
        self._share = share
        self._clock = clock
        self._free = clock()
        self._busy = 0.0
        self._since = clock()

    async def compute(self, seconds: float) -> None:
        """Wait for one's turn, and have it for so many seconds of a full core."""
        now = self._clock()
        taken = seconds / self._share
        self._busy += taken
        self._free = max(now, self._free) + taken
        await asyncio.sleep(self._free - now)

    @property
    def waited(self) -> float:
        """The seconds without work so far: what `functions.worker.load` asks a selector for."""
        now = self._clock()
        return now - self._since - (self._busy - max(0.0, self._free - now))


class Calls:
    """
    What simulated services have taken of the time, in the call that is being made.

    `may_wait` tells them whether the call may last as long as it asks to.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0
        self.may_wait = False

    def took(self, seconds: float, cpu: float) -> None:
        self.seconds += seconds
        self.cpu += cpu


PROCESSOR: contextvars.ContextVar[Processor] = contextvars.ContextVar("processor")
"""Of the worker that a task belongs to."""


class _Jump(selectors.SelectSelector):
    """Waits for nobody: time passes at once."""

    now = EPOCH

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("the simulated worker waits for something that never happens")
        self.now += max(_STEP, timeout)  # or who waits for less than a float can tell waits on
        return []


class Time(asyncio.SelectorEventLoop):
    """An event loop whose clock can be set."""

    def __init__(self, calls: Calls | None = None) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._calls = calls or Calls()
        self._threads: WeakKeyDictionary[Executor, asyncio.Semaphore] = WeakKeyDictionary()

    def time(self) -> float:
        return self._jump.now

    def set(self, now: float) -> None:
        self._jump.now = now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        assert isinstance(executor, ThreadPoolExecutor)
        return self.create_task(self._made(executor, lambda: func(*args)))

    async def _made(self, executor: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        threads = self._threads.get(executor)
        if threads is None:
            threads = asyncio.Semaphore(executor._max_workers)  # noqa: SLF001 -- it does not tell
            self._threads[executor] = threads
        async with threads:
            return await self._call(call)

    async def _call(self, call: Callable[[], T]) -> T:
        calls = self._calls
        until: float | None = None
        while True:
            calls.seconds = calls.cpu = 0.0
            calls.may_wait = until is None or self.time() < until
            try:
                return call()
            except NothingYet as nothing:
                until = self.time() + nothing.seconds if until is None else until
                await asyncio.wait([nothing.change], timeout=max(0.0, until - self.time()))
                nothing.change.cancel()  # nobody waits for it any more
                continue
            finally:
                seconds, cpu = calls.seconds, calls.cpu
                calls.may_wait = False
                if cpu:
                    await PROCESSOR.get().compute(cpu)
                if seconds:
                    await asyncio.sleep(seconds)

"""
The inside of a worker process: the worker loop of the stack, until somebody says that it is to end.

The first line on standard input says what is wanted; any other, or its end, is the word to hand
back what is in hand. On standard output is what becomes of batches; standard error is the log.
"""

import asyncio
import logging
import math
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct

from functions.worker.deployment import resources_of
from functions.worker.leases import LeaseLostError, Leases
from functions.worker.load import Load
from functions.worker.work import Delivery, Worked
from functions.worker.worker import COMMIT_SECONDS, Timetable, Worker
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.machine.clock import AwsClock
from scatterfetch.machine.news import Ended, News, begun, encode
from shared.clients import session
from shared.messages import Batch
from shared.settings import WorkerSettings

WAIT_SECONDS = 15.0
"""
That an idle worker waits for a message at once, since asking costs money.

SQS's longest would be 20 s, but the answer must be here before the call is given up.
"""
SUPERSEDED = 3
"""The exit status of a worker since whose beginning another release has taken the lock."""
_REPEAT_SECONDS = 60.0  # between two lines in the log that say the same
_log = logging.getLogger("scatterfetch")


class Wanted(Struct, frozen=True, kw_only=True):
    """What a worker process is to do; `verbose` logs each batch, too."""

    name: str
    settings: WorkerSettings
    parsers: str | None
    verbose: bool


class _Report:
    """Tells whoever started the process, and the log."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def begun(self, delivery: Delivery) -> None:
        self._tell(begun(delivery.batch))

    def outcome(self, batch: Batch, counts: Mapping[str, int]) -> None:
        """Say nothing: batches are told of at their end."""

    def done(self, delivery: Delivery, worked: Worked) -> None:
        batch = delivery.batch
        # Of another's commit the other has told.
        self._tell(Ended(batch.group, dict(worked.counts) if worked.fetched else {}))
        counts = ", ".join(f"{count} {name}" for name, count in worked.counts.items())
        _log.info("%s/%s: %s", batch.job, batch.batch, counts)

    def failed(self, delivery: Delivery, error: Exception) -> None:
        batch = delivery.batch
        self._tell(Ended(batch.group))
        # Others have it, which is why; or a mistake of ours, whose place is worth knowing.
        where = None if isinstance(error, LeaseLostError) else error
        _log.error("%s/%s is delivered again: %s", batch.job, batch.batch, error, exc_info=where)

    def trouble(self, error: Exception) -> None:
        text, now = str(error), time.monotonic()
        if now >= self._said.get(text, -math.inf) + _REPEAT_SECONDS:
            self._said = {text: now}
            _log.error("%s", text)

    def _tell(self, news: News) -> None:
        with suppress(OSError):  # whoever has started us is gone, and so will we be
            sys.stdout.buffer.write(encode(news) + b"\n")
            sys.stdout.buffer.flush()


class _End:
    """
    Knows how much time is left, which is for ever until somebody says so on `told`.

    `told` has no buffer: whoever waits at one as the process ends makes that a crash.
    """

    def __init__(self, told: FileIO) -> None:
        self._at = math.inf
        self._told = told
        threading.Thread(target=self._listen, name="end", daemon=True).start()

    def time_left(self) -> float:
        return self._at - time.monotonic()

    def _listen(self) -> None:
        self._told.readline()
        # As much as the worker keeps for its commits: it begins nothing any more.
        self._at = time.monotonic() + COMMIT_SECONDS


def main() -> None:
    """Be a worker."""
    for number in (signal.SIGINT, signal.SIGTERM):  # which the process that started us understands
        signal.signal(number, signal.SIG_IGN)
    told = FileIO(sys.stdin.fileno(), closefd=False)
    wanted = msgspec.json.decode(told.readline(), type=Wanted)
    logging.basicConfig(
        level=logging.INFO if wanted.verbose else logging.WARNING,
        format=f"%(asctime)s {wanted.name} %(levelname)s %(message)s",
    )
    use_parsers(Path(wanted.parsers) if wanted.parsers else None)
    clock = AwsClock(on_notable=_mention_clock)
    clock.follow(session())
    load, report, end = Load(), _Report(), _End(told)
    leases = Leases(on_trouble=report.trouble)
    worker = Worker(
        resources_of(wanted.settings, clock.now),
        report,
        Timetable(end.time_left, stays=True, wait=WAIT_SECONDS),
        load,
        leases,
    )
    with leases.kept_up(), asyncio.Runner(loop_factory=load.new_loop) as runner:
        runner.run(worker.run())
    if worker.is_superseded:
        sys.exit(SUPERSEDED)


def _mention_clock(correction: float) -> None:
    which = "behind" if correction > 0 else "ahead of"
    _log.warning(
        "this machine's clock is %.0f s %s AWS's; workers go by AWS's", abs(correction), which
    )

"""
The worker processes of this machine: as many as wanted, for as long as the stack is the same.

A process that dies is replaced, later each time; its batches come back when their leases end.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from functions.worker.leases import LEASE_SECONDS
from scatterfetch.jobs.stack import NoStackError
from scatterfetch.machine.member import Member
from scatterfetch.machine.membership import StrangerError
from scatterfetch.machine.news import Ended, News, Standing
from scatterfetch.machine.process import SUPERSEDED, WAIT_SECONDS, Wanted
from shared.errors import ScrapeError
from shared.settings import WorkerSettings

LOOK_SECONDS = 300.0
"""Between two looks whether the stack is the same as before."""
AGAIN_SECONDS = (1.0, 4.0, 16.0, 60.0)
"""Until a process that has died is replaced, by how many have in a row."""

BACK_SECONDS = LEASE_SECONDS + WAIT_SECONDS
"""Until others get at the latest what a worker had that has died: a receipt hides for its wait,
too."""


class CannotGoOnError(ScrapeError):
    """The workers are of no use any more; the message says why, and what to do."""


@dataclass
class _Seat:
    """The place of one worker, whatever process has it."""

    name: str
    member: Member | None = None
    failures: int = 0
    """Of processes, since one concluded a batch."""
    free_until: float = field(default=0.0)


class Crew:
    """
    Some workers.

    Args:
        settings: Those of the stack.
        look: Returns the settings of the stack as it is by then, within seconds. It raises
            `StrangerError` where this machine may not work for it any more, `NoStackError` where it
            is gone, and other errors where nobody can be asked.
        workers: How many.
        memory: MB that each may take at most, with what it has started.
        parsers: The folder of the user's Python parsers.
        region: Of AWS.
        log: Takes what workers log, each batch too; None: what goes wrong, to standard error.
        say: Is told of processes that die, and the like.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        look: Callable[[], WorkerSettings],
        *,
        workers: int,
        memory: int,
        parsers: Path | None,
        region: str,
        log: IO[bytes] | None,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._look_at_stack = look
        self._memory = memory
        self._parsers = parsers
        self._log = log
        self._say = say
        # One heap for all threads, as in template.yaml.
        self._environment = {
            **os.environ,
            "AWS_DEFAULT_REGION": region,
            "MALLOC_ARENA_MAX": "1",
        }
        self._seats = [_Seat(f"worker-{number}") for number in range(1, workers + 1)]
        self._looked = time.monotonic()
        self.is_ending = False
        self.standing = Standing()

    def start(self) -> None:
        for seat in self._seats:
            self._fill(seat)

    def look(self) -> None:
        """
        See to the processes; to be called several times a second.

        Raises:
            CannotGoOnError: the stack has changed, is gone or has been taken over by another
                release, or processes only die. They are there still.
        """
        for seat in self._seats:
            self._look_at(seat)
        if not self.is_ending and time.monotonic() >= self._looked + LOOK_SECONDS:
            self._check_stack()

    def end(self) -> None:
        """Have all hand back what they have in hand, and end."""
        self.is_ending = True
        for seat in self._seats:
            if seat.member is not None:
                seat.member.end()

    def has_ended(self) -> bool:
        """Tell whether all have ended that were to; one that died is still to be replaced."""
        return self.is_ending and all(seat.member is None for seat in self._seats)

    def kill(self) -> None:
        """End all at once."""
        for seat in self._seats:
            if seat.member is not None:
                seat.member.kill()
                self._leave(seat)

    def _look_at(self, seat: _Seat) -> None:
        member = seat.member
        if member is None:
            if not self.is_ending and time.monotonic() >= seat.free_until and self._check_stack():
                self._fill(seat)
            return
        if (used := member.memory) is not None and used > self._memory:
            member.kill()
            self._lose(seat, f"used {used:,} MB of memory, and may use {self._memory:,}")
        elif (code := member.ended()) is not None:
            if member.is_ending and code in {0, SUPERSEDED}:
                self._leave(seat)
            elif code == SUPERSEDED:  # another worker of this release would take the lock back
                self._leave(seat)
                raise CannotGoOnError(
                    "another release has taken the lock of the fleet: call this again, as the "
                    "release that is deployed, when its deployment has come to its end"
                )
            else:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
                self._lose(seat, how)

    def _fill(self, seat: _Seat) -> None:
        wanted = Wanted(
            name=seat.name,
            settings=self._settings,
            parsers=str(self._parsers) if self._parsers else None,
            verbose=self._log is not None,
        )
        seat.member = Member(wanted, self._environment, self._log, self._note)

    def _leave(self, seat: _Seat) -> None:
        seat.member = None
        self.standing.forget(seat.name)

    def _lose(self, seat: _Seat, how: str) -> None:
        self._leave(seat)
        if self.is_ending:
            self._say(f"{seat.name} {how}; others get what it had in hand in {BACK_SECONDS:g} s")
            return
        if seat.failures >= len(AGAIN_SECONDS):
            raise CannotGoOnError(
                f"{seat.name} {how}, as the {len(AGAIN_SECONDS)} before it, and none has brought a "
                "batch to its end; what they log says why"
            )
        wait = AGAIN_SECONDS[seat.failures]
        seat.failures += 1
        seat.free_until = time.monotonic() + wait
        self._say(
            f"{seat.name} {how}; others get what it had in hand within {BACK_SECONDS:g} s, and "
            f"another worker begins in {wait:.0f} s"
        )

    def _note(self, worker: str, news: News) -> None:
        self.standing.add(worker, news)
        if isinstance(news, Ended) and news.counts is not None:
            for seat in self._seats:
                if seat.name == worker:
                    seat.failures = 0

    def _check_stack(self) -> bool:
        """Tell whether the stack is known to be the same."""
        self._looked = time.monotonic()
        try:
            settings = self._look_at_stack()
        except (StrangerError, NoStackError) as error:
            raise CannotGoOnError(str(error)) from error
        except ScrapeError as error:  # there is no network, say
            self._say(f"{error}; asked again later")
            for seat in self._seats:
                seat.free_until = max(seat.free_until, self._looked + AGAIN_SECONDS[-1])
            return False
        if settings != self._settings:
            raise CannotGoOnError("the settings of the stack have changed; call this again")
        return True

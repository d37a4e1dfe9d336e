"""`scatterfetch work`: this machine as workers of a stack."""

import argparse
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scatterfetch.commands.place import add_stack, chosen_stack
from scatterfetch.jobs.watch import interruptions
from scatterfetch.output.sentences import complain, counted
from scatterfetch.project import find_project
from shared.errors import InvalidJobError
from shared.settings import LEAST_MEMORY

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack
    from scatterfetch.machine.crew import Crew
    from shared.settings import WorkerSettings

EXAMPLE = """\
Works for a deployed stack on this machine: its processes take batches from the queue of the stack
as Lambda's workers do, beside them or in their place, with its settings. So websites are visited
from the addresses of this machine. It waits for work until it is stopped.

Ctrl-C hands back what is in hand: what is fetched is kept, and the rest is left to others. The
release and the Python parsers must be those of the stack; in a project, its parsers are here.

examples:
  $ scatterfetch work --stack scatterfetch
  $ scatterfetch work --stack scatterfetch --workers 2 --log work.log
  $ scatterfetch deploy --stack scatterfetch WorkerConcurrency=0     # without workers of Lambda
"""
EPILOG = """\
exit status:
  0    it was stopped, and has handed back what was in hand
  1    the stack is not what it was any more, or workers only die
  2    wrong usage, this machine may not work for the stack, or AWS refused
  130  interrupted twice; others get what was in hand within 75 seconds
"""
_MEMORY = 1024  # MB
_LOOK_SECONDS = 0.5
_PATIENCE = 3.0  # with CloudFormation: meanwhile nobody hears Ctrl-C
_LINE_SECONDS = 5.0  # between two lines of progress


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_stack(command, required=True)
    command.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help="processes, each of which keeps one core busy at most (default: one for each core, as "
        "far as there is memory)",
    )
    command.add_argument(
        "--memory",
        type=int,
        default=_MEMORY,
        metavar="MB",
        help="that each worker may use; what it has in hand follows. One that uses more is ended, "
        f"and another takes its place (default: %(default)s, least: {LEAST_MEMORY})",
    )
    command.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="append to FILE what workers log, a line for each batch too (default: what goes wrong "
        "is on standard error)",
    )


def _workers(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers")
    return int(text)


def run(args: argparse.Namespace) -> int:
    if args.memory < LEAST_MEMORY:
        raise InvalidJobError(
            f"--memory {args.memory} is too little: the worst pages take a worker more, so give it "
            f"{LEAST_MEMORY} at least, and fewer --workers"
        )
    project = find_project()
    stack = chosen_stack(args, project)
    from scatterfetch.jobs.stack import open_stack  # noqa: PLC0415 -- the AWS SDK
    from scatterfetch.machine.crew import CannotGoOnError, Crew  # noqa: PLC0415 -- the engine
    from scatterfetch.machine.membership import settings_for  # noqa: PLC0415 -- as above

    def settings_of(stack: "Stack") -> "WorkerSettings":
        return replace(settings_for(stack, project), worker_memory=args.memory)

    workers = args.workers or _room(args.memory)
    with args.log.open("ab") if args.log else nullcontext() as log:
        crew = Crew(
            settings_of(stack),
            lambda: settings_of(open_stack(stack.name, project, patience=_PATIENCE)),
            workers=workers,
            memory=args.memory,
            parsers=project.parsers if project else None,
            region=stack.session.region_name,
            log=log,
            say=complain,
        )
        complain(f"{counted(workers, 'worker')} for {stack}; Ctrl-C ends")
        try:
            crew.start()
            return _watch(crew)
        except CannotGoOnError as error:
            complain(str(error))
            crew.end()
            _watch(crew)
            return 1
        finally:
            crew.kill()


def _room(memory: int) -> int:
    from scatterfetch.machine.resources import (  # noqa: PLC0415 -- with the rest of it
        usable_cores,
        usable_memory,
        workers_for,
    )

    return workers_for(memory, cores=usable_cores(), available=usable_memory())


def _watch(crew: "Crew") -> int:
    """Show what `crew` does until it has ended; return the exit status."""
    lines = _Lines(crew)
    with interruptions() as received:
        while not crew.has_ended():
            received.wait(_LOOK_SECONDS)
            if received.count > 1:
                return 130
            if received.count and not crew.is_ending:
                complain(
                    "stopping: what is under way is kept or handed back, in some seconds; a worker "
                    "with nothing in hand ends when the queue answers, within 15 s; Ctrl-C again "
                    "stops at once"
                )
                crew.end()
            crew.look()
            lines.show()
    lines.show(last=True)
    return 0


class _Lines:
    """A line of progress now and then, if there is any."""

    def __init__(self, crew: "Crew") -> None:
        self._crew = crew
        self._shown = crew.standing.work()
        self._at = time.monotonic()

    def show(self, *, last: bool = False) -> None:
        now = time.monotonic()
        if now < self._at + _LINE_SECONDS and not last:
            return
        work = self._crew.standing.work()
        if work != self._shown:
            from scatterfetch.output.working import progress_line  # noqa: PLC0415 -- now

            rate = (work.done - self._shown.done) / (now - self._at)
            complain(progress_line(work, rate))
        self._shown, self._at = work, now

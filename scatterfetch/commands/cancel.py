"""`scatterfetch cancel`: the end of a job, before it has come to it."""

import argparse

from scatterfetch.commands.place import add_stack, chosen_stack
from scatterfetch.jobs.standing import State, look_at
from shared.keys import cancelled_key

EXAMPLE = """\
Stops a job of a deployed stack: what is done stays, and what was not fetched yet becomes
`skipped` for the reason `cancelled`. A local run is stopped by Ctrl-C.

example:
  $ scatterfetch cancel books-urls-9f86d081884c --stack scatterfetch
"""
EPILOG = """\
exit status:
  0    the workers will stop as soon as they look
  2    there is no such job, wrong usage, or AWS refused
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("job", metavar="JOB", help="the id of a job")
    add_stack(command, required=True)


def run(args: argparse.Namespace) -> int:
    stack = chosen_stack(args)
    status = look_at(stack, args.job)
    if status.state in {State.COMPLETE, State.INCOMPLETE, State.REFUSED}:
        print(f"{args.job} is {status.state} already")
        return 0
    stack.data.put(cancelled_key(args.job), b"")
    stack.look_soon(args.job)
    print(
        f"{args.job}: {status.done:,} of {status.targets:,} URLs have their outcome; "
        "of the others no more are fetched"
    )
    return 0

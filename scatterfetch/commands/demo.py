"""`scatterfetch demo`: the bundled bookshops, scraped."""

import argparse

from scatterfetch.commands.local import add_local_run, local_parameters
from scatterfetch.localcloud.forkserver import fork_server
from scatterfetch.project import find_project

EXAMPLE = """\
Starts some small bookshops on this machine, scrapes their list of pages through the
local cloud, and shows what came out.

example:
  $ scatterfetch demo
"""
EPILOG = """\
exit status:
  0    every URL has its final outcome, and the outcomes are those that the README shows
  1    they are not
  2    wrong usage, or nothing could be started
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_local_run(command, "demo-out")


def run(args: argparse.Namespace) -> int:
    fork_server()  # which imports meanwhile
    from scatterfetch.demo.session import run_demo  # noqa: PLC0415 -- the local cloud

    return run_demo(
        args.out, workers=args.workers, parameters=local_parameters(args, find_project())
    )

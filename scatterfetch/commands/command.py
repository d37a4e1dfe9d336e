"""What a module of a command has."""

import argparse
from typing import Protocol

EXIT_STATUS = """\
exit status:
  0    every URL was scraped, or skipped for a reason that the spec or the website gives
  1    URLs failed, were given up on, or have a private address that nobody has allowed; rows have
       problems; the spec found nothing on a page; one list of several was refused or not read to
       its end; or results of an earlier run were gone or cut off (they are fetched again). The
       summary says which
  2    wrong usage or input; nothing was fetched
  3    unhealthy: a job is not what `expect` in its spec says. Where a spec has it, pages that fail
       or have problems are no reason for 1
  130  interrupted; what was done is kept, and the same command goes on
"""
"""Of `scatterfetch run`, and in general."""


class CommandModule(Protocol):
    """Imports what its arguments need, and no more: `--help` does not wait for engines and SDKs."""

    EXAMPLE: str
    """What the command does, and how it is called."""
    EPILOG: str
    """What its exit status means."""

    def add_arguments(self, command: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int:
        """
        Return the exit status.

        Raises:
            ScrapeError: the command cannot do what it was asked for; the message says why.
        """

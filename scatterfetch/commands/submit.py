"""`scatterfetch submit`: jobs in a deployed stack."""

import argparse
from pathlib import Path

from scatterfetch.commands.place import add_stack, chosen_stack
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.project import project_of

EXAMPLE = """\
Starts a job in a deployed stack for each list, and prints its id. The list is uploaded to the
stack's input bucket; URLs on the command line go along in the message. A sitemap is read by the
workers, and its pages are the list. A list or spec that is wrong is refused before anything is
sent, and so is a spec with keys that the stack's release does not know.

examples:
  $ scatterfetch submit books/urls.txt --stack scatterfetch
  $ scatterfetch submit https://example.com/ --stack scatterfetch --wait
"""
EPILOG = """\
exit status:
  0    the jobs are submitted; with --wait: as for `scatterfetch run`
  1    with --wait: as for `scatterfetch run`
  2    wrong usage or input, or AWS refused; jobs whose ids were printed go on
  130  interrupted; what was submitted goes on
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "sources",
        nargs="+",
        metavar="URLFILE|URL",
        help="a list, a URL, or the URL of a sitemap, as for `scatterfetch run`",
    )
    add_stack(command, required=True)
    command.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, and what to extract (default: as for `scatterfetch run`)",
    )
    command.add_argument(
        "--name", help="what the job's id begins with (default: the folder and name of the list)"
    )
    command.add_argument(
        "--wait", action="store_true", help="show the jobs while they go on, until they are done"
    )


def run(args: argparse.Namespace) -> int:
    from scatterfetch.lists.sources import named_files  # noqa: PLC0415 -- the engine
    from scatterfetch.submission.session import Wishes, submit_sources  # noqa: PLC0415 -- the SDK

    wishes = Wishes(spec=args.spec, name=args.name, wait=args.wait)
    project = project_of(named_files(args.sources, args.spec))
    use_parsers(project.parsers if project else None)
    return submit_sources(args.sources, wishes, lambda: chosen_stack(args, project))

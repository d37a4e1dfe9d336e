"""
Scrape lists of URLs, here or on AWS.

    $ scatterfetch demo
    $ scatterfetch run urls.txt --out out
    $ scatterfetch run https://example.com/ --out out
    $ scatterfetch results out -o rows.csv
"""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import NamedTuple, cast

from scatterfetch import __version__
from scatterfetch.command_parser import CommandParser
from scatterfetch.commands.command import EXIT_STATUS, CommandModule
from scatterfetch.deployable import TEMPLATE
from shared.errors import ScrapeError

SHORT_HELP = """\
Scrape lists of URLs, on this machine or on AWS.

  scatterfetch new shop                       make a project with an example that runs
  scatterfetch try https://example.com/       see what comes of one page
  scatterfetch run urls.txt                   scrape a list on this machine
  scatterfetch results out -o rows.csv        make a table of the rows

`scatterfetch --help` lists all commands, `scatterfetch COMMAND --help` explains one.
"""


class Command(NamedTuple):
    """A command, by its line in the list of commands and its module in `commands`."""

    name: str
    summary: str
    module: str

    def load(self) -> CommandModule:
        return cast("CommandModule", import_module(f"scatterfetch.commands.{self.module}"))


COMMANDS = [
    Command("run", "scrape lists on this machine", "run"),
    Command("crawl", "scrape a website from a start page on", "crawl"),
    Command("map", "list the URLs of a website", "map"),
    Command("demo", "scrape the bundled bookshops", "demo"),
    Command("results", "make a table of results", "results"),
    Command("changes", "say what is new, changed and gone", "changes"),
    Command("submit", "start jobs in a stack", "submit"),
    Command("schedule", "have a stack start jobs by itself", "schedule"),
    Command("cancel", "stop a job of a stack", "cancel"),
    Command("status", "say where a job stands", "status"),
    Command("jobs", "list jobs", "jobs"),
    Command("work", "work for a stack on this machine", "work"),
    Command("deadletters", "show what was given up on", "deadletters"),
    Command("redrive", "try again what was given up on", "redrive"),
    Command("try", "scrape one page, now", "tryout"),
    Command("init", "write a first spec for a page", "init"),
    Command("spec", "check a spec, or describe specs to an editor", "spec"),
    Command("new", "make a project", "new"),
    Command("deploy", "deploy to AWS, or build what would be", "deploy"),
    Command("completion", "let the shell complete commands", "completion"),
]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    if "_ARGCOMPLETE" in os.environ:
        _complete(os.environ["COMP_LINE"])
    words = sys.argv[1:] if argv is None else argv
    args = command_parser(_named(words)).parse_args(words)
    if args.command is None:
        print(SHORT_HELP, end="", file=sys.stderr)
        return 2
    try:
        exit_status: int = args.command(args)
    except ScrapeError as error:
        print(f"scatterfetch: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # As with `head`: whoever reads has enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"scatterfetch: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return exit_status


def _named(words: Sequence[str]) -> set[str]:
    """Return what may be the name of the command: the first word that is no option."""
    # No option before the command takes a value. The modules of other commands stay where they
    # are: nobody waits for what is not needed.
    return {*[word for word in words if not word.startswith("-")][:1]}


def _complete(line: str) -> None:
    """Tell the shell how `line` may go on, and end; see `scatterfetch completion`."""
    from argcomplete import autocomplete  # noqa: PLC0415 -- a shell asks, and nobody else

    autocomplete(command_parser(_named(line.split()[1:])))


def command_parser(names: Collection[str]) -> argparse.ArgumentParser:
    """Return a parser that lists all commands, and knows the arguments of those in `names`."""
    summary, _, example = (__doc__ or "").strip().partition("\n\n")
    parser = CommandParser(
        prog="scatterfetch",
        description=summary,
        epilog=f"examples:\n{example}\n\n{EXIT_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    python = ".".join(map(str, sys.version_info[:3]))
    parser.add_argument(
        "--version",
        action="version",
        version=f"scatterfetch {__version__}, Python {python}, template {TEMPLATE}",
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(
            command.name,
            help=command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if command.name in names:
            module = command.load()
            one.description, one.epilog = module.EXAMPLE, module.EPILOG
            module.add_arguments(one)
            one.set_defaults(command=module.run)
    return parser

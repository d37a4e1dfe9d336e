"""`scatterfetch deadletters`: what was given up on. Looking changes nothing."""

import argparse

import msgspec

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.found import detailed, found_letters
from scatterfetch.output.letters import print_letters, print_urls
from scatterfetch.output.sentences import complain

EXAMPLE = """\
Shows what was given up on, by job, reason and host: targets whose attempts are used up, batches
that no worker could bring to an end, and messages that are none. Looking changes nothing. The URLs,
with what went wrong, are there where they are few, and with --urls.

examples:
  $ scatterfetch deadletters --stack scatterfetch
  $ scatterfetch deadletters --stack scatterfetch --job books-urls-9f86d081884c --json
  $ scatterfetch deadletters out --urls
"""
EPILOG = """\
exit status:
  0    done, also if there was nothing to do
  2    wrong usage, or AWS refused
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    add_place(command)
    command.add_argument("--job", metavar="JOB", help="of one job only")
    command.add_argument(
        "--urls", action="store_true", help="all URLs, each with its details, in place of hosts"
    )
    command.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    place = open_place(args)
    found = found_letters(place, args.job, _report)
    if args.urls:
        found = detailed(place, found)
    if args.json:
        for letter in found:
            print(msgspec.json.encode(letter).decode())
    elif args.urls:
        print_urls(found)
    else:
        print_letters(place, found)
    return 0


def _report(queue: str, behind: int) -> None:
    complain(
        f"about {behind:,} more in {queue} cannot be seen: they stand behind others of their "
        "partition"
    )

"""`scatterfetch deadletters`: what was given up on. Looking changes nothing."""

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.letters import Letter, letters
from scatterfetch.deadletters.local import dead_targets
from scatterfetch.jobs.folder import Folder
from scatterfetch.output.sentences import complain, counted

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_SHOWN = 40

EXAMPLE = """\
Shows what was given up on, by job, reason and host: targets whose attempts are used up, batches
that no worker could bring to an end, and messages that are none. Looking changes nothing.

examples:
  $ scatterfetch deadletters --stack scatterfetch
  $ scatterfetch deadletters --stack scatterfetch --job books-urls-9f86d081884c --json
  $ scatterfetch deadletters out
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
    command.add_argument("--json", action="store_true", help="for programs: one JSON object a line")


def run(args: argparse.Namespace) -> int:
    place = open_place(args)
    found = found_letters(place, args.job)
    if args.json:
        for letter in found:
            print(msgspec.json.encode(letter).decode())
    else:
        print_letters(found)
    return 0


def found_letters(place: "Folder | Stack", job: str | None) -> Iterator[Letter]:
    return dead_targets(place, job) if isinstance(place, Folder) else letters(place, job, complain)


def print_letters(found: Iterator[Letter]) -> None:
    urls: Counter[tuple[str, str, str, str]] = Counter()
    messages = 0
    for letter in found:
        messages += 1
        for host, count in (letter.hosts or {"-": 0}).items():
            urls[letter.queue, letter.job or "-", letter.reason, host] += count
    if not messages:
        print("nothing was given up on")
        return
    rows = [("QUEUE", "JOB", "REASON", "HOST", "URLS")] + [
        (*which, f"{count:,}") for which, count in sorted(urls.items(), key=_worst_first)
    ]
    shown = rows[: _SHOWN + 1]
    widths = [max(len(row[column]) for row in shown) for column in range(4)]
    for row in shown:
        print(
            "  ".join(
                [*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]
            )
        )
    if len(rows) > len(shown):
        print(f"... and {len(rows) - len(shown):,} more lines; --json shows all")
    print(f"{counted(urls.total(), 'URL')} in {counted(messages, 'dead letter')}")


def _worst_first(entry: tuple[tuple[str, str, str, str], int]) -> tuple[str, str, int]:
    (queue, job, _, _), count = entry
    return queue, job, -count

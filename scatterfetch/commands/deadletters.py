"""`scatterfetch deadletters`: what was given up on. Looking changes nothing."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.deadletters.details import with_details
from scatterfetch.deadletters.letters import Letter, letters
from scatterfetch.deadletters.local import dead_targets
from scatterfetch.jobs.folder import Folder
from scatterfetch.output.sentences import complain, counted

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_SHOWN = 40
_FEW = 10
"""URLs that are shown without being asked for."""

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
    found = found_letters(place, args.job)
    if args.urls:
        found = _detailed(place, found)
    if args.json:
        for letter in found:
            print(msgspec.json.encode(letter).decode())
    elif args.urls:
        _print_urls(found)
    else:
        print_letters(place, found)
    return 0


def found_letters(place: "Folder | Stack", job: str | None) -> Iterator[Letter]:
    return dead_targets(place, job) if isinstance(place, Folder) else letters(place, job, complain)


def _detailed(place: "Folder | Stack", found: Iterable[Letter]) -> Iterator[Letter]:
    return iter(found) if isinstance(place, Folder) else with_details(place.data, found)


def print_letters(place: "Folder | Stack", found: Iterable[Letter]) -> None:
    """Print how many URLs there are of each job, reason and host, and the URLs if they are few."""
    urls: Counter[tuple[str, str, str, str]] = Counter()
    messages = 0
    few: list[Letter] = []
    for letter in found:
        messages += 1
        for host, count in (letter.hosts or {"-": 0}).items():
            urls[letter.queue, letter.job or "-", letter.reason, host] += count
        if letter.targets and urls.total() <= _FEW:
            few.append(letter)
    if not messages:
        print("nothing was given up on")
        return
    _print_table(urls)
    if 0 < urls.total() <= _FEW:
        print()
        _print_groups(_detailed(place, few))
        print()
    elif urls.total():
        print("--urls shows the URLs")
    print(_sum(urls.total(), messages))


def _print_table(urls: Counter[tuple[str, str, str, str]]) -> None:
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


def _worst_first(entry: tuple[tuple[str, str, str, str], int]) -> tuple[str, str, int]:
    (queue, job, _, _), count = entry
    return queue, job, -count


def _print_urls(found: Iterable[Letter]) -> None:
    messages = urls = 0

    def counting() -> Iterator[Letter]:
        nonlocal messages, urls
        for letter in found:
            messages += 1
            urls += len(letter.targets)
            yield letter

    _print_groups(counting())
    print(_sum(urls, messages) if messages else "nothing was given up on")


def _print_groups(found: Iterable[Letter]) -> None:
    """Print the URLs of letters, under a line with what those have in common that follow."""
    for (job, reason), together in groupby(found, key=lambda one: (one.job, one.reason)):
        print(f"{job or '-'}: {reason}")
        for letter in together:
            for target in letter.targets:
                print(f"  {target.url}{f'  {target.detail}' if target.detail else ''}")


def _sum(urls: int, messages: int) -> str:
    return f"{counted(urls, 'URL')} in {counted(messages, 'dead letter')}"

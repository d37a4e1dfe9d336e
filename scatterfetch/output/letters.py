"""Dead letters as people read them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from scatterfetch.deadletters.found import detailed
from scatterfetch.deadletters.letters import Letter
from scatterfetch.output.sentences import counted

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

_SHOWN = 40
_FEW = 10
"""URLs that are shown without being asked for."""


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
        _print_groups(detailed(place, few))
        print()
    elif urls.total():
        print("`deadletters --urls` shows the URLs")
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
        print(f"... and {len(rows) - len(shown):,} more lines; `deadletters --json` shows all")


def _worst_first(entry: tuple[tuple[str, str, str, str], int]) -> tuple[str, str, int]:
    (queue, job, _, _), count = entry
    return queue, job, -count


def print_urls(found: Iterable[Letter]) -> None:
    """Print all URLs, and how many there are."""
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

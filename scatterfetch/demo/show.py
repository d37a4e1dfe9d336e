"""The demo's list and its results, for `scatterfetch demo`."""

import gzip
import shutil
from itertools import islice
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from scatterfetch.demo.books import url_list
from scatterfetch.jobs.progress import Job
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.sentences import complain
from shared.errors import InvalidJobError
from shared.keys import results_prefix
from shared.outcomes import FINAL

DEMO_PARAMETERS = {"AllowPrivateNetworks": "true"}  # the shops are on this machine
_KEY = "demo/urls.txt"
DEMO_SPEC = b"""\
fetch:
  pause: 0.02  # these shops are yours, so do not wait half a second between two requests
extract:
  rows: article.product_pod  # the books of a page
  fields:
    title: {css: h3 a, attr: title, required: true}
    price: {css: .price_color, type: number, required: true}
    rating:
      {css: p.star-rating, attr: class, regex: 'star-rating (\\w+)',
       enum: [One, Two, Three, Four, Five]}
    link: {css: h3 a, attr: href, type: url, required: true}
"""
_COLUMNS = {"title": 36, "price": 6, "rating": 6, "link": 24}
"""Their widths: more than 80 characters together, and some terminals would leave columns out."""
_ROWS = 5


def demo_list(folder: Path) -> UrlList:
    """
    Return the demo's list and spec, which are written to `folder` too, to look at.

    What an earlier demo has left there is deleted, and nothing else: it is to fetch again.

    Raises:
        InvalidJobError: other files of these names are there.
    """
    body = url_list().encode()
    path = folder / "urls.txt"
    files = {path: body, folder / "spec.yaml": DEMO_SPEC}
    left = [*folder.glob("jobs/demo-urls-*"), *folder.glob("results/job=demo-urls-*")]
    for file, content in files.items():
        # After a demo they are the demo's, if perhaps of another release.
        if not left and file.exists() and file.read_bytes() != content:
            raise InvalidJobError(
                f"{file} is there already and not the demo's; name another folder with --out"
            )
    for old in left:
        shutil.rmtree(old)
    for file, content in files.items():
        file.write_bytes(content)
    return UrlList(str(path), _KEY, body, DEMO_SPEC)


DEMO_OUTCOMES = {
    "scraped": 386,
    "failed-http_404": 8,
    "failed-too_many_redirects": 1,
    "skipped-content_type": 1,
    "skipped-robots_disallowed": 1,
    "dead-http_5xx": 1,
}
"""What becomes of the list, by `outcome_name`; the README shows it."""


def print_rows(job: Job, folder: Path) -> bool:
    """
    Print the first rows.

    Returns whether every URL of the list has exactly one final outcome, and the outcomes are
    `DEMO_OUTCOMES`.
    """
    outcomes = {}
    lines = 0
    for path in sorted((folder / results_prefix(job.id)).glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            for line in file:
                outcome = msgspec.json.decode(line)
                if outcome["outcome"] in FINAL:
                    lines += 1
                    outcomes[outcome["line"]] = outcome
    table = Table(box=None, pad_edge=False)
    for name, width in _COLUMNS.items():
        table.add_column(name, max_width=width, no_wrap=True)
    rows = (row for line in sorted(outcomes) for row in outcomes[line]["rows"])
    for row in islice(rows, _ROWS):
        table.add_row(*(str(row[name]) for name in _COLUMNS))
    console = Console(highlight=False)
    console.print("\nthe first rows", style="bold")
    console.print(table)
    targets = job.ledger.targets
    console.print(f"{lines:,} final outcomes in the files for {targets:,} URLs of the list.")
    final = job.ledger.final
    if final != DEMO_OUTCOMES:
        complain("these outcomes are not those that the demo should have; please report it")
    return lines == len(outcomes) == targets and final == DEMO_OUTCOMES

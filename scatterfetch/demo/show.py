"""The demo's list and its results, for `scatterfetch demo`."""

import gzip
import shutil
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from scatterfetch.demo.books import url_list
from scatterfetch.run import Job, UrlList
from shared.jobs import results_prefix
from shared.outcomes import Kind

DEMO_PARAMETERS = {"AllowPrivateNetworks": "true"}  # the shops are on this machine
_KEY = "demo/urls.txt"
_SPEC = b"""\
fetch:
  pause: 0.02  # these shops are yours, so do not wait half a second between two requests
"""
_ROWS = 5


def demo_list(folder: Path) -> UrlList:
    """Return the demo's list and spec; they are written to `folder` too, to look at."""
    body = url_list().encode()
    path = folder / "urls.txt"
    path.write_bytes(body)
    (folder / "spec.yaml").write_bytes(_SPEC)
    return UrlList(str(path), _KEY, body, _SPEC)


def forget(folder: Path) -> None:
    """Delete what an earlier demo has left, and nothing else: it is to fetch again."""
    for left in (*folder.glob("jobs/demo-urls-*"), *folder.glob("results/job=demo-urls-*")):
        shutil.rmtree(left)


def print_rows(job: Job, folder: Path) -> bool:
    """Print the first rows; tell whether every URL of the list has exactly one final outcome."""
    outcomes = {}
    lines = 0
    for path in sorted((folder / results_prefix(job.id)).glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            for line in file:
                outcome = msgspec.json.decode(line)
                if outcome["outcome"] != Kind.DEFERRED:
                    lines += 1
                    outcomes[outcome["line"]] = outcome
    table = Table(box=None, pad_edge=False)
    table.add_column("line", justify="right")
    for name in ("title", "description", "links"):
        table.add_column(name, max_width=48, no_wrap=True)
    scraped = [outcomes[line] for line in sorted(outcomes) if outcomes[line]["rows"]]
    for outcome in scraped[:_ROWS]:
        [row] = outcome["rows"]
        table.add_row(
            str(outcome["line"]), row["title"], row["description"] or "", f"{len(row['links'])}"
        )
    console = Console(highlight=False)
    console.print("\nthe first rows", style="bold")
    console.print(table)
    targets = job.ledger.targets
    console.print(f"{lines:,} final outcomes in the files for {targets:,} URLs of the list.")
    return lines == len(outcomes) == targets == job.ledger.final.total()

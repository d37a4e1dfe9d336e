"""Reads result folders as a user would, and makes some as a worker would."""

import gzip
from pathlib import Path
from typing import Any

import msgspec

from functions.worker.commit import OutcomeFile
from shared.errors import Reason
from shared.keys import results_key
from shared.outcomes import FINAL, FollowedOutcome, Kind, Outcome

AT = "2026-11-21T01:14:42.120Z"


def outcome(
    path: str = "/",
    *rows: dict[str, Any],
    kind: Kind = Kind.SCRAPED,
    reason: Reason | None = None,
    **more: Any,
) -> Outcome:
    """Return the outcome of a URL of a.example, fetched `AT`."""
    url = f"http://a.example{path}"
    facts: dict[str, Any] = {"line": 1, "attempt": 1, "fetched_at": AT, "elapsed_ms": 5, **more}
    return Outcome(url=url, final_url=url, outcome=kind, reason=reason, rows=list(rows), **facts)


def put_results(folder: Path, job: str, batch: str, *outcomes: Outcome) -> Path:
    """Commit `outcomes` into `folder`."""
    file = OutcomeFile()
    for each in outcomes:
        file.add(each)
    path = folder / results_key(job, batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.close(0))
    return path


def all_outcomes(folder: Path) -> list[Outcome]:
    """Return every outcome line below `folder`, the deferred ones too."""
    return [
        outcome
        for path in sorted(folder.glob("results/*/*.jsonl.gz"))
        for outcome in read_outcomes(path)
    ]


def read_outcomes(path: Path) -> list[FollowedOutcome]:
    """Return what a commit object holds."""
    lines = gzip.decompress(path.read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=FollowedOutcome) for line in lines]


def final_outcomes(folder: Path) -> dict[str, Outcome]:
    """
    Return the final outcome of each URL, of which there must be one.

    Raises:
        AssertionError: a URL has more than one.
    """
    final: dict[str, Outcome] = {}
    for outcome in all_outcomes(folder):
        if outcome.outcome in FINAL:
            assert outcome.url not in final, f"{outcome.url} has two final outcomes"
            final[outcome.url] = outcome
    return final


def titles(folder: Path) -> dict[str, str]:
    """Return the title of each scraped page by URL."""
    return {
        url: outcome.rows[0]["title"]
        for url, outcome in final_outcomes(folder).items()
        if outcome.outcome is Kind.SCRAPED
    }

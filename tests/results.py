"""Reads result folders as a user would."""

import gzip
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.outcomes import Kind, Outcome


def all_outcomes(folder: Path) -> list[Outcome]:
    """Return every outcome line below `folder`, the deferred ones too."""
    return [
        msgspec.json.decode(line, type=Outcome)
        for path in sorted(folder.glob("results/*/*.jsonl.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def final_outcomes(folder: Path) -> dict[str, Outcome]:
    """
    Return the final outcome of each URL, of which there must be one.

    Raises:
        AssertionError: a URL has more than one.
    """
    final: dict[str, Outcome] = {}
    for outcome in all_outcomes(folder):
        if outcome.outcome is not Kind.DEFERRED:
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


def names(paths: Sequence[Path]) -> list[str]:
    return sorted(path.name for path in paths)

"""What to expect of the next job, by what a good one was like."""

import math
from collections.abc import Iterable
from typing import Any

from shared.expect_spec import ExpectSpec
from shared.outcomes import Kind, RememberedLine
from shared.quality import Quality, quality_of
from shared.spec import Spec

_MARGIN = 0.05
"""That shares may be worse by, from one good job to the next."""
_LEAST_FILLED = 0.5
_AGAINST_LAST = {"rows": 0.2, "filled": 0.1}


def expectations(lines: Iterable[RememberedLine], spec: Spec) -> dict[str, Any]:
    """
    Return the section `expect` that a job would have met, with some room.

    Args:
        lines: The final outcomes of the job.
        spec: Of the job.
    """
    read = list(lines)
    columns = {name for line in read for row in line.rows for name in row}
    looked = ExpectSpec(failed=1.0, unique=tuple(sorted(columns))[:10])
    quality = quality_of(read, looked, spec.has_rows)
    expect: dict[str, Any] = {}
    counts = [
        len(line.rows) for line in read if line.outcome is Kind.SCRAPED and spec.has_rows(line.page)
    ]
    if counts:
        expect["rows_per_page"] = [min(1, *counts), _roomy(max(counts))]
    filled = {
        name: _less(share)
        for name in quality.columns
        if (share := quality.share(name)) is not None and share >= _LEAST_FILLED
    }
    if filled:
        expect["filled"] = filled
    if unique := _unique(quality, spec):
        expect["unique"] = unique
    of = len(read) or 1
    failed = sum(line.outcome in {Kind.FAILED, Kind.DEAD} for line in read) / of
    unmatched = sum(any(problem.is_no_match for problem in line.problems) for line in read) / of
    expect["failed"] = _more(failed)
    expect["no_match"] = _more(unmatched)
    expect["against_last"] = _AGAINST_LAST
    return expect


def _unique(quality: Quality, spec: Spec) -> list[str]:
    """Return the one column of a key that tells the rows of the job from each other."""
    keys = {extract.key_columns for extract in spec.extracts if extract.key_columns}
    return [
        key[0]
        for key in sorted(keys)
        if len(key) == 1 and quality.values.get(key[0]) and not quality.repeated(key[0])
    ]


def _roomy(count: int) -> int:
    return count if count <= 1 else math.ceil(count * 1.5)


def _less(share: float) -> float:
    return math.floor((share - _MARGIN) * 100) / 100


def _more(share: float) -> float:
    return math.ceil((share + _MARGIN) * 100) / 100

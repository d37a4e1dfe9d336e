"""
What the rows of a job are like: counts by which is told whether it is healthy.

They add, in any order. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from shared.expect_spec import ExpectSpec
from shared.outcomes import Kind, RememberedLine

MAX_COLUMNS = 300
SAMPLE = 5_000
"""Values of a column that are kept to find equal ones: those of the smallest hashes, so that a
value is kept from all receipts or from none."""
EXAMPLES = 3
"""URLs that are kept of each thing that is not as it should be."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})


class Quality(Struct, kw_only=True, omit_defaults=True):
    """Of pages that may have rows."""

    pages: int = 0
    """Scraped ones."""
    rows: int = 0
    columns: dict[str, tuple[int, int]] = {}
    """Of each column how many rows have it, and in how many it has a value."""
    outside: int = 0
    """Pages with fewer rows, or more, than a page should have."""
    values: dict[str, dict[str, int]] = {}
    """Of columns that should be unique how often there was a value, by its hash; see `SAMPLE`."""
    examples: dict[str, list[str]] = {}
    """URLs of pages: `rows_per_page`, `filled.price`, `unique.sku`, `no_match`, `failed`."""

    def add(self, other: "Quality") -> None:
        """Add what `other` holds."""
        self.pages += other.pages
        self.rows += other.rows
        self.outside += other.outside
        for name, (having, filled) in other.columns.items():
            self._count(name, having, filled)
        for name, values in other.values.items():
            sample = self.values.setdefault(name, {})
            for value, count in values.items():
                sample[value] = sample.get(value, 0) + count
            self.values[name] = _smallest(sample)
        for name, urls in other.examples.items():
            for url in urls:
                self._show(name, url)

    def share(self, column: str) -> float | None:
        """Return the share of rows with a column in which it has a value; None where none has."""
        having, filled = self.columns.get(column, (0, 0))
        return filled / having if having else None

    def repeated(self, column: str) -> int:
        """Return how many rows of the sample have a value that another row has as well."""
        return sum(count for count in self.values.get(column, {}).values() if count > 1)

    def _count(self, name: str, having: int, filled: int) -> None:
        if name in self.columns or len(self.columns) < MAX_COLUMNS:
            before = self.columns.get(name, (0, 0))
            self.columns[name] = before[0] + having, before[1] + filled

    def _show(self, name: str, url: str) -> None:
        """Keep a page as an example: the first ones in the order of URLs, whoever adds up."""
        urls = self.examples.get(name, [])
        if url not in urls:
            self.examples[name] = sorted([*urls, url])[:EXAMPLES]

    def note(self, line: RememberedLine, expect: ExpectSpec, *, has_rows: bool) -> None:
        """Take note of a final outcome; `has_rows` tells whether such pages have rows."""
        if line.outcome in {Kind.FAILED, Kind.DEAD}:
            self._show("failed", line.url)
        if line.outcome is not Kind.SCRAPED or not has_rows:
            return
        self.pages += 1
        rows = line.rows
        if any(problem.is_no_match for problem in line.problems):
            self._show("no_match", line.url)
            rows = []  # there is one, of nothing
        self.rows += len(rows)
        if expect.rows_per_page is not None:
            least, most = expect.rows_per_page
            if not least <= len(rows) <= most:
                self.outside += 1
                self._show("rows_per_page", line.url)
        for row in line.rows:
            self._note_row(row, line.url, expect)

    def _note_row(self, row: Mapping[str, Any], url: str, expect: ExpectSpec) -> None:
        for name, value in row.items():
            is_filled = value not in _EMPTY
            self._count(name, 1, is_filled)
            if not is_filled and name in expect.filled:
                self._show(f"filled.{name}", url)
        for name in expect.unique:
            value = row.get(name)
            if value in _EMPTY:
                continue
            sample = self.values.setdefault(name, {})
            key = blake2b(_encoder.encode(value), digest_size=6).hexdigest()
            sample[key] = sample.get(key, 0) + 1
            if sample[key] > 1:
                self._show(f"unique.{name}", url)


def quality_of(
    lines: Iterable[RememberedLine], expect: ExpectSpec, has_rows: Callable[[str | None], bool]
) -> Quality:
    """
    Return what the rows of a batch are like.

    Args:
        lines: Its outcomes.
        expect: What is expected of the job.
        has_rows: Tells of a page kind whether its pages have rows.
    """
    quality = Quality()
    for line in lines:
        quality.note(line, expect, has_rows=has_rows(line.page))
    quality.values = {name: _smallest(sample) for name, sample in quality.values.items()}
    return quality


def _smallest(sample: dict[str, int]) -> dict[str, int]:
    if len(sample) <= SAMPLE:
        return sample
    return {value: sample[value] for value in sorted(sample)[:SAMPLE]}


_encoder = msgspec.json.Encoder(order="sorted")

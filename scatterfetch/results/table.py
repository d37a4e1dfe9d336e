"""A table: which records it has, and what is in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from msgspec import structs

from scatterfetch.results.exploding import Row, exploded
from scatterfetch.results.files import ResultFile
from scatterfetch.results.finals import FinalOutcomes, Report, ignore
from scatterfetch.results.selection import is_selected
from shared.outcomes import Outcome

Record: TypeAlias = dict[str, Any]
_INPUT = "input."
_TAGS = "robots_tags"


@dataclass(frozen=True)
class Table:
    """
    Records that can be read as often as need be.

    One for each row of the final outcomes (of each target the last), or with `outcomes` one for
    each of these themselves. With `explode` one for each element of that field of a row.
    """

    files: Sequence[ResultFile]
    outcomes: bool = False
    explode: str | None = None
    selection: frozenset[str] | None = None
    """Names of outcomes, as `read_selection` reads them; None: all are in the table."""
    date_fields: frozenset[str] = frozenset()
    """Fields of rows that hold dates where their values look like it."""

    @property
    def with_job(self) -> bool:
        """Whether records name their job; they need not where there is only one."""
        return self.files[0].job != self.files[-1].job

    @cached_property
    def dates(self) -> frozenset[str]:
        """The columns of `date_fields`."""
        return self.date_fields | {f"row.{name}" for name in self.date_fields}

    def position(self, column: str) -> int:
        """Return where a column belongs: what is known of a page, its fields, robots tags."""
        if column == _TAGS:
            return 3
        if column.startswith(_INPUT):
            return 1
        return 0 if column in _own(with_job=self.with_job) else 2

    @cached_property
    def finals(self) -> FinalOutcomes:
        return FinalOutcomes(self.files)

    def records(self, report: Report = ignore) -> Iterator[Record]:
        """
        Yield the records, in the order of the files and their lines.

        What is damaged is left out and told to `report`, once a file.
        """
        for file, outcome in self._selected(report):
            beside: Record = {"job": file.job} if self.with_job else {}
            if self.outcomes:
                record = beside | structs.asdict(outcome)
                del record["rows"]
                yield record
                continue
            beside |= {"url": outcome.url, "fetched_at": outcome.fetched_at}
            beside |= {f"{_INPUT}{name}": value for name, value in (outcome.input or {}).items()}
            tags = {_TAGS: list(outcome.robots_tags)} if outcome.robots_tags else {}
            for row in outcome.rows:
                for values in exploded(row, self.explode):
                    yield _joined(beside, values) | tags

    def rows(self, report: Report = ignore) -> Iterator[Row]:
        """Yield the rows of the final outcomes as they are."""
        for _, outcome in self._selected(report):
            yield from outcome.rows

    def _selected(self, report: Report) -> Iterator[tuple[ResultFile, Outcome]]:
        for file, outcome in self.finals.read(report):
            if self.selection is None or is_selected(outcome, self.selection):
                yield file, outcome


def _own(*, with_job: bool) -> tuple[str, ...]:
    return ("job", "url", "fetched_at") if with_job else ("url", "fetched_at")


def _joined(beside: Record, values: Iterable[tuple[str, Any]]) -> Record:
    """Put `values` beside what every record has; nothing is lost where names are the same."""
    record = dict(beside)
    for name, value in values:
        free = name
        # Names that another page could need are never a field's: a column means one thing.
        while free in record or free == _TAGS or free.startswith(_INPUT):
            free = f"row.{free}"
        record[free] = value
    return record

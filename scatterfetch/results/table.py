"""A table: which records it has, and what is in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from msgspec import structs

from scatterfetch.results.exploding import Row, exploded
from scatterfetch.results.files import ResultFile
from scatterfetch.results.finals import FinalOutcomes, Report, ignore

Record: TypeAlias = dict[str, Any]


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

    @property
    def with_job(self) -> bool:
        """Whether records name their job; they need not where there is only one."""
        return self.files[0].job != self.files[-1].job

    @cached_property
    def finals(self) -> FinalOutcomes:
        return FinalOutcomes(self.files)

    def records(self, report: Report = ignore) -> Iterator[Record]:
        """
        Yield the records, in the order of the files and their lines.

        What is damaged is left out and told to `report`, once a file.
        """
        for file, outcome in self.finals.read(report):
            beside = {"job": file.job} if self.with_job else {}
            if self.outcomes:
                record = beside | structs.asdict(outcome)
                del record["rows"]
                yield record
                continue
            beside |= {"url": outcome.url, "fetched_at": outcome.fetched_at}
            for row in outcome.rows:
                for values in exploded(row, self.explode):
                    yield _joined(beside, values)

    def rows(self) -> Iterator[Row]:
        """Yield the rows of the final outcomes as they are."""
        for _, outcome in self.finals.read():
            yield from outcome.rows


def _joined(beside: Record, values: Iterable[tuple[str, Any]]) -> Record:
    """Put `values` beside what every record has; nothing is lost where names are the same."""
    record = dict(beside)
    for name, value in values:
        free = name
        while free in record:
            free = f"row.{free}"
        record[free] = value
    return record

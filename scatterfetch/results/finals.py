"""The final outcomes in files of results: of each target the last, whatever became of it before."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TypeAlias

import msgspec

from scatterfetch.results.files import ResultFile
from shared.ids import generation, last_generations
from shared.outcomes import FINAL, Outcome

Report: TypeAlias = Callable[[str], None]
"""Takes a sentence about something that cannot be read."""


def ignore(_sentence: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class FinalOutcomes:
    """Those in `files`. They can be read as often as need be."""

    files: Sequence[ResultFile]

    def read(self, report: Report = ignore) -> Iterator[tuple[ResultFile, Outcome]]:
        """
        Yield each with its file, in the order of the files and their lines.

        What is damaged is left out and told to `report`, once a file.
        """
        for file in self.files:
            born = generation(file.batch)
            last = self._generations[file.job]
            for outcome in _read_final(file, report):
                if last.get(outcome.id, born) == born:
                    yield file, outcome

    @cached_property
    def _generations(self) -> dict[str, dict[int | str, int]]:
        """By job, what is known of targets that were dead and redriven."""
        return {
            job: last_generations(
                (file.batch, outcome.id)
                for file in files
                if generation(file.batch)
                for outcome in _read_final(file, ignore)
            )
            for job, files in groupby(self.files, key=lambda file: file.job)
        }


def _read_final(file: ResultFile, report: Report) -> Iterator[Outcome]:
    file.fetch()
    path = file.path
    number, damaged, first = 0, 0, ""
    try:
        if not path.stat().st_size:
            raise EOFError("it is empty")  # noqa: TRY301 -- what gzip should do, and does not
        # Not isal, which loses what it has read when it finds the end to be wrong.
        with gzip.open(path) as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    outcome = _decoder.decode(line)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    damaged += 1
                    first = first or f"line {number} is no outcome: {error}"
                    continue
                if outcome.outcome in FINAL:
                    yield outcome
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        report(f"{path} is damaged after line {number}: {error}; what came before is kept")
    if damaged:
        more = f", nor are {damaged - 1:,} more" if damaged > 1 else ""
        report(f"{path}: {first}{more}; the other lines are kept")


_decoder = msgspec.json.Decoder(Outcome)

"""Makes tables of results, and reads them as their readers would."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scatterfetch.results.files import find_results
from scatterfetch.results.formats import Format, write
from scatterfetch.results.table import Table
from tests.results import outcome, put_results


def rows_of(folder: Path, *rows: dict[str, Any]) -> Table:
    put_results(folder, "books", "00000-000000", outcome("/", *rows))
    return Table(find_results(folder))


def unexpected(sentence: str) -> None:
    raise AssertionError(sentence)


def written(table: Table, output: Format, report: Callable[[str], None] = unexpected) -> bytes:
    file = io.BytesIO()
    write(table, output, file, report)
    return file.getvalue()


def cells(table: Table, output: Format = Format.CSV) -> list[list[str]]:
    text = written(table, output).decode()
    delimiter = "\t" if output is Format.TSV else ","
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))

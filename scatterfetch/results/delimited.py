"""CSV and TSV, as in RFC 4180."""

import codecs
import csv
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from scatterfetch.results.cells import FORMULA, text_of
from scatterfetch.results.table import Record


def write_delimited(
    names: Sequence[str], records: Iterable[Record], file: BinaryIO, delimiter: str
) -> None:
    # With "\n" alone, Python 3.11 would leave a "\r" within a cell unquoted.
    writer = csv.writer(codecs.getwriter("utf-8")(file), delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([_defused(name) for name in names])
    for record in records:
        writer.writerow([_cell(record.get(name)) for name in names])


def _cell(value: object) -> str:
    if isinstance(value, str):
        return _defused(value)
    return "" if value is None else text_of(value)


def _defused(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text

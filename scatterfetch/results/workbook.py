"""XLSX: one sheet, typed cells, no formulas."""

from collections.abc import Iterable
from datetime import date, datetime
from tempfile import TemporaryDirectory
from typing import BinaryIO

from scatterfetch.results.cells import FORMULA, text_of
from scatterfetch.results.columns import NUMBERS, Kinds, Survey, kind_of
from scatterfetch.results.finals import Report
from scatterfetch.results.moments import moment_of
from scatterfetch.results.table import Record
from shared.errors import InvalidJobError

MAX_SHEET_ROWS = 1_048_576  # of Excel, the header included
MAX_CELL_CHARS = 32_767  # of Excel, in UTF-16
_FIRST_YEAR = 1901  # for Excel, 1900 has a 29th of February, and there is nothing before it
_MOMENTS = (Kinds.DATE, Kinds.TIME, Kinds.UTC_TIME)
_MOMENT_WIDTH = 19  # characters; in a narrower column Excel shows ####


def write_workbook(
    found: Survey, records: Iterable[Record], file: BinaryIO, report: Report
) -> None:
    import xlsxwriter  # noqa: PLC0415 -- optional

    if found.records >= MAX_SHEET_ROWS:
        raise InvalidJobError(
            f"{found.records:,} records are more than the {MAX_SHEET_ROWS - 1:,} that a sheet "
            "holds; --format csv or parquet has no such limit"
        )
    cut = 0
    with (
        TemporaryDirectory(prefix="scatterfetch-") as scratch,
        xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": scratch}) as book,
    ):
        # Excel's own way of saying "this is text": its apostrophe, which is not part of the value.
        quoted = book.add_format({"quote_prefix": True})
        header = book.add_format({"quote_prefix": True, "bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet = book.add_worksheet("results")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(found.columns):
            sheet.write_string(0, column, _fitting(name), header)
            if found.columns[name].values in _MOMENTS:
                sheet.set_column(column, column, _MOMENT_WIDTH)
        for row, record in enumerate(records, start=1):
            for column, (name, kinds) in enumerate(found.columns.items()):
                value = record.get(name)
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(row, column, value)
                elif kind_of(value) in NUMBERS:
                    sheet.write_number(row, column, value)
                elif kinds.values in _MOMENTS and (moment := _cell_moment(value)):
                    form = time if isinstance(moment, datetime) else day
                    sheet.write_datetime(row, column, moment, form)
                else:
                    text = text_of(value)
                    fitting = _fitting(text)
                    cut += fitting != text
                    formula = text.startswith(FORMULA)
                    sheet.write_string(row, column, fitting, quoted if formula else None)
    if cut:
        report(
            f"{cut:,} texts are longer than the {MAX_CELL_CHARS:,} characters of a cell and were "
            "cut off; --format csv or parquet keeps them whole"
        )


def _cell_moment(text: str) -> date | datetime | None:
    """Return what Excel's own dates can be; they have no time zone, so UTC's time stands there."""
    moment = moment_of(text)
    if moment is None or moment.year < _FIRST_YEAR:
        return None
    return moment.replace(tzinfo=None) if isinstance(moment, datetime) else moment


def _fitting(text: str) -> str:
    if len(text) * 2 <= MAX_CELL_CHARS:
        return text
    return text.encode("utf-16-le")[: MAX_CELL_CHARS * 2].decode("utf-16-le", "ignore")

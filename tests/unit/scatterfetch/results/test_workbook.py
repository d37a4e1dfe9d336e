import io
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

import scatterfetch.results.columns
import scatterfetch.results.parquet
import scatterfetch.results.workbook
from scatterfetch.results.formats import Format
from shared.errors import InvalidJobError
from tests.tables import rows_of, written


def sheet_of(workbook: bytes) -> list[list[tuple[str, str]]]:
    """Return the type, `*` where it is marked as text, and the value of each cell."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        styles = ET.fromstring(archive.read("xl/styles.xml"))
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    formats = styles.find(f"{space}cellXfs")
    assert formats is not None
    quoted = {n for n, each in enumerate(formats) if each.get("quotePrefix") == "1"}
    assert sheet.find(f".//{space}f") is None  # no formula
    return [
        [
            (
                cell.get("t", "n") + ("*" if int(cell.get("s", 0)) in quoted else ""),
                "".join(cell.itertext()),
            )
            for cell in row
        ]
        for row in sheet.iter(f"{space}row")
    ]


def test_a_workbook_has_a_header_and_typed_cells(tmp_path: Path) -> None:
    row = {"t": "A", "n": 51.77, "i": 3, "b": True, "none": None, "big": 10**18, "tags": ["a"]}
    header, cell = sheet_of(written(rows_of(tmp_path, row), Format.XLSX))

    assert [value for _, value in header] == ["url", "fetched_at", *row]
    assert cell[2:] == [
        ("inlineStr", "A"),
        ("n", "51.77"),
        ("n", "3"),
        ("b", "1"),
        ("inlineStr", "1000000000000000000"),
        ("inlineStr", '["a"]'),
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "{=1}", "http://a"])
def test_a_workbook_holds_no_formulas_and_no_links(tmp_path: Path, text: str) -> None:
    """What begins like a formula has Excel's apostrophe, so that it stays text when edited."""
    header, cell = sheet_of(written(rows_of(tmp_path, {text: text}), Format.XLSX))

    assert header[2] == ("inlineStr*", text)
    assert cell[2] == ("inlineStr" if text[0] in "{h" else "inlineStr*", text)


@pytest.mark.parametrize("letter", ["x", "\N{GRINNING FACE}"])
def test_texts_too_long_for_a_cell_are_cut_and_reported(tmp_path: Path, letter: str) -> None:
    reports: list[str] = []

    _, cell = sheet_of(
        written(rows_of(tmp_path, {"t": letter * 40_000}), Format.XLSX, reports.append)
    )

    assert cell[2][1] == letter * (32_767 // (len(letter.encode("utf-16-le")) // 2))
    [sentence] = reports
    assert sentence.startswith("1 texts are longer than the 32,767 characters of a cell")


def test_more_records_than_a_sheet_holds_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scatterfetch.results.workbook, "MAX_SHEET_ROWS", 3)

    assert len(sheet_of(written(rows_of(tmp_path, {"a": 1}, {"a": 2}), Format.XLSX))) == 3
    with pytest.raises(InvalidJobError, match="3 records are more than the 2 that a sheet holds"):
        written(rows_of(tmp_path, {"a": 1}, {"a": 2}, {"a": 3}), Format.XLSX)


def test_dates_and_times_are_excels_own(tmp_path: Path) -> None:
    """Days since the end of 1899; a time in another zone than UTC stays text, as all its column."""
    row = {"day": "2026-03-04", "at": "2026-03-04T12:00", "zoned": "2026-03-04T12:00:00+02:00"}
    rows = rows_of(tmp_path, row, {"day": "1850-01-01"})

    book = written(replace(rows, date_fields=frozenset(row)), Format.XLSX)

    header, first, second = sheet_of(book)
    assert [value for _, value in header] == ["url", "fetched_at", *row]
    kind, fetched_at = first[1]
    assert (kind, round(float(fetched_at) % 1 * 86_400, 3)) == ("n", 4_482.12)
    assert first[2:] == [
        ("n", "46085"),
        ("n", "46085.5"),
        ("inlineStr", "2026-03-04T12:00:00+02:00"),
    ]
    assert second[2] == ("inlineStr", "1850-01-01")  # which Excel does not have
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert b'formatCode="yyyy-mm-dd hh:mm:ss"' in archive.read("xl/styles.xml")

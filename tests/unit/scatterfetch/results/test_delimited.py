import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scatterfetch.results.columns import survey
from scatterfetch.results.formats import Format, write
from tests.tables import cells, rows_of, unexpected, written


@pytest.mark.parametrize("output", [Format.CSV, Format.TSV])
def test_nested_values_are_json_text(tmp_path: Path, output: Format) -> None:
    row = {"tags": ["ä", "b"], "offer": {"price": 1.5, "at": ["x"]}, "flag": True, "n": -3}

    _, cell = cells(rows_of(tmp_path, row), output)

    assert cell[2:] == ['["ä","b"]', '{"price":1.5,"at":["x"]}', "true", "-3"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_texts_that_a_spreadsheet_would_run_are_defused(tmp_path: Path, text: str) -> None:
    header, cell = cells(rows_of(tmp_path, {text: text, "n": -1, "f": -1.5}))

    assert header[2] == f"'{text}"
    assert cell[2:] == [f"'{text}", "-1", "-1.5"]


TEXTS = st.text(st.characters(codec="utf-8"))


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS


FINITE = VALUES.filter(lambda value: value not in {float("inf"), float("-inf")})


def expected_cell(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if value[:1] in {*"=+-@\t\r"} else value
        case _:
            return msgspec.json.encode(value).decode()


@pytest.mark.parametrize("output", [Format.CSV, Format.TSV])
@given(rows=st.lists(st.dictionaries(TEXTS, FINITE | st.lists(FINITE), max_size=4), max_size=4))
def test_a_reader_of_csv_gets_what_was_put_in(
    tmp_path_factory: pytest.TempPathFactory, output: Format, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("out")
    table = rows_of(folder, *rows)
    names = list(survey(table).columns)

    header, *records = cells(table, output)

    assert header == [expected_cell(name) for name in names]
    assert records == [
        [expected_cell(record.get(name)) for name in names] for record in table.records()
    ]


@pytest.mark.parametrize("output", Format)
def test_excel_is_told_that_text_is_utf_8(tmp_path: Path, output: Format) -> None:
    table = rows_of(tmp_path, {"t": "ä"})
    file, plain = io.BytesIO(), written(table, output)

    write(table, output, file, unexpected, excel=True)

    if output in {Format.CSV, Format.TSV}:
        assert file.getvalue() == b"\xef\xbb\xbf" + plain
    else:
        assert not file.getvalue().startswith(b"\xef")

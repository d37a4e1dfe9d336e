from pathlib import Path

import pytest

import scatterfetch.results.columns
import scatterfetch.results.parquet
import scatterfetch.results.workbook
from scatterfetch.results.files import find_results
from scatterfetch.results.formats import Format
from scatterfetch.results.table import Table
from shared.errors import InvalidJobError
from tests.results import AT, outcome, put_results
from tests.tables import cells, rows_of, written


def test_columns_are_in_order_of_appearance(tmp_path: Path) -> None:
    put_results(tmp_path, "books", "00000-000000", outcome("/", {"b": 1}, {"a": 2}))
    put_results(tmp_path, "books", "00000-000001", outcome("/", {"c": 3, "b": 4}))

    assert cells(Table(find_results(tmp_path))) == [
        ["url", "fetched_at", "b", "a", "c"],
        ["http://a.example/", AT, "1", "", ""],
        ["http://a.example/", AT, "", "2", ""],
        ["http://a.example/", AT, "4", "", "3"],
    ]


def test_too_many_columns_are_an_error_that_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scatterfetch.results.columns, "MAX_COLUMNS", 4)
    table = rows_of(tmp_path, {"a": 1, "b": 2}, {"c": 3})

    problem = "more than 4 different fields, 'c' of http://a.example/ among them; --format jsonl"
    with pytest.raises(InvalidJobError, match=problem):
        written(table, Format.CSV)

    assert written(table, Format.JSONL).count(b"\n") == 2


def test_what_is_known_of_a_page_is_left_of_its_fields_and_robots_tags_right(
    tmp_path: Path,
) -> None:
    put_results(tmp_path, "books", "00000-000000", outcome("/", {"b": 1}, robots_tags=("none",)))
    put_results(tmp_path, "books", "00000-000001", outcome("/", {"a": 2}, input={"sku": "007"}))

    assert cells(Table(find_results(tmp_path))) == [
        ["url", "fetched_at", "input.sku", "b", "a", "robots_tags"],
        ["http://a.example/", AT, "", "1", "", '["none"]'],
        ["http://a.example/", AT, "007", "", "2", ""],
    ]

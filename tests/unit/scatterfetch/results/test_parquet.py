import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyarrow import parquet

import scatterfetch.results.columns
import scatterfetch.results.parquet
import scatterfetch.results.workbook
from scatterfetch.results.files import find_results
from scatterfetch.results.formats import Format
from scatterfetch.results.table import Table
from shared.errors import Reason
from tests.results import AT, outcome, put_results
from tests.tables import rows_of, written


def parquet_of(table: Table) -> Any:
    return parquet.read_table(io.BytesIO(written(table, Format.PARQUET)))


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        pytest.param(["a", None], "string", ["a", None], id="text"),
        pytest.param([1, -(2**63)], "int64", [1, -(2**63)], id="integers"),
        pytest.param([1, 2.5], "double", [1.0, 2.5], id="numbers"),
        pytest.param([True, None], "bool", [True, None], id="booleans"),
        pytest.param([None, None], "string", [None, None], id="nothing"),
        pytest.param([["a"], [], None], "list<element: string>", [["a"], [], None], id="texts"),
        pytest.param([[1, None]], "list<element: int64>", [[1, None]], id="list of integers"),
        pytest.param([1, "a"], "string", ["1", "a"], id="mixed"),
        pytest.param([2**53 + 1, 0.5], "string", ["9007199254740993", "0.5"], id="no float"),
        pytest.param([2**63], "string", ["9223372036854775808"], id="no 64 bits"),
        pytest.param([{"a": [1]}], "string", ['{"a":[1]}'], id="object"),
        pytest.param([[{"a": 1}]], "string", ['[{"a":1}]'], id="list of objects"),
        pytest.param([[1, "a"]], "string", ['[1,"a"]'], id="mixed list"),
        pytest.param(["a", ["b"]], "string", ["a", '["b"]'], id="text or list"),
    ],
)
def test_a_column_of_parquet_has_the_type_of_its_values(
    tmp_path: Path, values: list[Any], kind: str, read: list[Any]
) -> None:
    table = parquet_of(rows_of(tmp_path, *({"v": value} for value in values)))

    assert table.column_names == ["url", "fetched_at", "v"]
    assert str(table.schema.field("v").type) == kind
    assert table["v"].to_pylist() == read


def test_outcomes_have_the_same_types_whatever_is_in_them(tmp_path: Path) -> None:
    put_results(tmp_path, "a", "00000-000000", outcome())
    problems = [{"field": "price", "problem": "missing", "value": None}]
    full = outcome(reason=Reason.TIMEOUT, status=200, not_before=1.5, problems=problems)
    full = msgspec.structs.replace(full, redirects=("http://b.example/",), proxy_tier=1)
    put_results(tmp_path, "b", "00000-000000", full)

    empty, filled = (
        parquet_of(Table(find_results(tmp_path, job), outcomes=True)) for job in ("a", "b")
    )

    assert empty.schema == filled.schema
    assert str(empty.schema.field("proxy_tier").type) == "int64"
    [record] = filled.to_pylist()
    assert record["reason"] == "timeout"
    assert record["redirects"] == ["http://b.example/"]
    assert msgspec.json.decode(record["problems"]) == problems


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scatterfetch.results.parquet, "_ROW_GROUP_BYTES", 1000)
    table = rows_of(tmp_path, *({"text": "x" * 400} for _ in range(7)))

    file = parquet.ParquetFile(io.BytesIO(written(table, Format.PARQUET)))

    assert file.metadata.num_row_groups == 3 + 1
    assert file.read()["text"].to_pylist() == ["x" * 400] * 7


NOON = "2026-03-04T12:00:00"
EARLY = "2026-03-04T10:00:00+00:00"


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        pytest.param(["2026-03-04", None], "date32[day]", ["2026-03-04", None], id="dates"),
        pytest.param([NOON], "timestamp[us]", [NOON], id="times"),
        pytest.param(
            ["2026-03-04T10:00:00Z", "2026-03-04T12:00:00+02:00"],
            "timestamp[us, tz=UTC]",
            [EARLY, EARLY],
            id="times in time zones",
        ),
        pytest.param(
            [["2026-03-04"], None, [None]],
            "list<element: date32[day]>",
            [["2026-03-04"], None, [None]],
            id="list of dates",
        ),
        pytest.param(["2026-03-04", "2026"], "string", ["2026-03-04", "2026"], id="no full date"),
        pytest.param(["2026-03-04", NOON], "string", ["2026-03-04", NOON], id="dates and times"),
        pytest.param([NOON, f"{NOON}Z"], "string", [NOON, f"{NOON}Z"], id="with and without zone"),
        pytest.param(["2026-03-04", 7], "string", ["2026-03-04", "7"], id="mixed"),
    ],
)
def test_a_field_of_dates_has_the_type_that_all_its_values_fit(
    tmp_path: Path, values: list[Any], kind: str, read: list[Any]
) -> None:
    rows = rows_of(tmp_path, *({"v": value} for value in values))

    table = parquet_of(replace(rows, date_fields=frozenset(["v"])))

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return [text(item) for item in value]
        return value.isoformat() if hasattr(value, "isoformat") else value

    assert str(table.schema.field("v").type) == kind
    assert text(table["v"].to_pylist()) == read


def test_texts_that_look_like_dates_are_texts(tmp_path: Path) -> None:
    table = parquet_of(rows_of(tmp_path, {"isbn": "2026-03-04"}))

    assert table["isbn"].to_pylist() == ["2026-03-04"]


@pytest.mark.parametrize("outcomes", [False, True])
def test_the_fetch_time_is_a_time(tmp_path: Path, outcomes: bool) -> None:
    rows = rows_of(tmp_path, {"title": "A"})

    table = parquet_of(replace(rows, outcomes=outcomes))

    assert str(table.schema.field("fetched_at").type) == "timestamp[us, tz=UTC]"
    [at] = table["fetched_at"].to_pylist()
    assert at == datetime.fromisoformat(AT)

import io
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
from tests.results import outcome, put_results
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

import csv
import gzip
import io
import sys
import tomllib
import tracemalloc
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

import scatterfetch.output.results
from scatterfetch.output.results import (
    Format,
    Table,
    check_explode,
    explodable,
    find_results,
    format_of,
    prepare,
    replacing,
    survey,
    write,
)
from shared.errors import InvalidJobError, Reason
from shared.outcomes import Kind, Outcome
from tests import ROOT
from tests.results import AT, outcome, put_results


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


# Which records, in which order


def test_a_row_has_its_page_and_the_time_beside_it(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"title": "A", "price": 51.77}, {"title": "B", "price": None})

    assert list(table.records()) == [
        {"url": "http://a.example/", "fetched_at": AT, "title": "A", "price": 51.77},
        {"url": "http://a.example/", "fetched_at": AT, "title": "B", "price": None},
    ]


def test_a_redriven_target_has_its_last_outcome_alone(tmp_path: Path) -> None:
    def dead(path: str, line: int) -> Outcome:
        found = outcome(path, kind=Kind.DEAD, reason=Reason.TIMEOUT)
        return msgspec.structs.replace(found, line=line)

    def alive(path: str, line: int) -> Outcome:
        return msgspec.structs.replace(outcome(path, {"title": path}), line=line)

    put_results(
        tmp_path, "b", "00000-000000", alive("/1", 1), dead("/2", 2), dead("/3", 3), dead("/4", 4)
    )
    put_results(tmp_path, "b", "00000-000000-r1", alive("/2", 2), dead("/3", 3))
    put_results(tmp_path, "b", "00000-000000-r1-r1", alive("/3", 3))
    put_results(tmp_path, "a", "00000-000000", alive("/2", 2), dead("/3", 3))
    table = Table(find_results(tmp_path, "b"))

    assert [record["title"] for record in table.records()] == ["/1", "/2", "/3"]
    finals = list(Table(table.files, outcomes=True).records())
    assert [(found["line"], found["outcome"]) for found in finals] == [
        (1, "scraped"),
        (4, "dead"),
        (2, "scraped"),
        (3, "scraped"),
    ]
    assert len(list(Table(find_results(tmp_path), outcomes=True).records())) == 6


def test_outcomes_that_are_not_final_are_left_out(tmp_path: Path) -> None:
    later = outcome("/", {"title": "A"})
    put_results(
        tmp_path, "books", "00000-000000", outcome("/", kind=Kind.DEFERRED, reason=Reason.TIMEOUT)
    )
    put_results(tmp_path, "books", "00000-000000-1", later)

    [record] = Table(find_results(tmp_path), outcomes=True).records()

    assert record["outcome"] == "scraped"


def test_an_outcome_has_all_columns_but_the_rows(tmp_path: Path) -> None:
    put_results(tmp_path, "books", "00000-000000", outcome("/", {"title": "A"}))

    [record] = Table(find_results(tmp_path), outcomes=True).records()

    assert [*record] == [name for name in Outcome.__struct_fields__ if name != "rows"]


def test_files_come_in_the_order_of_batches(tmp_path: Path) -> None:
    """What a batch has deferred comes after it, and before the next batch of the list."""
    batches = ["000000", "000000-1", "000000-2", "000000-2-1", "000000-10", "000001", "1000000"]
    for batch in reversed(batches):
        put_results(tmp_path, "books", f"00000-{batch}", outcome(f"/{batch}", {"title": "T"}))

    records = Table(find_results(tmp_path)).records()

    assert [record["url"].rpartition("/")[2] for record in records] == batches


def test_lines_keep_the_order_of_their_file(tmp_path: Path) -> None:
    put_results(tmp_path, "books", "00000-000000", *(outcome(f"/{n}", {"t": 1}) for n in (3, 1, 2)))

    records = Table(find_results(tmp_path)).records()

    assert [record["url"][-1] for record in records] == ["3", "1", "2"]


def test_of_several_jobs_each_record_says_which(tmp_path: Path) -> None:
    for job in ("wine", "books"):
        put_results(tmp_path, job, "00000-000000", outcome("/", {"title": job}))

    records = list(Table(find_results(tmp_path)).records())

    assert [(record["job"], next(iter(record))) for record in records] == [
        ("books", "job"),
        ("wine", "job"),
    ]
    assert [record["title"] for record in records] == ["books", "wine"]


@pytest.mark.parametrize("outcomes", [False, True])
def test_of_one_job_records_need_not_say_it(tmp_path: Path, outcomes: bool) -> None:
    for job in ("wine", "books"):
        put_results(tmp_path, job, "00000-000000", outcome("/", {"title": job}))

    [record] = Table(find_results(tmp_path, "wine"), outcomes=outcomes).records()

    assert "job" not in record


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere", "nowhere is no folder; name the folder that `scatterfetch run` was given"),
        ("empty", "empty has no results; name the folder that `scatterfetch run` was given"),
    ],
)
def test_a_folder_without_results_is_wrong_input(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "empty/results/job=books").mkdir(parents=True)

    with pytest.raises(InvalidJobError, match=problem):
        find_results(tmp_path / name)


def test_an_unknown_job_is_answered_with_those_there_are(tmp_path: Path) -> None:
    for job in ("wine", "books"):
        put_results(tmp_path, job, "00000-000000")

    with pytest.raises(InvalidJobError, match="no results of the job 'cars'; it has books, wine"):
        find_results(tmp_path, "cars")


def test_fields_with_the_names_of_our_columns_keep_their_values(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"url": "http://b.example/", "job": "clerk", "row.url": "x"})

    [record] = table.records()

    assert record == {
        "url": "http://a.example/",
        "fetched_at": AT,
        "row.url": "http://b.example/",
        "job": "clerk",
        "row.row.url": "x",
    }


# Lists


def test_exploding_makes_a_record_of_each_element(tmp_path: Path) -> None:
    table = rows_of(
        tmp_path,
        {"title": "A", "links": ["/1", "/2"], "n": 1},
        {"title": "none", "links": [], "n": 2},
        {"title": "null", "links": None, "n": 3},
        {"title": "one", "links": "/3", "n": 4},
    )

    table = Table(table.files, explode="links")

    assert cells(table) == [
        ["url", "fetched_at", "title", "links", "n"],
        ["http://a.example/", AT, "A", "/1", "1"],
        ["http://a.example/", AT, "A", "/2", "1"],
        ["http://a.example/", AT, "one", "/3", "4"],
    ]


def test_elements_with_parts_have_a_column_for_each(tmp_path: Path) -> None:
    links = [{"url": "/1", "text": "One"}, {"url": "/2", "rel": "next"}]
    table = rows_of(tmp_path, {"links": links, "links.url": "other"})

    assert cells(Table(table.files, explode="links")) == [
        ["url", "fetched_at", "links.url", "links.text", "row.links.url", "links.rel"],
        ["http://a.example/", AT, "/1", "One", "other", ""],
        ["http://a.example/", AT, "/2", "", "other", "next"],
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([{"links": ["/1"]}, {"links": None}, {"links": []}], "links", id="a list"),
        pytest.param([{"links": [{"url": "/1"}]}], "links", id="with parts"),
        pytest.param([{"links": ["/1"], "title": None}], None, id="another field beside it"),
        pytest.param([{"links": ["/1"]}, {"tags": ["a"]}], None, id="two fields in turn"),
        pytest.param([{"links": ["/1"]}, {"links": "/2"}], None, id="not always a list"),
        pytest.param([{"links": {"url": "/1"}}], None, id="an object"),
        pytest.param([{"links": None}], None, id="never a list"),
        pytest.param([{}], None, id="no field"),
        pytest.param([], None, id="no row"),
    ],
)
def test_a_list_is_exploded_by_itself_where_it_is_all_there_is(
    tmp_path: Path, rows: list[dict[str, Any]], expected: str | None
) -> None:
    assert explodable(rows_of(tmp_path, *rows)) == expected


def test_a_field_that_no_row_has_cannot_be_exploded(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"title": "A", "links": []}, {"title": "A", "tags": []})

    check_explode(table, "tags")
    with pytest.raises(InvalidJobError, match="has the field 'x'; the first one has title, links"):
        check_explode(table, "x")


# Columns


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
    monkeypatch.setattr(scatterfetch.output.results, "MAX_COLUMNS", 4)
    table = rows_of(tmp_path, {"a": 1, "b": 2}, {"c": 3})

    problem = "more than 4 different fields, 'c' of http://a.example/ among them; --format jsonl"
    with pytest.raises(InvalidJobError, match=problem):
        written(table, Format.CSV)

    assert written(table, Format.JSONL).count(b"\n") == 2


# JSON lines


def test_json_lines_hold_the_values_as_they_are(tmp_path: Path) -> None:
    row = {"formula": "=1+1", "tags": ["a", None], "offer": {"price": 1.5}, "big": 10**30}

    [line] = written(rows_of(tmp_path, row), Format.JSONL).splitlines()

    record = msgspec.json.decode(line)
    assert record == {"url": "http://a.example/", "fetched_at": AT, **row}


# CSV and TSV


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


# Parquet


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
    monkeypatch.setattr(scatterfetch.output.results, "_ROW_GROUP_BYTES", 1000)
    table = rows_of(tmp_path, *({"text": "x" * 400} for _ in range(7)))

    file = parquet.ParquetFile(io.BytesIO(written(table, Format.PARQUET)))

    assert file.metadata.num_row_groups == 3 + 1
    assert file.read()["text"].to_pylist() == ["x" * 400] * 7


# XLSX


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
    monkeypatch.setattr(scatterfetch.output.results, "MAX_SHEET_ROWS", 3)

    assert len(sheet_of(written(rows_of(tmp_path, {"a": 1}, {"a": 2}), Format.XLSX))) == 3
    with pytest.raises(InvalidJobError, match="3 records are more than the 2 that a sheet holds"):
        written(rows_of(tmp_path, {"a": 1}, {"a": 2}, {"a": 3}), Format.XLSX)


# All formats


@pytest.mark.parametrize(("output", "package"), [("parquet", "pyarrow"), ("xlsx", "xlsxwriter")])
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, output: str, package: str
) -> None:
    prepare(Format(output))
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(InvalidJobError) as caught:
        prepare(Format(output))

    assert f"--format {output} needs the package {package}" in str(caught.value)
    command = f"`pip install 'scatterfetch[{output}]'`, or `pip install {package}`"
    assert command in str(caught.value)


def test_the_extras_that_the_message_names_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]

    assert (extras["parquet"], extras["xlsx"]) == (["pyarrow"], ["xlsxwriter"])


@pytest.mark.parametrize("output", Format)
def test_no_rows_are_an_empty_table(tmp_path: Path, output: Format) -> None:
    put_results(tmp_path, "a", "00000-000000", outcome(kind=Kind.FAILED, reason=Reason.TIMEOUT))
    file = io.BytesIO()

    assert write(Table(find_results(tmp_path)), output, file, unexpected) == 0


@pytest.mark.parametrize("output", Format)
def test_memory_does_not_grow_with_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: Format
) -> None:
    """It holds a fraction of the 20,000 rows, which are 24 MB of text."""
    monkeypatch.setattr(scatterfetch.output.results, "_ROW_GROUP_BYTES", 500_000)
    outcomes = [outcome(f"/{n}", {"title": f"{n} " + "t" * 1000, "n": n}) for n in range(100)]
    for number in range(200):
        put_results(tmp_path, "books", f"00000-{number:06d}", *outcomes)
    table = Table(find_results(tmp_path))

    with (tmp_path / "rows").open("wb") as file:
        tracemalloc.start()
        records = write(table, output, file, unexpected)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert records == 20_000
    assert peak < 2_000_000


@pytest.mark.parametrize("limit", ["MAX_COLUMNS", "MAX_SHEET_ROWS", "MAX_CELL_CHARS"])
def test_the_documented_limits_are_the_codes(limit: str) -> None:
    number = getattr(scatterfetch.output.results, limit) - (limit == "MAX_SHEET_ROWS")  # its header

    assert f"{number:,} " in (ROOT / "docs/results.md").read_text()


# Damage


def test_what_a_broken_off_file_holds_is_kept(tmp_path: Path) -> None:
    reports: list[str] = []
    path = put_results(
        tmp_path, "books", "00000-000000", *(outcome(f"/{n}", {"n": n}) for n in range(100))
    )
    path.write_bytes(path.read_bytes()[:-200])
    put_results(tmp_path, "books", "00000-000001", outcome("/", {"n": 100}))

    records = list(Table(find_results(tmp_path)).records(reports.append))

    numbers = [record["n"] for record in records]
    assert numbers[-1] == 100
    assert 10 < len(numbers) < 101
    assert numbers[:-1] == list(range(len(numbers) - 1))
    [sentence] = reports
    assert sentence.startswith(f"{path} is damaged after line {len(numbers) - 1}: ")


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    reports: list[str] = []
    path = put_results(tmp_path, "books", "00000-000000", outcome("/", {"n": 1}))
    body = bytearray(path.read_bytes())
    body[-6] ^= 1
    path.write_bytes(body)

    list(Table(find_results(tmp_path)).records(reports.append))

    assert [report.partition(":")[0] for report in reports] == [f"{path} is damaged after line 1"]


@pytest.mark.parametrize(
    "body", [b"", b"not gzip", gzip.compress(b"")[:5], b"\x1f\x8b" + b"\0" * 40]
)
def test_what_is_no_gzip_file_is_damage(tmp_path: Path, body: bytes) -> None:
    reports: list[str] = []
    put_results(tmp_path, "books", "00000-000000").write_bytes(body)

    assert list(Table(find_results(tmp_path)).records(reports.append)) == []
    assert len(reports) == 1
    assert "00000-000000.jsonl.gz is damaged after line 0" in reports[0]


@pytest.mark.parametrize("line", [b"{", b"{}", b"[]", b"\xff", b'{"url":"\xff"}', b""])
def test_lines_that_are_no_outcomes_are_left_out_and_counted(tmp_path: Path, line: bytes) -> None:
    reports: list[str] = []
    path = put_results(tmp_path, "books", "00000-000000", outcome("/", {"n": 1}))
    good = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(line + b"\n" + good + line + b"\n" + good))

    records = list(Table(find_results(tmp_path)).records(reports.append))

    assert [record["n"] for record in records] == [1, 1]
    [sentence] = reports
    assert sentence.startswith(f"{path}: line 1 is no outcome: ")
    assert sentence.endswith(", nor are 1 more; the other lines are kept")


# The file


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.csv", Format.CSV), ("b.JSONL", Format.JSONL), ("c.d.xlsx", Format.XLSX)],
)
def test_the_name_says_the_format(name: str, expected: Format) -> None:
    assert format_of(Path(name)) is expected


@pytest.mark.parametrize("name", ["rows", "rows.xls", ".csv"])
def test_a_name_that_says_no_format_is_wrong_input(name: str) -> None:
    with pytest.raises(InvalidJobError, match=f"the name {name}: let it end with .jsonl, .csv, "):
        format_of(Path(name))


def contents(folder: Path) -> Sequence[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")

    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert contents(tmp_path) == ["rows.csv"]


def test_a_file_stays_as_it_was_if_something_goes_wrong(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert path.read_text() == "old"
    assert contents(tmp_path) == ["rows.csv"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("rows.csv")

    with replacing(tmp_path / "link.csv") as file:
        file.write(b"new")

    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "rows.csv").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    with replacing(Path("/dev/null")) as file:
        file.write(b"new")

    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("name", "problem"),
    [("nowhere/rows.csv", "No such file or directory"), (".", "Is a directory")],
)
def test_a_place_that_cannot_be_written_is_wrong_input(
    tmp_path: Path, name: str, problem: str
) -> None:
    with (
        pytest.raises(InvalidJobError, match=f"cannot write .*: {problem}"),
        replacing(tmp_path / name),
    ):
        pass

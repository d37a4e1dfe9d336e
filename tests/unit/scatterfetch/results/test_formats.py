import io
import sys
import tomllib
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

import scatterfetch.results.columns
import scatterfetch.results.parquet
import scatterfetch.results.workbook
from scatterfetch.results.columns import MAX_COLUMNS
from scatterfetch.results.files import find_results
from scatterfetch.results.formats import Format, format_of, prepare, replacing, write
from scatterfetch.results.table import Table
from scatterfetch.results.workbook import MAX_CELL_CHARS, MAX_SHEET_ROWS
from shared.errors import InvalidJobError, Reason
from shared.outcomes import Kind
from tests import ROOT
from tests.results import AT, outcome, put_results
from tests.tables import rows_of, unexpected, written


def test_json_lines_hold_the_values_as_they_are(tmp_path: Path) -> None:
    row = {"formula": "=1+1", "tags": ["a", None], "offer": {"price": 1.5}, "big": 10**30}

    [line] = written(rows_of(tmp_path, row), Format.JSONL).splitlines()

    record = msgspec.json.decode(line)
    assert record == {"url": "http://a.example/", "fetched_at": AT, **row}


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
    """It holds a fraction of the 10,000 rows, which are 12 MB of text."""
    monkeypatch.setattr(scatterfetch.results.parquet, "_ROW_GROUP_BYTES", 500_000)
    outcomes = [outcome(f"/{n}", {"title": f"{n} " + "t" * 1000, "n": n}) for n in range(100)]
    for number in range(100):
        put_results(tmp_path, "books", f"00000-{number:06d}", *outcomes)
    table = Table(find_results(tmp_path, "books"))
    # What a format imports is no part of it, whichever test comes first.
    put_results(tmp_path, "one", "00000-000000", outcome("/0", {"title": "t", "n": 0}))
    write(Table(find_results(tmp_path, "one")), output, io.BytesIO(), unexpected)

    with (tmp_path / "rows").open("wb") as file:
        tracemalloc.start()
        records = write(table, output, file, unexpected)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert records == 10_000
    assert peak < 2_000_000


@pytest.mark.parametrize("number", [MAX_COLUMNS, MAX_SHEET_ROWS - 1, MAX_CELL_CHARS])
def test_the_documented_limits_are_the_codes(number: int) -> None:
    assert f"{number:,} " in (ROOT / "docs/results.md").read_text()


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

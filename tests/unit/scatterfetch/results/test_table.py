from pathlib import Path

import pytest

from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from shared.outcomes import Outcome
from tests.results import AT, outcome, put_results
from tests.tables import rows_of


def test_a_row_has_its_page_and_the_time_beside_it(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"title": "A", "price": 51.77}, {"title": "B", "price": None})

    assert list(table.records()) == [
        {"url": "http://a.example/", "fetched_at": AT, "title": "A", "price": 51.77},
        {"url": "http://a.example/", "fetched_at": AT, "title": "B", "price": None},
    ]


def test_an_outcome_has_all_columns_but_the_rows(tmp_path: Path) -> None:
    put_results(tmp_path, "books", "00000-000000", outcome("/", {"title": "A"}))

    [record] = Table(find_results(tmp_path), outcomes=True).records()

    assert [*record] == [name for name in Outcome.__struct_fields__ if name != "rows"]


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

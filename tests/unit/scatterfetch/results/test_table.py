from pathlib import Path

import pytest

from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from shared.errors import Reason
from shared.outcomes import Kind, Outcome
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


def test_the_columns_of_the_list_are_beside_the_rows(tmp_path: Path) -> None:
    row = {"sku": "of the page", "input.sku": "a field"}
    put_results(tmp_path, "books", "00000-000000", outcome("/", row, input={"sku": "007", "n": 1}))

    [record] = Table(find_results(tmp_path)).records()

    assert list(record.items()) == [
        ("url", "http://a.example/"),
        ("fetched_at", AT),
        ("input.sku", "007"),
        ("input.n", 1),
        ("sku", "of the page"),
        ("row.input.sku", "a field"),
    ]


def test_robots_tags_are_beside_the_rows_of_pages_that_have_some(tmp_path: Path) -> None:
    """A field of that name has the same column on all pages."""
    tagged = outcome("/1", {"robots_tags": "x"}, robots_tags=("noindex", "nofollow"))
    put_results(tmp_path, "books", "00000-000000", tagged, outcome("/2", {"robots_tags": "y"}))

    first, second = Table(find_results(tmp_path)).records()

    assert (first["robots_tags"], first["row.robots_tags"]) == (["noindex", "nofollow"], "x")
    assert ("robots_tags" in second, second["row.robots_tags"]) == (False, "y")


def test_a_selection_leaves_out_other_outcomes(tmp_path: Path) -> None:
    failed = outcome("/no", kind=Kind.FAILED, reason=Reason.HTTP_404, detail="answered 404")
    put_results(tmp_path, "books", "00000-000000", outcome("/"), failed)

    table = Table(find_results(tmp_path), outcomes=True, selection=frozenset(["failed"]))

    [record] = table.records()
    assert (record["url"], record["reason"], record["detail"]) == (
        "http://a.example/no",
        "http_404",
        "answered 404",
    )

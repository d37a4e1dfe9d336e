from pathlib import Path
from typing import Any

import pytest

from scatterfetch.results.exploding import check_field, explodable
from scatterfetch.results.table import Table
from shared.errors import InvalidJobError
from tests.results import AT
from tests.tables import cells, rows_of


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
    assert explodable(rows_of(tmp_path, *rows).rows()) == expected


def test_a_field_that_no_row_has_cannot_be_exploded(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"title": "A", "links": []}, {"title": "A", "tags": []})

    check_field(table.rows(), "tags")
    with pytest.raises(InvalidJobError, match="has the field 'x'; the first one has title, links"):
        check_field(table.rows(), "x")

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from scatterfetch.results.url_list import Written, write_urls
from shared.errors import InvalidJobError, Reason
from shared.outcomes import Kind
from tests.results import outcome, put_results
from tests.tables import rows_of, unexpected


def listed(table: Table, field: str) -> tuple[list[str], Written]:
    file = io.BytesIO()
    written = write_urls(table, field, file, unexpected)
    return file.getvalue().decode().splitlines(), written


def test_each_url_is_there_once_in_its_order(tmp_path: Path) -> None:
    table = rows_of(
        tmp_path,
        {"link": "http://b.example/"},
        {"link": ["http://a.example/1#part", "http://b.example", None, "http://a.example/1"]},
        {"link": None},
        {"link": ""},
        {"other": "http://c.example/"},
    )

    urls, written = listed(table, "link")

    assert urls == ["http://b.example/", "http://a.example/1"]
    assert written == (2, 0, "")


def test_a_url_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"link": "\n http://b.example/a b/ü\n"})

    assert listed(table, "link")[0] == ["http://b.example/a%20b/%C3%BC"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("http://a.example/ http://b.example/", "two URLs in one place"),
        ("http://a.example/1\nhttp://b.example/2", "two URLs in one place"),
        ("http://a.example/1\n/2", "a line end"),
    ],
)
def test_what_is_no_single_url_is_left_out_as_a_list_does(
    tmp_path: Path, value: str, problem: str
) -> None:
    urls, written = listed(rows_of(tmp_path, {"link": [value, "http://c.example/"]}), "link")

    assert urls == ["http://c.example/"]
    assert written.left_out == 1
    assert problem in written.first_left_out


def test_a_link_with_a_url_behind_a_comma_is_one_and_is_read_as_one(tmp_path: Path) -> None:
    links = [
        "https://t.example/r?to=a,https://b.example/1",
        "https://t.example/?u=1;http://b.example",
    ]

    urls, written = listed(rows_of(tmp_path, {"link": links}), "link")

    assert written == (2, 0, "")
    assert urls == [
        "https://t.example/r?to=a,https%3A//b.example/1",
        "https://t.example/?u=1;http%3A//b.example",
    ]


def test_an_object_may_have_several_urls(tmp_path: Path) -> None:
    row = {"image": {"url": ["http://a.example/1", {"url": "http://a.example/2"}, None]}}

    assert listed(rows_of(tmp_path, row), "image") == (
        ["http://a.example/1", "http://a.example/2"],
        (2, 0, ""),
    )


def test_an_object_without_a_url_is_counted(tmp_path: Path) -> None:
    row = {"links": [{"href": "http://a.example/"}, {"url": None}, {"url": "http://b.example/"}]}

    urls, written = listed(rows_of(tmp_path, row), "links")

    assert urls == ["http://b.example/"]
    assert written.left_out == 1
    assert "it has no `url`; name the part" in written.first_left_out


@pytest.mark.parametrize(
    ("row", "field"),
    [
        pytest.param({"links": [{"url": "http://b.example/", "text": "B"}]}, "links", id="object"),
        pytest.param({"links": [{"url": "http://b.example/"}]}, "links.url", id="part"),
        pytest.param({"a": {"b": [{"c": ["http://b.example/"]}]}}, "a.b.c", id="deep"),
        pytest.param({"a.b": "http://b.example/"}, "a.b", id="a name with a dot"),
        pytest.param({"url": "http://b.example/"}, "url", id="a field, not our column"),
    ],
)
def test_a_field_is_found_where_it_is(tmp_path: Path, row: dict[str, Any], field: str) -> None:
    assert listed(rows_of(tmp_path, row), field)[0] == ["http://b.example/"]


def test_our_columns_are_fields_too(tmp_path: Path) -> None:
    found = outcome("/", {"title": "A"}, input={"shop": "http://shop.example/"})
    failed = outcome("/no", kind=Kind.FAILED, reason=Reason.HTTP_404)
    put_results(tmp_path, "books", "00000-000000", found, failed)
    table = Table(find_results(tmp_path))

    assert listed(table, "url")[0] == ["http://a.example/"]
    assert listed(table, "input.shop")[0] == ["http://shop.example/"]
    outcomes = replace(table, outcomes=True, selection=frozenset(["failed"]))
    assert listed(outcomes, "url")[0] == ["http://a.example/no"]


def test_what_is_no_url_of_a_website_is_counted(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"link": ["/about", "mailto:a@b.example", 7, "https://b.example/"]})

    urls, written = listed(table, "link")

    assert urls == ["https://b.example/"]
    assert written.left_out == 3
    assert written.first_left_out.startswith("'/about': a URL must start with http:// or https://")


def test_a_long_value_is_not_said_in_full(tmp_path: Path) -> None:
    _, written = listed(rows_of(tmp_path, {"html": "x" * 10_000}), "html")

    assert len(written.first_left_out) < 200


def test_a_field_that_is_nowhere_is_wrong_input(tmp_path: Path) -> None:
    table = rows_of(tmp_path, {"title": "A", "link": []})

    assert listed(table, "link")[1].urls == 0
    with pytest.raises(InvalidJobError, match="has the field 'x'; the first one has title, link"):
        listed(table, "x")

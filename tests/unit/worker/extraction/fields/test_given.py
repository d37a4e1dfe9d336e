"""Fields that name what the list says, or a part of the page's URL."""

from typing import Any

import msgspec
import pytest

from functions.worker.extraction.fields.given import read_by
from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

LIST = {
    "product_id": "0017",
    "price": "1.299",
    "german": "1.299,50",
    "item.url": "http://x.example/",
    "day": "3/4/2026",
    "meta": {"sku": [1, {"a": "b"}, {"a": "c"}], "x.y": {"z": 5}},
    "html": "<b>q</b>",
    "json": '{"k": 3}',
    "empty": "",
}
URL = "http://www.e.com/p/17-a?x=1&y=2"


def extract(
    body: str = "<html lang=de><h1>t</h1>", kind: str = "text/html", **spec: Any
) -> Extracted:
    page = FetchedPage(URL, 200, kind, None, body.encode(), input=LIST)
    return compile_extraction(msgspec.convert({"extract": spec}, Spec)).extract(page, token="bot")


def problems(found: Extracted) -> list[tuple[str | None, str, str | None]]:
    return [(one["field"], one["problem"], one["value"]) for one in found.problems]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param({"input": "product_id"}, "0017", id="a column"),
        pytest.param({"input": "product_id", "type": "integer"}, 17, id="as a number"),
        pytest.param({"input": "price", "type": "number"}, 1.299, id="whatever the page says"),
        pytest.param({"input": "german", "type": "number", "locale": "de"}, 1299.5, id="a locale"),
        pytest.param({"input": "day", "type": "date", "locale": "en-GB"}, "2026-04-03", id="a day"),
        pytest.param({"input": "item.url", "type": "url"}, "http://x.example/", id="a dotted name"),
        pytest.param({"input": "meta.sku.a", "many": True}, ["b", "c"], id="a path through a list"),
        pytest.param({"input": "meta.x.y.z", "type": "integer"}, 5, id="a path with a dotted name"),
        pytest.param({"input": "meta", "type": "json"}, LIST["meta"], id="an object"),
        pytest.param({"input": "json", "type": "json"}, LIST["json"], id="a text stays one"),
        pytest.param({"input": "json", "then": {"jmespath": "k"}, "type": "integer"}, 3,
                     id="JSON in a column"),
        pytest.param({"input": "meta", "then": {"jmespath": "sku[1].a"}}, "b", id="JMESPath"),
        pytest.param({"input": "html", "then": {"css": "b"}}, "q", id="HTML in a column"),
        pytest.param({"input": "product_id", "regex": "0*(.*)"}, "17", id="a pattern"),
        pytest.param({"input": "empty", "default": "none"}, "none", id="an empty column"),
        pytest.param({"input": "nope"}, None, id="no such column"),
        pytest.param({"input": "html.x"}, None, id="no path in a text"),
        pytest.param({"any": [{"css": "h2"}, {"input": "product_id"}]}, "0017", id="or else"),
        pytest.param({"url": "/p/([0-9]+)"}, "17", id="a part of the URL"),
        pytest.param({"url": "/p/([0-9]+)", "type": "integer"}, 17, id="as a number, too"),
        pytest.param({"url": "[xy]=.", "many": True}, ["x=1", "y=2"], id="all matches"),
        pytest.param({"url": "/q/(.*)"}, None, id="no match"),
        pytest.param({"any": [{"css": "h2"}, {"url": "/p/([0-9]+)"}]}, "17", id="or else the URL"),
    ],
)  # fmt: skip
def test_a_field_is_what_the_list_or_the_url_says(source: dict[str, Any], value: Any) -> None:
    found = extract(fields={"title": {"css": "h1"}, "x": source})

    assert found.rows == [{"title": "t", "x": value}]
    assert found.problems == []


def test_no_page_says_how_a_list_writes_days() -> None:
    found = extract(fields={"title": {"css": "h1"}, "x": {"input": "day", "type": "date"}})

    assert problems(found) == [("x", "ambiguous", "3/4/2026")]


@pytest.mark.parametrize("source", [{"input": "product_id"}, {"url": "[0-9]+"}])
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("with_css", [False, True])
def test_what_the_list_and_the_url_say_is_no_sign_of_the_right_page(
    source: dict[str, Any], many: bool, with_css: bool
) -> None:
    wanted = {"any": [{"css": "h2"}, source]} if with_css else source
    nothing = extract(fields={"x": {**wanted, "many": many}, "title": {"css": "h2"}})
    something = extract("<h2>a", fields={"x": {**wanted, "many": many}, "title": {"css": "h2"}})

    assert problems(nothing) == [(None, "no_match", None)]
    assert problems(something) == []


def test_fields_that_look_at_no_page_miss_nothing_on_it() -> None:
    found = extract(fields={"x": {"input": "product_id"}, "y": {"const": 1}}, include=["page_text"])

    assert found.rows == [{"page_text": "t", "x": "0017", "y": 1}]
    assert found.problems == []


def test_each_row_has_what_the_list_says() -> None:
    found = extract(
        '{"items": [1, 2]}',
        "application/json",
        rows={"jmespath": "items"},
        fields={"id": {"input": "product_id"}, "n": {"jmespath": "@"}},
    )

    assert found.rows == [{"id": "0017", "n": "1"}, {"id": "0017", "n": "2"}]


@pytest.mark.parametrize(
    ("paths", "read"),
    [
        ([], None),
        (["nope"], None),
        (["a"], {"a": 1}),
        (["b.x.y"], {"b": {"x": 2}}),
        (["c.d"], {"c.d": 3}),
        (["c.d.e", "a"], {"c.d": 3, "a": 1}),
        (["bb"], None),
    ],
)
def test_no_more_of_what_the_list_says_is_handed_on_than_is_read(
    paths: list[str], read: dict[str, Any] | None
) -> None:
    assert read_by(paths, {"a": 1, "b": {"x": 2}, "c.d": 3}) == read
    assert read_by(paths, None) is None

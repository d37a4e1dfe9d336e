"""A first spec for a page: whatever the page, it is a spec, and it yields rows."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction import Extracted, compile_extraction
from functions.worker.page import Page
from scatterfetch.demo.books import CATALOGUE, SHOPS, books_of
from scatterfetch.demo.pages import pages_of
from scatterfetch.init import first_spec

SHOP = SHOPS["alder"]
STARS = ("Zero", "One", "Two", "Three", "Four", "Five")


def page(body: str | bytes, content_type: str = "text/html", path: str = "/") -> Page:
    text = body if isinstance(body, bytes) else body.encode()
    return Page(SHOP.origin + path, 200, content_type, "utf-8", text)


def extracted(found: Page) -> Extracted:
    spec = parse_spec("spec.yaml", first_spec(found).encode())
    return compile_extraction(spec).extract(found, token="")


def uncommented(text: str) -> str:
    """Return the other half of a spec, in place of the first one."""
    lines = text.partition("# Instead")[2].splitlines()[1:]
    return "\n".join(line.removeprefix("# ") for line in lines)


def test_elements_that_look_alike_are_rows() -> None:
    found = extracted(page(pages_of(SHOP)[CATALOGUE[0]], path=CATALOGUE[0]))

    books = books_of(SHOP)[:16]
    assert found.problems == []
    assert [row["title"] for row in found.rows] == [book.title for book in books]
    assert [row["price_color"] for row in found.rows] == [book.cents / 100 for book in books]
    assert [row["star_rating_2"] for row in found.rows] == [STARS[book.stars] for book in books]
    assert [row["link"] for row in found.rows] == [SHOP.origin + book.path for book in books]


def test_a_page_about_one_thing_is_one_row() -> None:
    book = books_of(SHOP)[0]

    [row] = extracted(page(pages_of(SHOP)[book.path], path=book.path)).rows

    assert (row["name"], row["sku"], row["author_name"]) == (book.title, book.upc, book.author)
    assert row["price"] == f"{book.cents / 100:.2f}"


@pytest.mark.parametrize("path", [CATALOGUE[0], books_of(SHOP)[0].path])
def test_what_is_commented_out_is_a_spec_too(path: str) -> None:
    found = page(pages_of(SHOP)[path], path=path)
    spec = parse_spec("spec.yaml", uncommented(first_spec(found)).encode())

    assert compile_extraction(spec).extract(found, token="").rows


@pytest.mark.parametrize(
    ("html", "rows"),
    [
        pytest.param(
            "<table id=t><tr><td>a<td>1<tr><td>b<td>2<tr><td>c<td>3</table>",
            [{"column_1": letter, "column_2": n + 1} for n, letter in enumerate("abc")],
            id="table",
        ),
        pytest.param(
            "<main class=m>" + "".join(f"<section><h2>T{n}</h2></section>" for n in range(3)),
            [{"title": f"T{n}"} for n in range(3)],
            id="no classes",
        ),
        pytest.param(
            "<nav>" + "<li class=x><a href=/a>a</a><a href=/b>b</a>" * 9 + "</nav><h1>x</h1>",
            [{"title": "x"}],
            id="all alike",
        ),
    ],
)
def test_pages_of_all_kinds(html: str, rows: list[dict[str, Any]]) -> None:
    assert extracted(page(html)).rows == rows


def test_a_page_that_is_json_is_one_row() -> None:
    body = {"shop": {"name": "Alder"}, "books": [{"title": "A"}, {"title": "B"}]}

    [row] = extracted(page(json.dumps(body), "application/json")).rows

    assert row == {"name": "Alder", "title": ["A", "B"]}


def test_a_page_with_nothing_gets_the_ready_made_columns() -> None:
    assert extracted(page("")).rows[0]["title"] is None


def test_values_do_not_break_out_of_their_comments() -> None:
    html = (
        "<h1>x\nfetch: {robots: ignore}</h1>"
        "<meta property='og:a: b}\n c' content='y'><meta property=og:title content='z # \u2028'>"
    )

    spec = parse_spec("spec.yaml", first_spec(page(html)).encode())

    assert spec.fetch.robots == "obey"
    assert set(spec.extract.fields) == {"title", "og_title"}


PIECES = [
    *(
        "<ul class=a>",
        "<li>",
        "<li class='b c'>",
        "<a href=/x>",
        "<p:q>",
        "<td>",
        "<table>",
        "</a>",
    ),
    *("</li>", "</ul>", "text", "1", "<b title=t>", "<svg>", "<h2>", "\n", "<time datetime=2026>"),
]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_whatever_the_page_there_is_a_spec(pieces: list[str]) -> None:
    found = page("".join(pieces))

    assert extracted(found).rows, first_spec(found)

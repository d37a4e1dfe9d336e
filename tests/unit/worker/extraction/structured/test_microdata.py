"""Items of microdata are those of the HTML standard, in the form of JSON-LD."""

from typing import Any

import pytest

from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured import microdata as module
from functions.worker.extraction.structured.microdata import microdata
from functions.worker.transport.page import FetchedPage


def items(html: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    document = Document(FetchedPage("http://e.com/a/", 200, "text/html", None, html.encode()))
    return microdata(document), document.problems


def problem(name: str, value: str) -> dict[str, Any]:
    return {"field": None, "problem": name, "value": f"microdata: {value}"}


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        pytest.param(
            "<main itemscope itemtype=https://schema.org/ItemPage><i itemprop=name>page</i>"
            "<div itemscope itemtype=https://schema.org/Product><b itemprop=name>Lamp</b></div>"
            "</main>",
            [{"@type": "ItemPage", "name": "page"}, {"@type": "Product", "name": "Lamp"}],
            id="an item in another that is no property of it",
        ),
        pytest.param(
            "<div itemscope><p itemscope itemprop=''><i itemprop=a>1</i></p></div>",
            [{}, {"a": "1"}],
            id="a property without a name is none",
        ),
        pytest.param(
            "<div itemscope itemtype='https://schema.org/Product http://schema.org/Book/'></div>",
            [{"@type": ["Product", "Book"]}],
            id="two types",
        ),
        pytest.param(
            "<div itemscope>" + "<p><i>" * 120 + "<b itemprop=a>deep</b></div>",
            [{"a": "deep"}],
            id="a property far below its item",
        ),
        pytest.param(
            "<div itemscope itemref='x y none x'><i itemprop=a>1</i></div>"
            "<p id=x itemprop=b>2</p><div id=y><i itemprop=c>3</i>"
            "<div itemprop=d itemscope><i itemprop=e>4</i></div></div>",
            [{"a": "1", "b": "2", "c": "3", "d": {"e": "4"}}],
            id="properties from elsewhere",
        ),
        pytest.param(
            "<div itemscope itemref=y></div><div itemscope itemref='x y'></div>"
            "<div id=x><i itemprop=a>1</i><p><b id=y><i itemprop=b>2</i>"
            "<u id=z itemprop=c itemscope><s id=w><i itemprop=d>3</i></s></u></b></p></div>"
            "<div itemscope itemref='z w'></div>",
            [
                {"b": "2", "c": {"d": "3"}},
                {"a": "1", "b": "2", "c": {"d": "3"}},
                {"c": {"d": "3"}, "d": "3"},
            ],
            id="elements in each other that are referred to",
        ),
        pytest.param(
            "<div itemscope itemref=x></div><div itemscope itemref=x></div>"
            "<div id=x itemprop=author itemscope><i itemprop=name>Zoe</i></div>",
            [{"author": {"name": "Zoe"}}, {"author": {"name": "Zoe"}}],
            id="one item of two",
        ),
        pytest.param(
            "<i id=x itemprop=a>first</i><div itemscope itemref=x><i itemprop=a>second</i></div>",
            [{"a": ["first", "second"]}],
            id="in the order of the page",
        ),
        pytest.param(
            "<div itemscope itemref=x><div id=x itemscope><i itemprop=a>1</i></div></div>",
            [{}, {"a": "1"}],
            id="an item that is referred to and no property",
        ),
        pytest.param(
            "<div itemscope itemref=x><div id=x><i itemprop=a>1</i></div></div>",
            [{"a": "1"}],
            id="what is there already",
        ),
        pytest.param(
            "<form itemscope><input itemprop=query-input name=q required></form>",
            [{"query-input": {"valueRequired": True, "valueName": "q"}}],
            id="what a form asks for",
        ),
        pytest.param(
            "<p itemprop=a itemscope><i itemprop=b>1</i></p>", [{"b": "1"}],
            id="a property of nothing",
        ),
    ],
)  # fmt: skip
def test_items_of_a_page(html: str, expected: list[dict[str, Any]]) -> None:
    assert items(html) == (expected, [])


def test_items_that_refer_to_each_other_come_to_an_end() -> None:
    found, problems = items(
        "<div itemscope itemtype=A id=a itemprop=x itemref=b><i itemprop=n>1</i></div>"
        "<div itemscope itemtype=B id=b itemprop=y itemref=a><i itemprop=n>2</i></div>"
    )

    assert found == [{"@type": "A", "n": "1", "y": {"@type": "B", "n": "2"}}]
    assert problems == [problem("bad_microdata", "B refers to itself by itemref")]


def test_items_that_refer_twice_to_each_following_one_come_to_an_end() -> None:
    html = "".join(
        f"<div itemscope itemprop='a{n}' id=i{n} itemref='i{n + 1} j{n + 1}'></div>"
        f"<div itemscope itemprop='b{n}' id=j{n} itemref='i{n + 1} j{n + 1}'></div>"
        for n in range(45)
    )

    found, problems = items(f"<div itemscope itemref='i0 j0'></div>{html}")

    assert found
    assert problems == [problem("truncated", f"after {module.MAX_BUILT} items")]


def test_properties_by_reference_are_limited() -> None:
    shared = "<i itemprop=a>1</i>" * 300
    html = f"<div id=x>{shared}</div>" + "<div itemscope itemref=x></div>" * 100

    found, problems = items(html)

    assert len(found) == 100
    assert problems == [
        problem("truncated", f"after {module.MAX_REFERENCES} properties by itemref")
    ]


def test_elements_in_each_other_that_are_referred_to_are_limited() -> None:
    names = " ".join(f"i{n}" for n in range(300))
    nested = "".join(f"<div id=i{n}>" for n in range(300)) + "</div>" * 300

    _, problems = items(f"<p itemscope itemref='{names}'></p>{nested}")

    assert problems == [
        problem("truncated", f"after {module.MAX_REFERENCES} properties by itemref")
    ]


def test_texts_of_properties_in_each_other_can_be_given_up() -> None:
    def hurry() -> None:
        raise TooComplexError

    html = b"<p itemscope>" + b"<b itemprop=x>" * 500
    with pytest.raises(TooComplexError):
        microdata(Document(FetchedPage("http://e.com/", 200, "text/html", None, html), hurry))


def test_items_are_limited_in_number_and_depth() -> None:
    _, many = items("<p itemscope></p>" * (module.MAX_ITEMS + 1))
    deep, cut = items("<div itemscope itemprop=a><i itemprop=n>1</i>" * 60)

    assert many == [problem("truncated", f"after {module.MAX_ITEMS} items")]
    assert deep[0]["a"]["n"] == "1"
    assert cut == [problem("truncated", "at 50 items in each other")]

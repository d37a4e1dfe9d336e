"""
The rows of the demo's bookshops, by the README's spec and by its parser in Python.

Your own parser may have a test like this.
"""

import doctest
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.rows import compile_extraction
from functions.worker.parsers import Page, books
from functions.worker.transport.page import FetchedPage
from scatterfetch.demo.books import CATALOGUE, SHOPS, Shop, books_of
from scatterfetch.demo.pages import PODS, pages_of
from tests import ROOT

README = (ROOT / "README.md").read_text()
STARS = ("Zero", "One", "Two", "Three", "Four", "Five")


def example(language: str) -> str:
    [text] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(text)


def catalogue(shop: Shop, number: int) -> FetchedPage:
    path = CATALOGUE[number]
    return FetchedPage(shop.origin + path, 200, "text/html", "utf-8", pages_of(shop)[path])


def expected(shop: Shop, number: int) -> list[dict[str, Any]]:
    return [
        {
            "title": book.title,
            "price": book.cents / 100,
            "rating": STARS[book.stars],
            "link": urljoin(shop.origin, book.path),
        }
        for book in books_of(shop)[number * PODS : (number + 1) * PODS]
    ]


PAGES = pytest.mark.parametrize(
    ("shop", "number"),
    [(shop, n) for shop in SHOPS.values() if books_of(shop) for n in range(len(CATALOGUE))],
    ids=lambda value: getattr(value, "name", str(value)),
)


@PAGES
def test_the_parser_yields_each_book(shop: Shop, number: int) -> None:
    assert list(books.parse(Page(catalogue(shop, number)))) == expected(shop, number)


@PAGES
def test_the_spec_yields_each_book(shop: Shop, number: int) -> None:
    extraction = compile_extraction(parse_spec("README.md", example("yaml").encode()))

    found = extraction.extract(catalogue(shop, number), token="")

    assert (found.rows, found.problems) == (expected(shop, number), [])


def test_the_parser_in_the_readme_is_this_one() -> None:
    assert example("python") in Path(books.__file__).read_text()


def test_its_example_holds() -> None:
    assert doctest.testmod(books).failed == 0

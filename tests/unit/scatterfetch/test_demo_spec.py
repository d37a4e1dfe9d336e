"""The demo's spec yields what the bookshops sell, to the last cent."""

import pytest

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from scatterfetch.demo.books import CATALOGUE, SHOPS, Shop, books_of
from scatterfetch.demo.pages import pages_of
from scatterfetch.demo.show import DEMO_SPEC

STARS = ("Zero", "One", "Two", "Three", "Four", "Five")


@pytest.mark.parametrize("shop", [shop for shop in SHOPS.values() if not shop.moved_to], ids=str)
def test_the_catalogue_is_the_books(shop: Shop) -> None:
    extraction = compile_extraction(parse_spec("spec.yaml", DEMO_SPEC))
    rows = []
    for path in CATALOGUE:
        page = FetchedPage(shop.origin + path, 200, "text/html", "utf-8", pages_of(shop)[path])
        found = extraction.extract(page, token="bot")
        assert found.problems == []
        rows += found.rows

    assert rows == [
        {
            "title": book.title,
            "price": book.cents / 100,
            "rating": STARS[book.stars],
            "link": shop.origin + book.path,
        }
        for book in books_of(shop)
    ]

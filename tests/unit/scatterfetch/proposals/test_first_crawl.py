"""A first spec for a crawl: it is a spec, and it leads from the listing to rows of the items."""

import pytest
import yaml

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.reader import extraction_of
from functions.worker.extraction.rows import Extracted
from functions.worker.transport.page import FetchedPage
from scatterfetch.demo.books import CATALOGUE, SHOPS, Shop, books_of
from scatterfetch.demo.pages import pages_of
from scatterfetch.proposals.first_crawl import first_crawl, items_of
from shared.errors import InvalidJobError

SHOP = SHOPS["alder"]
ITEM = "<h1>Oak</h1><p>A tree.</p>"


def page(url: str, body: str | bytes) -> FetchedPage:
    text = body if isinstance(body, bytes) else body.encode()
    return FetchedPage(url, 200, "text/html", "utf-8", text)


def listing(more: str = "", url: str = "http://a.example/books", host: str = "") -> FetchedPage:
    items = "".join(f"<li class=book><a href={host}/p/{n}>Book {n}</a></li>" for n in range(4))
    return page(url, f"<main><ul>{items}</ul></main>{more}")


def read(text: str, kind: str, found: FetchedPage) -> Extracted:
    reading = Kinds(parse_spec("spec.yaml", text.encode())).reading(kind)
    return extraction_of(reading).extract(found, token="")


def follow(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load(text)["pages"]["listing"]["follow"]
    return found


@pytest.mark.parametrize("shop", [shop for shop in SHOPS.values() if not shop.moved_to])
def test_the_catalogue_of_a_bookshop_leads_to_its_books_and_its_next_page(shop: Shop) -> None:
    books = books_of(shop)
    start = page(shop.origin + CATALOGUE[0], pages_of(shop)[CATALOGUE[0]])
    item = page(shop.origin + books[0].path, pages_of(shop)[books[0].path])

    text = first_crawl(start, items_of(start), item)

    links = read(text, "listing", start).links
    assert [link.url for link in links if link.page == "item"] == [
        shop.origin + book.path for book in books[:16]
    ]
    assert [link.url for link in links if link.page == "listing"] == [shop.origin + CATALOGUE[1]]
    [row] = read(text, "item", item).rows
    assert (row["name"], row["sku"]) == (books[0].title, books[0].upc)


@pytest.mark.parametrize(
    ("more", "source"),
    [
        ("<link rel=next href=/books?page=2>", {"rel": "next"}),
        ("<ul><li class=next><a href=/books?page=2>x</a></ul>", {"css": ".next a"}),
        ("<nav class=pagination><a href=/books>1</a><a href=?page=2>2</a></nav>",
         {"css": ".pagination a"}),
        ("<p><a href=?page=2> Older posts </a></p>",
         {"xpath": '//a[normalize-space()="Older posts"]'}),
        ('<a class=next href="#">slide</a>', None),
        ("<a class=next href=http://b.example/>x</a>", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_pagination_is_found(more: str, source: dict[str, str] | None) -> None:
    start = listing(more)

    text = first_crawl(start, items_of(start), page("http://a.example/p/0", ITEM))

    found = [one for one in follow(text) if one.pop("page") == "listing"]
    assert found == ([] if source is None else [source])
    assert ("No pagination was found" in text) == (source is None)


@pytest.mark.parametrize(
    "url", ["http://a.example:8080/books", "http://a.example/books?c=1&d=*", "http://a.example/"]
)
def test_the_listing_is_of_its_kind_whatever_its_url(url: str) -> None:
    start = listing(url=url)

    text = first_crawl(start, items_of(start), page("http://a.example/p/0", ITEM))

    spec = parse_spec("spec.yaml", text.encode())
    assert Kinds(spec).kind_of(url) == "listing"
    assert [one.location for one in spec.starts] == [url]


def test_items_on_another_host_of_the_website_are_within() -> None:
    start = listing(host="http://www.a.example")

    text = first_crawl(start, items_of(start), page("http://www.a.example/p/0", ITEM))

    assert parse_spec("spec.yaml", text.encode()).crawl.within == "domain"


def test_a_page_that_lists_nothing_is_no_listing() -> None:
    with pytest.raises(InvalidJobError, match="has no list of links that look alike"):
        items_of(page("http://a.example/p/0", ITEM))

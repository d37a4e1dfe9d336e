"""The bookshops that `scatterfetch demo` scrapes, over real sockets on 127.0.0.1."""

import asyncio
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from socket import AF_INET, AddressFamily
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from selectolax.lexbor import LexborHTMLParser, LexborNode

from scatterfetch.demo.books import CATALOGUE, SHOPS, SLOW_BOOK, Shop, books_of, url_list
from scatterfetch.demo.pages import pages_of
from scatterfetch.demo.website import running_website

OPEN_SHOPS = [shop for shop in SHOPS.values() if not shop.moved_to]


class Loopback(AbstractResolver):
    """Every host name is the website; the Host header stays as the URL has it."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_INET
    ) -> list[ResolveResult]:
        del port
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=self.port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running_website() as port:
        yield port


@pytest.fixture
async def session(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(resolver=Loopback(port), family=AF_INET)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def document(session: aiohttp.ClientSession, url: str) -> LexborHTMLParser:
    async with session.get(url) as response:
        return LexborHTMLParser(await response.read())


def first(tree: LexborHTMLParser | LexborNode, css: str) -> LexborNode:
    node = tree.css_first(css)
    assert node is not None, css
    return node


def listed() -> list[str]:
    """Return the lines that are neither blank nor a comment."""
    return [line for line in url_list().splitlines() if line and not line.startswith("#")]


async def kind_of(session: aiohttp.ClientSession, url: str) -> str:
    """Say in a word what a scraper meets at `url`."""
    try:
        async with session.get(url) as response:
            moved = [urlsplit(str(r.url)).hostname for r in (*response.history, response)]
            if response.status != 200:
                return f"{response.status} {response.headers.get('Retry-After', '')}".strip()
            if response.content_type != "text/html":
                return response.content_type
            if len(set(moved)) == 2 and moved[1] != f"www.{moved[0]}":
                return "moved to another shop"
            return "moved within the shop" if response.history else "page"
    except aiohttp.TooManyRedirects:
        return "circle"


async def test_urls_answer_as_planned(session: aiohttp.ClientSession) -> None:
    urls = {url for url in listed() if url.startswith("http://")}

    kinds = Counter(await asyncio.gather(*(kind_of(session, url) for url in urls)))

    assert kinds == {
        "page": 8 * (1 + 3 + 42) + 1,  # front page, catalogue, books; and a basket
        "moved within the shop": 8 + 4,
        "moved to another shop": 5,
        "404": 8,
        "429 1": 1,  # and Retry-After
        "500": 1,
        "application/pdf": 1,
        "circle": 1,
    }


def test_the_list_has_two_duplicates_and_two_lines_that_are_no_url() -> None:
    lines = listed()

    assert [line for line, count in Counter(lines).items() if count == 2] == [
        "http://www.alder-books.example/catalogue/page-1.html",
        "http://www.rowan-books.example/",
    ]
    odd = [line for line in lines if not line.startswith("http://")]
    assert odd == ["/about", "htp:/broken.example/x"]


@pytest.mark.parametrize("shop", OPEN_SHOPS, ids=lambda shop: shop.name)
async def test_product_pages_say_what_the_data_model_says(
    session: aiohttp.ClientSession, shop: Shop
) -> None:
    for book in books_of(shop)[SLOW_BOOK:]:
        page = await document(session, shop.origin + book.path)

        article = first(page, "article.product_page")
        stars = ("One", "Two", "Three", "Four", "Five")[book.stars - 1]
        product = json.loads(first(page, "script[type='application/ld+json']").text())
        assert 5_000 < len((page.html or "").encode()) < 20_000
        assert first(page, "title").text() == f"{book.title} | {shop.title}"
        assert first(page, "link[rel=canonical]").attributes["href"] == shop.origin + book.path
        assert first(article, "h1").text() == product["name"] == book.title
        assert first(article, "p.price_color").text() == shop.price(book.cents)
        assert f"({book.stock} available)" in first(article, "p.instock.availability").text()
        assert first(article, "p.star-rating").attributes["class"] == f"star-rating {stars}"
        assert first(article, "tr td").text() == product["sku"] == book.upc


@pytest.mark.parametrize(
    ("cents", "pounds", "euros"),
    [(51_77, "£51.77", "51,77 €"), (1_051_07, "£1,051.07", "1.051,07 €"), (0, "£0.00", "0,00 €")],
)
def test_prices_are_written_as_the_country_does(cents: int, pounds: str, euros: str) -> None:
    assert SHOPS["alder"].price(cents) == pounds
    assert SHOPS["linden"].price(cents) == euros


@pytest.mark.parametrize("path", ["/", "/catalogue/page-2.html", books_of(SHOPS["birch"])[0].path])
async def test_links_lead_to_pages_that_exist(session: aiohttp.ClientSession, path: str) -> None:
    base = SHOPS["birch"].origin + path  # a shop without a slow book
    page = await document(session, base)

    links = {urljoin(base, link.attributes["href"] or "") for link in page.css("a[href]")}
    kinds = await asyncio.gather(*(kind_of(session, link) for link in links))

    assert set(kinds) <= {"page", "application/pdf"}


async def test_the_catalogue_lists_16_books_a_page(session: aiohttp.ClientSession) -> None:
    shop = SHOPS["linden"]
    for index, path in enumerate(CATALOGUE):
        pods = (await document(session, shop.origin + path)).css("article.product_pod")

        assert [
            (first(pod, "h3 a").attributes["title"], first(pod, ".price_color").text())
            for pod in pods
        ] == [(b.title, shop.price(b.cents)) for b in books_of(shop)[index * 16 :][:16]]


async def test_four_books_take_a_second_or_two(session: aiohttp.ClientSession) -> None:
    slow = [shop for shop in OPEN_SHOPS if shop.slow]

    async def get(shop: Shop) -> None:
        url = shop.origin + books_of(shop)[SLOW_BOOK - 1].path
        await session.get(url, timeout=aiohttp.ClientTimeout(total=0.2))

    answers = await asyncio.gather(*map(get, slow), return_exceptions=True)

    assert [type(answer) for answer in answers] == [TimeoutError] * 4
    assert all(1 <= shop.slow < 2 for shop in slow)


async def test_robots_txt_is_there_before_any_redirect(session: aiohttp.ClientSession) -> None:
    for host, delay in (
        ("www.juniper-books.example", "Crawl-delay: 0.1\n"),
        ("cedar-books.example", ""),
        ("www.elm-books.example", ""),
    ):
        async with session.get(f"http://{host}/robots.txt", allow_redirects=False) as response:
            assert await response.text() == f"User-agent: *\n{delay}Disallow: /basket/\n"


async def test_a_host_without_a_shop_has_no_pages(session: aiohttp.ClientSession) -> None:
    assert await kind_of(session, "http://www.oak-books.example/") == "404"


def test_every_process_makes_the_same_books_and_none_needs_aiohttp() -> None:
    """Else a second run of the demo would be another job, and `--help` would be slow."""
    program = """
import sys
from scatterfetch.demo.books import SHOPS, url_list
from scatterfetch.demo.pages import pages_of
assert "aiohttp" not in sys.modules
sys.stdout.buffer.write(url_list().encode() + pages_of(SHOPS["alder"])["/"])
"""
    output = subprocess.check_output([sys.executable, "-c", program])  # with another hash seed

    assert output == url_list().encode() + pages_of(SHOPS["alder"])["/"]


def test_the_port_is_free_again_afterwards() -> None:
    with running_website() as port:
        socket.create_connection(("127.0.0.1", port)).close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))

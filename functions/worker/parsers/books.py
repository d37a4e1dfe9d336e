"""
The books on a page of the demo's bookshops, with BeautifulSoup. Copy it for your own website.

    parser: parsers.books:parse
"""

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from functions.worker.parsers import Page


def parse(page: Page) -> Iterator[dict[str, object]]:
    for book in page.soup.select("article.product_pod"):
        link = book.select_one("h3 a")
        yield {
            "title": link["title"],
            "price": number(book.select_one(".price_color").text),
            "rating": book.select_one(".star-rating")["class"][1],  # One, Two, ...
            "link": urljoin(page.url, link["href"]),
        }


def number(price: str) -> float:
    """
    Return what a price comes to.

    >>> number("£1,051.77"), number("1.051,77 €")
    (1051.77, 1051.77)
    """
    whole, cents = re.search(r"([\d.,]+)[.,](\d\d)", price).groups()
    return float(re.sub(r"\D", "", whole) + "." + cents)

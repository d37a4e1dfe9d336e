"""
Parsers that are written in Python: one module for each website, or as you like.

A spec names one of its functions, `parser: parsers.books:parse`. It gets a `Page` and returns an
iterable of rows, or is a generator of them; it may be `async`. A row is a dict of what JSON can
hold, dates and decimals included. It runs in a process of its own, so it may take its time.

    from functions.worker.parsers import Page

    def parse(page: Page) -> Iterator[dict[str, object]]:
        for pod in page.soup.select("article.product_pod"):
            yield {"title": pod.h3.a["title"]}
"""

from functions.worker.extraction.parser_page import Page

__all__ = ["Page"]

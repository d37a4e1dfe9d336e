"""
What declarative extraction costs, in CPU, against selectolax by hand: `make bench-extract`.

By hand means: the same selections and the same values, written for this one page, with the
shortest code that is right for it (prices are a sign and digits, links are relative). Both run in
turns within one process, so that the ratio holds whatever else the machine does.
"""

import json
import re
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from urllib.parse import urljoin

import msgspec
from selectolax.lexbor import LexborHTMLParser

from bench.table import parse_options, print_table
from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from scatterfetch.demo.books import SHOPS
from scatterfetch.demo.pages import pages_of
from shared.spec import Spec

Rows = list[dict[str, Any]]

_SHOP = SHOPS["alder"]
_ROWS = {
    "rows": "article.product_pod",
    "fields": {
        "title": {"css": "h3 a", "attr": "title", "required": True},
        "price": {"css": ".price_color", "type": "number"},
        "link": {"css": "h3 a", "attr": "href", "type": "url"},
        "rating": {"css": "p.star-rating", "attr": "class", "regex": r"star-rating (\w+)"},
        "stock": {"css": ".availability"},
    },
}
_ONE = {
    "fields": {
        "title": {"css": "h1", "required": True},
        "author": {"css": ".author span"},
        "price": {"css": ".product_main .price_color", "type": "number", "min": 0},
        "stock": {"css": ".product_main .availability", "type": "integer"},
        "upc": {"css": "table tr:first-child td", "pattern": "[0-9a-f]{16}"},
        "also": {"css": ".also_bought h3 a", "attr": "href", "type": "url", "many": True},
    }
}
_LINKS = {"include": ["page"]}


# Without a check for what may not be there, as in a script: hence Any.
def _tree(page: FetchedPage) -> Any:  # noqa: ANN401
    return LexborHTMLParser(page.body)


def rows_by_hand(page: FetchedPage) -> Rows:
    tree = _tree(page)
    rows = []
    for pod in tree.css("article.product_pod"):
        link = pod.css_first("h3 a").attributes
        rows.append(
            {
                "title": link["title"],
                "price": float(pod.css_first(".price_color").text()[1:].replace(",", "")),
                "link": urljoin(page.url, link["href"]),
                "rating": pod.css_first("p.star-rating").attributes["class"].split()[1],
                "stock": " ".join(pod.css_first(".availability").text().split()),
            }
        )
    return rows


def one_by_hand(page: FetchedPage) -> Rows:
    tree = _tree(page)
    stock = re.search(r"\d+", tree.css_first(".product_main .availability").text())
    return [
        {
            "title": tree.css_first("h1").text(strip=True),
            "author": tree.css_first(".author span").text(strip=True),
            "price": float(tree.css_first(".product_main .price_color").text()[1:]),
            "stock": int(stock[0]) if stock else None,
            "upc": tree.css_first("table tr:first-child td").text(strip=True),
            "also": [
                urljoin(page.url, link.attributes["href"]) for link in tree.css(".also_bought h3 a")
            ],
        }
    ]


def links_by_hand(page: FetchedPage) -> Rows:
    tree = _tree(page)
    links = dict.fromkeys(
        urljoin(page.url, link.attributes["href"]).partition("#")[0] for link in tree.css("a[href]")
    )
    return [
        {
            "title": " ".join(tree.css_first("title").text().split()),
            "description": tree.css_first("meta[name=description]").attributes["content"],
            "canonical": tree.css_first("link[rel=canonical]").attributes["href"],
            "links": list(links),
        }
    ]


def large(body: bytes) -> bytes:
    """Return a page of the demo with what pages of today carry besides: menus, scripts, icons."""
    menu = "".join(
        f'<li class="menu-item menu-item-{n}"><a class="menu-link" href="/genres/{n}/books.html">'
        f'<svg width="16" height="16"><path d="M{n} 3h8v{n}H3z"/></svg>Genre {n}</a></li>\n'
        for n in range(120)
    )
    script = "window.__state = " + json.dumps([{"id": n, "seen": False} for n in range(600)])
    extra = f"<nav><ul>{menu}</ul></nav><script>{script}</script>"
    return body.replace(b"<header>", extra.encode() + b"<header>", 1)


def cases() -> dict[str, tuple[FetchedPage, dict[str, Any], Callable[[FetchedPage], Rows]]]:
    pages = pages_of(_SHOP)
    listing = "/catalogue/page-1.html"
    product = next(path for path in pages if path.endswith("_5/index.html"))
    # 20 rows, as shops have them.
    pods = re.findall(
        rb"<li><article.*?</article></li>", pages["/catalogue/page-2.html"], re.DOTALL
    )
    body = pages[listing].replace(b"\n</ol>", b"".join(pods[:4]) + b"\n</ol>")

    def page(path: str, body: bytes) -> FetchedPage:
        return FetchedPage(_SHOP.origin + path, 200, "text/html", "utf-8", body)

    return {
        "20 rows of 5 fields": (page(listing, large(body)), _ROWS, rows_by_hand),
        "the same, a small page": (page(listing, body), _ROWS, rows_by_hand),
        "one row": (page(product, large(pages[product])), _ONE, one_by_hand),
        "title and links": (page(listing, large(body)), _LINKS, links_by_hand),
    }


def measure(
    page: FetchedPage, spec: dict[str, Any], by_hand: Callable[[FetchedPage], Rows], rounds: int
) -> dict[str, float]:
    """Return the medians in ms of CPU for each page, and of the ratios."""
    extraction = compile_extraction(msgspec.convert({"extract": spec}, Spec))
    extracted = extraction.extract(page, token="bench")  # noqa: S106 -- a name in robots.txt
    if extracted.rows != by_hand(page) or extracted.problems:
        raise SystemExit(f"not the same rows: {extracted} and {by_hand(page)}")
    times: dict[str, list[float]] = {"by hand": [], "declared": []}
    runs: dict[str, Callable[[], object]] = {
        "by hand": lambda: by_hand(page),
        "declared": lambda: extraction.extract(page, token="bench"),  # noqa: S106
    }
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            for _ in range(20):
                run()
            times[name].append((time.process_time() - began) / 20 * 1000)
    ratios = [d / h for d, h in zip(times["declared"], times["by hand"], strict=True)]
    found = {name: median(values) for name, values in times.items()} | {"ratio": median(ratios)}
    return {"KB": len(page.body) / 1000} | found


def main() -> None:
    options = parse_options("Declared extraction against selectolax by hand.", rounds=60)
    found = {name: measure(*case, options.rounds) for name, case in cases().items()}
    print_table(found, options.json)


if __name__ == "__main__":
    main()

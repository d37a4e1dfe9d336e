"""A shop with all that makes crawls hard: mirrors, session ids, calendars, pagination, failures."""

import json
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import web

from tests.site import Site

FRONT, OUTLET, ELSEWHERE = "shop.example", "outlet.shop.example", "elsewhere.example"
PER_PAGE = 5

SPEC = """\
start: [http://shop.example/]
fetch: {pause: 0, wait_initial: 0.1, attempts: 4}
crawl: {within: domain, drop_query: [sid], depth: 20}
pages:
  product:
    match: "*.shop.example/p/*"
    extract:
      fields:
        sku: {css: "[data-sku]", attr: data-sku}
        name: {css: h1}
        price: {any: [{jsonld: Product.offers.price}, {css: .price}], type: price}
  listing:
    match: ["shop.example/", "shop.example/c/*", "shop.example/mirror/*", "shop.example/calendar/*"]
    follow:
      - {css: "nav a"}
      - {css: a.next}
      - {css: "article h3 a", page: product, carry: {category: {css: h1}}}
"""


@dataclass
class Shop(Site):
    """
    `products` in `categories`, each of which is mirrored under another path.

    Every tenth product is gone, every seventh fails once with 500, every ninth asks once for
    patience; one in eight is at the outlet. Each page has links with a session id of its own, to a
    calendar without an end, and to another website.
    """

    categories: int = 8
    products: int = 60
    crawl_delay: float = 0.0
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each page was asked for, by host and path with query."""

    def sold(self) -> set[str]:
        """Return the numbers of the products that are there."""
        return {f"{number}" for number in range(self.products) if number % 10}

    async def _scripted(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        self.asked[host, request.path_qs] += 1
        if request.path == "/robots.txt":
            delay = f"Crawl-delay: {self.crawl_delay}\n" if self.crawl_delay else ""
            return web.Response(text=f"User-agent: *\n{delay}Disallow: /private\n")
        match request.path.split("/")[1:]:
            case [""] if host == FRONT:
                return self._page("Shop", self._navigation())
            case ["c" | "mirror" as kind, number, ""] if host == FRONT:
                return self._category(kind, int(number), int(request.query.get("page", "1")))
            case ["calendar", month] if host == FRONT:
                link = f'<nav><a href="/calendar/{int(month) + 1}">later</a></nav>'
                return self._page(f"Month {month}", link)
            case ["p", number] if (host == OUTLET) == self._is_at_outlet(int(number)):
                return self._product(host, int(number))
        return web.Response(status=404)

    @staticmethod
    def _is_at_outlet(number: int) -> bool:
        return number % 8 == 3

    def _navigation(self) -> str:
        session = len(self.visits)
        links = [f"/c/{number}/?sid={session}" for number in range(self.categories)]
        links += [f"/mirror/{number}/" for number in range(self.categories)]
        links += ["/calendar/1", "/private/", f"http://{ELSEWHERE}/", "mailto:a@shop.example"]
        return "<nav>" + "".join(f'<a href="{link}">x</a>' for link in links) + "</nav>"

    def _category(self, kind: str, number: int, page: int) -> web.Response:
        ours = range(number, self.products, self.categories)
        shown = ours[(page - 1) * PER_PAGE : page * PER_PAGE]
        body = "".join(
            f'<article><h3><a href="{self._link(one)}">x</a></h3></article>' for one in shown
        )
        if page * PER_PAGE < len(ours):
            body += f'<a class="next" href="?page={page + 1}&sid={len(self.visits)}">next</a>'
        return self._page(f"{kind} {number}", self._navigation() + body)

    def _link(self, product: int) -> str:
        path = f"/p/{product}?sid={len(self.visits)}"
        return f"http://{OUTLET}{path}" if self._is_at_outlet(product) else path

    def _product(self, host: str, number: int) -> web.Response:
        times = sum(
            count
            for (h, path), count in self.asked.items()
            if (h, path.partition("?")[0]) == (host, f"/p/{number}")
        )
        if number % 10 == 0:
            return web.Response(status=404)
        if number % 7 == 0 and times == 1:
            return web.Response(status=500)
        if number % 9 == 0 and times == 1:
            return web.Response(status=429, headers={"Retry-After": "1"})
        price = [f"${number}.50", f"{number},50 €", f"£{number}.50"][number % 3]
        currency = ["USD", "EUR", "GBP"][number % 3]
        offer = {"@type": "Offer", "price": f"{number}.50", "priceCurrency": currency}
        data = json.dumps({"@type": "Product", "offers": offer}) if number % 2 else "{}"
        return self._page(
            f"Product {number}",
            f'<p data-sku="{number}"></p><p class="price">{price}</p>'
            f'<script type="application/ld+json">{data}</script>{self._navigation()}',
        )

    @staticmethod
    def _page(title: str, body: str) -> web.Response:
        html = f"<!doctype html><title>{title}</title><h1>{title}</h1>{body}"
        return web.Response(text=html, content_type="text/html")

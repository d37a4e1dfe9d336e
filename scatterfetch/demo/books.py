"""
The bookshops of the demo: what they sell, where, and the URL list that visits them.

Pure and the same on every machine: whatever looks random is seeded with the shop and the number.
Titles and people are invented; the names are of `.example`, which nobody can own (RFC 2606 §2).
Knows nothing of HTML or HTTP.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from random import Random

BOOKS = 48  # for sale in each shop
CATALOGUE = ("/catalogue/page-1.html", "/catalogue/page-2.html", "/catalogue/page-3.html")
SLOW_BOOK = 7
PRICE_LIST = "/files/price-list.pdf"
BROKEN = "/staff-picks.html"  # answers 500
BUSY = "/offers.html"  # answers 429 at first
CIRCLE = ("/newsletter.html", "/newsletter/")  # each redirects to the other
BASKET = "/basket/"  # closed to robots


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """
    A website with a registrable domain of its own.

    `slow` is how many seconds its book number `SLOW_BOOK` takes to answer, `crawl_delay` how many
    its robots.txt asks for. A shop that has closed redirects to the one named in `moved_to`.
    """

    name: str
    currency: str = "GBP"
    slow: float = 0
    crawl_delay: float | None = None
    moved_to: str | None = None
    odd_lines: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.name.title()} Books"

    @property
    def domain(self) -> str:
        return f"{self.name}-books.example"

    @property
    def origin(self) -> str:
        return f"http://www.{self.domain}"

    def price(self, cents: int) -> str:
        """Return `cents` as the shop writes them: `£51.77`, but `1.051,77 €`."""
        if self.currency == "GBP":
            return f"£{cents / 100:,.2f}"
        return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02} €"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One product. `cents` are of the currency of the shop; `stars` go from 1 to 5."""

    number: int
    title: str
    author: str
    genre: str
    upc: str
    cents: int
    stars: int
    stock: int
    description: tuple[str, ...]

    @property
    def slug(self) -> str:
        plain = unicodedata.normalize("NFKD", self.title).encode("ascii", "ignore").decode()
        return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")

    @property
    def path(self) -> str:
        return f"/catalogue/{self.slug}_{self.number}/index.html"


SHOPS = {
    shop.name: shop
    for shop in (
        Shop(name="alder", slow=1.2, odd_lines=("{origin}/catalogue/page-1.html",)),  # once more
        Shop(name="birch", odd_lines=("{origin}/books/44.html", f"{{origin}}{PRICE_LIST}")),
        Shop(name="cedar", slow=1.5, odd_lines=(f"{{origin}}{BROKEN}", "/about")),
        Shop(name="hazel", odd_lines=("{origin}/books/44.html", f"{{origin}}{BUSY}")),
        Shop(name="juniper", slow=1.8, crawl_delay=0.1, odd_lines=("{origin}/books/44.html",)),
        Shop(name="linden", currency="EUR", odd_lines=(f"{{origin}}{CIRCLE[0]}",)),
        Shop(name="maple", odd_lines=(f"{{origin}}{BASKET}", "htp:/broken.example/x")),
        Shop(name="rowan", slow=1.0, odd_lines=("{origin}/books/44.html", "{origin}/")),
        Shop(name="elm", moved_to="maple"),
    )
}


@cache
def books_of(shop: Shop) -> tuple[Book, ...]:
    """Return what `shop` sells, number 1 first; a closed shop sells nothing."""
    return () if shop.moved_to else tuple(_book(shop, number) for number in range(1, BOOKS + 1))


def url_list() -> str:
    """
    Return the URL list of the demo: some 400 URLs, shop by shop.

    It holds what lists hold: pages that are gone, slow or moved, duplicates, lines that are no URL.
    """
    lines = ["# The demo of scatterfetch: bookshops that exist only on this machine."]
    for shop in SHOPS.values():
        lines += ["", f"# {shop.title}", *_lines(shop)]
    return "\n".join(lines) + "\n"


def _lines(shop: Shop) -> list[str]:
    if shop.moved_to:
        return [shop.origin + book.path for book in books_of(SHOPS[shop.moved_to])[-5:]]
    *listed, moved = books_of(shop)[:43]
    gone = _book(shop, BOOKS + 1)
    paths = ["/", *CATALOGUE, *(book.path for book in listed), gone.path]
    return [
        *(shop.origin + path for path in paths),
        f"http://{shop.domain}{moved.path}",  # to www
        *(line.format(origin=shop.origin) for line in shop.odd_lines),
    ]


def _book(shop: Shop, number: int) -> Book:
    rng = Random(f"{shop.name}/{number}")  # noqa: S311 -- books, not secrets
    first, last = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
    return Book(
        number=number,
        title=_fill(rng.choice(_TITLES), rng),
        author=f"{first} {last}",
        genre=rng.choice(_GENRES),
        upc=f"{rng.getrandbits(64):016x}",
        cents=rng.randrange(*_CENTS[shop.currency]),
        stars=rng.randint(1, 5),
        stock=rng.randint(1, 22),
        description=tuple(
            " ".join(_fill(text, rng) for text in rng.sample(_STORY, 4)) for _ in range(4)
        ),
    )


def _fill(template: str, rng: Random) -> str:
    adjective, noun, other = rng.choice(_ADJECTIVES), *rng.sample(_NOUNS, 2)
    return template.format(
        Adjective=adjective,
        adjective=adjective.lower(),
        Noun=noun,
        noun=noun.lower(),
        Other=other,
        other=other.lower(),
        name=rng.choice(_FIRST_NAMES),
        place=rng.choice(_PLACES),
    )


_TITLES = (
    "The {Adjective} {Noun}",
    "{Noun} & {Other}",
    "{name}'s {Adjective} {Noun}",
    'The "{Adjective}" {Noun} of {place}',
    "A {Noun} in {place}",
    "{Adjective} {Noun}, {Adjective} {Other}",
    "How {name} Lost the {Noun} & Found the {Other}",
    "{place}: A {Noun} <Unabridged>",
)
_STORY = (
    "When {name} comes back to {place}, the {adjective} {noun} is not where it used to be.",
    "Nobody in {place} has spoken of the {noun} since the winter of the {adjective} {other}.",
    "All that {name} inherits is a {noun}, a {adjective} {other} and a ticket to {place}.",
    "It begins with a letter about a {noun} & ends, 400 pages later, with a {adjective} {other}.",
    '"Never trust a {adjective} {noun}," said {name}, and left for {place} by the night train.',
    "Between the {noun} and the {other} lies a {adjective} secret that only {name} can read.",
    "A {noun} maker from {place} teaches {name} what a {adjective} {other} is worth.",
    "The {adjective} years are over, and in {place} even the {noun} casts a longer shadow.",
    "What {name} took for a {noun} turns out to be a {other}, and a {adjective} one at that.",
    "This is a novel of {place}, of its {adjective} {noun} and of the people who keep the {other}.",
)
_ADJECTIVES = ("Silent", "Crooked", "Borrowed", "Hollow", "Patient", "Copper", "Salted", "Sunken")
_NOUNS = ("Harbour", "Lantern", "Compass", "Staircase", "Ferry", "Meadow", "Kettle", "Violin")
_FIRST_NAMES = ("Zoë", "Tobias", "Amara", "Siân", "Kofi", "Åse", "Ravi", "Beatriz", "Jun", "Oisín")
_LAST_NAMES = ("Fernhill", "Ågren", "Oduya", "Štěpánek", "Quillon", "O'Dell", "Núñez", "Grünwald")
_PLACES = ("Lövdal", "Port Callow", "São Brio", "Kell", "Nether Wick", "Čermok", "Ystrad Fael")
_GENRES = ("Novels", "Mystery", "Poetry", "Travel", "Children's Books", "Science & Nature")
_CENTS = {"GBP": (5_99, 60_00), "EUR": (90_00, 2_500_00)}

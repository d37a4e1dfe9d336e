"""
The bookshops as HTML, in the manner of books.toscrape.com.

Pure. Knows nothing of HTTP: it says which paths of a shop have a page, and what is on it.
"""

import json
from functools import cache
from html import escape
from textwrap import shorten

from scatterfetch.demo.books import (
    BASKET,
    BOOKS,
    CATALOGUE,
    PRICE_LIST,
    SHOPS,
    Book,
    Shop,
    books_of,
)

PODS = BOOKS // len(CATALOGUE)  # on a page of the catalogue
PDF = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""
_STARS = ("Zero", "One", "Two", "Three", "Four", "Five")
_STYLE = (
    "body { font: 1rem/1.5 Georgia, serif; max-width: 60rem; margin: 0 auto; } h3 { margin: 0; }"
)


@cache
def pages_of(shop: Shop) -> dict[str, bytes]:
    """Return the pages of `shop` by path, in UTF-8."""
    return {
        "/": _front_page(shop),
        BASKET: _document(shop, BASKET, "Basket", "<h1>Basket</h1>\n<p>Your basket is empty.</p>"),
        **{path: _catalogue_page(shop, index) for index, path in enumerate(CATALOGUE)},
        **{book.path: _product_page(shop, book) for book in books_of(shop)},
    }


@cache
def not_found(shop: Shop) -> bytes:
    text = (
        '<h1>Not found</h1>\n<p>This page is sold out. Back to <a href="/">the front page</a>?</p>'
    )
    return _document(shop, "/404.html", "Not found", text)


def _front_page(shop: Shop) -> bytes:
    best = sorted(books_of(shop), key=lambda book: (-book.stars, book.number))[:8]
    pods = "".join(_pod(shop, book, prefix="catalogue/") for book in best)
    body = f"""<h1>{shop.title}</h1>
<p class="lead">{BOOKS} books, each of them in stock: see the
  <a href="catalogue/page-1.html">catalogue</a> or the <a href="{PRICE_LIST}">price list</a>.</p>
<h2>Best rated</h2>
<ol class="pods">{pods}
</ol>"""
    return _document(shop, "/", "Books with character", body)


def _catalogue_page(shop: Shop, index: int) -> bytes:
    books = books_of(shop)[index * PODS : (index + 1) * PODS]
    neighbours = {"previous": index - 1, "next": index + 1}
    pager = " ".join(
        f'<a class="{name}" href="page-{other + 1}.html">{name}</a>'
        for name, other in neighbours.items()
        if 0 <= other < len(CATALOGUE)
    )
    body = f"""<h1>All books</h1>
<p><strong>{BOOKS}</strong> results, showing <strong>{books[0].number}</strong> to
  <strong>{books[-1].number}</strong>.</p>
<ol class="pods">{"".join(_pod(shop, book) for book in books)}
</ol>
<p class="pager">Page {index + 1} of {len(CATALOGUE)} {pager}</p>"""
    return _document(shop, CATALOGUE[index], f"All books, page {index + 1}", body)


def _product_page(shop: Shop, book: Book) -> bytes:
    books = books_of(shop)
    page = (book.number - 1) // PODS + 1
    title, author, price = escape(book.title), escape(book.author), shop.price(book.cents)
    facts = {
        "UPC": book.upc,
        "Product Type": "Books",
        "Genre": book.genre,
        "Price (excl. tax)": price,
        "Price (incl. tax)": price,
        "Tax": shop.price(0),
        "Availability": f"In stock ({book.stock} available)",
    }
    rows = "".join(f"\n  <tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    story = "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in book.description)
    others = [books[(book.number + step) % BOOKS] for step in (4, 9, 15, 22, 30, 39)]
    body = f"""<ul class="breadcrumb">
  <li><a href="../../">Home</a></li>
  <li><a href="../page-1.html">Books</a></li>
  <li><a href="../page-{page}.html">Page {page}</a></li>
  <li class="active">{title}</li>
</ul>
<article class="product_page">
{_cover(book)}
<div class="product_main">
  <h1>{title}</h1>
  <p class="author">by <span>{author}</span></p>
  <p class="price_color">{price}</p>
  <p class="instock availability">
    In stock ({book.stock} available)
  </p>
  {_stars(book.stars)}
</div>
<h2 id="product_description">Product description</h2>
{story}
<h2>Product information</h2>
<table class="table-striped">{rows}
</table>
</article>
<aside class="also_bought">
<h2>Customers also bought</h2>
<ol class="pods">{"".join(_pod(shop, other, prefix="../") for other in others)}
</ol>
</aside>"""
    return _document(
        shop,
        book.path,
        book.title,
        body,
        description=book.description[0],
        product=_json_ld(shop, book),
    )


def _json_ld(shop: Shop, book: Book) -> str:
    product = {
        "@context": "https://schema.org",
        "@type": ["Product", "Book"],
        "name": book.title,
        "sku": book.upc,
        "author": {"@type": "Person", "name": book.author},
        "genre": book.genre,
        "description": book.description[0],
        "offers": {
            "@type": "Offer",
            "url": shop.origin + book.path,
            "price": f"{book.cents / 100:.2f}",
            "priceCurrency": shop.currency,
            "availability": "https://schema.org/InStock",
        },
    }
    # A script ends at its end tag, wherever that is: no "<" may be left in the JSON.
    text = json.dumps(product, ensure_ascii=False, indent=1).replace("<", r"\u003c")
    return f'\n<script type="application/ld+json">\n{text}\n</script>'


def _pod(shop: Shop, book: Book, *, prefix: str = "") -> str:
    """Return `book` as one of many; `prefix` leads from the page to the catalogue."""
    href, title = escape(prefix + book.path.removeprefix("/catalogue/")), escape(book.title)
    short = escape(shorten(book.title, 30, placeholder="..."))
    return f"""
  <li><article class="product_pod">
    <a href="{href}" class="image_container">{_cover(book)}</a>
    {_stars(book.stars)}
    <h3><a href="{href}" title="{title}">{short}</a></h3>
    <p class="price_color">{shop.price(book.cents)}</p>
    <p class="instock availability">In stock</p>
  </article></li>"""


def _stars(stars: int) -> str:
    return f'<p class="star-rating {_STARS[stars]}">{"★" * stars}{"☆" * (5 - stars)}</p>'


def _cover(book: Book) -> str:
    hue = int(book.upc[:4], 16) % 360
    return (
        f'<svg class="thumbnail" role="img" viewBox="0 0 60 80" width="120">'
        f'<rect width="60" height="80" rx="2" fill="hsl({hue} 40% 45%)"/>'
        f'<text x="30" y="44" text-anchor="middle" fill="#fff">{escape(book.title[0])}</text></svg>'
    )


def _document(
    shop: Shop, path: str, title: str, body: str, *, description: str = "", product: str = ""
) -> bytes:
    """Return a whole page; `title` and `description` are text, `body` and `product` HTML."""
    names = list(SHOPS)
    neighbour = SHOPS[names[names.index(shop.name) - 1]]
    title, description = escape(title), escape(description or f"{title} at {shop.title}")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} | {shop.title}</title>
<meta name="description" content="{description}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="canonical" href="{shop.origin}{path}">
<meta property="og:type" content="{"product" if product else "website"}">
<meta property="og:site_name" content="{shop.title}">
<meta property="og:title" content="{title}">
<meta property="og:description" content="{description}">
<meta property="og:url" content="{shop.origin}{path}">{product}
<style>{_STYLE}</style>
</head>
<body>
<header><a href="/">{shop.title}</a> <a href="/catalogue/page-1.html">Catalogue</a>
  <a href="{BASKET}" rel="nofollow">Basket</a></header>
<main>
{body}
</main>
<footer>
  <p>{shop.title}, a shop that does not exist. Our neighbour is
  <a href="{neighbour.origin}/">{neighbour.title}</a>.</p>
</footer>
</body>
</html>
""".encode()

"""`scatterfetch new`: a project of the user's own, with an example that runs at once."""

import argparse
import re
from pathlib import Path

from scatterfetch.demo.books import CATALOGUE, SHOPS, books_of
from scatterfetch.project import FILE, PARSERS
from shared.errors import InvalidJobError

EXAMPLE = """\
Makes a project: a folder with two small scrapers, a Python parser and scatterfetch.toml. It scrapes
the bookshops that come with scatterfetch, without a network, so that there is something to change.

example:
  $ scatterfetch new shop && cd shop
  $ scatterfetch run
  $ scatterfetch results out -o rows.csv
"""
EPILOG = """\
exit status:
  0    the project is there
  2    wrong usage, or there is something of that name already
"""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHOPS = ("alder", "birch")
_BOOKS = 5  # of each shop, in the second scraper

_TOML = """\
# The settings of this project. Every line is optional.

# The stack that `deploy` and `submit` use, and its AWS region.
stack = "{name}"
# region = "eu-central-1"

# Websites see this with every request. Name yourself, and a page that says how to reach you.
# user_agent = "acme-bot/1.0 (+https://acme.example/bot)"

# The examples scrape bookshops that come with scatterfetch and run on this machine. Remove this
# line when you scrape websites of your own.
bookshops = true
"""
_README = """\
# {name}

A [scatterfetch](https://github.com/scatterfetch/scatterfetch) project. Each folder with a
`spec.yaml` is a scraper, and the URL lists beside the spec are what it scrapes.

    scatterfetch run                          # every scraper; results land in out/
    scatterfetch run books/urls.txt           # one list
    scatterfetch results out -o rows.csv      # a table of the rows
    scatterfetch try URL --spec books/spec.yaml

| file | holds |
|---|---|
| `scatterfetch.toml` | the stack, the region, and how your workers introduce themselves |
| `books/` | a scraper whose spec says what to read |
| `details/` | a scraper whose rows are made by a Python function in `parsers/` |

Deploy it to AWS, parsers included, and start a job there:

    scatterfetch deploy UserAgent='acme-bot/1.0 (+https://acme.example/bot)'
    scatterfetch submit books/urls.txt --wait
"""
_GITIGNORE = "out/\nsecrets.toml\n.aws-sam/\n__pycache__/\n"
_SPEC = """\
fetch:
  pause: 0.02  # these shops are on your machine; leave this line out for other websites
extract:
  rows: article.product_pod  # the books of a page
  fields:
    title: {css: h3 a, attr: title, required: true}
    price: {css: .price_color, type: number, required: true}
    link: {css: h3 a, attr: href, type: url}
"""
_PARSER_SPEC = """\
fetch:
  pause: 0.02
parser: parsers.details:parse
"""
_PARSER = r'''"""Reads the page of one book; see details/spec.yaml."""

import re
from collections.abc import Iterator

from scatterfetch.parsers import Page


def parse(page: Page) -> Iterator[dict[str, object]]:
    """Yield one row: what the page says of its book."""
    yield {
        "title": page.soup.h1.get_text(strip=True),
        "price": number(page.soup.select_one(".price_color").text),
        "stock": int(re.search(r"\d+", page.soup.select_one(".availability").text)[0]),
        "link": page.url,
    }


def number(price: str) -> float:
    """Return 1051.77 for £1,051.77 and for 1.051,77 €."""
    whole, cents = re.search(r"([\d.,]+)[.,](\d\d)", price).groups()
    return float(re.sub(r"\D", "", whole) + "." + cents)
'''


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="the folder to make")


def run(args: argparse.Namespace) -> int:
    folder = Path(args.name)
    if not _NAME.fullmatch(folder.name):
        raise InvalidJobError(
            f"{args.name!r} cannot be the name of a project: use letters, digits, ., _ and -"
        )
    if folder.exists():
        raise InvalidJobError(f"{folder} is there already; choose another name")
    for name, content in _files(folder.name).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    print(f"{folder}: made. Run it with `cd {folder} && scatterfetch run`")
    return 0


def _files(name: str) -> dict[str, str]:
    shops = [SHOPS[shop] for shop in _SHOPS]
    pages = [f"{shop.origin}{path}\n" for shop in shops for path in CATALOGUE]
    books = [f"{shop.origin}{book.path}\n" for shop in shops for book in books_of(shop)[:_BOOKS]]
    stack = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "scatterfetch"
    if not stack[0].isalpha():
        stack = f"s-{stack}"
    return {
        FILE: _TOML.format(name=stack),
        "README.md": _README.format(name=name),
        ".gitignore": _GITIGNORE,
        "books/spec.yaml": _SPEC,
        "books/urls.txt": "".join(pages),
        "details/spec.yaml": _PARSER_SPEC,
        "details/urls.txt": "".join(books),
        f"{PARSERS}/details.py": _PARSER,
    }

"""The extraction with BeautifulSoup, written as its documentation does it."""

import json
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup


def extract(html: str | bytes, url: str, parser: str = "html.parser") -> dict[str, Any]:
    soup = BeautifulSoup(html, parser)
    base = soup.select_one("base[href]")
    if base is not None:
        url = urljoin(url, base["href"])
    description = soup.find("meta", attrs={"name": "description"})
    canonical = soup.find("link", rel="canonical")
    image = _content(soup, "og:image")
    return {
        "title": _text(soup.title),
        "description": description.get("content") if description else None,
        "canonical": urljoin(url, canonical["href"]) if canonical else None,
        "links": [urljoin(url, link["href"]) for link in soup.find_all("a", href=True)],
        "jsonld": [
            json.loads(script.string)
            for script in soup.find_all("script", type="application/ld+json")
        ],
        "og_title": _content(soup, "og:title"),
        "og_image": urljoin(url, image) if image else None,
        "heading": _text(soup.select_one("h1")),
        "sections": [_text(element) for element in soup.select("h2")],
        "summary": _text(soup.select_one("p")),
    }


def _content(soup: BeautifulSoup, name: str) -> str | None:
    meta = soup.find("meta", property=name)
    return meta.get("content") if meta else None


def _text(element: Any) -> str | None:  # noqa: ANN401 -- a Tag, which is not typed where it is found
    return " ".join(element.get_text().split()) if element is not None else None

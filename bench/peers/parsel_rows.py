"""The extraction with parsel, which Scrapy and Crawlee have in common."""

import json
from typing import Any
from urllib.parse import urljoin

from parsel import Selector


def extract(page: Selector, url: str) -> dict[str, Any]:
    base = page.css("base::attr(href)").get()
    if base is not None:
        url = urljoin(url, base)
    canonical = page.css("link[rel=canonical]::attr(href)").get()
    image = page.css('meta[property="og:image"]::attr(content)').get()
    return {
        "title": _text(page.css("title")),
        "description": page.css("meta[name=description]::attr(content)").get(),
        "canonical": urljoin(url, canonical) if canonical else None,
        "links": [urljoin(url, href) for href in page.css("a::attr(href)").getall()],
        "jsonld": [
            json.loads(text)
            for text in page.css('script[type="application/ld+json"]::text').getall()
        ],
        "og_title": page.css('meta[property="og:title"]::attr(content)').get(),
        "og_image": urljoin(url, image) if image else None,
        "heading": _text(page.css("h1")[:1]),
        "sections": [_text(element) for element in page.css("h2")],
        "summary": _text(page.css("p")[:1]),
    }


def _text(elements: Any) -> str | None:  # noqa: ANN401 -- a Selector or a list of them
    text = elements.xpath("string()").get()
    return " ".join(text.split()) if text is not None else None

"""The main content of a page: text and Markdown by one extractor, options for what is in it."""

from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

WORDS = "A lamp that stands on its own is a tree of light, as the makers of lamps like to say. "
ARTICLE = f"""<html><head><title>Lamps</title><base href="http://b.example/x/"></head><body>
<nav><a href="/">Home</a> <a href="/all">All of our lamps</a></nav>
<article><h1>On lamps</h1><p>{WORDS * 3}</p><h2>Of oak</h2>
<p>{WORDS * 3} They grow <b>slowly</b>, see <a href="y.html">the list</a>.</p></article>
<section id="comments"><div class="comment"><p>Reader: {WORDS}I like it.</p></div></section>
<footer>Imprint</footer></body></html>"""


def content(name: str, html: str = ARTICLE, **options: bool) -> str:
    spec: dict[str, Any] = {"include": [name], **({"content": options} if options else {})}
    extraction = compile_extraction(msgspec.convert({"extract": spec}, Spec))
    page = FetchedPage("http://e.com/a/", 200, "text/html", None, html.encode())
    [row], problems, *_ = extraction.extract(page, token="bot")
    assert problems == []
    return str(row[name])


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_text_and_markdown_are_the_main_content(name: str) -> None:
    found = content(name)

    assert found.count("tree of light") == 6
    assert not [word for word in ("Home", "Imprint", "Reader", "y.html") if word in found]
    assert ("**slowly**" in found) is (name == "markdown")


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_comments_are_there_where_they_are_asked_for(name: str) -> None:
    assert "Reader: A lamp" in content(name, comments=True)


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_addresses_of_links_are_absolute_where_they_are_asked_for(name: str) -> None:
    assert "see [the list](http://b.example/x/y.html)" in content(name, links=True)


def test_all_that_is_seen_is_page_text() -> None:
    found = content("page_text")

    assert all(word in found for word in ("Home", "On lamps", "Reader: A lamp", "Imprint"))


def test_content_that_is_nested_deeply_is_read() -> None:
    html = f"<title>t</title>{'<div>' * 300}<article><p>{WORDS * 5}</p></article>"

    assert content("text", html).count("tree of light") == 5

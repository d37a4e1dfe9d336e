"""Which pages the HTML parser might not come back from is seen without parsing them."""

import pytest

from functions.worker.extraction.document import MAX_TAGS, may_take_long
from functions.worker.extraction.trees import is_feed
from scatterfetch.demo.books import SHOPS
from scatterfetch.demo.pages import pages_of


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<p>word word word" * 5_000,
        b"<script>" + b"let a = [1, 2, 3] " * 5_000 + b"</script>",
        b"<pre>" + b"word " * 20_000,
        b"<img src='data:image/png;base64," + b"A" * 100_000 + b"'>",
        bytes(100_000),
        *pages_of(SHOPS["alder"]).values(),
    ],
)
def test_ordinary_pages_are_parsed_where_they_are(body: bytes) -> None:
    assert not may_take_long(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * (MAX_TAGS + 1),
        b"<div " + b"a b c d " * 3_000 + b">",
        b"<p>text" + b"<div\n" + b'a="b"\n' * 3_000 + b">",
    ],
)
def test_pages_that_may_take_long_are_not(body: bytes) -> None:
    assert may_take_long(body)


@pytest.mark.parametrize(
    ("body", "feed"),
    [
        (b"<rss>", True),
        (b"\xef\xbb\xbf\n <?xml version='1.0'?>\n<feed xmlns='x'>", True),
        (b"<!-- a --><!-- <b> --><?xml-stylesheet a?><!DOCTYPE rss>\n<urlset\n>", True),
        (b"<!-- a -->" * 40 + b"<rdf:RDF>", True),
        (b"<!-- a -->" * 40 + b"<html>", False),
        (b"<!doctype html><rss2>", False),
        (b"<!DOCTYPE html><html><rss>", False),
        (b"<p>", False),
        (b"<!-- <rss>", False),
        (b"text <rss>", False),
        (b"", False),
    ],
)
def test_a_feed_is_known_by_its_root(body: bytes, *, feed: bool) -> None:
    assert is_feed(body) is feed


@pytest.mark.parametrize(
    "piece", [b"<!-- a -->", b"<!-- a", b"<!--", b"<?a?>", b"<?", b"<!DOCTYPE [", b"]  ", b" "]
)
def test_looking_for_a_feed_is_linear(piece: bytes) -> None:
    """40 comments took longer than anybody waited."""
    assert not is_feed(piece * 100_000)

"""What is XML, though it may be sent as HTML, is seen at its root."""

import pytest

from functions.worker.extraction.documents.trees import is_feed


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

"""Which pages the HTML parser might not come back from is seen without parsing them."""

import pytest

from functions.worker.extraction.documents.complexity import MAX_TAGS, may_take_long
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

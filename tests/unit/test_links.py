"""Links are what the URL standard makes of them, however they are written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.worker.links import Resolver
from shared.errors import InvalidUrlError
from shared.urls import parse_url

BASES = [
    "http://e.com/",
    "http://e.com/a/b",
    "http://e.com/a/b/?q=/x/../y",
    "https://e.com:8080/a/b/c.html",
    "http://e.com/a//b/",
    "http://[::1]/a/b",
]
PIECES = st.sampled_from([
    "a", "b.c", "..", ".", "/", "//", "?", "#", "%2e", "%", "é", " ", "\t", "\\", ":", "http:",
    "https://", "h.example", "HTTP://", "127.1", "x@", "'", '"', "&", "=", "mailto:", "~", "-",
    "[", "xn--a", ":80", ":443", "|", "^", "`", "{", "../", "./", "?q=1&a=b", "\n", "*", "()",
    ";", ",", "+", "$", "!", "javascript:", "\N{NULL}", "%zz",
])  # fmt: skip


def by_the_standard(link: str, base: str) -> str | None:
    try:
        return parse_url(link, base=base).href
    except InvalidUrlError:
        return None


@settings(max_examples=2_000)
@given(st.lists(PIECES, max_size=6).map("".join), st.sampled_from(BASES))
def test_a_link_is_what_the_standard_makes_of_it(link: str, base: str) -> None:
    assert Resolver(base)(link) == by_the_standard(link, base)


@given(st.text(max_size=20), st.sampled_from(BASES))
def test_any_text_is(link: str, base: str) -> None:
    assert Resolver(base)(link) == by_the_standard(link, base)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    "link",
    [
        "x", "x/y?z=1#top", "/x", "//h.example/x", "../x", "../../../../x", "../", "..", "", "#top",
        "?q=1", "http://e.com/x/y", "https://h.example", "HTTPS://H.example/ä", "http://e.com/a/../b",
        "/a//b", "a/./b", "/.well-known/x", "x" * 7_990, "/" + "x" * 9_000, "mailto:a@b.c",
    ],
)  # fmt: skip
def test_usual_and_unusual_links(link: str, base: str) -> None:
    assert Resolver(base)(link) == by_the_standard(link, base)

"""Links are what the URL standard makes of them, however they are written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.worker.extraction.documents.links import Resolver
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


@pytest.mark.parametrize(
    ("encoding", "link", "path"),
    [
        ("windows-1251", "/find?q=привет&x=1", "/find?q=%EF%F0%E8%E2%E5%F2&x=1"),
        ("windows-1251", "/путь", "/%D0%BF%D1%83%D1%82%D1%8C"),
        ("windows-1251", "/п?п#п", "/%D0%BF?%EF"),
        ("windows-1251", "?q=%EF&r=п", "/a/b?q=%EF&r=%EF"),
        ("koi8-r", "?п", "/a/b?%D0"),
        ("iso-8859-2", "?q=ł", "/a/b?q=%B3"),
        ("gbk", "?q=网站", "/a/b?q=%CD%F8%D5%BE"),
        ("gbk", "?q=5€", "/a/b?q=5%80"),
        ("gb18030", "?q=网", "/a/b?q=%CD%F8"),
        ("big5", "?q=網", "/a/b?q=%BA%F4"),
        ("shift_jis", "?q=表", "/a/b?q=%95\\"),
        ("euc-jp", "?q=日", "/a/b?q=%C6%FC"),
        ("iso-2022-jp", "?q=日本", "/a/b?q=%1B$BF|K\\%1B(B"),
        ("euc-kr", "?q=한", "/a/b?q=%C7%D1"),
        ("windows-1252", "?q=Жé", "/a/b?q=%26%231046%3B%E9"),
        ("utf-8", "?q=é", "/a/b?q=%C3%A9"),
        ("utf-16le", "?q=é", "/a/b?q=%C3%A9"),
    ],
)
def test_a_query_is_in_the_encoding_of_its_page(encoding: str, link: str, path: str) -> None:
    assert Resolver("http://e.com/a/b", encoding)(link) == "http://e.com" + path


@pytest.mark.parametrize("link", ["/a?", "?", "a?#x", "http://e.com/x?", "http://e.com?"])
def test_an_empty_query_keeps_its_question_mark(link: str) -> None:
    found = Resolver("http://e.com/a/b")(link)

    assert found is not None
    assert found.endswith("?")


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=6).map("".join).filter(str.isascii), st.sampled_from(BASES))
def test_links_of_ascii_are_the_same_in_every_encoding(link: str, base: str) -> None:
    assert Resolver(base, "windows-1251")(link) == by_the_standard(link, base)

from urllib.parse import urldefrag, urljoin

import pytest
from bs4 import BeautifulSoup

from functions.worker.extraction.readymade.hyperlinks import MAX_LINKS
from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

DEFAULT = compile_extraction(Spec())


def page(
    html: str | bytes, *, charset: str | None = None, url: str = "http://e.com/a/b"
) -> FetchedPage:
    body = html if isinstance(html, bytes) else html.encode()
    return FetchedPage(url, 200, "text/html", charset, body)


def extract_page(page: FetchedPage) -> Extracted:
    return DEFAULT.extract(page, token="acme-bot")


HTML = """<!doctype html><html><head>
<title>
  Fish &amp; Chips </title>
<meta name="Description" content=" What  we
 fry. ">
<link rel="alternate canonical" href="/fish">
</head><body>
<a href="x">x</a> <a href="../y?q=1#top">y</a> <a href="//other.example/z">z</a>
<a href="x">again</a> <a href="mailto:a@b.c">mail</a> <a href="http://[broken">?</a> <a>none</a>
<map><area href="/area"></map><a href="">here</a>
</body></html>"""


def test_a_page_becomes_one_row() -> None:
    assert extract_page(page(HTML)) == Extracted(
        [
            {
                "title": "Fish & Chips",
                "description": "What we fry.",
                "canonical": "http://e.com/fish",
                "links": [
                    "http://e.com/a/x",
                    "http://e.com/y?q=1",
                    "http://other.example/z",
                    "http://e.com/area",
                    "http://e.com/a/b",
                ],
            }
        ],
        [],
        [],
    )


def test_links_are_those_that_beautifulsoup_finds() -> None:
    soup = BeautifulSoup(HTML, "html.parser")
    expected = dict.fromkeys(
        urldefrag(urljoin("http://e.com/a/b", str(a["href"]))).url
        for a in soup.select("a[href], area[href]")
        if not str(a["href"]).startswith(("mailto:", "http://[broken"))
    )

    [row], *_ = extract_page(page(HTML))

    assert row["links"] == list(expected)
    assert row["title"] == " ".join(soup.title.get_text().split()) if soup.title else False


def test_links_are_relative_to_the_base_element() -> None:
    [row], *_ = extract_page(page("<base href='/shop/'><a href='x'>x</a>"))

    assert row["links"] == ["http://e.com/shop/x"]


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"\0\0\0",
        b"<",
        b"<title>",
        b"\xff\xfe\xfd",
        b"<a href=\xff>x</a>",
        b"<base href='http://['><link rel=canonical><meta name=description>",
        b"<a href>x</a>",
        b"<svg><a xlink:href='/x'>x</a></svg><base xlink:href=/y>",
        b"<div>" * 10_000,
    ],
)
def test_no_page_raises(html: bytes) -> None:
    rows, problems, *_ = extract_page(page(html))

    assert len(rows) == 1
    assert problems == [] or problems[0]["problem"] == "empty"


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<title>é</title>".encode(), None),
        ("<title>é</title>".encode(), "UTF-8"),
        ("<title>é</title>".encode("latin-1"), "ISO-8859-1"),
        ("<meta charset=latin1><title>é</title>".encode("latin-1"), None),
        ("\N{BOM}<title>é</title>".encode(), "latin-1"),
        ("<title>é</title>".encode("utf-16"), None),
        ("<title>é</title>".encode(), "no-such-charset"),
        ("<title>é</title>".encode(), "rot13"),
    ],
)
def test_characters_are_read_by_header_bom_and_meta(body: bytes, charset: str | None) -> None:
    [row], *_ = extract_page(page(body, charset=charset))

    assert row["title"] == "é"


def test_latin_1_means_windows_1252_as_in_browsers() -> None:
    [row], *_ = extract_page(page(b"<title>\x80 5</title>", charset="iso-8859-1"))

    assert row["title"] == "€ 5"


def test_too_many_links_are_cut_off_and_said_so() -> None:
    html = "".join(f"<a href=/{n}>" for n in range(MAX_LINKS + 5))

    [row], problems, *_ = extract_page(page(html))

    assert len(row["links"]) == MAX_LINKS
    assert problems == [{"field": "links", "problem": "truncated", "value": f"{MAX_LINKS + 5}"}]


def test_a_long_base_does_not_make_a_long_row() -> None:
    html = f"<base href='/{'x' * 7_000}/'>" + "".join(f"<a href={n}>" for n in range(80_000))

    [row], [problem], *_ = extract_page(page(html))

    assert sum(map(len, row["links"])) <= 500_000
    assert problem["problem"] == "truncated"


def test_long_texts_are_cut_off() -> None:
    [row], *_ = extract_page(page(f"<title>{'a b ' * 100_000}</title>"))

    assert len(row["title"]) == 10_000


def test_robots_meta_elements_are_those_for_all_and_for_us() -> None:
    html = (
        "<meta name=Robots content=noindex><meta name=acme-bot content=nofollow>"
        "<meta name=other-bot content=noarchive><meta name=robots>"
    )

    assert extract_page(page(html)).robots == ["noindex", "nofollow"]


def test_what_is_not_html_has_no_rows() -> None:
    json = FetchedPage("http://e.com/", 200, "application/json", None, b"{}")

    assert extract_page(json).rows == []

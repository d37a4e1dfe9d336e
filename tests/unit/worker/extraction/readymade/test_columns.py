"""The values of ready-made columns."""

from typing import Any

import msgspec
import pytest

from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

META = """<html lang="de-AT"><head><title> A  lamp </title><link rel="canonical" href="/lamp">
<meta name="description" content="Bright."><meta name="Robots" content="noindex">
<meta name="robots" content="nofollow"><meta property="og:title" content="Lamp">
<meta property="og:title" content="second"><meta name="twitter:card" content="summary">
<meta property="article:author" content="Zoë"><meta name="article" content="no"></head>"""
LINKS = """<a href="/a" rel="nofollow  noopener">A <b>b</b></a><a href="/a">A b</a>
<a href="/a">A b</a><a href="http://shop.e.com/c"><img></a><a href="http://other.com/">o</a>
<a href="mailto:a@b.c">mail</a>"""
MICRODATA = """<div itemscope itemtype="https://schema.org/Book" itemid="urn:7">
<h1 itemprop="name headline">Oak</h1><a itemprop="url" href="/oak">x</a>
<meta itemprop="isbn" content="42"><time itemprop="datePublished" datetime="2026-01-02">Jan</time>
<p itemprop="author" itemscope><i itemprop="name">Zoë</i></p>
<p itemprop="genre">trees</p><p itemprop="genre">wood</p><data itemprop="sku" value="7">seven</data>
</div><p itemprop="name">nobody's</p>"""
TEXT = """<title>no</title><nav>Home</nav><p>One <b>and</b>
 two<br>three<script>no</script></p><ul><li>four<li>five</ul>"""
TABLE = """<table><caption> Prices </caption><tr><th>What<th colspan="2">Sizes
<tr><td rowspan="3">Lamp<td>S<td>1 €<tr><td>M<td>2 <table><tr><td>inner</table>
<tr><td>L<td>3</table>"""
RSS = """<?xml version="1.0"?><rss><channel><link>http://e.com/</link><item><title>T &amp; U</title>
<link>/1</link><pubDate>Sat, 21 Nov 2026 10:00:00 GMT</pubDate><description>d</description>
<guid>g1</guid></item><item><title>second</title><pubDate>soon</pubDate></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>i</id><title>T</title>
<link rel="self" href="/self"/><link href="/2"/><updated>2026-11-21</updated>
<summary>s</summary></entry></feed>"""
SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>
<loc> http://e.com/1 </loc><lastmod>2026-11-21</lastmod></url><url><loc>/2</loc></url></urlset>"""


def included(name: str, body: str, kind: str) -> Any:
    value, problems = with_problems(name, body.encode(), kind)
    assert problems == []
    return value


def with_problems(
    name: str, body: bytes, kind: str, charset: str | None = None
) -> tuple[Any, list[Any]]:
    extraction = compile_extraction(msgspec.convert({"extract": {"include": [name]}}, Spec))
    [row], problems, *_ = extraction.extract(
        FetchedPage("http://www.e.com/x/", 200, kind, charset, body), token="bot"
    )
    return row[name], problems


def link(url: str, text: str, rel: str | None = None, *, internal: bool = True) -> dict[str, Any]:
    return {"url": url, "text": text, "rel": rel, "internal": internal}


@pytest.mark.parametrize(
    ("name", "html", "value"),
    [
        pytest.param("meta", META, {
            "title": "A lamp", "description": "Bright.", "canonical": "http://www.e.com/lamp",
            "language": "de-AT", "robots": "noindex, nofollow",
            "opengraph": {"title": "Lamp", "article:author": "Zoë"},
            "twitter": {"card": "summary"},
        }, id="meta"),
        pytest.param("links", LINKS, [
            link("http://www.e.com/a", "A b", "nofollow noopener"),
            link("http://www.e.com/a", "A b"),
            link("http://shop.e.com/c", ""), link("http://other.com/", "o", internal=False),
        ], id="links"),
        pytest.param("jsonld", '<script type="application/LD+json">{"@type": "A",\n"b": "c\nd"};'
                     '</script><script type="application/json">{no</script>'
                     '<script>{"x": 1}</script>',
                     [{"@type": "A", "b": "c\nd"}], id="jsonld"),
        pytest.param("microdata", MICRODATA, [{
            "@type": "Book", "@id": "urn:7", "name": "Oak", "headline": "Oak",
            "url": "http://www.e.com/oak", "isbn": "42", "datePublished": "2026-01-02",
            "author": {"name": "Zoë"}, "genre": ["trees", "wood"], "sku": "7",
        }], id="microdata"),
        pytest.param("page_text", TEXT, "Home\nOne and two\nthree\nfour\nfive", id="page_text"),
        pytest.param("tables", TABLE, [
            {"caption": "Prices", "header": ["What", "Sizes", "Sizes"],
             "rows": [["Lamp", "S", "1 €"], ["Lamp", "M", "2 inner"], ["Lamp", "L", "3"]]},
            {"caption": None, "header": None, "rows": [["inner"]]},
        ], id="tables"),
    ],
)  # fmt: skip
def test_columns_of_html(name: str, html: str, value: Any) -> None:
    assert included(name, html, "text/html") == value


@pytest.mark.parametrize("kind", ["text/html", "application/xml", "text/plain"])
@pytest.mark.parametrize(
    ("name", "xml", "value"),
    [
        pytest.param("feed", RSS, [
            {"url": "http://www.e.com/1", "title": "T & U",
             "published": "2026-11-21T10:00:00+00:00", "summary": "d", "id": "g1"},
            {"url": None, "title": "second", "published": "soon", "summary": None, "id": None},
        ], id="rss"),
        pytest.param("feed", ATOM, [
            {"url": "http://www.e.com/2", "title": "T", "published": "2026-11-21", "summary": "s",
             "id": "i"},
        ], id="atom"),
        pytest.param("sitemap", SITEMAP, [
            {"url": "http://e.com/1", "lastmod": "2026-11-21"},
            {"url": "http://www.e.com/2", "lastmod": None},
        ], id="sitemap"),
    ],
)  # fmt: skip
def test_columns_of_xml_whatever_it_is_sent_as(name: str, xml: str, value: Any, kind: str) -> None:
    assert included(name, xml, kind) == value


def entries(items: str, **attributes: str) -> Any:
    """Return the entries of an RSS feed, of which nothing was lost."""
    spaces = "".join(f' {name.replace("_", ":")}="{uri}"' for name, uri in attributes.items())
    return included("feed", f"<rss{spaces}><channel>{items}</channel></rss>", "text/xml")


@pytest.mark.parametrize(
    ("item", "key", "value"),
    [
        pytest.param("<title>R&D & more</title>", "title", "R&D & more", id="a bare ampersand"),
        pytest.param("<link>/?a=1&b=2&copy=3</link>", "url", "http://www.e.com/?a=1&b=2&copy=3",
                     id="and in a link"),
        pytest.param("<title>caf&eacute;&nbsp;&mdash; 5</title>", "title", "café — 5",
                     id="names of HTML"),
        pytest.param("<media:title>no</media:title><title>yes</title>", "title", "yes",
                     id="a prefix that nobody declares"),
        pytest.param("<dc:date>2026-11-21</dc:date>", "published", "2026-11-21",
                     id="a date of Dublin Core"),
        pytest.param("<pubDate>2026/03/04</pubDate>", "published", "2026-03-04",
                     id="the year first"),
        pytest.param("<pubDate>03/04/2026</pubDate>", "published", "03/04/2026",
                     id="a date that can be two"),
        pytest.param("<title>a\x0b\x00b</title>", "title", "ab", id="control characters"),
        pytest.param("<description><![CDATA[a & <b>b</b>]]></description>", "summary",
                     "a & <b>b</b>", id="CDATA as it is"),
        pytest.param("<guid>http://e.com/1</guid>", "url", "http://e.com/1", id="a guid is a link"),
        pytest.param('<guid isPermaLink="False">http://e.com/1</guid>', "url", None,
                     id="unless it says that it is none"),
        pytest.param("<guid>tag:e.com,2026:1</guid>", "url", None, id="or looks like none"),
        pytest.param("<link/><guid>http://e.com/1</guid>", "url", "http://e.com/1",
                     id="an empty link"),
    ],
)  # fmt: skip
def test_an_entry_is_read_as_feed_readers_read_it(item: str, key: str, value: Any) -> None:
    assert entries(f"\n<item>{item}</item>")[0][key] == value


def test_what_has_a_prefix_is_not_the_entrys_own() -> None:
    item = """<item><a:link href="/self.rss" rel="self"/><a:link href="/deep"/>
    <m:title>picture</m:title><m:group><m:title>deep</m:title></m:group>
    <link>/own</link><title>own</title></item>
    <item><a:link href="/self.rss" rel="self"/><a:link href="/alternate" rel="alternate"/></item>
    <item><a:link href="/self.rss" rel="self"/></item>"""
    found = entries(item, xmlns_a="http://www.w3.org/2005/Atom", xmlns_m="http://m/")

    assert [(entry["url"], entry["title"]) for entry in found] == [
        ("http://www.e.com/own", "own"), ("http://www.e.com/alternate", None), (None, None),
    ]  # fmt: skip


def test_links_of_a_feed_are_relative_to_its_base() -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://b.com/x/">
    <entry xml:base="y/"><link href="1"/></entry><entry><link href="2"/></entry></feed>"""

    found = included("feed", atom, "application/atom+xml")

    assert [entry["url"] for entry in found] == ["http://b.com/x/y/1", "http://b.com/x/2"]


@pytest.mark.parametrize("head", ["\n\n", "\ufeff\n", "<!-- a -->", " \n<!DOCTYPE rss>"])
@pytest.mark.parametrize("kind", ["text/html", "application/rss+xml"])
def test_what_stands_in_front_of_a_feed_does_not_count(head: str, kind: str) -> None:
    feed = f'{head}<?xml version="1.0" encoding="UTF-8"?>{head}{RSS.partition("?>")[2]}'

    assert len(included("feed", feed, kind)) == 2


@pytest.mark.parametrize(
    ("feed", "titles", "said"),
    [
        ("<rss><item><title>a<br>b</title></item><item><title>c</title></item></rss>", ["ab", "c"],
         "<br> has no end"),
        ("<rss><item><title>a</title></item><item><title>b", ["a", "b"], "<title> has no end"),
        ("<rss><item><p>x<i>y</p><title>a</title></item></rss>", ["a"], "<i> has no end"),
        ("<rss><item><title>a</title></item></rss><rss><item/></rss>", ["a"],
         "<rss> behind the end of the root"),
    ],
)  # fmt: skip
def test_a_feed_that_is_no_xml_gives_what_it_has_and_says_so(
    feed: str, titles: list[str], said: str
) -> None:
    found, problems = with_problems("feed", feed.encode(), "text/xml")

    assert [entry["title"] for entry in found] == titles
    assert [problem["problem"] for problem in problems] == ["not_well_formed"]
    assert problems[0]["value"].startswith(said)


def test_a_feed_is_read_in_the_encoding_of_its_header() -> None:
    feed = "<rss><item><title>Привет, мир</title></item></rss>"

    found, problems = with_problems("feed", feed.encode("koi8-r"), "text/xml", "koi8-r")

    assert (found[0]["title"], problems) == ("Привет, мир", [])


def test_texts_of_tables_in_each_other_can_be_given_up() -> None:
    def hurry() -> None:
        raise TooComplexError

    extraction = compile_extraction(msgspec.convert({"extract": {"include": ["tables"]}}, Spec))
    page = FetchedPage("http://e.com/", 200, "text/html", None, b"<table><tr><td>" * 500)
    with pytest.raises(TooComplexError):
        extraction.extract(page, token="bot", hurry=hurry)

"""Which links of a page are followed."""

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest

from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.following import follow, templates
from functions.worker.extraction.following.link import MAX_CARRY_BYTES, MAX_LINKS, Link
from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

URL = "https://shop.example/lamps/?page=1"


def extract(
    body: str,
    *sources: dict[str, Any],
    kind: str = "text/html",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    hurry: Callable[[], None] = lambda: None,
    crawl: dict[str, Any] | None = None,
    url: str = URL,
) -> Extracted:
    spec = msgspec.convert(
        {"pages": {"a": {"match": "*", "follow": sources}}, "crawl": crawl or {}}, Spec
    )
    page = FetchedPage(url, 200, kind, None, body.encode(), headers=headers)
    found = compile_extraction(spec, "a").extract(page, token="bot", hurry=hurry)
    assert "extraction_failed" not in {problem["problem"] for problem in found.problems}
    return found


def links(body: str, *sources: dict[str, Any], **options: Any) -> list[str]:
    """Return the URLs below https://shop.example, without that."""
    found = extract(body, *sources, **options)
    return [link.url.removeprefix("https://shop.example") for link in found.links]


# ---- elements


@pytest.mark.parametrize(
    ("source", "body", "expected"),
    [
        ({"css": "a.next"}, "<a class=next href=b>", ["/lamps/b"]),
        ({"css": "a"}, "<a href=/b#c><a href='b?c&amp;d'><a href=/b>", ["/b", "/lamps/b?c&d"]),
        ({"css": "a"}, "<base href=/x/><a href=b>", ["/x/b"]),
        ({"css": "a"}, "<a href=''><a href='#top'><a href='?page=1'>", []),
        ({"css": "nav"}, "<nav><p><a href=b><area href=c><a name=d></nav><a href=e>",
         ["/lamps/b", "/lamps/c"]),
        ({"css": "div"}, "<div><div><a href=b></div></div>", ["/lamps/b"]),
        ({"css": "p", "attr": "data-url"}, "<p data-url=/b><a href=c></a><p><a href=d>", ["/b"]),
        ({"css": "p", "attr": "onclick", "regex": r"go\('(.*?)'\)"},
         "<p onclick=\"go('/b')\">", ["/b"]),
        ({"css": "a", "regex": r"^/p/.*"}, "<a href=/p/1><a href=/q/1>", ["/p/1"]),
        ({"css": "script", "regex": '"u":"(.*?)"'},
         '<script>x({"u":"/b"}, {"u":"/c"})</script>', ["/b", "/c"]),
        ({"regex": r'data-u="(.*?)"'}, '<p data-u="/b?c&amp;d"><p data-u="/e">', ["/b?c&d", "/e"]),
        ({"xpath": "//nav//a"}, "<nav><a href=b></a></nav><a href=c>", ["/lamps/b"]),
        ({"xpath": "//nav"}, "<nav><p><a href=b></a></nav><a href=c>", ["/lamps/b"]),
        ({"xpath": "//a/@href"}, "<a href=b>", ["/lamps/b"]),
        ({"xpath": "string(//p)"}, "<p>/b</p>", ["/b"]),
        ({"xpath": "count(//p)"}, "<p>", []),
        ({"xpath": "id(1 div 0) | //p[. = key('a', 'b')]"}, "<p>", []),
        ({"jsonld": "ItemList.itemListElement.url"},
         ('<script type="application/ld+json">{"@type": "ItemList", "itemListElement": '
          '[{"url": "/b?c&amp;d"}, {"url": "/e"}, {}]}</script>'), ["/b?c&d", "/e"]),
        ({"jsonld": "Product.isRelatedTo"},
         ('<script type="application/ld+json">{"@type": "Product", "isRelatedTo": '
          '[{"url": "/b"}, "/c", {"@type": "Product", "@id": "/d", "name": "e"}]}</script>'),
         ["/b", "/c", "/d"]),
        ({"microdata": "Product.url"},
         "<p itemscope itemtype=https://schema.org/Product><a itemprop=url href=/b></p>", ["/b"]),
        ({"opengraph": "og:url"}, "<meta property=og:url content=/b>", ["/b"]),
    ],
)  # fmt: skip
def test_all_matches_are_links(source: dict[str, Any], body: str, expected: list[str]) -> None:
    assert links(body, source) == expected


def test_links_of_json_are_found() -> None:
    body = '{"next": "/b", "items": [{"url": "/c"}, {"url": null}, {"url": "/d"}]}'

    found = links(body, {"jmespath": "next"}, {"jmespath": "items[*].url"}, kind="application/json")

    assert found == ["/b", "/c", "/d"]


def test_what_is_null_or_empty_is_no_link() -> None:
    found = extract('{"urls": [null, "", "/b"]}', {"jmespath": "urls"}, kind="application/json")

    assert [link.url[-2:] for link in found.links] == ["/b"]
    assert found.links_cut == {}


def test_links_of_what_a_source_finds_are_found() -> None:
    html = '<script>x = {"urls": ["/b", "/c"], "html": "<p><a href=/d>e</a>"};</script>'
    state = {"css": "script", "regex": "x = (.*);"}

    found = links(
        html,
        {**state, "then": {"jmespath": "urls"}},
        {**state, "then": {"jmespath": "html", "then": {"css": "a"}}},
    )

    assert found == ["/b", "/c", "/d"]


def test_what_cannot_be_read_as_another_source_wants_it_is_a_problem() -> None:
    found = extract("<p>x", {"css": "p", "then": {"jmespath": "a"}}, {"rel": "next"})

    assert [(problem["field"], problem["problem"]) for problem in found.problems] == [
        ("follow[0]", "not_json"),
        (None, "no_match"),
    ]


def test_links_of_xml_are_found() -> None:
    body = "<list><link>/b</link><link href='/c'/></list>"

    assert links(body, {"xpath": "//link"}, kind="application/xml") == ["/b", "/c"]


def test_what_leads_to_no_page_is_counted() -> None:
    hrefs = ("mailto:a@b.example", "javascript:void(0)", "ftp://a.example/", "http://[", "/b")
    found = extract("".join(f"<a href='{href}'>" for href in hrefs), {"css": "a"})

    assert [link.url for link in found.links] == ["https://shop.example/b"]
    assert found.links_cut == {"invalid": 4}


@pytest.mark.parametrize(
    "source", [{"css": "a"}, {"css": "p"}, {"xpath": "//a"}, {"xpath": "//a/@href"}]
)
def test_nofollow_of_an_element_is_obeyed_unless_the_spec_ignores_it(
    source: dict[str, Any],
) -> None:
    body = "<p><a href=/b rel='x NoFollow'></a><a href=/c rel=next></a></p>"
    found = extract(body, source)

    assert [link.url for link in found.links] == ["https://shop.example/c"]
    assert found.links_cut == {"nofollow": 1}
    assert links(body, source, crawl={"nofollow": "ignore"}) == ["/b", "/c"]


@pytest.mark.parametrize(
    ("rel", "followed"),
    [("nofollow", False), ("UGC NoFollow", False), ("ugc sponsored", True), ("no follow", True)],
)
def test_only_nofollow_among_relations_asks_not_to_follow(rel: str, followed: bool) -> None:
    assert bool(links(f"<a rel='{rel}' href=/b>x</a>", {"css": "a"})) is followed


def test_parameters_that_say_nothing_are_dropped_before_links_are_compared() -> None:
    body = "<a href='/b?sid=1'><a href='/b?sid=2'><a href='?sid=3&page=1'>"

    assert links(body, {"css": "a"}, crawl={"drop_query": ["sid"]}) == ["/b"]
    assert links(body, {"css": "a"}, crawl={"drop_query": ["sid"]}, url=f"{URL}&sid=4") == ["/b"]


def test_the_first_source_that_finds_a_page_says_what_goes_along() -> None:
    found = extract(
        "<a class=p href=/b>x</a><a href=/c>y</a>",
        {"css": ".p", "page": "a", "carry": {"text": {"css": "a"}}},
        {"css": "a"},
    )

    assert found.links == (
        Link("https://shop.example/b", "a", {"text": "x"}),
        Link("https://shop.example/c", None, None),
    )


# ---- relations, feeds, sitemaps


def test_relations_are_in_headers_and_elements() -> None:
    header = b'<?page=2>; rel="Next"; title="a, b; c", </c>; REL=prev, <d>; rel="x next"'
    body = (
        "<base href=/x/><link rel=next href=e><a rel='Next' href=f><a rel=prev href=g>"
        "<a rel='nofollow next' href=h>"
    )
    found = extract(body, {"rel": "next"}, headers=((b"LINK", header), (b"Link", b"<i>;rel=next")))

    assert [link.url.removeprefix("https://shop.example") for link in found.links] == [
        *("/lamps/?page=2", "/lamps/d", "/lamps/i", "/x/e", "/x/f")
    ]
    assert found.links_cut == {"nofollow": 1}


def test_a_canonical_url_is_a_link() -> None:
    assert links("<link rel=canonical href=/b>", {"rel": "canonical"}) == ["/b"]
    assert links(f"<link rel=canonical href={URL}>", {"rel": "canonical"}) == []


RSS = """<rss xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<item><link>/b</link><pubDate>Fri, 01 May 2026 10:00:00 GMT</pubDate></item>
<item><link>/c</link><pubDate>Thu, 30 Apr 2026 10:00:00 GMT</pubDate></item>
<item><link>/d</link><pubDate>04/05/2026</pubDate></item><item><title>x</title></item>
<item><link>/e</link></item></channel></rss>"""


@pytest.mark.parametrize(
    ("head", "header", "url"),
    [
        ("<link rel=canonical href=/p>", None, "https://shop.example/p"),
        ("<link rel='x CANONICAL' href=/p>", None, "https://shop.example/p"),
        ("<base href=/b/><link rel=canonical href=p>", None, "https://shop.example/b/p"),
        ("", b'</p>; rel="canonical"', "https://shop.example/p"),
        ("<link rel=canonical href=/q>", b"</p>; rel=canonical", "https://shop.example/p"),
        ("<link rel=canonical href=mailto:a@b.example>", None, None),
        ("<link rel=amphtml href=/amp>", None, None),
        ("", None, None),
    ],
)
def test_the_canonical_url_is_read_where_it_counts(
    head: str, header: bytes | None, url: str | None
) -> None:
    headers = () if header is None else ((b"Link", header),)
    crawl = {"same_as": "canonical"}

    assert extract(head, {"css": "a"}, headers=headers, crawl=crawl).canonical == url
    assert extract(head, {"css": "a"}, headers=headers).canonical is None


def test_entries_of_feeds_are_links_and_old_ones_can_be_left_out() -> None:
    found = extract(RSS, {"feed": "entries", "since": "2026-05-01"}, kind="application/rss+xml")

    assert [link.url[-2:] for link in found.links] == ["/b", "/d", "/e"]
    assert found.links_cut == {"too_old": 1, "invalid": 1}
    assert links(RSS, {"feed": "entries"}, kind="text/xml") == ["/b", "/c", "/d", "/e"]


def test_pages_and_sitemaps_of_a_sitemap_are_links() -> None:
    body = (
        '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        "<sitemap><loc>https://shop.example/b.xml</loc><lastmod>2026-05-02</lastmod></sitemap>"
        "<sitemap><loc> /c.xml </loc><lastmod>2026-04-30T23:00:00Z</lastmod></sitemap>"
        "<url><loc>/d</loc></url></sitemapindex>"
    )

    assert links(body, {"sitemap": "loc"}, kind="text/xml") == ["/b.xml", "/c.xml", "/d"]
    assert links(body, {"sitemap": "loc", "since": "2026-05-01"}, kind="text/xml") == [
        *("/b.xml", "/d")
    ]


# ---- templates


@pytest.mark.parametrize(
    ("data", "template", "values", "expected"),
    [
        ('{"next": "a b/&="}', "/i?c={n}", {"n": {"jmespath": "next"}}, ["/i?c=a%20b%2F%26%3D"]),
        ('{"next": "a/b&c"}', "/i{+n}", {"n": {"jmespath": "next"}}, ["/ia/b&c"]),
        ('{"next": 17}', "{n}", {"n": {"jmespath": "next"}}, ["/lamps/17"]),
        ('{"next": null}', "/{n}", {"n": {"jmespath": "next"}}, []),
        ('{"next": ""}', "/{n}", {"n": {"jmespath": "next"}}, []),
        ('{"next": {}}', "/{n}", {"n": {"jmespath": "next"}}, []),
        ('{"a": "1"}', "/{a}/{b}", {"a": {"jmespath": "a"}, "b": {"jmespath": "b"}}, []),
        ('{"a": "1"}', "/{a}/{b}", {"a": {"jmespath": "a"}, "b": {"jmespath": "b", "default": "c"}},
         ["/1/c"]),
        ("{}", "/all", {}, ["/all"]),
        ('{"next": "Ü"}', "https://a.example/?{n}", {"n": {"jmespath": "next"}},
         ["https://a.example/?%C3%9C"]),
        (r'{"next": "\ud83d"}', "/{n}", {"n": {"jmespath": "next"}}, ["/%EF%BF%BD"]),
    ],
)  # fmt: skip
def test_a_template_makes_a_link_of_values(
    data: str, template: str, values: dict[str, Any], expected: list[str]
) -> None:
    source = {"url_template": template, "with": values}

    assert links(data, source, kind="application/json") == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({"to": 3}, [1, 2, 3]),
        ({"from": 2, "to": {"css": "p"}}, [2, 3]),
        ({"from": {"css": "p"}, "to": 4}, [3, 4]),
        ({"from": 0, "below": {"css": "b", "regex": "of (.*)"}, "step": 50}, [0, 50, 100]),
        ({"from": 4, "to": {"css": "p"}}, []),
        ({"to": {"css": "i"}}, []),
        ({"to": {"css": "u"}}, []),
        ({"to": {"css": "p", "type": "number"}}, [1, 2, 3]),
        ({"to": {"css": "s"}}, []),
        ({"to": {"css": "s", "type": "number"}}, []),
    ],
)
def test_a_range_makes_a_link_of_each_number(numbers: dict[str, Any], expected: list[int]) -> None:
    body = f"<p>3 pages</p><b>1 of 150</b><u>many</u><s>1{'0' * 20}</s>"

    found = links(body, {"url_template": "/l/{n}", "range": {"n": numbers}})

    assert found == [f"/l/{number}" for number in expected]


def test_a_range_without_numbers_finds_nothing() -> None:
    found = extract("<p>", {"url_template": "/{n}", "range": {"n": {"to": {"css": "i"}}}})

    assert [problem["problem"] for problem in found.problems] == ["no_match"]
    assert found.links_cut == {}


def test_a_range_has_an_end() -> None:
    found = extract(
        f"<p>{10**14}</p>", {"url_template": "/{n}", "range": {"n": {"to": {"css": "p"}}}}
    )

    assert len(found.links) == MAX_LINKS
    assert found.links_cut == {"too_many": 10**14 - MAX_LINKS}


# ---- rows, carried values


def test_rows_have_links_and_values_of_their_own() -> None:
    body = (
        "<h1>Lamps</h1><article><h3><a href=/b>Oak</a></h3><i>£3.50</i></article>"
        "<article><h3><a href=/c>Elm</a></h3></article>"
    )
    carry = {"name": {"css": "h3"}, "price": {"css": "i", "type": "price"}, "list": {"css": "h1"}}
    found = extract(body, {"rows": "article", "css": "h3 a", "carry": carry})

    assert [(link.url[-2:], link.carry) for link in found.links] == [
        ("/b", {"name": "Oak", "price": 3.5, "price_currency": "GBP", "list": None}),
        ("/c", {"name": "Elm", "price": None, "price_currency": None, "list": None}),
    ]


def test_values_that_are_read_together_are_those_of_the_same_row() -> None:
    data = {"css": "i", "attr": "data-x"}
    carry = {
        "a": {"css": "i"},
        "b": {"css": "i", "attr": "id"},
        "c": {**data, "then": {"jmespath": "c"}},
        "d": {**data, "then": {"jmespath": "d"}},
    }
    body = "".join(
        f"""<p><a href=/{n}></a><i id=i{n} data-x='{{"c": "c{n}", "d": "d{n}"}}'>x{n}</i></p>"""
        for n in range(2)
    )
    found = extract(body, {"rows": "p", "css": "a", "carry": carry})

    assert [link.carry for link in found.links] == [
        {"a": f"x{n}", "b": f"i{n}", "c": f"c{n}", "d": f"d{n}"} for n in range(2)
    ]


def test_values_of_what_a_row_holds_are_those_of_the_same_row() -> None:
    inner = {"jmespath": "data"}
    source = {
        "rows": {"jmespath": "items"},
        "url_template": "/{id}",
        "with": {"id": {**inner, "then": {"jmespath": "id"}}},
        "carry": {"name": {**inner, "then": {"jmespath": "name"}}},
    }
    items = [{"data": f'{{"id": {n}, "name": "x{n}"}}'} for n in range(2)]
    found = extract(json.dumps({"items": items}), source, kind="application/json")

    assert [(link.url[-2:], link.carry) for link in found.links] == [
        ("/0", {"name": "x0"}),
        ("/1", {"name": "x1"}),
    ]


def test_rows_of_json_have_a_link_each() -> None:
    source = {
        "rows": {"jmespath": "items"},
        "url_template": "/i/{id}/{slug}",
        "with": {"id": {"jmespath": "id"}, "slug": {"jmespath": "slug"}},
        "carry": {"name": {"jmespath": "name"}},
    }
    body = '{"items": [{"id": 1, "slug": "a", "name": "A"}, {"id": 2}, {"id": 3, "slug": "c"}]}'
    found = extract(body, source, kind="application/json")

    assert [(link.url[-4:], link.carry) for link in found.links] == [
        ("/1/a", {"name": "A"}),
        ("/3/c", {"name": None}),
    ]


def test_what_is_carried_and_cannot_be_read_is_a_problem() -> None:
    carry = {"price": {"css": "i", "type": "number"}, "is": {"css": "i", "required": True}}
    found = extract("<a href=/b></a><i>soon</i>", {"css": "a", "carry": carry})

    assert found.links[0].carry == {"price": None, "is": "soon"}
    assert found.problems == [{"field": "carry.price", "problem": "unreadable", "value": "soon"}]


@pytest.mark.parametrize(
    ("carry", "missing"),
    [
        ({"css": "i"}, []),  # one of them has it
        ({"css": "h1"}, ["carry.x"]),  # of the page, and not of the row
        ({"css": "b"}, ["carry.x"]),  # it is there, and empty
        ({"css": "h1", "default": ""}, []),
        ({"css": "h1", "required": True}, ["carry.x", "carry.x"]),
        ({"css": "u", "type": "number"}, ["carry.x"]),
    ],
)
def test_what_no_link_carries_is_a_problem(carry: dict[str, Any], missing: list[str]) -> None:
    body = "<h1>c</h1><p><a href=/1></a><i>1</i><b></b><u>?</u></p><p><a href=/2></a></p>"
    found = extract(body, {"rows": "p", "css": "a", "carry": {"x": carry}})

    assert [problem["field"] for problem in found.problems] == missing
    assert extract("<p>no link</p>", {"css": "a", "carry": {"x": carry}}).links == ()


def test_what_is_too_long_is_not_carried() -> None:
    body = f"<a href=/b></a><p>{'x' * MAX_CARRY_BYTES}"
    found = extract(body, {"css": "a", "carry": {"text": {"css": "p"}}})

    assert found.links[0].carry is None
    [problem] = found.problems
    assert (problem["field"], problem["problem"]) == ("carry", "row_too_large")


# ---- limits


def test_a_page_has_a_limited_number_of_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_LINKS", 2)
    found = extract("<a href=/b><a href=/c><a href=/c><a href=/d><a href=/e>", {"css": "a"})

    assert [link.url[-2:] for link in found.links] == ["/b", "/c"]
    assert found.links_cut == {"too_many": 2}


def test_the_links_of_a_page_have_a_limited_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_LINKS_BYTES", 60)
    carry = {"carry": {"text": {"const": "x" * 20}}}
    found = extract("<a href=/b><a href=/cccccccccccccccccc><a href=/d>", {"css": "a"})
    assert [link.url[-2:] for link in found.links] == ["/b", "/d"]
    assert extract("<a href=/b><a href=/c>", {"css": "a"} | carry).links_cut == {"too_many": 1}


def test_a_sitemap_may_list_more_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_LINKS", 1)
    monkeypatch.setattr(templates, "MAX_LINKS", 1)

    body = "<urlset><url><loc>/b</loc></url><url><loc>/c</loc></url></urlset>"

    assert links(body, {"sitemap": "loc"}, kind="text/xml") == ["/b", "/c"]


@pytest.mark.parametrize(
    ("source", "body", "kind"),
    [
        ({"css": "a"}, "<a href=/b></a>", "text/html"),
        ({"xpath": "//a"}, "<a href=/b></a>", "text/html"),
        ({"rows": "p", "css": "a"}, "<p></p>", "text/html"),
        ({"url_template": "/{n}", "range": {"n": {"to": 9}}}, "<p>", "text/html"),
        ({"regex": "a"}, "<a href=/b>", "text/html"),
        ({"feed": "entries"}, "<item/>", "application/xml"),
    ],
)
def test_who_is_in_a_hurry_is_asked_again_and_again(
    source: dict[str, Any], body: str, kind: str
) -> None:
    calls = count(1)

    def hurry() -> None:
        if next(calls) == 3:
            raise TooComplexError

    with pytest.raises(TooComplexError):
        extract(f"<x>{body * 100}</x>", source, hurry=hurry, kind=kind)


# ---- with rows


def test_a_kind_that_only_follows_has_no_rows_and_no_problem() -> None:
    found = extract("<a href=/b>", {"css": "a"})

    assert (found.rows, found.problems) == ([], [])


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_page_without_rows_and_links_is_not_what_the_spec_was_written_for(kind: str) -> None:
    assert [
        problem["problem"] for problem in extract("<p>x", {"css": "a"}, kind=kind).problems
    ] == ["no_match"]


def test_a_page_with_rows_needs_no_links() -> None:
    spec = msgspec.convert({"extract": {"fields": {"a": {"css": "i"}}}, "follow": [{"css": "a"}]},
                           Spec)  # fmt: skip
    page = FetchedPage(URL, 200, "text/html", None, b"<i>x</i>")

    found = compile_extraction(spec).extract(page, token="bot")

    assert (found.rows, found.problems, found.links) == ([{"a": "x"}], [], ())


def test_a_page_that_fails_has_its_links_followed() -> None:
    extracts = {"fields": {"a": {"css": "i", "required": True}}, "on_problem": "fail"}
    spec = msgspec.convert({"extract": extracts, "follow": [{"css": "a"}]}, Spec)
    page = FetchedPage(URL, 200, "text/html", None, b"<a href=/b>x</a>")

    found = compile_extraction(spec).extract(page, token="bot")

    assert found.failure == "a: missing and 1 more"
    assert [link.url for link in found.links] == ["https://shop.example/b"]


def test_columns_that_another_page_has_found_stand_before_the_pages_own() -> None:
    spec = msgspec.convert(
        {"extract": {"fields": {"name": {"css": "h1"}, "list": {"css": "h2"}}}}, Spec
    )
    page = FetchedPage(URL, 200, "text/html", None, b"<h1>Oak</h1><h2>Own</h2>")

    [row] = (
        compile_extraction(spec)
        .extract(page, token="bot", carry={"category": "Lamps", "list": "Theirs"})
        .rows
    )

    assert list(row.items()) == [("category", "Lamps"), ("list", "Own"), ("name", "Oak")]

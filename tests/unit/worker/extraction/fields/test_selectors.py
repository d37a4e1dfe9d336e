"""What selectors match: in rows, at any depth, with what is empty, and the best of images."""

from typing import Any

import pytest

from tests.unit.worker.extraction.test_rows import extract, field

LINES = """<table><tr id="a" class="x"><td>Lamp<td>12 <i>EUR</i><tr id="b"><td>Oak<td></table>"""


@pytest.mark.parametrize(
    ("xpath", "values"),
    [
        ("./td[2]", ["12 EUR", None]),
        ("td[2]", ["12 EUR", None]),
        ("td", ["Lamp", "Oak"]),
        ("@id", ["a", "b"]),
        (".//i", ["EUR", None]),
        ("//td[2]/i", ["EUR", None]),
        ("/tr/@class", ["x", None]),
        ("self::tr[@class]/td", ["Lamp", None]),
        ("string(td[1])", ["Lamp", "Oak"]),
        ("name(..)", [None, None]),
    ],
)
def test_in_a_row_xpath_begins_at_its_element(xpath: str, values: list[Any]) -> None:
    found = extract(LINES, rows="tr", fields={"x": {"xpath": xpath}, "c": {"css": "td"}})

    assert [row["x"] for row in found.rows] == values
    assert found.problems == []


@pytest.mark.parametrize(
    ("html", "css", "xpath"),
    [
        pytest.param(LINES, "tbody > tr > td", "//tbody/tr/td", id="a tbody that is not written"),
        pytest.param("<div>" * 300 + "<p>a</p>" + "</div>" * 300 + "<p>b</p>", "p", "//p",
                     id="300 elements deep, and behind them"),
        pytest.param("<div>" * 5_000 + "<p>a", "p", "//p", id="5,000 elements deep"),
        pytest.param("<a href=x><table><tr><td>a</table></a>", "a td", "//a//td",
                     id="a table in a link"),
        pytest.param("<p><table><tr><td>a</table>", "p td", "//p//td", id="a table in a paragraph"),
        pytest.param("<svg viewBox='0 0 1 1'><text>a</text></svg>", "svg text", "//svg/text",
                     id="a drawing"),
        pytest.param("<my-tag><o:p>a</o:p></my-tag>", "my-tag *", "//my-tag/*", id="own elements"),
        pytest.param('<p @click="x" :b=1 {{c}} data-d="e" x:y=z>a', "[data-d]", "//*[@data-d]",
                     id="attributes of any name"),
        pytest.param("<p>a\x0cb\x01c&#2;</p>", "p", "//p", id="control characters"),
        pytest.param("<ul><li>a<!-- -- b - --><li>c</ul>", "li", "//li", id="comments"),
        pytest.param("<ul><li>a<!-----b------><li>c<!-- --- --></ul>", "li", "//li",
                     id="comments of hyphens"),
    ],
)  # fmt: skip
def test_what_css_finds_xpath_finds(html: str, css: str, xpath: str) -> None:
    fields = {"css": {"css": css, "many": True}, "xpath": {"xpath": xpath, "many": True}}

    [row], problems, *_ = extract(f"<!doctype><title>t</title>{html}", fields=fields)

    cleaned = [text.replace("\x01", "").replace("\x02", "") for text in row["css"]]
    assert row["xpath"] == cleaned != []
    assert problems == []


EMPTY = """<table><tr><td>1<td><td> <td>4<td title=""><td title="x">n/a</table>
<img src=""><img><img src="/c.png"><p title="a"><p title=""><p>"""


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        pytest.param({"css": "td"}, ["1", "", "", "4", "", "n/a"], id="css"),
        pytest.param({"xpath": "//td"}, ["1", "", "", "4", "", "n/a"], id="xpath"),
        pytest.param({"css": "td", "html": True}, ["1", "", "", "4", "", "n/a"], id="html"),
        pytest.param({"css": "p", "attr": "title"}, ["a", ""], id="attribute"),
        pytest.param({"xpath": "//p/@title"}, ["a", ""], id="xpath of an attribute"),
        pytest.param({"xpath": "//td/text()"}, ["1", "4", "n/a"], id="xpath of texts"),
        pytest.param({"css": "td:not([title])", "type": "number"}, [1, None, None, 4],
                     id="numbers"),
        pytest.param({"any": [{"css": "td[title='']"}, {"css": "td"}]},
                     ["1", "", "", "4", "", "n/a"], id="any goes on behind what is empty"),
        pytest.param({"css": "td[title='']"}, [""], id="nothing else"),
        pytest.param({"css": "td[title='']", "default": ["x"]}, ["x"], id="a default"),
    ],
)  # fmt: skip
def test_what_is_empty_keeps_its_place_in_a_list(spec: dict[str, Any], value: Any) -> None:
    assert field(EMPTY, many=True, **spec) == value


def test_a_list_of_json_keeps_what_is_empty() -> None:
    fields = {"x": {"jmespath": "a", "many": True}, "y": {"jmespath": "a"}}

    [row], problems, *_ = extract('{"a": ["", "b", null, "c"]}', fields=fields)

    assert (row, problems) == ({"x": ["", "b", None, "c"], "y": "b"}, [])


def test_a_list_of_nothing_but_empty_values_is_missing_where_it_is_required() -> None:
    [row], problems, *_ = extract(
        EMPTY, fields={"x": {"css": "td[title='']", "many": True, "required": True}}
    )

    assert row == {"x": [""]}
    assert [problem["problem"] for problem in problems] == ["missing", "no_match"]


@pytest.mark.parametrize(
    ("srcset", "url"),
    [
        ("a.jpg 1x, b.jpg 2x, c.jpg 1.5x", "b.jpg"),
        ("a.jpg 320w,b.jpg 1280w, c.jpg 640w", "b.jpg"),
        ("a.jpg, b.jpg 3x", "b.jpg"),
        ("a.jpg,b.jpg 2x", "a.jpg,b.jpg"),
        ("/w_200,h_300/a.jpg 200w, /w_400,h_600/b.jpg 400w", "/w_400,h_600/b.jpg"),
        (" \n a.jpg\t100w ,\n b.jpg\t50w ,", "a.jpg"),
        ("a.jpg", "a.jpg"),
        ("a.jpg, b.jpg", "a.jpg"),
        ("a.jpg 100w 50h, b.jpg 300w 150h", "b.jpg"),
        ("a 2x.jpg", "a 2x.jpg"),
        ("/a.jpg 180w 200h, /b.jpg 360w 400h", "/b.jpg"),
        ("/a.jpg 200h,/b.jpg 400h", "/b.jpg"),
        ("/a.jpg 200h", "/a.jpg"),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        {"css": "img", "attr": "srcset"},
        {"xpath": "//img/@data-srcset"},
        {"xpath": "string((//img/@srcset)[1])"},
        {"css": "link", "attr": "imagesrcset"},
        {"css": "p", "attr": "data-lazy-srcset"},
        {"css": "p", "attr": "data-bgset"},
        {"css": "p", "attr": "data-srcset-webp"},
        {"xpath": "//p/@data-srcset-webp"},
    ],
)
def test_the_url_of_a_srcset_is_its_best_candidate(
    srcset: str, url: str, source: dict[str, Any]
) -> None:
    html = (
        f"<link imagesrcset='{srcset}'><img srcset='{srcset}' data-srcset='{srcset}'>"
        f"<p data-lazy-srcset='{srcset}' data-bgset='{srcset}' data-srcset-webp='{srcset}'>"
    )
    expected = f"http://www.e.com{'' if url[0] == '/' else '/a/'}{url}".replace(" ", "%20")

    assert field(html, type="url", **source) == expected
    assert field(html, type="url", many=True, **source) == [expected]


OTHER_SOURCES: list[dict[str, Any]] = [
    {"css": "a", "attr": "href"},
    {"xpath": "//a/@href"},
    {"xpath": "//a[@srcset]/@href"},
    {"css": "a", "attr": "data-page"},
    {"css": "a", "attr": "data-asset"},
    {"css": "a"},
    {"opengraph": "image"},
    {"jsonld": "A.image"},
    {"jsonld": "A.photo.url"},
    {"microdata": "B.image"},
]


def with_link(link: str) -> str:
    return (
        f"<a href='{link}' data-page='{link}' data-asset='{link}' srcset='/x 1x'>{link}</a>"
        f"<meta property='og:image' content='{link}'>"
        f"<p itemscope itemtype=B><meta itemprop=image content='{link}'></p>"
        '<script type="application/ld+json">'
        f'{{"@type": "A", "image": "{link}", "photo": {{"url": "{link}"}}}}</script>'
    )


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/towns/Ulm, Upper", "/towns/Ulm,%20Upper"),
        ("/find?q=oak, elm", "/find?q=oak,%20elm"),
        ("/i/lamp, red.jpg", "/i/lamp,%20red.jpg"),
        ("/i/lamp 2x", "/i/lamp%202x"),
        ("/i/lamp [red], large", "/i/lamp%20[red],%20large"),
        ("/i/lamp 640w", "/i/lamp%20640w"),
        ("/i/2x,3h/lamp, red", "/i/2x,3h/lamp,%20red"),
    ],
)
@pytest.mark.parametrize("source", OTHER_SOURCES)
def test_the_url_of_anything_else_is_all_of_it(
    link: str, path: str, source: dict[str, Any]
) -> None:
    assert field(with_link(link), type="url", **source) == "http://www.e.com" + path


@pytest.mark.parametrize(
    "link",
    ["/a.jpg 1x, /b.jpg 2x", "/a.jpg 180w 200h, /b.jpg 360w 400h,", "/a.jpg 1h ,/b.jpg 1.5h"],
)
@pytest.mark.parametrize(
    "source", [*OTHER_SOURCES, {"xpath": "concat(//a/@href, '')"}, {"css": "a", "regex": "(.*)"}]
)
def test_what_can_be_nothing_but_a_list_of_images_is_read_as_one(
    link: str, source: dict[str, Any]
) -> None:
    assert field(with_link(link), type="url", **source) == "http://www.e.com/b.jpg"


@pytest.mark.parametrize(
    "link",
    [
        "/i/lamp 640w, big",
        "/a.jpg, /b.jpg 2x, /c.jpg 3x",
        "/a.jpg 1x, /b c.jpg 2x",
        "/a.jpg 1x,",
        "/a.jpg [(max-width: 600px)] | /b.jpg",
        "/a.jpg 1x [--small] | /b.jpg 2x",
    ],
)
@pytest.mark.parametrize("source", OTHER_SOURCES)
def test_what_may_be_a_list_of_images_is_no_url(link: str, source: dict[str, Any]) -> None:
    [row], problems, *_ = extract(with_link(link), fields={"x": {"type": "url", **source}})

    assert row == {"x": None}
    assert [problem["problem"] for problem in problems] == ["unreadable"]


def test_a_regex_searches_a_srcset_as_it_is() -> None:
    html = "<img srcset='/a 1x, /b 2x'>"

    assert field(html, css="img", attr="srcset", regex=r"(\S+) 1x", type="url") == (
        "http://www.e.com/a"
    )


@pytest.mark.parametrize(
    "piece", [", ", "a 1x,", "1 ", "(", ",", " ", "a 1x, ", "a 1x 2h ", "1x", "1h,", " 1x ,", "["]
)
def test_no_srcset_takes_long(piece: str) -> None:
    text = f"a 1x,{piece * (300_000 // len(piece))}"
    html = f"<img srcset='{piece * (300_000 // len(piece))}'><a href='{text}['></a>"
    fields = {
        "x": {"css": "img", "attr": "srcset", "type": "url"},
        "y": {"css": "a", "attr": "href", "type": "url"},
    }

    extract(html, fields=fields)

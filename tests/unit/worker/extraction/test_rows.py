"""What a spec asks for is what comes out, and no page trips it."""

from typing import Any

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser

from functions.worker.extraction.documents import document as document_module
from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.documents.document import MAX_PROBLEMS
from functions.worker.extraction.documents.element_text import MAX_VALUE
from functions.worker.extraction.fields.lists import MAX_MANY
from functions.worker.extraction.rows import MAX_ROWS, MAX_ROWS_BYTES, Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

URL = "http://www.e.com/a/b"
SHOP = """<!doctype html><html lang="en"><head><title>Shop</title>
<meta property="og:title" content="Best shop"><meta property="product:brand" content="Acme">
<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [
 {"@type": ["Product", "Book"], "name": "Lamp", "sku": 7, "gift": null, "tags": ["a", "b"],
  "offers": [{"@type": "Offer", "price": "51.77"}, {"@type": "Offer", "price": 60}]},
 {"@type": "Organization", "name": "Acme"}]}</script>
</head><body>
<div itemscope itemtype="https://schema.org/Recipe"><h1 itemprop="name">Soup</h1>
 <div itemprop="nutrition" itemscope itemtype="https://schema.org/NutritionInformation">
  <span itemprop="calories">240 kcal</span></div>
 <a itemprop="url" href="/soup">x</a><time itemprop="when" datetime="2026-11-21">today</time>
</div>
<article data-id="1" class="pod sale"><h3><a href="x" title=" First  one ">First</a></h3>
 <p class="price">£1,051.77 <s>£2,000</s></p><ul><li>red</li><li>blue</li></ul><button disabled>
</article>
<article data-id="2" class="pod"><h3><a href="../y#top" title="Second">Second</a></h3>
 <p class="price">sold <b>out</b><br>sorry</p><script>var x = "sku-99";</script></article>
</body></html>"""


def extract(body: str | bytes, kind: str | None = "text/html", **spec: Any) -> Extracted:
    content = body if isinstance(body, bytes) else body.encode()
    extraction = compile_extraction(msgspec.convert({"extract": spec}, Spec))
    return extraction.extract(FetchedPage(URL, 200, kind, None, content), token="acme-bot")


def field(body: str | bytes, kind: str | None = "text/html", **field: Any) -> Any:
    """Return the value of a field, which has no problem."""
    [row], problems, *_ = extract(body, kind, fields={"x": field})
    assert [problem for problem in problems if problem["problem"] != "no_match"] == []
    return row["x"]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        pytest.param({"css": "h3 a"}, "First", id="text"),
        pytest.param({"css": "h3 a", "attr": "title"}, "First one", id="attribute"),
        pytest.param({"css": "h3 a", "attr": "nope"}, None, id="no such attribute"),
        pytest.param({"css": "h4"}, None, id="no such element"),
        pytest.param({"css": "h3 a", "attr": "href", "type": "url"}, "http://www.e.com/a/x",
                     id="url"),
        pytest.param({"css": "h3", "html": True}, '<a href="x" title=" First one ">First</a>',
                     id="html folded as text"),
        pytest.param({"css": "h3", "type": "html"}, '<a href="x" title=" First  one ">First</a>',
                     id="html"),
        pytest.param({"css": ".price", "type": "number"}, 1051.77, id="number"),
        pytest.param({"css": "li", "many": True}, ["red", "blue"], id="many"),
        pytest.param({"css": "h3, a, h3 a", "many": True},
                     ["x", "First", "First", "Second", "Second"], id="each element once"),
        pytest.param({"css": "h4", "many": True}, [], id="many of nothing"),
        pytest.param({"css": "h4", "many": True, "default": ["x"]}, ["x"], id="default of many"),
        pytest.param({"css": "h4", "default": "x"}, "x", id="default"),
        pytest.param({"css": "h3 a", "default": "x"}, "First", id="no default needed"),
        pytest.param({"css": "article", "attr": "class", "regex": r"pod (\w+)"}, "sale",
                     id="a group"),
        pytest.param({"css": "article", "attr": "class", "regex": "sa.."}, "sale", id="no group"),
        pytest.param({"css": "article", "attr": "class", "regex": "nope"}, None, id="no match"),
        pytest.param({"css": "article", "attr": "class", "regex": "(nope)?pod"}, None,
                     id="an optional group"),
        pytest.param({"css": "li", "regex": "[a-z]", "many": True}, list("redblue"),
                     id="all matches"),
        pytest.param({"regex": r'"(sku-\d+)"'}, "sku-99", id="of the source"),
        pytest.param({"css": "button", "attr": "disabled", "type": "boolean"}, True,
                     id="an attribute without a value"),
        pytest.param({"css": "h1", "attr": "disabled", "type": "boolean"}, False,
                     id="an attribute that is not there"),
        pytest.param({"css": "h4", "attr": "disabled", "type": "boolean"}, None,
                     id="an element that is not there"),
        pytest.param({"const": 5}, 5, id="const"),
        pytest.param({"const": False}, False, id="a false const"),
        pytest.param({"any": [{"css": "h4"}, {"jsonld": "Product.name"}, {"const": "x"}]}, "Lamp",
                     id="any"),
        pytest.param({"any": [{"css": "h4"}, {"css": "li"}], "many": True}, ["red", "blue"],
                     id="any of many"),
        pytest.param({"xpath": "//h3/a/@title"}, "First one", id="xpath attribute"),
        pytest.param({"xpath": "//h3/a/text()", "many": True}, ["First", "Second"],
                     id="xpath text"),
        pytest.param({"xpath": "//h3[2]"}, None, id="xpath of nothing"),
        pytest.param({"xpath": "//article[2]/p"}, "sold outsorry", id="xpath element"),
        pytest.param({"xpath": "//ul", "type": "html"}, "<li>red</li><li>blue</li>",
                     id="xpath html"),
        pytest.param({"xpath": "count(//li)", "type": "integer"}, 2, id="xpath number"),
        pytest.param({"xpath": "string(//h1)"}, "Soup", id="xpath string"),
        pytest.param({"xpath": "boolean(//h1)", "type": "boolean"}, True, id="xpath boolean"),
        pytest.param({"xpath": "number(//h1)"}, None, id="xpath not a number"),
        pytest.param({"jsonld": "Product.name"}, "Lamp", id="json-ld by type"),
        pytest.param({"jsonld": "name"}, "Lamp", id="json-ld outermost"),
        pytest.param({"jsonld": "name", "many": True}, ["Lamp", "Acme"], id="json-ld all"),
        pytest.param({"jsonld": "Product.sku"}, "7", id="json-ld number as text"),
        pytest.param({"jsonld": "Product.gift"}, None, id="json-ld null"),
        pytest.param({"jsonld": "Product.offers.price", "type": "number", "many": True},
                     [51.77, 60.0], id="json-ld through a list"),
        pytest.param({"jsonld": "Offer.price", "type": "number"}, 51.77, id="json-ld deep type"),
        pytest.param({"jsonld": "Organization", "type": "json"},
                     {"@type": "Organization", "name": "Acme"}, id="json-ld object"),
        pytest.param({"jsonld": "Car.name"}, None, id="json-ld no such type"),
        pytest.param({"microdata": "Recipe.name"}, "Soup", id="microdata"),
        pytest.param({"microdata": "Recipe.nutrition.calories", "type": "integer"}, 240,
                     id="microdata within"),
        pytest.param({"microdata": "Recipe.url"}, "http://www.e.com/soup", id="microdata link"),
        pytest.param({"microdata": "Recipe.when", "type": "date"}, "2026-11-21",
                     id="microdata time"),
        pytest.param({"opengraph": "title"}, "Best shop", id="open graph"),
        pytest.param({"opengraph": "og:title"}, "Best shop", id="open graph, whole name"),
        pytest.param({"opengraph": "product:brand"}, "Acme", id="other property"),
        pytest.param({"jmespath": "title"}, None, id="no json"),
    ],
)  # fmt: skip
def test_sources_of_a_field(spec: dict[str, Any], value: Any) -> None:
    found = field(SHOP, **spec)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a\n  b</p>", "a b"),
        ("<p>a<b>b</b>c</p>", "abc"),
        ("<p>a<br>b</p>", "a b"),
        ("<p><span>51</span><sup>77</sup></p>", "5177"),
        ("<div id=x><p>a</p><p>b</p></div>", "a b"),
        ("<div id=x>a<div>b</div>c<ul><li>d<li>e</ul>f</div>", "a b c d e f"),
        ("<div id=x><span><div>a</div></span>b<i>c</i></div>", "a bc"),
        ("<p>a<!-- no -->b</p>", "ab"),
        ("<p>a<script>no</script>b<style>no</style><template>no</template>c</p>", "abc"),
        ("<p>a<script></script>b</p>", "ab"),
        ("<p>a\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}b</p>", "a b"),
        ("<p>a&amp;b &#8212;</p>", "a&b \N{EM DASH}"),
        ("<p> </p>", None),
        ("<p></p>", None),
        ("<p><!-- no --></p>", None),
        ("<table id=x><tr><td>a<td>b</table>", "a b"),
    ],
)
def test_text_is_what_a_browser_shows_on_one_line(html: str, text: str | None) -> None:
    assert field(html, css="p, #x") == text


def test_rows_hold_the_fields_of_their_element_alone() -> None:
    rows, problems, *_ = extract(
        SHOP,
        rows="article",
        fields={
            "id": {"attr": "data-id", "type": "integer"},
            "title": {"css": "h3 a", "attr": "title"},
            "link": {"css": "h3 a", "attr": "href", "type": "url"},
            "colours": {"css": "li", "many": True},
            "sku": {"regex": r"sku-(\d+)"},
            "again": {"xpath": "//h3/a"},
            "shop": {"opengraph": "title"},
        },
    )

    assert rows == [
        {
            "id": 1,
            "title": "First one",
            "link": "http://www.e.com/a/x",
            "colours": ["red", "blue"],
            "sku": None,
            "again": "First",
            "shop": "Best shop",
        },
        {
            "id": 2,
            "title": "Second",
            "link": "http://www.e.com/y",
            "colours": [],
            "sku": "99",
            "again": "Second",
            "shop": "Best shop",
        },
    ]
    assert problems == []


def problems_of(
    body: str | bytes, kind: str = "text/html", **spec: Any
) -> list[tuple[str | None, str, str | None]]:
    found = extract(body, kind, **spec).problems
    return [(problem["field"], problem["problem"], problem["value"]) for problem in found]


@pytest.mark.parametrize(
    ("spec", "value", "problem"),
    [
        ({"css": "h4", "required": True}, None, ("missing", None)),
        ({"css": "h4", "required": True, "many": True}, [], ("missing", None)),
        ({"css": "h3 a", "type": "number"}, None, ("unreadable", "First")),
        ({"css": "h3 a", "type": "number", "default": 5}, None, ("unreadable", "First")),
        ({"css": "li", "type": "date"}, None, ("unreadable", "red")),
        ({"jsonld": "Organization"}, None,
         ("unreadable", "{'@type': 'Organization', 'name': 'Acme'}")),
        ({"css": "article", "attr": "data-id", "type": "integer", "min": 2}, 1, ("min", "1")),
        ({"css": ".price", "type": "number", "max": 1000}, 1051.77, ("max", "1051.77")),
        ({"css": "time", "attr": "datetime", "type": "date", "min": "2027-01-01"}, "2026-11-21",
         ("min", "2026-11-21")),
        ({"css": "h3 a", "pattern": "[a-z]+"}, "First", ("pattern", "First")),
        ({"css": "h3 a", "enum": ["Second", "Third"]}, "First", ("enum", "First")),
        ({"css": "li", "many": True, "enum": ["red"]}, ["red", "blue"], ("enum", "blue")),
    ],
)  # fmt: skip
def test_a_value_with_a_problem_is_kept_and_the_problem_named(
    spec: dict[str, Any], value: Any, problem: tuple[str, str | None]
) -> None:
    fields = {"x": spec, "there": {"const": 1}, "title": {"css": "title"}}

    [row], _, *_ = extract(SHOP, fields=fields)

    assert row["x"] == value
    assert problems_of(SHOP, fields=fields) == [("x", *problem)]


@pytest.mark.parametrize(
    "spec",
    [
        {"css": ".price", "type": "number", "min": 1051.77, "max": 1051.77},
        {"css": "time", "attr": "datetime", "type": "date", "max": "2026-11-21"},
        {"css": "h3 a", "pattern": "F.*t"},
        {"css": "h3 a", "enum": ["First"]},
        {"css": "h4", "enum": ["First"], "pattern": "x"},
    ],
)
def test_bounds_hold_their_ends_and_miss_no_value(spec: dict[str, Any]) -> None:
    field(SHOP, **spec)


def test_in_lists_what_cannot_be_read_is_left_out() -> None:
    html = "<li>1<li>x<li>3"
    fields = {"x": {"css": "li", "type": "integer", "many": True}}

    assert extract(html, fields=fields).rows == [{"x": [1, 3]}]
    assert problems_of(html, fields=fields) == [("x", "unreadable", "x")]


PRICES = {"title": {"css": "h3"}, "price": {"css": ".price", "type": "number"}}


@pytest.mark.parametrize(
    ("on_problem", "titles", "failure"),
    [
        ("keep", ["First", "Second"], None),
        ("drop", ["First"], None),
        ("fail", [], "price: unreadable"),
    ],
)
def test_what_becomes_of_rows_with_problems(
    on_problem: str, titles: list[str], failure: str | None
) -> None:
    found = extract(SHOP, rows="article", fields=PRICES, on_problem=on_problem)

    assert [row["title"] for row in found.rows] == titles
    assert found.failure == failure
    assert found.problems == [
        {"field": "price", "problem": "unreadable", "value": "sold out sorry"}
    ]


@pytest.mark.parametrize("on_problem", ["keep", "drop", "fail"])
def test_rows_without_problems_are_kept_in_any_case(on_problem: str) -> None:
    found = extract(SHOP, fields={"title": {"css": "title"}}, on_problem=on_problem)

    assert found == Extracted([{"title": "Shop"}], [], [])


@pytest.mark.parametrize(
    "spec",
    [
        {"fields": {"x": {"css": "h4"}}},
        {"fields": {"x": {"css": "h4", "default": "1"}, "y": {"css": "h5", "many": True}}},
        {"rows": "h4", "fields": {"x": {"css": "a"}}},
        {"rows": "article", "fields": {"x": {"css": "h4"}, "y": {"xpath": "//h4"}}},
        {"fields": {"x": {"jmespath": "x"}}, "include": ["page"]},
    ],
)
def test_a_page_that_the_spec_does_not_fit_is_flagged(spec: dict[str, Any]) -> None:
    assert problems_of(SHOP, **spec) == [(None, "no_match", None)]
    assert extract(SHOP, **spec, on_problem="fail").failure == "no_match"


def test_a_const_alone_is_no_match() -> None:
    fields = {"x": {"css": "h4"}, "y": {"any": [{"css": "h5"}, {"const": 1}]}, "z": {"const": 2}}

    assert problems_of(SHOP, fields=fields) == [(None, "no_match", None)]


def test_one_row_of_many_that_fits_is_a_match() -> None:
    assert problems_of(SHOP, rows="article", fields={"x": {"css": "li"}}) == []


# ---- pages that are no HTML

JSON = '{"author": {"name": "Zoë"}, "tags": ["a", "b"], "n": 5, "none": null, "empty": ""}'


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"jmespath": "author.name"}, "Zoë"),
        ({"jmespath": "tags"}, "a"),
        ({"jmespath": "tags", "many": True}, ["a", "b"]),
        ({"jmespath": "tags", "type": "json"}, ["a", "b"]),
        ({"jmespath": "author", "type": "json"}, {"name": "Zoë"}),
        ({"jmespath": "n", "type": "integer"}, 5),
        ({"jmespath": "none"}, None),
        ({"jmespath": "empty"}, None),
        ({"jmespath": "length(n)"}, None),
        ({"jmespath": "author.name", "regex": "^."}, "Z"),
        ({"css": "p"}, None),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html", "text/plain", None])
def test_json_whatever_its_content_type(kind: str | None, spec: dict[str, Any], value: Any) -> None:
    fields = {"x": spec, "name": {"jmespath": "author.name"}}

    for body in (JSON.encode(), b"\xef\xbb\xbf \n" + JSON.encode()):
        [row], problems, *_ = extract(body, kind, fields=fields)
        assert row == {"x": value, "name": "Zoë"}
        assert problems == []


def test_xpath_reads_xml() -> None:
    xml = '<?xml version="1.0" encoding="iso-8859-1"?><a><b c="1">\xe9</b></a>'.encode("latin-1")

    assert field(xml, "application/xml", xpath="/a/b[@c='1']") == "é"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/pdf"])
def test_what_no_source_can_read_has_no_row(kind: str) -> None:
    found = extract(b"x", kind, fields={"x": {"css": "p"}})

    assert found.rows == []
    assert [problem["problem"] for problem in found.problems] == ["no_match"]
    nothing = {"field": None, "problem": "nothing_extracted", "value": kind}
    assert extract(b"x", kind, include=["page"]) == Extracted([], [nothing], [])


def test_what_a_spec_lets_in_is_read_as_what_it_holds() -> None:
    page = b"<!doctype html><title>Lamps</title>"
    xml = b"<?xml version='1.0'?><list><name>Lamps</name></list>"

    assert field(page, "application/octet-stream", css="title") == "Lamps"
    assert field(page, "application/json", css="title") == "Lamps"
    assert field(xml, "application/octet-stream", xpath="//name") == "Lamps"


LINK = {"css": "a", "attr": "href", "type": "url"}


def test_a_link_asks_in_the_encoding_of_its_page() -> None:
    page = '<meta charset=windows-1251><base href="/жук/"><a href="?q=книга">x</a>'.encode("cp1251")
    link = "http://e.com/%D0%B6%D1%83%D0%BA/?q=%EA%ED%E8%E3%E0"

    [row], *_ = extract(page, include=["page"], fields={"x": LINK})

    assert row["x"].endswith(link.removeprefix("http://e.com"))
    assert row["links"] == [row["x"]]
    [row], *_ = extract(page.decode("cp1251").replace("windows-1251", "utf-8"), include=["page"])
    assert row["links"][0].endswith("?q=%D0%BA%D0%BD%D0%B8%D0%B3%D0%B0")


@pytest.mark.parametrize("kind", ["text/html", "application/json", None])
@pytest.mark.parametrize("body", [b"", b" \r\n", b"\xef\xbb\xbf\n", b"\0"])
def test_a_page_without_content_says_so(kind: str | None, body: bytes) -> None:
    empty = {"field": None, "problem": "empty", "value": None}

    assert empty in extract(body, kind, include=["page"]).problems
    assert empty in extract(body, kind, fields={"x": {"css": "p"}}).problems
    assert extract(body, kind, include=["page"], on_problem="fail").failure
    assert empty not in extract(b" x ", kind, include=["page"]).problems


# ---- pages that are traps

EVERYTHING: dict[str, Any] = {
    "fields": {
        "a_css": {"css": "p, div", "many": True},
        "a_html": {"css": "div", "type": "html"},
        "a_xpath": {"xpath": "//div", "many": True},
        "a_jsonld": {"jsonld": "Product.name", "type": "json", "many": True},
        "a_microdata": {"microdata": "name"},
        "a_jmespath": {"jmespath": "a.b", "type": "json"},
        "a_opengraph": {"opengraph": "title"},
        "a_regex": {"regex": "a+b"},
        "a_number": {"css": "p", "type": "number"},
        "a_date": {"css": "p", "type": "date"},
        "a_url": {"css": "a", "attr": "href", "type": "url", "many": True},
        "a_json": {"css": "script", "type": "json"},
    },
    "include": [
        *("meta", "links", "jsonld", "microdata", "page_text", "tables", "feed", "sitemap"),
    ],
}  # fmt: skip
NAMES = {"fields": {**EVERYTHING["fields"]}, "include": ["meta", "links", "page_text", "tables"]}
TRAPS = {
    "empty": b"",
    "white space": b" \n",
    "nulls": b"\0" * 1_000,
    "a null in a tag": b"<p\0 cl\0ass=x>a\0b</p>",
    "invalid utf-8": b"<p>\xff\xfe\xc3</p><a href=\xff>\xed\xa0\x80</a>",
    "half a tag": b"<p",
    "open quote": b"<a href='" + b"x" * 10_000,
    "mixed encodings": "<meta charset=utf-16><p>é</p>".encode("latin-1") + "<p>é</p>".encode(),
    "utf-16": "<p>é</p>".encode("utf-16"),
    "json with half a character": b'{"a": {"b": "\\ud800"}}',
    "json, deep": b'{"a":' * 50_000,
    "json, deep and complete": b"[" * 900 + b"]" * 900,
    "json, long number": b'{"a": {"b": ' + b"9" * 10_000 + b"}}",
    "json, huge number": b'{"a": {"b": 1e999}}',
    "json-ld, deep": b"<script type=application/ld+json>" + b"[" * 100_000 + b"</script>",
    "json-ld, deep and complete": (
        b"<script type=application/ld+json>" + b"[" * 500 + b"]" * 500 + b"</script>"
    ),
    "json-ld, long number": (
        b'<script type=application/ld+json>{"@type":"Product","name":'
        + b"9" * 5_000 + b"}</script>"
    ),
    "items in items": b"<div itemscope itemprop=name>" * 200,
    "tables in tables": b"<table><tr><td rowspan=9 colspan=99999>x" * 300,
    "rowspans": b"<table>" + b"<tr><td rowspan=65534 colspan=1000>x" * 500,
    "a doctype with entities": (
        b'<!DOCTYPE a [<!ENTITY b "x">]><rss><item><title>&b;</title></item>'
    ),
    "elements, nested": b"<div>" * 400 + b"x",
    "inline elements, nested": b"<i>" * 400 + b"x",
    "blocks in inline elements": b"<b><p>" * 50 + b"x",
    "numbers": b"<p>" + b"1,1.1" * 20_000,
    "attributes": b"<p " + b"".join(b"a%d=x " % n for n in range(2_000)) + b">",
    "one of each": SHOP.encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/xml", None])
@pytest.mark.parametrize("body", TRAPS.values(), ids=TRAPS)
def test_no_page_trips_extraction(body: bytes, kind: str | None) -> None:
    for spec in (EVERYTHING, NAMES | {"rows": "div, p", "include": ["page"]}):
        found = extract(body, kind, **spec)

        assert "extraction_failed" not in {problem["problem"] for problem in found.problems}, found
        assert msgspec.json.decode(msgspec.json.encode(found), type=Extracted) is not None


LAMP = {"name": "lamp", "text": "nice \ufffd"}
HALF = rb'{"@type": "Product", "name": "lamp", "text": "nice \ud83d"}'
SCRIPT = b'<script type="application/ld+json">%s</script>'
FEED = b"<rss><item><title>one</title></item><item><title>two %s</title></item></rss>"


@pytest.mark.parametrize(
    ("body", "kind", "source"),
    [
        pytest.param(SCRIPT % HALF, "text/html", {"name": {"jsonld": "Product.name"},
                     "text": {"jsonld": "Product.text"}}, id="JSON-LD"),
        pytest.param(HALF, "application/json", {"name": {"jmespath": "name"},
                     "text": {"jmespath": "text"}}, id="an API"),
        pytest.param(b"<item><name>lamp</name><text>nice &#55357;</text></item>", "text/xml",
                     {"name": {"xpath": "//name"}, "text": {"xpath": "//text"}}, id="XML"),
        pytest.param(b"<item name='lamp' text='nice &#xdc00;'/>", "text/xml",
                     {"name": {"xpath": "//@name"}, "text": {"xpath": "//@text"}},
                     id="an attribute in XML"),
        pytest.param(b"<p title=lamp>nice &#xD83D;", "text/html",
                     {"name": {"css": "p", "attr": "title"}, "text": {"css": "p"}}, id="HTML"),
        pytest.param(b"<p title=lamp>" + HALF, "text/html",
                     {"name": {"xpath": "//p/@title"},
                      "text": {"css": "p", "regex": '"text": "(.*?)"}'}}, id="a script's text"),
    ],
)  # fmt: skip
def test_half_a_character_costs_itself(
    body: bytes, kind: str, source: dict[str, dict[str, str]]
) -> None:
    found = extract(body, kind, fields=source)

    expected = LAMP if b"regex" not in repr(source).encode() else {**LAMP, "text": r"nice \ud83d"}
    assert (found.rows, found.problems) == ([expected], [])


def test_half_a_character_in_ready_made_columns_costs_itself() -> None:
    [row] = extract(SCRIPT % HALF, include=["jsonld"]).rows
    assert row["jsonld"] == [{"@type": "Product", **LAMP}]

    [row] = extract(FEED % b"&#55357;&#56832; &#55357;", "text/xml", include=["feed"]).rows
    assert [entry["title"] for entry in row["feed"]] == ["one", "two \N{GRINNING FACE} \ufffd"]


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"9" * 5_000])
def test_a_number_that_is_none_costs_itself(number: bytes) -> None:
    body = b'{"name": "lamp", "price": %s, "all": {"price": %s}}' % (number, number)

    found = extract(
        body,
        "application/json",
        fields={
            "name": {"jmespath": "name"},
            "price": {"jmespath": "price", "type": "number"},
            "text": {"jmespath": "price"},
            "all": {"jmespath": "all", "type": "json"},
        },
    )

    assert found.rows == [{"name": "lamp", "price": None, "text": None, "all": {"price": None}}]
    assert [(found["field"], found["problem"]) for found in found.problems] == [
        ("price", "unreadable"), ("text", "unreadable"), ("all", "unreadable")
    ]  # fmt: skip


def test_integers_keep_their_digits_beyond_64_bits() -> None:
    assert field(b'{"a": 18446744073709551616}', jmespath="a", type="json") == 2**64


def test_what_is_nested_too_deeply_costs_itself() -> None:
    deep = b'{"@type": "Product", "name": "lamp", "deep": %s1%s}' % (b"[" * 300, b"]" * 300)

    found = extract(SCRIPT % deep, fields={"name": {"jsonld": "Product.name"}})

    assert found.rows == [{"name": "lamp"}]
    assert problems_of(SCRIPT % deep, fields={"name": {"jsonld": "Product.name"}}) == [
        (None, "bad_jsonld", "script 1, nested deeper than 100")
    ]


def test_a_problem_shows_half_a_character_as_one_that_json_can_hold() -> None:
    body = rb'{"price": {"\ud83d": 1}}'

    assert problems_of(body, "application/json", fields={"x": {"jmespath": "price"}}) == [
        ("x", "unreadable", "{'\ufffd': 1}")
    ]


def test_what_is_sent_as_json_comes_back() -> None:
    found = extract(SHOP, **EVERYTHING)

    assert msgspec.json.decode(msgspec.json.encode(found), type=Extracted) == found


def test_a_mistake_of_ours_is_an_outcome_of_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "parse_html", lambda _text: 1 / 0)

    found = extract(SHOP, include=["page"])

    assert found.rows == []
    assert found.problems == [
        {
            "field": None,
            "problem": "extraction_failed",
            "value": "ZeroDivisionError: division by zero",
        }
    ]


@pytest.mark.parametrize("error", [TooComplexError, MemoryError])
def test_what_does_not_fit_is_left_to_the_caller(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(document_module, "parse_html", refuse)

    with pytest.raises(TooComplexError):
        extract(SHOP, fields=PRICES)


# ---- limits


def test_rows_are_limited_in_number() -> None:
    found = extract("<p>x" * (MAX_ROWS + 1), rows="p", fields={"x": {"css": "p"}})

    assert len(found.rows) == MAX_ROWS
    assert found.problems == [
        {"field": None, "problem": "truncated", "value": f"{MAX_ROWS + 1} rows"}
    ]


def test_rows_are_limited_in_bytes() -> None:
    html = f"<p>{'x' * MAX_VALUE}" * 100

    found = extract(html, rows="p", fields={"x": {"css": "p"}})

    assert 0 < len(msgspec.json.encode(found.rows)) <= MAX_ROWS_BYTES + 1_000
    assert [problem["problem"] for problem in found.problems] == ["truncated"]


def test_a_row_is_limited_in_bytes() -> None:
    fields = {f"x{n}": {"css": "p"} for n in range(25)}

    found = extract(f"<p>{'x' * MAX_VALUE}", fields=fields)

    assert found.rows == []
    assert [problem["problem"] for problem in found.problems] == ["row_too_large"]


def test_a_value_is_limited() -> None:
    html = f"<p>{'x' * (MAX_VALUE + 1)}"

    [row], [problem], *_ = extract(html, fields={"x": {"css": "p"}})

    assert len(row["x"]) == MAX_VALUE
    assert problem == {"field": "x", "problem": "truncated", "value": f"{MAX_VALUE + 1}"}


def test_a_list_is_limited() -> None:
    [row], [problem], *_ = extract(
        "<p>x" * (MAX_MANY + 1), fields={"x": {"css": "p", "many": True}}
    )

    assert len(row["x"]) == MAX_MANY
    assert problem["problem"] == "truncated"


def test_problems_are_limited_and_counted() -> None:
    found = extract(
        "<p>" * (MAX_PROBLEMS + 20), rows="p", fields={"x": {"css": "b", "required": True}}
    )

    assert len(found.problems) == MAX_PROBLEMS + 1
    assert found.problems[-1] == {"field": None, "problem": "more_problems", "value": "21"}


def test_texts_of_rows_in_rows_are_limited() -> None:
    """3,000 rows, each of which holds all that follow: 300 MB, if nobody counts."""
    html = f"<div>{'x' * 70}" * 3_000
    found = extract(
        html, rows="div", fields={"x": {"css": "div"}, "y": {"css": "div", "html": True}}
    )

    assert sum(len(row["x"]) for row in found.rows) <= MAX_ROWS_BYTES
    assert "truncated" in {problem["problem"] for problem in found.problems}


# ---- one parse


def test_a_page_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []

    def parse(text: bytes) -> LexborHTMLParser:
        parsed.append(text)
        return LexborHTMLParser(text)

    monkeypatch.setattr(document_module, "parse_html", parse)
    extract(SHOP, rows="article", fields=PRICES, include=["meta", "links", "page_text", "tables"])

    assert len(parsed) == 1

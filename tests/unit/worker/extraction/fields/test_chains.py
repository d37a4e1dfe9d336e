"""Sources that read what other sources find: JSON in HTML, HTML in JSON, any in any."""

import gc
import json
import weakref
from html import escape
from typing import Any

import msgspec
import pytest

from functions.worker.extraction.documents import document as document_module
from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.fields import steps
from functions.worker.extraction.rows import compile_extraction
from functions.worker.extraction.structured import embedded_json
from functions.worker.extraction.structured.embedded_json import read_embedded
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec
from tests.unit.worker.extraction.test_rows import URL, extract, field, problems_of

STATE = {
    "name": "Lamp  Tree",
    "price": 1.299,
    "html": "<p>a &amp; b</p><p>c</p>",
    "text": '{"tags": ["x", "y"]}',
    "list": [{"n": 1}, None, {"n": 3}],
}
PAGE = f"""<!doctype html><html lang="de"><title>Shop</title>
<script id="state" type="application/json">{json.dumps(STATE)}</script>
<script>window.__STATE__ = {{"a": {{"b": "q;  r"}}}};window.other = 1;</script>
<div class="p" data-product="{escape(json.dumps(STATE))}" title="<b>t</b>"><a href="/x">k</a></div>
<div class="p" data-product='{{"name": "Oak"}}'><a href="/y">l</a></div>
<textarea>&lt;i&gt;in a text&lt;/i&gt;</textarea> <template><u class="v">u</u></template>
<script type="application/ld+json">{{"@type": "Product",
 "description": "<ul><li>1</li><li>2</li></ul>", "raw": {{"a": {{"b": 5}}}}}}</script>
<script type="text/x-template"><em>e</em></script>
</html>"""
SCRIPT = {"css": "#state"}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        pytest.param({**SCRIPT, "then": {"jmespath": "name"}}, "Lamp Tree", id="JSON in a script"),
        pytest.param({**SCRIPT, "then": {"jmespath": "name"}, "type": "html"}, "Lamp  Tree",
                     id="as it is"),
        pytest.param({**SCRIPT, "then": {"jmespath": "price"}, "type": "number"}, 1.299,
                     id="a number of JSON"),
        pytest.param({**SCRIPT, "then": {"jmespath": "list[*].n"}, "many": True, "type": "integer"},
                     [1, 3], id="many"),
        pytest.param({**SCRIPT, "then": {"jmespath": "list"}, "type": "json"}, STATE["list"],
                     id="a list as a whole"),
        pytest.param({**SCRIPT, "then": {"jmespath": "list", "then": {"jmespath": "n"}},
                      "many": True, "type": "integer"}, [1, 3], id="each of a list"),
        pytest.param({**SCRIPT, "then": {"jmespath": "html", "then": {"css": "p"}}}, "a & b",
                     id="HTML in JSON"),
        pytest.param({**SCRIPT, "then": {"jmespath": "html", "then": {"xpath": "//p[2]"}}}, "c",
                     id="XPath in JSON"),
        pytest.param({**SCRIPT, "then": {"jmespath": "html", "then": {"regex": ">(c)<"}}}, "c",
                     id="a pattern in JSON"),
        pytest.param({**SCRIPT, "then": {"jmespath": "text", "then": {"jmespath": "tags[1]"}}}, "y",
                     id="JSON in JSON"),
        pytest.param({"css": ".p", "attr": "data-product", "then": {"jmespath": "name"}},
                     "Lamp Tree", id="JSON in an attribute"),
        pytest.param({"css": ".p", "attr": "data-product", "then": {"jmespath": "name"},
                      "many": True}, ["Lamp Tree", "Oak"], id="in each attribute"),
        pytest.param({"css": ".p", "attr": "title", "then": {"css": "b"}}, "t",
                     id="HTML in an attribute"),
        pytest.param({"css": ".p", "then": {"css": "a", "then": {"attr": "href"}}, "type": "url"},
                     "http://www.e.com/x", id="the attribute of an element"),
        pytest.param({"css": ".p", "then": {"css": "a", "attr": "href"}, "many": True},
                     ["/x", "/y"], id="in each element"),
        pytest.param({"css": ".p", "then": {"xpath": "a/@href"}, "many": True}, ["/x", "/y"],
                     id="XPath in an element"),
        pytest.param({"css": ".p", "then": {"regex": 'href="(.*?)"'}}, "/x",
                     id="a pattern in the HTML of an element"),
        pytest.param({"xpath": "//div[2]", "then": {"css": "a"}}, "l", id="CSS behind XPath"),
        pytest.param({"xpath": "//div/@data-product", "then": {"jmespath": "name"}}, "Lamp Tree",
                     id="JSON behind XPath"),
        pytest.param({"xpath": "//script[@id='state']", "then": {"jmespath": "name"}}, "Lamp Tree",
                     id="JSON in a script behind XPath"),
        pytest.param({"regex": r"window\.__STATE__ = (.*);", "then": {"jmespath": "a.b"},
                      "type": "html"}, "q;  r", id="JSON behind a pattern that takes too much"),
        pytest.param({"regex": '({"@type(?s:.*))', "then": {"jmespath": "raw.a.b"},
                      "type": "integer"}, 5, id="JSON behind a pattern that takes all of the page"),
        pytest.param({"css": "script:not([type])", "regex": "= (.*?);window",
                      "then": {"jmespath": "a.b"}, "type": "html"}, "q;  r",
                     id="a pattern in a script"),
        pytest.param({"jsonld": "Product.description", "then": {"css": "li"}, "many": True},
                     ["1", "2"], id="HTML in JSON-LD"),
        pytest.param({"jsonld": "Product.raw", "then": {"jmespath": "a.b"}, "type": "integer"}, 5,
                     id="JMESPath in JSON-LD"),
        pytest.param({"css": "[type='application/ld+json']", "then": {"jsonld": "Product.raw.a.b"},
                      "type": "integer"}, 5, id="JSON-LD of one script"),
        pytest.param({"css": "textarea", "then": {"css": "i"}}, "in a text", id="HTML in a text"),
        pytest.param({"css": "template", "then": {"css": "u.v"}}, "u", id="HTML in a template"),
        pytest.param({"css": "[type='text/x-template']", "then": {"css": "em"}}, "e",
                     id="HTML in a script"),
        pytest.param({"css": "#nope", "then": {"jmespath": "a"}}, None, id="nothing there"),
        pytest.param({"css": "#nope", "then": {"jmespath": "a"}, "many": True}, [],
                     id="many of nothing"),
        pytest.param({**SCRIPT, "then": {"jmespath": "nope", "then": {"css": "p"}}}, None,
                     id="nothing in it"),
        pytest.param({**SCRIPT, "then": {"jmespath": "list[1]", "then": {"css": "p"}}}, None,
                     id="null in between"),
        pytest.param({"any": [{"css": "title", "then": {"jmespath": "a"}}, {"css": "title"}]},
                     "Shop", id="an alternative where there is no JSON"),
    ],
)  # fmt: skip
def test_a_source_reads_what_another_one_finds(source: dict[str, Any], value: Any) -> None:
    assert field(PAGE, **source) == value


FEED = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry>
<content type="html">&lt;p&gt;one &amp;amp; two&lt;/p&gt;</content><x><![CDATA[{"a": "b"}]]></x>
<y><p>three</p></y></entry></feed>"""


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"xpath": "//*[local-name()='content']", "then": {"css": "p"}}, "one & two"),
        ({"xpath": "//*[local-name()='x']", "then": {"jmespath": "a"}}, "b"),
        ({"xpath": "//*[local-name()='y']", "then": {"css": "p"}}, "three"),
    ],
)
def test_html_and_json_in_a_feed_are_read(source: dict[str, Any], value: str) -> None:
    assert field(FEED, "application/atom+xml", **source) == value


API = {
    "cells": "<td>1</td><td>2</td>",
    "row": " <!-- x --> <TR><th>n<td>3",
    "xml": '<?xml version="1.0"?><r><Item>4</Item></r>',
    "entities": "&lt;b&gt;5&lt;/b&gt; &amp; <b>6 &lt;7&gt;</b>",
    "cut": "<b>8",
    "number": 9,
    "empty": "",
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"jmespath": "cells", "then": {"css": "td:nth-child(2)"}}, "2"),
        ({"jmespath": "row", "then": {"css": "th + td"}}, "3"),
        ({"jmespath": "xml", "then": {"xpath": "//Item"}}, "4"),
        ({"jmespath": "entities", "then": {"css": "b"}}, "6 <7>"),
        ({"jmespath": "entities", "then": {"xpath": "string(/)", "then": {"css": "b"}}}, "5"),
        ({"jmespath": "cut", "then": {"css": "b"}}, "8"),
        ({"jmespath": "number", "then": {"regex": ".+"}}, "9"),
        ({"jmespath": "number", "then": {"jmespath": "a"}}, None),
        ({"jmespath": "empty", "then": {"css": "b"}}, None),
        ({"jmespath": "empty", "then": {"jmespath": "a"}}, None),
    ],
)
def test_what_an_api_calls_html_is_read_as_it_stands(source: dict[str, Any], value: Any) -> None:
    assert field(json.dumps(API), "application/json", **source) == value


@pytest.mark.parametrize(
    ("script", "value"),
    [
        pytest.param('{"a": 1, "a": 2}', 2, id="of a name that is there twice the last counts"),
        pytest.param('{"a": 1,} // ours', 1, id="what people write"),
        pytest.param("/* ours */ {'a': 1}", 1, id="comments"),
        pytest.param("{&quot;a&quot;: 1}", 1, id="encoded for an attribute"),
        pytest.param("{&q;a&q;: 1, &q;b&q;: &q;x &a; y&q;}", 1, id="encoded by Angular"),
        pytest.param(json.dumps('{"a": 1}'), 1, id="JSON in a text of JSON"),
        pytest.param('{"a": 1};', 1, id="a statement"),
        pytest.param('\ufeff {"a": 1}\n', 1, id="white space"),
        pytest.param('{"x": NaN, "a": 1}', 1, id="NaN beside it"),
        pytest.param('{"x": "\\ud83d", "a": 1}', 1, id="half a character beside it"),
        pytest.param('{"x": "line\nend", "a": 1}', 1, id="a line end in a text"),
        pytest.param('{"x": ' + '"' + "&" * 1_000_000 + '", "a": 1}', 1, id="1 MB"),
        pytest.param('{"x": ' + "[" * 500 + "]" * 500 + ', "a": 1}', 1, id="nested deeply"),
        pytest.param("", None, id="empty"),
        pytest.param("null", None, id="null"),
        pytest.param("[]", None, id="an empty list"),
    ],
)  # fmt: skip
def test_json_is_read_as_browsers_and_people_mean_it(script: str, value: Any) -> None:
    page = f"<script type=x>{script}</script>"

    assert field(page, css="script", then={"jmespath": "a"}, type="integer") == value


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("window.x = {}", "line 1, column 1: Expecting value, near 'window.x = {}'"),
        ('{"a": 1', "line 1, column 8: Expecting ',' delimiter, near '{\"a\": 1'"),
        ('{"a": undefined}', "line 1, column 7: Expecting value, near '{\"a\": undefined}'"),
        ('{"a": 1} {"a": 2}', "2 values"),
        ('{"a": 1} + f()', "line 1, column 10: Expecting value, near '{\"a\": 1} + f()'"),
        ("// nothing", "0 values"),
        (
            '"{a}"',
            "line 1, column 2: Expecting property name enclosed in double quotes, near '{a}'",
        ),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_a_problem_and_no_value(script: str, why: str) -> None:
    source = {"css": "script", "then": {"jmespath": "a"}, "default": "x"}
    fields = {"x": source, "title": {"css": "title"}}

    [row], *_ = extract(f"<title>t</title><script>{script}</script>", fields=fields)

    assert row == {"x": None, "title": "t"}
    assert problems_of(f"<title>t</title><script>{script}</script>", fields=fields) == [
        ("x", "not_json", why)
    ]


def test_of_many_those_that_can_be_read_remain() -> None:
    html = "".join(f"<i data-x='{text}'></i>" for text in ('{"a": 1}', "{", '{"a": 3}'))
    fields = {"x": {"css": "i", "attr": "data-x", "then": {"jmespath": "a"}, "many": True}}

    assert extract(html, fields=fields).rows == [{"x": ["1", "3"]}]
    assert [problem[:2] for problem in problems_of(html, fields=fields)] == [("x", "not_json")]


def test_an_object_is_no_html() -> None:
    fields = {"x": {"jmespath": "a", "then": {"css": "b"}}, "y": {"jmespath": "c"}}

    [row], problems, *_ = extract('{"a": {"b": 1}, "c": 2}', "application/json", fields=fields)

    assert row == {"x": None, "y": "2"}
    assert problems == [{"field": "x", "problem": "not_text", "value": '{"b":1}'}]


def test_a_nan_is_no_value() -> None:
    fields = {"x": {"css": "i", "then": {"jmespath": "a"}, "type": "number"}}

    assert extract('<i>{"a": NaN}</i>', fields=fields).rows == [{"x": None}]
    assert problems_of('<i>{"a": NaN}</i>', fields=fields) == [("x", "unreadable", "nan")]


def test_fields_behind_one_source_are_of_one_object() -> None:
    """The first element decides for all of them, though it has not all of the values."""
    html = """<i data-x='{"name": "Lamp"}'></i><i data-x='{"name": "Oak", "price": 5}'></i>"""
    source = {"css": "i", "attr": "data-x"}
    fields = {name: {**source, "then": {"jmespath": name}} for name in ("name", "price")}

    assert extract(html, fields=fields).rows == [{"name": "Lamp", "price": None}]


def test_json_ld_in_html_in_json_is_of_one_object() -> None:
    products = [{"@type": "Product", "offers": [{"sku": 1}, {"sku": 2, "price": 3}]}]
    inner = f'<script type="application/ld+json">{json.dumps(products)}</script>'
    fields = {
        name: {"jmespath": "html", "then": {"jsonld": f"Product.offers.{name}"}}
        for name in ("sku", "price")
    }

    [row], *_ = extract(json.dumps({"html": inner}), "application/json", fields=fields)

    assert row == {"sku": "2", "price": "3"}


def texts_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the texts that are read as JSON from now on."""
    texts: list[str] = []

    def read(text: str, document: Document) -> Any:
        texts.append(text)
        return read_embedded(text, document)

    monkeypatch.setattr(steps, "read_embedded", read)
    return texts


def test_one_part_is_opened_once_for_all_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    read = texts_read(monkeypatch)
    fields = {f"f{n}": {**SCRIPT, "then": {"jmespath": "name"}} for n in range(20)}

    [row], *_ = extract(PAGE, rows={"css": "title"}, fields=fields)
    assert set(row.values()) == {None}  # a script is in no title
    extract(PAGE, fields=fields)

    assert len(read) == 1


def test_what_is_beside_the_rows_is_opened_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = texts_read(monkeypatch)
    fields = {"n": {"jmespath": "n"}, "name": {**SCRIPT, "then": {"jmespath": "name"}}}

    found = extract(PAGE, rows={**SCRIPT, "then": {"jmespath": "list"}}, fields=fields)

    assert [row["name"] for row in found.rows] == ["Lamp Tree"] * 3
    assert len(read) == 2


# ---- rows


ITEMS = [
    {"id": 1, "html": "<b class=n>Lamp</b><a href=/1>x</a>"},
    None,
    {"id": 2, "html": None},
    {"id": 3, "html": "<b class=n>Oak</b>", "more": '{"sku": "o-3"}'},
]
LISTED = f"""<h1>All</h1><base href="http://b.example/">
<script id=data>{json.dumps({"items": ITEMS})}</script>"""


def test_objects_in_a_script_are_rows() -> None:
    found = extract(
        LISTED,
        rows={"css": "script#data", "then": {"jmespath": "items[*]"}},
        fields={
            "id": {"jmespath": "id", "type": "integer"},
            "name": {"jmespath": "html", "then": {"css": ".n"}},
            "link": {"jmespath": "html", "then": {"css": "a", "attr": "href"}, "type": "url"},
            "sku": {"jmespath": "more", "then": {"jmespath": "sku"}},
            "shop": {"css": "h1"},
        },
    )

    nothing = {"id": None, "name": None, "link": None, "sku": None, "shop": "All"}
    assert found.rows == [
        {**nothing, "id": 1, "name": "Lamp", "link": "http://b.example/1"},
        {**nothing, "id": 2},
        {**nothing, "id": 3, "name": "Oak", "sku": "o-3"},
    ]
    assert found.problems == []


@pytest.mark.parametrize(
    "rows",
    [
        {"jmespath": "html", "then": {"css": "li"}},
        {"jmespath": "parts", "then": {"css": "li"}},
        {
            "jmespath": "json",
            "then": {"jmespath": "x", "then": {"css": "ul", "then": {"css": "li"}}},
        },
    ],
)
def test_elements_of_html_in_json_are_rows(rows: dict[str, Any]) -> None:
    parts = ["<ul><li id=a><i>1</i></li>", "<ul><li id=b><i>2</i></ul>"]
    data = {"html": "".join(parts), "parts": parts, "json": json.dumps({"x": "".join(parts)})}
    fields = {
        "css": {"css": "i"},
        "xpath": {"xpath": "i/text()"},
        "id": {"attr": "id"},
        "regex": {"regex": "<i>(.)"},
        "page": {"jmespath": "parts[1]", "then": {"css": "i"}},
    }

    found = extract(json.dumps(data), "application/json", rows=rows, fields=fields)

    assert found.rows == [
        {"css": "1", "xpath": "1", "id": "a", "regex": "1", "page": "2"},
        {"css": "2", "xpath": "2", "id": "b", "regex": "2", "page": "2"},
    ]


def test_an_element_is_one_row_wherever_it_is_seen() -> None:
    rows = {"css": "div", "then": {"css": "li"}}

    found = extract("<div><div><li>1</div><li>2</div>", rows=rows, fields={"x": {"css": "li"}})

    assert found.rows == [{"x": "1"}, {"x": "2"}]


def test_json_ld_in_html_in_json_makes_rows() -> None:
    products = [
        {"@type": "Product", "name": "a", "brand": {"@id": "#acme"}},
        {"@type": "Product", "name": "b"},
        {"@id": "#acme", "@type": "Brand", "name": "Acme"},
    ]
    inner = f'<script type="application/ld+json">{json.dumps(products)}</script>'

    found = extract(
        json.dumps({"html": inner}),
        "application/json",
        rows={"jmespath": "html", "then": {"jsonld": "Product"}},
        fields={"name": {"jsonld": "name"}, "brand": {"jsonld": "brand.name"}},
    )

    assert found.rows == [{"name": "a", "brand": "Acme"}, {"name": "b", "brand": None}]


def test_links_in_html_in_a_page_are_relative_to_the_page() -> None:
    inner = '<p itemscope itemtype="https://schema.org/Book"><a itemprop="url" href="1">x</a></p>'
    html = f'<base href="/books/"><i data-x="{escape(inner)}"></i>'
    source = {"css": "i", "attr": "data-x"}

    assert field(html, **source, then={"microdata": "Book.url"}) == "http://www.e.com/books/1"
    assert field(html, **source, then={"css": "a", "attr": "href"}, type="url") == (
        "http://www.e.com/books/1"
    )


def test_rows_as_css_may_be_written_as_other_sources_are() -> None:
    fields = {"x": {"css": "li"}}

    assert extract("<li>1<li>2", rows={"css": "li"}, fields=fields) == extract(
        "<li>1<li>2", rows="li", fields=fields
    )


def test_where_rows_cannot_be_looked_for_the_target_fails_if_it_is_to() -> None:
    html = '<i>{</i><i>[{"a": 1}]</i>'
    rows = {"css": "i", "then": {"jmespath": "@"}}

    found = extract(html, rows=rows, fields={"a": {"jmespath": "a"}})
    failed = extract(html, rows=rows, fields={"a": {"jmespath": "a"}}, on_problem="fail")

    assert found.rows == [{"a": "1"}]
    assert [problem["problem"] for problem in found.problems] == ["not_json"]
    assert failed.failure == "not_json"


# ---- bounds


def extract_in_a_hurry(body: str, **spec: Any) -> None:
    extraction = compile_extraction(msgspec.convert({"extract": spec}, Spec))
    page = FetchedPage(URL, 200, "application/json", None, body.encode())
    extraction.extract(page, token="bot", hurry=lambda: None)


def test_html_that_may_take_long_is_not_read_where_nothing_may() -> None:
    r"""Its tags are written as \u003c, so that nothing is to be seen of it at a glance."""
    body = json.dumps({"a": "<div>" * 60_000}).replace("<", "\\u003c")
    fields = {"x": {"jmespath": "a", "then": {"css": "p"}}}

    with pytest.raises(TooComplexError):
        extract_in_a_hurry(body, fields=fields)


def test_json_that_takes_long_is_not_read_where_nothing_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_json, "_LARGE", 20)
    fields = {"x": {"jmespath": "a", "then": {"jmespath": "b"}}}

    extract_in_a_hurry(json.dumps({"a": '{"b": "strict JSON"}' + " " * 20}), fields=fields)
    with pytest.raises(TooComplexError):
        extract_in_a_hurry(json.dumps({"a": "{'b': 'what people write'}"}), fields=fields)


def test_whoever_is_in_a_hurry_is_asked_for_each_part() -> None:
    body = json.dumps({"a": ["<p>x"] * 50})
    asked = []

    compile_extraction(
        msgspec.convert(
            {"extract": {"fields": {"x": {"jmespath": "a", "then": {"css": "p"}, "many": True}}}},
            Spec,
        )
    ).extract(
        FetchedPage(URL, 200, "application/json", None, body.encode()),
        token="bot",
        hurry=lambda: asked.append(1),
    )

    assert len(asked) > 50


def test_all_parts_of_a_page_have_one_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "MAX_COPIED", 1_000)
    body = json.dumps([{"a": "<p>" + "x" * 300}] * 10)

    found = extract(
        body,
        "application/json",
        rows={"jmespath": "@"},
        fields={"x": {"jmespath": "a", "then": {"css": "p"}}},
    )

    assert len(found.rows) == 3
    assert [problem["problem"] for problem in found.problems] == ["truncated"]


def test_json_that_people_wrote_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.worker.extraction.structured.embedded_json.MAX_LENIENT", 20)
    html = "".join("<i>{'a': 1}</i>" for _ in range(4))
    fields = {"x": {"css": "i", "then": {"jmespath": "a"}, "many": True}}

    assert extract(html, fields=fields).rows == [{"x": ["1", "1"]}]
    assert [problem[1] for problem in problems_of(html, fields=fields)] == ["not_json"] * 2


def test_no_circle_holds_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The garbage collector looks for circles seldom, and pages are large."""
    documents: list[weakref.ref[Document]] = []
    made = Document.__init__

    def make(self: Document, *args: Any, **options: Any) -> None:
        documents.append(weakref.ref(self))
        made(self, *args, **options)

    monkeypatch.setattr(Document, "__init__", make)
    gc.disable()
    try:
        extract(
            LISTED,
            rows={"css": "script#data", "then": {"jmespath": "items"}},
            fields={
                "name": {"jmespath": "html", "then": {"css": ".n"}},
                "all": {"css": "#data", "then": {"jmespath": "items[*].html", "then": {"css": "b"}},
                        "many": True},
            },
        )  # fmt: skip
        left = [document for document in documents if document() is not None]
    finally:
        gc.enable()

    assert len(documents) > 5
    assert left == []

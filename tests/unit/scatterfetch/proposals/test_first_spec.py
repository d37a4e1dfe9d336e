"""A first spec for a page: whatever the page, it is a spec, and it yields rows."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from scatterfetch.demo.books import CATALOGUE, SHOPS, books_of
from scatterfetch.demo.pages import pages_of
from scatterfetch.proposals.columns import MAX_COLUMNS
from scatterfetch.proposals.first_spec import first_spec
from shared.errors import InvalidJobError
from shared.extract_spec import ExtractSpec, RowsSpec

SHOP = SHOPS["alder"]
STARS = ("Zero", "One", "Two", "Three", "Four", "Five")


def page(body: str | bytes, content_type: str = "text/html", path: str = "/") -> FetchedPage:
    text = body if isinstance(body, bytes) else body.encode()
    return FetchedPage(SHOP.origin + path, 200, content_type, "utf-8", text)


def extracted(found: FetchedPage) -> Extracted:
    spec = parse_spec("spec.yaml", first_spec(found).encode())
    return compile_extraction(spec).extract(found, token="")


def uncommented(text: str) -> str:
    """Return the other half of a spec, in place of the first one."""
    lines = text.partition("# Instead")[2].splitlines()[1:]
    return "\n".join(line.removeprefix("# ") for line in lines)


def test_elements_that_look_alike_are_rows() -> None:
    found = extracted(page(pages_of(SHOP)[CATALOGUE[0]], path=CATALOGUE[0]))

    books = books_of(SHOP)[:16]
    assert found.problems == []
    assert [row["title"] for row in found.rows] == [book.title for book in books]
    assert [row["price_color"] for row in found.rows] == [book.cents / 100 for book in books]
    assert [row["star_rating_2"] for row in found.rows] == [STARS[book.stars] for book in books]
    assert [row["link"] for row in found.rows] == [SHOP.origin + book.path for book in books]


def test_a_page_about_one_thing_is_one_row() -> None:
    book = books_of(SHOP)[0]

    [row] = extracted(page(pages_of(SHOP)[book.path], path=book.path)).rows

    assert (row["name"], row["sku"], row["author_name"]) == (book.title, book.upc, book.author)
    assert row["price"] == book.cents / 100


@pytest.mark.parametrize("path", [CATALOGUE[0], books_of(SHOP)[0].path])
def test_what_is_commented_out_is_a_spec_too(path: str) -> None:
    found = page(pages_of(SHOP)[path], path=path)
    spec = parse_spec("spec.yaml", uncommented(first_spec(found)).encode())

    assert compile_extraction(spec).extract(found, token="").rows


@pytest.mark.parametrize(
    ("html", "rows"),
    [
        pytest.param(
            "<table id=t><tr><td>a<td>1<tr><td>b<td>2<tr><td>c<td>3</table>",
            [{"column_1": letter, "column_2": n + 1} for n, letter in enumerate("abc")],
            id="table",
        ),
        pytest.param(
            "<main class=m>" + "".join(f"<section><h2>T{n}</h2></section>" for n in range(3)),
            [{"title": f"T{n}"} for n in range(3)],
            id="no classes",
        ),
        pytest.param(
            "<nav>" + "<li class=x><a href=/a>a</a><a href=/b>b</a>" * 9 + "</nav><h1>x</h1>",
            [{"title": "x"}],
            id="all alike",
        ),
    ],
)
def test_pages_of_all_kinds(html: str, rows: list[dict[str, Any]]) -> None:
    assert extracted(page(html)).rows == rows


def test_a_page_with_nothing_gets_the_ready_made_columns() -> None:
    assert extracted(page("")).rows[0]["title"] is None


def test_values_do_not_break_out_of_their_comments() -> None:
    html = (
        "<h1>x\nfetch: {robots: ignore}</h1>"
        "<meta property='og:a: b}\n c' content='y'><meta property=og:title content='z # \u2028'>"
    )

    spec = parse_spec("spec.yaml", first_spec(page(html)).encode())

    assert spec.fetch.robots == "obey"
    assert set(spec.extract.fields) == {"title", "og_title"}


def spec_of(found: FetchedPage) -> ExtractSpec:
    return parse_spec("spec.yaml", first_spec(found).encode()).extract


def ld(*objects: object) -> str:
    return "".join(
        f'<script type="application/ld+json">{json.dumps(one)}</script>' for one in objects
    )


TEA = {"@type": "Recipe", "name": "Tea", "recipeIngredient": ["leaf", "water"]}


@pytest.mark.parametrize(
    ("recipe", "row"),
    [
        pytest.param(
            {"recipeIngredient": ["leaf"]}, {"recipe_ingredient": ["leaf"]}, id="one of texts"
        ),
        pytest.param(
            {"recipeInstructions": [{"text": "Boil."}, {"text": "Pour."}]},
            {"recipe_instructions_text": ["Boil.", "Pour."]},
            id="objects",
        ),
        pytest.param(
            {"recipeInstructions": ["Boil.", {"@type": "HowToStep", "text": "Pour."}]},
            {"recipe_instructions_text": ["Boil.", "Pour."]},
            id="texts and objects",
        ),
        pytest.param(
            {"step": [{"text": "Boil."}, {"itemListElement": [{"text": "Pour."}]}]},
            {"step_text": ["Boil.", "Pour."]},
            id="steps and sections",
        ),
        pytest.param(
            {"step": [{"name": "A"}, {"name": "B", "image": "/b.png"}]},
            {"step_name": ["A", "B"], "step_image": [f"{SHOP.origin}/b.png"]},
            id="what the second one has",
        ),
        pytest.param(
            {"keywords": {"@list": ["hot", "wet"]}}, {"keywords": ["hot", "wet"]}, id="@list"
        ),
        pytest.param({"author": {"@id": "#zoe"}}, {"author_name": "Zoë"}, id="a reference"),
        pytest.param(
            {"offers": {"name": "x", "price": "1.50", "priceCurrency": "EUR"}},
            {"offers_name": "x", "price": 1.5, "price_currency": "EUR"},
            id="a price has a currency",
        ),
        pytest.param({"offers": {"price": "1.50"}}, {"price": 1.5}, id="a price has none"),
        pytest.param({"offers": {"price": "on request"}}, {"price": "on request"}, id="no price"),
        pytest.param(
            {"datePublished": "2026-03-04", "dateModified": "3/4/2026"},
            {"date_published": "2026-03-04", "date_modified": "3/4/2026"},
            id="a date that can be two",
        ),
        pytest.param(
            {"review": [{"dateCreated": "2026-03-04"}, {"dateCreated": "soon"}]},
            {"review_date_created": ["2026-03-04", "soon"]},
            id="not each value is a date",
        ),
        pytest.param(
            {"sku": 12, "review": {"ratingValue": "4.5"}, "wordCount": "90"},
            {"sku": "12", "word_count": 90, "review_rating_value": 4.5},
            id="numbers and what looks like one",
        ),
        pytest.param(
            {"image": "/a.png", "availability": "https://schema.org/InStock"},
            {"image": f"{SHOP.origin}/a.png", "availability": "https://schema.org/InStock"},
            id="addresses",
        ),
    ],
)
def test_fields_read_what_an_object_says(recipe: dict[str, Any], row: dict[str, Any]) -> None:
    person = {"@type": "Person", "@id": "#zoe", "name": "Zoë"}
    found = extracted(page(ld({"@type": "Recipe", "name": "Tea"} | recipe, person)))

    assert (found.rows, found.problems) == ([{"name": "Tea"} | row], [])


def test_addresses_of_a_vocabulary_are_texts() -> None:
    html = ld(TEA | {"availability": "https://schema.org/InStock", "url": "https://a.example/"})

    fields = spec_of(page(html)).fields

    assert (fields["availability"].type, fields["url"].type) == ("text", "url")


def test_what_the_page_is_about_comes_first_and_nothing_twice() -> None:
    site = [{"@type": kind, "name": kind} for kind in ("WebPage", "Person", "BreadcrumbList")]
    questions = [{"@type": "Question", "name": f"q{n}"} for n in range(3)]
    article = {"@type": "BlogPosting", "headline": "Tea"}
    html = ld({"@graph": [*site, *questions, article, TEA]}, TEA)

    paths = [field.jsonld for field in spec_of(page(html)).fields.values()]

    assert paths == [
        *("Recipe.name", "Recipe.recipeIngredient"),
        *("BlogPosting.headline", "Question.name"),
    ]
    assert extracted(page(html)).rows[0]["question_name"] == ["q0", "q1", "q2"]


def test_an_article_of_two_types_is_said_once() -> None:
    html = ld(*({"@type": kind, "headline": "Tea"} for kind in ("NewsArticle", "Article")))

    assert extracted(page(html)).rows == [{"headline": "Tea"}]


def test_a_type_without_bounds_fits_into_a_spec() -> None:
    many = {f"property{n}": {f"inner{m}": m for m in range(20)} for n in range(20)}
    html = ld({"@type": "Product", "name": "Oak"} | many)

    assert len(spec_of(page(html)).fields) == MAX_COLUMNS
    assert extracted(page(html)).rows[0]["name"] == "Oak"


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([{"@type": "Product", "name": n} for n in "ab"], id="beside each other"),
        pytest.param([[{"@type": "Product", "name": n} for n in "ab"]], id="in a list"),
        pytest.param(
            [{"@graph": [{"@type": "Product", "name": n} for n in "ab"]}], id="in a graph"
        ),
        pytest.param(
            [
                {
                    "@type": "CollectionPage",
                    "mainEntity": {
                        "@type": "ItemList",
                        "itemListElement": [
                            {"@type": "ListItem", "item": {"@type": "Product", "name": n}}
                            for n in "ab"
                        ],
                    },
                }
            ],
            id="in an ItemList",
        ),
    ],
)
def test_several_things_are_rows(objects: list[Any]) -> None:
    assert extracted(page(ld(*objects))).rows == [{"name": "a"}, {"name": "b"}]


def test_places_in_a_list_are_no_breadcrumbs() -> None:
    crumbs, places = (
        [
            {"@type": "ListItem", "position": n, "url": f"https://a.example/{name}{n}"}
            for n in (1, 2)
        ]
        for name in ("crumb", "book")
    )
    found = extracted(
        page(
            ld(
                {"@type": "BreadcrumbList", "itemListElement": crumbs},
                {"@type": "ItemList", "itemListElement": places},
            )
        )
    )

    assert [row["url"] for row in found.rows] == [place["url"] for place in places]


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([TEA, TEA | {"recipeYield": "2"}], id="described twice"),
        pytest.param(
            [{"@type": "Recipe", "name": "Milk"}, TEA | {"url": SHOP.origin + "/"}],
            id="the page's own, and another one",
        ),
        pytest.param(
            [{"@type": "Recipe", "name": "Milk"}, TEA | {"mainEntityOfPage": True}],
            id="the main entity says so",
        ),
        pytest.param(
            [
                {"@type": "Recipe", "name": "Milk"},
                TEA | {"@id": "#tea"},
                {"@type": "WebPage", "mainEntity": {"@id": "#tea"}},
            ],
            id="the page says so",
        ),
    ],
)
def test_one_thing_among_others_is_the_row(objects: list[Any]) -> None:
    [row] = extracted(page(ld(*objects))).rows

    assert row["name"] == "Tea"


ITEM = '<div itemscope itemtype="https://schema.org/Product"><b itemprop=name>{}</b>{}</div>'


def test_microdata_is_proposed_too() -> None:
    price = "<i itemprop=offers itemscope><s itemprop=price content=1.5></s></i>"
    one, several = ITEM.format("Oak", price), ITEM.format("Oak", "") + ITEM.format("Elm", "")

    assert extracted(page(one)).rows == [{"name": "Oak", "price": 1.5}]
    assert extracted(page(several)).rows == [{"name": "Oak"}, {"name": "Elm"}]


def test_microdata_beside_json_ld_of_its_type_is_not_said_again() -> None:
    html = ld({"@type": "Product", "name": "Oak"}) + ITEM.format("Oak", "")

    assert [field.microdata for field in spec_of(page(html)).fields.values()] == [None]


CARDS = "".join(f"<li class=card><a href=/{n}>T{n}</a><b>x{n}</b></li>" for n in range(4))


@pytest.mark.parametrize(
    "furniture",
    [
        "<nav><ul>{}</ul></nav>",
        "<aside><ul>{}</ul></aside>",
        "<div role=navigation><ul>{}</ul></div>",
        "<div class=left-sidebar><ul>{}</ul></div>",
        "<div id=siteFooter><ul>{}</ul></div>",
        "<ul class=breadcrumbs>{}</ul>",
        "<div class='widget widget_recent'><ul>{}</ul></div>",
    ],
)
def test_nothing_is_taken_from_navigation_and_sidebars(furniture: str) -> None:
    aside = furniture.format(CARDS)
    headline = "<h1>Trees</h1>"

    assert extracted(page(aside + headline)).rows == [{"title": "Trees"}]
    rows = extracted(page(f"{aside}<div class='has-sidebar'>{headline}<ul id=u>{CARDS}</ul></div>"))
    assert [row["name"] for row in rows.rows] == ["T0", "T1", "T2", "T3"]


def test_microdata_of_a_sidebar_is_left_out() -> None:
    html = f"<aside>{ITEM.format('Oak', '')}</aside><h1>Trees</h1>"

    assert extracted(page(html)).rows == [{"title": "Trees"}]


def test_open_graph_has_types() -> None:
    properties = {
        "og:type": "article",
        "og:image": "https://a.example/a.png",
        "og:image:width": "600",
        "article:published_time": "2026-03-04T10:00:00Z",
        "product:price:amount": "1.50",
        "product:price:currency": "EUR",
    }
    html = "".join(f"<meta property={name} content='{v}'>" for name, v in properties.items())

    found = extracted(page(html + CARDS))

    assert found.rows == [
        {
            "og_type": "article",
            "og_image": "https://a.example/a.png",
            "og_image_width": 600,
            "article_published_time": "2026-03-04T10:00:00+00:00",
            "product_price_amount": 1.5,
            "product_price_amount_currency": "EUR",
        }
    ]


LINES = "".join(f"<li class=lamp><a href=/{n}>Lamp {n}</a> <b>x{n}</b></li>" for n in range(4))


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        pytest.param([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 2}], id="a list"),
        pytest.param(
            {"shop": {"name": "Alder"}, "books": [{"title": "A"}, {"title": "B"}]},
            [{"title": "A"}, {"title": "B"}],
            id="a list beside what it is of",
        ),
        pytest.param(
            {"data": {"total count": 2, "hits-2": {"edges": [{"node": {"a": "x"}}] * 2}}},
            [{"a": "x"}] * 2,
            id="far inside, by names that need quotes",
        ),
        pytest.param(
            {"id": 7, "title": "A", "vendor": "V", "images": [{"src": "/a"}, {"src": "/b"}]},
            [
                {
                    "id": "7",
                    "title": "A",
                    "vendor": "V",
                    "images_src": [f"{SHOP.origin}/a", f"{SHOP.origin}/b"],
                }
            ],
            id="parts of one thing",
        ),
        pytest.param(
            [
                {"a": 1, "tags": ["x", "y"], "rare": 1},
                {"a": 2, "tags": []},
                {"a": 3, "tags": ["z"]},
            ],
            [{"a": n + 1} for n in range(3)],
            id="what few of them have is left out",
        ),
        pytest.param({"shop": {"name": "Alder"}}, [{"shop_name": "Alder"}], id="no list"),
        pytest.param([{"a": 1}], [{"a": 1}], id="a list of one"),
        pytest.param([1, "x"], [{"value": ["1", "x"]}], id="a list of values alone"),
        pytest.param({"rating": 4, "seats": 4}, [{"rating": 4.0, "seats": 4}], id="whole numbers"),
        pytest.param({"a\x7f\x85": "x"}, [{"a": "x"}], id="a name that is not printable"),
        pytest.param({"sizes": [1, 2]}, [{"sizes": [1, 2]}], id="a list of numbers"),
        pytest.param(
            {"x" * 2_000: [{"a": 1}, {"a": 2}], "b": 3}, [{"b": 3}], id="a name beyond all bounds"
        ),
        pytest.param(
            {"total": 3, "lamps": {f"l-{n}": {"id": n, "name": f"L{n}"} for n in range(3)}},
            [{"id": f"{n}", "name": f"L{n}"} for n in range(3)],
            id="objects by their ids",
        ),
        pytest.param(
            {n: {"id": n, "name": "L"} for n in "abc"},
            [{"id": n, "name": "L"} for n in "abc"],
            id="nothing but objects by their ids",
        ),
        pytest.param(
            {"a": {"x": 1, "y": 2}, "b": {"x": 3, "z": 4}, "c": {"x": 5}},
            [{"a_x": 1, "a_y": 2, "b_x": 3, "b_z": 4, "c_x": 5}],
            id="objects of several kinds",
        ),
        pytest.param(
            [{"id": n, "about": f"<p>R&amp;B <b>{n}</b></p>"} for n in range(2)],
            [{"id": f"{n}", "about": f"R&B {n}"} for n in range(2)],
            id="texts with tags",
        ),
        pytest.param(
            {"total": 3, "page": {"html": f"<ul>{LINES}</ul>"}},
            [{"link": f"{SHOP.origin}/{n}", "name": f"Lamp {n}", "b": f"x{n}"} for n in range(4)],
            id="HTML in it",
        ),
    ],
)
def test_json_is_rows_or_one(body: object, rows: list[dict[str, Any]]) -> None:
    found = extracted(page(json.dumps(body), "application/json"))

    assert (found.rows, found.problems) == (rows, [])


JSON = "application/json"
LAMPS = json.dumps({"props": {"lamps": [{"id": n, "name": f"L{n}"} for n in range(3)]}})


@pytest.mark.parametrize(
    ("html", "css"),
    [
        (f"<script id=state type={JSON}>{LAMPS}</script>", "script#state"),
        (f"<script type={JSON}>{LAMPS}</script>", 'script[type="application/json"]'),
        (
            f"<script id=a type={JSON}>{{</script><script id=b type={JSON}>{LAMPS}</script>",
            "script#b",
        ),
    ],
)
def test_objects_in_a_script_are_the_rows_of_an_empty_shell(html: str, css: str) -> None:
    shell = page(f"<!doctype html><div id=app></div>{html}")

    spec = parse_spec("spec.yaml", first_spec(shell).encode())

    assert isinstance(spec.extract.rows, RowsSpec)
    assert spec.extract.rows.css == css
    assert extracted(shell).rows == [{"id": f"{n}", "name": f"L{n}"} for n in range(3)]


def test_objects_in_a_script_are_proposed_behind_what_the_page_shows() -> None:
    text = first_spec(page(f"<ul>{LINES}</ul><script id=s type=application/json>{LAMPS}</script>"))

    assert "\n  rows: li.lamp" in text
    assert '\n#   rows: {css: "script#s", then: {jmespath: props.lamps}}' in text


def test_feeds_and_sitemaps_have_their_columns() -> None:
    rss = (
        "<rss><channel><item><title>A</title><link>https://a.example/</link></item></channel></rss>"
    )
    sitemap = "<urlset><url><loc>https://a.example/</loc></url></urlset>"

    assert spec_of(page(rss, "application/rss+xml")).include == ("feed",)
    assert spec_of(page(rss)).include == ("feed",)
    assert spec_of(page(sitemap, "application/xml")).include == ("sitemap",)


def test_other_xml_is_read_by_its_elements() -> None:
    book = "<book><g:title>{}</g:title></book>"
    xml = f"<shop xmlns:g='urn:g'>{book.format('A')}{book.format('B')}</shop>"

    assert extracted(page(xml, "text/xml")).rows == [{"book_title": ["A", "B"]}]


def test_elements_of_two_namespaces_are_one_path() -> None:
    xml = "<a xmlns:g='urn:g' xmlns:h='urn:h'><g:b>1</g:b><h:b>2</h:b></a>"

    assert extracted(page(xml, "text/xml")).rows == [{"a_b": ["1", "2"]}]


@pytest.mark.parametrize(
    ("body", "kind"), [(b"%PDF-1.4", "application/pdf"), (b"[]", "application/json")]
)
def test_a_page_of_which_a_spec_takes_nothing_is_said(body: bytes, kind: str) -> None:
    with pytest.raises(InvalidJobError, match=f"is {kind}, and nothing was found in it"):
        first_spec(page(body, kind))


PIECES = [
    *(
        "<ul class=a>",
        "<li>",
        "<li class='b c'>",
        "<a href=/x>",
        "<p:q>",
        "<td>",
        "<table>",
        "</a>",
    ),
    *("</li>", "</ul>", "text", "1", "<b title=t>", "<svg>", "<h2>", "\n", "<time datetime=2026>"),
]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_whatever_the_page_there_is_a_spec(pieces: list[str]) -> None:
    found = page("".join(pieces))

    assert extracted(found).rows, first_spec(found)


WORDS = st.one_of(
    st.sampled_from(["@type", "@id", "@graph", "name", "price", "url", "itemListElement", "text"]),
    st.text(max_size=4),
)
DATA = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["Product", "Recipe", "WebPage", "1.50", "2026-03-04", "/a"]),
        st.text(max_size=4),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=200)
@given(DATA)
def test_whatever_the_data_there_is_a_spec(data: Any) -> None:
    found = extracted(page(ld(data)))

    assert found.rows
    assert [problem for problem in found.problems if problem["field"]] == []


@settings(max_examples=200)
@given(DATA)
def test_whatever_the_json_there_is_a_spec_or_nothing_in_it(data: Any) -> None:
    answer = page(json.dumps(data), "application/json")
    try:
        found = extracted(answer)
    except InvalidJobError as error:
        assert "nothing was found in it" in str(error)  # noqa: PT017 -- either is right
    else:
        assert found.rows
        assert found.problems == []

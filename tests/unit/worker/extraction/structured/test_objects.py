"""Rows hold the values of one object, wherever in the page's data these are."""

import json
from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

URL = "https://www.e.com/lamps/oak?from=list"


def extract(body: str, kind: str = "text/html", **spec: Any) -> Extracted:
    extraction = compile_extraction(msgspec.convert({"extract": spec}, Spec))
    return extraction.extract(FetchedPage(URL, 200, kind, None, body.encode()), token="bot")


def scripts(*data: Any) -> str:
    return "".join(
        f'<script type="application/ld+json">{json.dumps(value)}</script>' for value in data
    )


def row(html: str, **fields: Any) -> dict[str, Any]:
    """Return the row of a page; a text stands for a path into JSON-LD."""
    found = extract(
        html,
        fields={
            name: {"jsonld": field} if isinstance(field, str) else field
            for name, field in fields.items()
        },
    )
    assert [problem for problem in found.problems if problem["problem"] != "no_match"] == []
    [values] = found.rows
    return values


def many(path: str, **more: Any) -> dict[str, Any]:
    return {"jsonld": path, "many": True, **more}


def product(name: str | None, price: Any = None, **more: Any) -> dict[str, Any]:
    offers = {} if price is None else {"offers": {"@type": "Offer", "price": price}}
    return {"@type": "Product"} | ({} if name is None else {"name": name}) | offers | more


OAK, ELM = product("Oak", 5), product("Elm", 7)
HERE = "/lamps/oak"
NAME_AND_PRICE = {"name": "Product.name", "price": "Product.offers.price"}

# ---- time

FIELDS = {f"x{number}": {"jsonld": f"Product.offers.x{number}"} for number in range(50)}


@pytest.mark.parametrize(
    ("data", "spec"),
    [
        pytest.param(product("Oak", offers=[{"x0": 1}] * 500), {}, id="elements of a list"),
        pytest.param(
            product("Oak", offers=[{"x0": list(range(500))}]),
            {
                "fields": {
                    "y": {"jsonld": "Product.offers.x0.y"},
                    "z": {"jsonld": "Product.offers.x0.z"},
                }
            },
            id="elements that are texts",
        ),
        pytest.param(
            [product("Oak", offers=[{"x0": 1}] * 10)] * 50,
            {"rows": {"jsonld": "Product"}},
            id="rows",
        ),
        pytest.param(
            [{"@id": "#o", "y": [{"x0": 1}] * 500}, product("Oak", offers={"@id": "#o"})],
            {
                "fields": {
                    "y": {"jsonld": "Product.offers.y.x0"},
                    "z": {"jsonld": "Product.offers.y.x1"},
                }
            },
            id="by reference",
        ),
    ],
)
def test_a_choice_among_many_elements_can_be_broken_off(data: Any, spec: dict[str, Any]) -> None:
    """Of 90 fields of 8,000 offers it took 13 seconds, and nobody else had a turn."""
    extraction = compile_extraction(msgspec.convert({"extract": {"fields": FIELDS, **spec}}, Spec))
    page = FetchedPage(URL, 200, "text/html", None, scripts(data).encode())
    calls = []

    extraction.extract(page, token="bot", hurry=lambda: calls.append(1))

    assert len(calls) >= 500


def test_an_object_of_many_types_takes_time_linear_in_them() -> None:
    """Quadratic time would take minutes for this."""
    data = [{"@id": "#a", "@type": ["Product", f"T{number}"]} for number in range(20_000)]

    assert row(scripts([*data, {"@id": "#a", "name": "Oak"}]), name="T19999.name") == {
        "name": "Oak"
    }


def test_objects_of_a_type_in_each_other_take_time_linear_in_them() -> None:
    """Quadratic time would take minutes for this."""
    chain = ELM
    for _ in range(90):
        chain = {"@type": "Product", "part": chain}
    fields = {f"x{number}": f"Product.x{number}" for number in range(50)}

    found = row(scripts(OAK, *[chain] * 600), name="Product.name", **fields, nothing="Offer.price")

    assert found["name"] == "Oak"


# ---- one object


@pytest.mark.parametrize(
    ("data", "values"),
    [
        pytest.param([product("Oak"), ELM], ("Oak", None), id="the first, though it has less"),
        pytest.param([product(None, 5), ELM], (None, "5"), id="the first, whatever it lacks"),
        pytest.param([[product("Oak")], {"@graph": [ELM]}], ("Oak", None), id="of all scripts"),
        pytest.param([product("Oak", isRelatedTo=[ELM])], ("Oak", None), id="and what is in it"),
        pytest.param([{"@type": "Product", "@id": "#x"}, OAK, ELM], ("Oak", "5"),
                     id="no object that has only a name"),
    ],
)  # fmt: skip
def test_fields_of_a_type_are_read_from_one_object(data: Any, values: tuple[Any, Any]) -> None:
    assert tuple(row(scripts(*data), **NAME_AND_PRICE).values()) == values


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([OAK, {"@type": "ItemPage", "mainEntity": ELM}], id="mainEntity"),
        pytest.param([OAK, {"@type": "WebPage", "mainEntity": {"@id": "#e"}},
                      product("Elm", 7, **{"@id": "#e"})], id="mainEntity by reference"),
        pytest.param([OAK, product("Elm", 7, mainEntityOfPage=True)], id="mainEntityOfPage"),
        pytest.param([product("Oak", 5, mainEntityOfPage="https://e.com/other"),
                      product("Elm", 7, mainEntityOfPage="http://e.com/lamps/oak/#page")],
                     id="mainEntityOfPage, of this page"),
        pytest.param([OAK, product("Elm", 7, mainEntityOfPage={"@type": "WebPage", "@id": HERE})],
                     id="mainEntityOfPage, an object"),
        pytest.param([product("Oak", 5, url="https://e.com/other"), product("Elm", 7, url=HERE)],
                     id="its own address"),
        pytest.param([product("Oak", 5, url=HERE), product("Elm", 7, mainEntityOfPage=True)],
                     id="what the page says before what follows from addresses"),
    ],
)  # fmt: skip
def test_the_main_entity_of_the_page_goes_before_the_first(data: Any) -> None:
    canonical = '<link rel="canonical" href="https://e.com/lamps/oak">'

    assert row(canonical + scripts(*data), **NAME_AND_PRICE) == {"name": "Elm", "price": "7"}


def test_a_type_in_another_is_read_from_the_object_that_was_chosen() -> None:
    shop = {"@type": "Store", "makesOffer": {"@type": "Offer", "price": 1}}
    fields = {"name": "Product.name", "price": "Offer.price"}

    assert row(scripts(shop, OAK, ELM), **fields) == {"name": "Oak", "price": "5"}
    assert row(scripts(product("Ash"), ELM), **fields) == {"name": "Ash", "price": None}


def test_many_takes_all_of_the_object_or_where_nothing_is_bound_of_all_objects() -> None:
    html = scripts(product("Oak", tags=["a", "b"]), product("Elm", tags=["c"]))

    assert row(html, names=many("Product.name"), tags=many("Product.tags")) == {
        "names": ["Oak", "Elm"],
        "tags": ["a", "b", "c"],
    }
    assert row(html, name="Product.name", tags=many("Product.tags")) == {
        "name": "Oak",
        "tags": ["a", "b"],
    }


def test_properties_without_a_type_are_read_from_the_object_that_has_most_of_them() -> None:
    html = scripts({"@type": "WebSite", "name": "Shop", "url": "/"}, product("Oak", sku="7"), ELM)

    assert row(html, name="name", sku="sku") == {"name": "Oak", "sku": "7"}
    assert row(html, name="name") == {"name": "Shop"}
    assert row(html, names=many("name")) == {"names": ["Shop", "Oak", "Elm"]}


def test_a_property_may_have_the_name_of_a_type() -> None:
    html = scripts({"@type": "Brand", "name": "No"}, product("Oak", brand={"name": "Yes"}))

    assert row(html, brand="brand.name") == {"brand": "Yes"}
    assert row(html, brand="Brand.name") == {"brand": "No"}
    assert row(html, brand="product.brand.name") == {"brand": "Yes"}


@pytest.mark.parametrize(
    "name",
    ["Product", "product", "schema:Product", "https://schema.org/Product", "http://schema.org/Product/",
     "https://schema.org#Product", "#PRODUCT", ["Thing", "Product"], [None, 5, "Product"]],
)  # fmt: skip
def test_types_compare_in_all_their_forms(name: Any) -> None:
    assert row(scripts(OAK | {"@type": name}), name="Product.name") == {"name": "Oak"}


def test_properties_may_have_the_prefix_of_their_vocabulary() -> None:
    html = scripts({"@type": "schema:Product", "schema:name": "Oak", "http://schema.org/sku": 7})

    assert row(html, name="Product.name", sku="Product.sku") == {"name": "Oak", "sku": "7"}


# ---- one element of a list


def reviews(*pairs: tuple[str | None, int | None]) -> list[dict[str, Any]]:
    return [
        {"@type": "Review"}
        | ({} if author is None else {"author": {"name": author}})
        | ({} if rate is None else {"reviewRating": {"ratingValue": rate}})
        for author, rate in pairs
    ]


OFFERS = [
    {"@type": "Offer", "sku": "a1"},
    {"@type": "Offer", "price": 2, "priceCurrency": "USD", "name": "Two"},
    {"@type": "Offer", "price": 3, "priceCurrency": "EUR", "name": "Three", "sku": "c3"},
]


PRODUCTS: dict[str, Any] = {"rows": {"jsonld": "Product"}}


@pytest.mark.parametrize("is_row", [False, True])
@pytest.mark.parametrize(
    ("data", "paths", "values"),
    [
        pytest.param({"offers": [{"name": "One"}, {"sku": "b2"}]}, ["offers.name", "offers.sku"],
                     ["One", None], id="the first of those that have as much"),
        pytest.param({"offers": OFFERS}, ["offers.price", "offers.name"], ["2", "Two"],
                     id="the first that has all"),
        pytest.param({"offers": OFFERS}, ["offers.name", "offers.sku"], ["Three", "c3"],
                     id="the one that has most"),
        pytest.param({"review": reviews(("Ann", None), ("Bob", 1))},
                     ["review.author.name", "review.reviewRating.ratingValue"], ["Bob", "1"],
                     id="further down"),
        pytest.param({"review": reviews((None, 4), ("Bob", None))},
                     ["review.author.name", "review.reviewRating.ratingValue"], [None, "4"],
                     id="further down, half of it"),
        pytest.param({"x": [{"y": [{"a": 1}, {"b": 2}]}, {"y": [{"b": 3}, {"a": 4, "b": 5}]}]},
                     ["x.y.a", "x.y.b"], ["1", None], id="lists in lists"),
        pytest.param({"author": ["Zoe", {"name": "Max", "url": "/max"}]},
                     ["author.name", "author.url"], ["Max", "/max"], id="texts among objects"),
        pytest.param({"image": ["https://e.com/a.jpg", {"url": "/b.jpg", "width": 5}]},
                     ["image.url", "image.width"], ["/b.jpg", "5"], id="addresses among objects"),
        pytest.param({"offers": [{"@list": [{"name": ""}, {"name": "B", "sku": 2}]}]},
                     ["offers.name", "offers.sku"], ["B", "2"], id="an empty text is nothing"),
        pytest.param({"offers": OFFERS}, ["offers.price"], ["2"], id="one field alone"),
        pytest.param({"offers": {"@type": "AggregateOffer", "lowPrice": 1, "offers": OFFERS}},
                     ["offers.lowPrice", "offers.offers.sku", "offers.offers.price"],
                     ["1", "c3", "3"], id="offers in an offer"),
    ],
)  # fmt: skip
def test_of_a_list_all_fields_are_read_from_one_element(
    data: dict[str, Any], paths: list[str], values: list[str | None], is_row: bool
) -> None:
    html = scripts({"@type": "Product"} | data)
    fields = {path.replace(".", "_").lower(): {"jsonld": f"Product.{path}"} for path in paths}

    found = extract(html, fields=fields, **(PRODUCTS if is_row else {}))

    assert list(found.rows[0].values()) == values


FIRST, WIDE = "https://e.com/1.png", {"@type": "ImageObject", "width": 5}
IMAGE: dict[str, Any] = {"jsonld": "Product.image", "type": "url"}
WIDTH: dict[str, Any] = {"jsonld": "Product.image.width", "type": "integer"}


@pytest.mark.parametrize(
    ("images", "fields", "values"),
    [
        pytest.param([FIRST, WIDE], {}, [FIRST, None], id="a url field takes no object"),
        pytest.param([WIDE, FIRST], {}, [FIRST, None], id="what can be read goes before"),
        pytest.param(
            [FIRST, WIDE], {"x": {"jsonld": "Product.image"}}, [FIRST, None], id="nor text"
        ),
        pytest.param(
            [FIRST, WIDE], {"x": IMAGE | {"type": "json"}}, [WIDE, 5], id="json takes one"
        ),
        pytest.param(
            [FIRST, {"url": "/2.png", "width": 7}],
            {
                "x": {
                    "type": "url",
                    "any": [{"jsonld": "Product.image"}, {"jsonld": "Product.image.url"}],
                }
            },
            ["https://www.e.com/2.png", 7],
            id="another path finds what it takes",
        ),
        pytest.param(
            [{"name": {"@type": "Thing"}, "width": 5}, {"name": "Two", "width": 7}],
            {"x": {"jsonld": "Product.image.name"}},
            ["Two", 7],
            id="an object further down",
        ),
    ],
)
def test_an_element_counts_for_a_field_that_can_read_it(
    images: list[Any], fields: dict[str, Any], values: list[Any]
) -> None:
    found = row(scripts(product("Oak", image=images)), **({"x": IMAGE, "width": WIDTH} | fields))

    assert list(found.values()) == values


def test_in_rows_a_path_with_and_one_without_its_type_are_read_from_one_element() -> None:
    html = scripts(product("Oak", offers=OFFERS), product("Elm", offers=OFFERS[1]))

    found = extract(
        html,
        rows={"jsonld": "Product"},
        fields={"a": {"jsonld": "Product.offers.name"}, "b": {"jsonld": "offers.sku"}},
    )

    assert found.rows == [{"a": "Three", "b": "c3"}, {"a": "Two", "b": None}]


def test_the_object_of_a_type_is_the_element_too() -> None:
    html = scripts(product("Oak", offers=OFFERS))

    assert row(html, price="Product.offers.price", sku="Offer.sku") == {"price": None, "sku": "a1"}


def test_alternatives_of_one_field_may_be_in_different_elements() -> None:
    html = scripts(product("Oak", offers=[{"lowPrice": 1}, {"price": 5, "sku": 2}]))
    either = {"any": [{"jsonld": f"Product.offers.{name}"} for name in ("price", "lowPrice")]}

    assert row(html, x=either) == {"x": "5"}
    assert row(html, x=either, sku="Product.offers.sku") == {"x": "5", "sku": "2"}


def test_of_a_list_in_microdata_too_one_element_is_read() -> None:
    offer = "<i itemprop=offers itemscope><b itemprop={}>x</b>{}</i>"
    html = (
        "<p itemscope itemtype=Product>"
        + offer.format("name", "")
        + offer.format("sku", "<b itemprop=name>Two</b>")
        + "</p>"
    )

    assert row(
        html, name={"microdata": "Product.offers.name"}, sku={"microdata": "Product.offers.sku"}
    ) == {"name": "Two", "sku": "x"}


def test_a_long_list_of_which_none_has_all_is_read_once_for_all_fields() -> None:
    items = [{"n": number} for number in range(20_000)]
    fields = {f"f{n}": f"A.x.{'n' if n else 'm'}" for n in range(20)}

    assert row(scripts({"@type": "A", "x": items}), **fields)["f1"] == "0"


@pytest.mark.parametrize("is_row", [False, True])
@pytest.mark.parametrize(
    ("offers", "price", "currency"),
    [
        pytest.param([{"priceCurrency": "EUR"}, {"price": 2, "priceCurrency": "USD"}], 2, "USD",
                     id="the currency is in the first one too"),
        pytest.param([{"price": 1}, {"price": 2, "priceCurrency": "USD"},
                      {"priceCurrency": "EUR"}], 1, None, id="only others have one"),
        pytest.param([{"price": "", "priceCurrency": "EUR"}, {"price": "2", "currency": "USD"}],
                     2, "USD", id="an empty price"),
        pytest.param([[{"priceCurrency": "EUR"}], [{"price": {"@value": 2},
                      "priceCurrency": {"@value": "USD"}}]], 2, "USD", id="lists and values"),
        pytest.param([{"price": "2&#46;5", "priceCurrency": "USD"}, {"priceCurrency": "EUR"}],
                     2.5, "USD", id="an entity"),
    ],
)  # fmt: skip
def test_a_currency_is_that_of_the_object_that_has_the_price(
    offers: Any, price: float, currency: str | None, is_row: bool
) -> None:
    html = scripts(product("Oak", offers=offers))

    found = extract(
        html,
        fields={"x": {"jsonld": "Product.offers.price", "type": "price"}},
        **(PRODUCTS if is_row else {}),
    )

    assert found.rows == [{"x": price, "x_currency": currency}]


def test_currencies_of_many_prices_are_those_of_their_objects() -> None:
    offers: list[dict[str, Any]] = [
        {"price": 1},
        {"price": 3, "priceCurrency": "USD"},
        {"lowPrice": 4, "priceCurrency": "EUR"},
        {"priceCurrency": "GBP"},
    ]
    html = scripts(product("Oak", offers=[{"price": ""}, *offers]))
    paths = [{"jsonld": f"Product.offers.{name}"} for name in ("price", "lowPrice")]

    assert row(html, x=many("Product.offers.price", type="price")) == {
        "x": [None, 1.0, 3.0],
        "x_currency": [None, None, "USD"],
    }
    html = scripts(product("Oak", offers=offers))
    assert row(html, x={"any": paths, "many": True, "type": "price"}) == {
        "x": [1.0, 3.0, 4.0],
        "x_currency": [None, "USD", "EUR"],
    }


# ---- references


ZOE = {"@type": "Person", "@id": "#zoe", "name": "Zoe", "url": "/zoe"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param([{"@graph": [{"@type": "Article", "author": {"@id": "#zoe"}}, ZOE]}],
                     id="in a graph"),
        pytest.param([ZOE, {"@type": "Article", "author": [{"@id": "#zoe"}]}], id="in a list"),
        pytest.param([{"@type": "Article", "author": {"@id": "#zoe"}}, [[ZOE]]],
                     id="across scripts"),
        pytest.param([{"@type": "Article", "author": {"@id": "https://www.e.com/lamps/oak?from=list#zoe"}},
                      ZOE], id="absolute and relative"),
        pytest.param([{"@type": "Article", "author": {"@type": "Person", "@id": "#zoe"}}, ZOE],
                     id="with a type"),
        pytest.param([{"@type": "Article", "author": {"@id": "#zoe", "name": "Zoe"}}, ZOE],
                     id="half of it here"),
        pytest.param([{"@type": "Article", "author": "https://e.com/#z"},
                      ZOE | {"@id": "https://e.com/#z"}], id="as a text"),
        pytest.param([{"@type": "Article", "publisher": ZOE, "author": {"@id": "#zoe"}}],
                     id="within another property"),
        pytest.param([{"@type": "Article", "author": {"@id": "#zoe"}},
                      {"@type": "WebPage", "@id": "#zoe", "title": "x"}, ZOE][::2],
                     id="the one that has more"),
    ],
)  # fmt: skip
def test_what_has_only_an_id_is_the_object_of_that_id(data: Any) -> None:
    fields = {"name": "Article.author.name", "url": "Article.author.url"}

    assert row(scripts(*data), **fields) == {"name": "Zoe", "url": "/zoe"}


def test_objects_that_contradict_each_other_are_two_though_they_have_one_id() -> None:
    html = scripts(product("Oak", **{"@id": "#p"}), product("Elm", 7, **{"@id": "#p"}))
    page = {"@type": "WebPage", "@id": URL, "description": "all"}

    assert row(html, **NAME_AND_PRICE) == {"name": "Oak", "price": None}
    assert row(scripts(page, product("Oak", **{"@id": URL})), d="Product.description") == {
        "d": None
    }


def test_a_reference_to_nothing_is_no_text() -> None:
    found = extract(
        scripts({"@type": "Article", "author": {"@id": "#nobody"}}),
        fields={
            "author": {"any": [{"jsonld": "Article.author.name"}, {"jsonld": "Article.author"}]}
        },
    )

    assert found.rows == [{"author": None}]
    assert [problem["problem"] for problem in found.problems] == ["unreadable"]


def test_references_in_a_circle_and_in_all_directions_come_to_an_end() -> None:
    names = [{"@id": f"#{n}"} for n in range(50)]
    nodes = [{"@type": "A", "n": n, "a": [names[(n + 1) % 50]] * 2} | names[n] for n in range(50)]
    path = "A" + ".a" * 200 + ".n"

    assert row(scripts(*nodes), n=path, all=many(path)) == {"n": "0", "all": [str(0)]}
    assert len(row(scripts(*nodes), all=many("A.a.n"))["all"]) == 50


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"@type": "Duration", "@value": "PT9M"}, "PT9M"),
        ([{"@value": "a", "@language": "de"}, {"@value": "b", "@language": "en"}], "a"),
        ({"@list": ["a", "b"]}, "a"),
        ({"@set": [{"@value": "a"}]}, "a"),
        ({"@value": 5}, "5"),
    ],
)
def test_values_are_taken_out_of_their_objects(value: Any, text: str) -> None:
    assert row(scripts({"@type": "A", "x": value}), x="A.x") == {"x": text}


# ---- lists of texts and objects


def test_lists_that_mix_texts_and_objects_lose_nothing() -> None:
    parts = ["Wait.", {"itemListElement": [{"text": "Sit."}, "Sing."]}, {"text": "Sleep."}]
    steps = [
        {"@type": "HowToStep", "text": "Oil."},
        "Light.",
        {"@type": "HowToSection", "name": "End", "itemListElement": parts},
    ]
    html = scripts({"@type": "HowTo", "step": steps, "author": ["Zoe", {"name": "Max"}]})
    inside = ["step.itemListElement.itemListElement", "step.itemListElement", "step"]
    paths = [f"HowTo.{path}.text" for path in inside]
    either = {"any": [{"jsonld": path} for path in paths], "many": True}

    assert row(html, steps=either) == {
        "steps": ["Oil.", "Light.", "Wait.", "Sit.", "Sing.", "Sleep."]
    }
    assert row(html, names=many("HowTo.author.name")) == {"names": ["Zoe", "Max"]}


def test_of_each_element_the_first_alternative_counts_and_what_is_left_over_is_said() -> None:
    images = [
        "/a.jpg",
        {"contentUrl": "/b.jpg"},
        {"url": "/c.jpg", "contentUrl": "/no.jpg"},
        {"width": 5},
    ]
    paths = ["A.image.url", "A.image.contentUrl", "A.image"]

    found = extract(
        scripts({"@type": "A", "image": images}),
        fields={"x": {"any": [{"jsonld": p} for p in paths], "many": True, "type": "url"}},
    )

    assert found.rows == [{"x": [f"https://www.e.com/{name}.jpg" for name in "abc"]}]
    assert found.problems == [{"field": "x", "problem": "unreadable", "value": "{'width': 5}"}]


def test_nought_and_false_are_values_too() -> None:
    html = scripts({"@type": "A", "x": [{"n": 0, "m": 7}, {"m": 5}]})
    either = {"any": [{"jsonld": "A.x.n"}, {"jsonld": "A.x.m"}]}

    assert row(html, x=either | {"many": True, "type": "integer"}) == {"x": [0, 5]}
    assert row(html, x=either | {"type": "integer"}) == {"x": 0}


def test_a_text_in_the_place_of_an_object_is_its_name_and_an_address_its_url() -> None:
    html = scripts({"@type": "A", "author": "Zoe", "image": "https://e.com/a.jpg"})

    assert row(html, name="A.author.name", url="A.author.url") == {"name": "Zoe", "url": None}
    assert row(html, name="A.image.name", url="A.image.url") == {
        "name": None,
        "url": "https://e.com/a.jpg",
    }


# ---- texts


def test_entities_in_texts_are_decoded_where_they_end_with_a_semicolon() -> None:
    text = "<b>1</b> lamp &amp; 2&nbsp;oaks &#8211; &#x27;x&#39; R&D &copy2 A&amp;amp;B"
    html = scripts({"@type": "A", "x": text, "u": "/?a=1&amp;b=2&copy=3", "list": ["a &amp; b"]})

    assert row(html, x="A.x", u={"jsonld": "A.u", "type": "url"}, list=many("A.list")) == {
        "x": "<b>1</b> lamp & 2 oaks \N{EN DASH} 'x' R&D &copy2 A&B",
        "u": "https://www.e.com/?a=1&b=2&copy=3",
        "list": ["a & b"],
    }


@pytest.mark.parametrize(
    "more", [{"entities": "keep"}, {"type": "html"}, {"type": "html", "many": True}]
)
def test_entities_are_kept_where_they_are_wanted(more: dict[str, Any]) -> None:
    found = row(scripts({"@type": "A", "x": "a &amp; b"}), x={"jsonld": "A.x"} | more)

    assert found["x"] in ("a &amp; b", ["a &amp; b"])


# ---- scripts


@pytest.mark.parametrize(
    "kind", ["application/ld+json; charset=utf-8", " Application/LD+JSON ", "application/ld+json;x"]
)
def test_the_type_of_a_script_is_a_media_type(kind: str) -> None:
    assert row(f"<script type='{kind}'>{json.dumps(OAK)}</script>", x="Product.name") == {
        "x": "Oak"
    }


def test_json_in_json_is_read() -> None:
    assert row(scripts(json.dumps(OAK)), x="Product.name") == {"x": "Oak"}


@pytest.mark.parametrize("on_problem", ["keep", "drop", "fail"])
def test_a_script_that_cannot_be_read_is_a_problem_of_the_page_and_not_of_a_row(
    on_problem: str,
) -> None:
    bad = '<script type="application/ld+json">{"name": "a "b""}</script>'

    found = extract(
        scripts(OAK) + bad + scripts("text"),
        fields={"x": {"jsonld": "Product.name"}},
        include=["jsonld"],
        on_problem=on_problem,
    )

    assert found.failure is None
    assert found.rows == [{"jsonld": [OAK], "x": "Oak"}]
    assert [(p["field"], p["problem"]) for p in found.problems] == [(None, "bad_jsonld")] * 2
    assert found.problems[0]["value"].startswith("script 2, line 1, column 14: ")
    assert found.problems[1]["value"] == "script 3, 'text' is no object"


# ---- any


def test_any_goes_on_behind_what_is_empty_or_cannot_be_read() -> None:
    html = '<img src="data:image/gif;x"><p> </p><b>many</b>' + scripts(
        {"@type": "A", "x": " ", "y": {}}
    )

    def first(*sources: Any, **more: Any) -> Any:
        return row(html, x={"any": list(sources), **more})["x"]

    assert first({"css": "img", "attr": "src"}, {"const": "/a"}) == "data:image/gif;x"
    assert first({"css": "p"}, {"jsonld": "A.x"}, {"css": "b"}) == "many"
    assert first({"jsonld": "A.y"}, {"css": "b"}) == "many"


@pytest.mark.parametrize("is_many", [False, True])
def test_any_says_what_cannot_be_read_only_where_nothing_can(is_many: bool) -> None:
    def found(*sources: Any) -> tuple[Any, list[str]]:
        field = {"any": list(sources), "type": "integer", "many": is_many}
        extracted = extract("<p>one</p><b>2</b>", fields={"x": field})
        return extracted.rows[0]["x"], [p["value"] for p in extracted.problems]

    one, two = {"css": "p"}, {"css": "b"}
    assert found(one, two) == ([2] if is_many else 2, [])
    assert found(one, {"css": "i"}) == ([] if is_many else None, ["one"])
    assert found(one, {"const": 7}) == ([7] if is_many else 7, ["one"])


# ---- open graph


def test_property_goes_before_name_and_the_first_of_several_counts() -> None:
    html = (
        '<meta name="og:title" content="by name"><meta property="OG:title" content="first">'
        '<meta property="og:title" content="second"><meta name="title" content="other">'
        '<meta property="og:image twitter:image" name="thumb" content="/a">'
        '<meta name="a" content="A">'
    )

    assert row(
        html,
        title={"opengraph": "title"},
        all={"opengraph": "og:title", "many": True},
        image={"opengraph": "twitter:image"},
        thumb={"opengraph": "thumb"},
        a={"opengraph": "a"},
    ) == {"title": "first", "all": ["first", "second"], "image": "/a", "thumb": "/a", "a": "A"}


# ---- rows that are objects


def test_rows_can_be_objects_of_json_ld() -> None:
    html = "<h1>Lamps</h1>" + scripts(
        OAK, {"@graph": [product("Elm", isRelatedTo=OAK), {"@type": "Store", "name": "S"}]}
    )

    found = extract(
        html,
        rows={"jsonld": "Product"},
        fields={
            "name": {"jsonld": "name"},
            "price": {"jsonld": "Product.offers.price", "type": "number"},
            "offer": {"jsonld": "Offer.price", "type": "number"},
            "store": {"jsonld": "Store.name"},
            "page": {"css": "h1"},
        },
    )

    assert found.rows == [
        {"name": "Oak", "price": 5.0, "offer": 5.0, "store": None, "page": "Lamps"},
        {"name": "Elm", "price": None, "offer": None, "store": None, "page": "Lamps"},
        {"name": "Oak", "price": 5.0, "offer": 5.0, "store": None, "page": "Lamps"},
    ]


def test_in_rows_too_lists_that_mix_texts_and_objects_lose_nothing() -> None:
    authors: list[Any] = ["Zoe", {"name": "Max"}, {"alternateName": "Kim"}]

    found = extract(
        scripts(product("Oak", author=authors), product("Elm", author="Ann")),
        rows={"jsonld": "Product"},
        fields={
            "x": {
                "any": [{"jsonld": f"author.{name}"} for name in ("name", "alternateName")],
                "many": True,
            }
        },
    )

    assert found.rows == [{"x": ["Zoe", "Max", "Kim"]}, {"x": ["Ann"]}]


def test_rows_can_be_objects_that_a_path_leads_to() -> None:
    elements = [{"item": OAK}, {"item": {"@id": "#e"}}, "x"]
    html = scripts(
        {"@type": "ItemList", "itemListElement": elements}, product("Elm", **{"@id": "#e"})
    )

    found = extract(
        html, rows={"jsonld": "ItemList.itemListElement.item"}, fields={"x": {"jsonld": "name"}}
    )

    assert found.rows == [{"x": "Oak"}, {"x": "Elm"}]


def test_rows_can_be_objects_of_microdata() -> None:
    html = "".join(
        f"<p itemscope itemtype='https://schema.org/Book'><b itemprop=name>{name}</b>"
        "<i itemprop=tag>a</i><i itemprop=tag>b</i></p>"
        for name in ("Oak", "Elm")
    )

    found = extract(
        html,
        rows={"microdata": "Book"},
        fields={"x": {"microdata": "Book.name"}, "tags": {"microdata": "tag", "many": True}},
    )

    assert found.rows == [{"x": "Oak", "tags": ["a", "b"]}, {"x": "Elm", "tags": ["a", "b"]}]


def test_rows_can_be_elements_of_json() -> None:
    body = json.dumps({"books": [{"title": "Oak", "tags": ["a", "b"]}, {"title": "Elm"}, "x"]})

    found = extract(
        body,
        "application/json",
        rows={"jmespath": "books[?title]"},
        fields={"x": {"jmespath": "title"}, "tags": {"jmespath": "tags", "many": True}},
    )

    assert found.rows == [{"x": "Oak", "tags": ["a", "b"]}, {"x": "Elm", "tags": []}]


@pytest.mark.parametrize("kind", ["jsonld", "microdata", "jmespath"])
def test_a_page_without_such_objects_is_no_match(kind: str) -> None:
    found = extract("<p>x", rows={kind: "Product"}, fields={"x": {"css": "p"}})

    assert found.rows == []
    assert [problem["problem"] for problem in found.problems] == ["no_match"]


def test_rows_that_refer_to_one_large_object_are_bounded() -> None:
    large = {"@type": "List", "@id": "#l", "values": [None] * 100_000}
    rows = [{"@type": "Row", "list": {"@id": "#l"}} for _ in range(9_000)]

    found = extract(
        scripts([large, *rows]), rows={"jsonld": "Row"}, fields={"x": {"jsonld": "list.values.x"}}
    )

    assert "truncated" in {problem["problem"] for problem in found.problems}

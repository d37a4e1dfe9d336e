"""What `make bench-values` counts as the same, and how it measures texts."""

from typing import Any

import pytest

from bench import measures


@pytest.mark.parametrize(
    ("field", "found", "expected", "is_same"),
    [
        ("title", " Lamp &amp;  <b>Oak</b>", "lamp & oak", True),
        ("title", None, "lamp", False),
        ("title", "lamps", "lamp", False),
        ("total_time", "PT1H30M", 90, True),
        ("total_time", "PT900S", 15, True),
        ("total_time", "P1DT1H", 1_500, True),
        ("total_time", "90", 90, False),
        ("yields", ["4", "4 people"], "4 servings", True),
        ("yields", "5", "4 servings", False),
        ("image", "https://www.e.com/a.jpg", "http://e.com/a.jpg", True),
        ("image", "https://e.com/a.jpg?w=1", "https://e.com/a.jpg", False),
        ("ingredients", ["1 lamp, bright", "2 oaks"], ["1 lamp (bright)", "2 oaks"], True),
        ("ingredients", ["2 oaks", "1 lamp"], ["1 lamp", "2 oaks"], False),
        ("ingredients", None, ["1 lamp"], False),
    ],
)
def test_what_differs_in_form_alone_is_the_same(
    field: str, found: Any, expected: Any, is_same: bool
) -> None:
    assert measures.same(field, found, expected) is is_same


def test_a_value_is_in_the_data_of_a_page_wherever_it_is_there() -> None:
    texts = measures.texts_of([{"a": ["Zoe &amp; Max", {"b": 7}]}, None])

    assert measures.is_in("zoe & max", texts)
    assert measures.is_in([7, "Zoe & Max"], texts)
    assert not measures.is_in([7, "Zoe"], texts)


def test_objects_of_both_forms_are_compared() -> None:
    theirs = [{"type": "https://e.org/A", "properties": {"x": "1", "y": {"type": ["B", "C"],
               "properties": {"url": "http://e.com/#here", "z": ["", "2"]}}}}]  # fmt: skip
    ours = [{"@type": "A", "x": "1", "y": {"@type": ["C", "B"], "@id": "u", "z": "2"}}]

    assert measures.microdata(ours, "http://e.com/") == measures.microdata(theirs, "http://e.com/")
    assert measures.microdata([{}], "") == measures.microdata([{"value": "text"}], "")
    assert measures.json_ld([[{"a": "b  c"}], {}]) == measures.json_ld([{"a": "b c"}])
    assert measures.open_graph(
        [{"properties": [("og:title", " "), ("OG:title", "a  b"), ("og:title", "c")]}]
    ) == {"og:title": "a b"}


@pytest.mark.parametrize(
    ("found", "expected", "score"),
    [
        ("a b c d e", "a b c d e", 1.0),
        ("A, b: c -- d!", "A b c d", 1.0),
        (None, "a b c d", 0.0),
        ("a b c d", "e f g h", 0.0),
        ("a b c d e", "a b c d", 2 / 3),
        ("a b", "a b", 1.0),
    ],
)
def test_f1_is_that_of_shingles_of_four_words(
    found: str | None, expected: str, score: float
) -> None:
    assert measures.f1([(found, expected)]) == pytest.approx(score)


def test_each_text_has_the_same_weight() -> None:
    long = " ".join(f"w{n}" for n in range(1_000))

    assert measures.f1([(long, long), ("x y z q", "a b c d")]) == pytest.approx(2 / 3)


def test_addresses_of_links_are_no_text() -> None:
    assert measures.without_addresses("a [b](http://e.com/c d) e") == "a [b] e"
    assert measures.without_addresses(None) is None

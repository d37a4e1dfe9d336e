"""Of which kind a page is."""

import pytest

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.kinds import Kinds, Reading
from shared.extract_spec import DEFAULT_EXTRACT
from shared.spec import Spec

SPEC = parse_spec(
    "spec.yaml",
    b"""
pages:
  front: {match: shop.example/, follow: [{css: a, page: offer}]}
  product: {match: [shop.example/p/*, shop.example/q/*], extract: {fields: {a: {css: h1}}}}
  rest: {match: shop.example/*}
  offer: {parser: "parsers.offers:parse"}
crawl: {drop_query: [sid], nofollow: ignore}
""",
)


@pytest.mark.parametrize(
    ("path", "named", "kind"),
    [
        ("", None, "front"),
        ("p/1", None, "product"),
        ("q/1?sid=2", None, "product"),
        ("r", None, "rest"),
        ("p/1", "offer", "offer"),
        ("p/1", "gone", "product"),
    ],
)
def test_the_kind_that_is_named_counts_and_then_the_first_that_fits(
    path: str, named: str | None, kind: str
) -> None:
    assert Kinds(SPEC).kind_of(f"https://shop.example/{path}", named) == kind


def test_a_page_may_be_of_no_kind() -> None:
    kinds = Kinds(SPEC)

    assert kinds.kind_of("https://other.example/") is None
    assert not kinds.fits("https://other.example/")
    assert kinds.fits("https://other.example/", "offer")


def test_without_kinds_each_page_fits() -> None:
    kinds = Kinds(Spec())

    assert kinds.kind_of("https://shop.example/", "front") is None
    assert kinds.fits("https://shop.example/")
    assert kinds.reading(None) == Reading()


def test_a_kind_that_only_follows_has_no_rows() -> None:
    front = Kinds(SPEC).reading("front")

    assert front.extract is None
    assert (front.follow, front.drop_query) == (SPEC.pages["front"].follow, ("sid",))
    assert not front.nofollow


def test_a_kind_that_says_nothing_has_the_default_row() -> None:
    assert Kinds(SPEC).reading("rest").extract == DEFAULT_EXTRACT


def test_a_kind_with_a_parser_extracts_nothing_else() -> None:
    offer = Kinds(SPEC).reading("offer")

    assert (offer.extract, offer.parser) == (None, "parsers.offers:parse")

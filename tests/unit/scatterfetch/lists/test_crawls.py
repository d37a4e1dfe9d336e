"""The list of a crawl: what the options put in the place of what the spec says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from functions.dispatcher.specs import parse_spec
from scatterfetch.lists.crawls import crawl_list
from shared.errors import InvalidJobError
from shared.spec import Spec

START = "https://shop.example/"
KINDS = "pages: {list: {match: shop.example/c/*%s}, product: {match: shop.example/p/*}}"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return tmp_path / "spec.yaml"


def spec_of(path: Path | None, *, follow: Sequence[str] = (), within: Sequence[str] = ()) -> Spec:
    made = crawl_list([START], path, follow=follow, within=within)
    return parse_spec("the crawl", made.spec or b"")


def test_a_website_without_its_scheme_is_told_from_nonsense() -> None:
    with pytest.raises(InvalidJobError, match=r"^shop\.example: write https://shop\.example$"):
        crawl_list(["shop.example"], None)
    with pytest.raises(InvalidJobError, match="must start with http"):
        crawl_list(["mailto:a@shop.example"], None)


def test_without_a_spec_every_link_is_followed() -> None:
    assert [links.css for links in spec_of(None).follow] == ["a[href]"]


def test_follow_takes_the_place_of_what_a_spec_without_kinds_follows(spec: Path) -> None:
    spec.write_text("follow: [{css: nav}]")

    assert [links.css for links in spec_of(spec, follow=["a.next"]).follow] == ["a.next"]


def test_the_links_of_a_spec_with_kinds_are_its_own(spec: Path) -> None:
    spec.write_text(KINDS % ", follow: [{css: a}]")

    found = spec_of(spec)
    assert (found.follow, len(found.pages["list"].follow)) == ((), 1)


@pytest.mark.parametrize(
    ("options", "within"),
    [
        ([], "host"),
        (["domain"], "domain"),
        (["shop.example/*"], "shop.example/*"),
        (["a.example", "b.example"], ("a.example", "b.example")),
    ],
)
def test_links_lead_to_where_the_options_say(
    options: list[str], within: str | tuple[str, ...]
) -> None:
    assert spec_of(None, within=options).crawl.within == within


def test_a_misspelt_word_is_no_host() -> None:
    with pytest.raises(InvalidJobError, match="not 'domian'; did you mean domain"):
        crawl_list([START], None, within=["domian"])


@pytest.mark.parametrize(
    ("links", "follow", "problem"),
    [
        (", follow: [{css: a}]", ["a.next"], "each kind says itself which links are followed"),
        ("", ["a.next"], "write {css: a.next} into the follow of a kind, and leave out --follow"),
        ("", [], "has pages, and none of them follows a link: write, for example, `follow: "),
    ],
)
def test_links_of_all_pages_do_not_go_with_kinds(
    spec: Path, links: str, follow: list[str], problem: str
) -> None:
    spec.write_text(KINDS % links)

    with pytest.raises(InvalidJobError) as caught:
        crawl_list([START], spec, follow=follow)

    assert problem in str(caught.value)

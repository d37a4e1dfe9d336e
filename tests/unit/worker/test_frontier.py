from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import Link
from functions.worker.identity import Identity
from functions.worker.scraping.frontier import MAX_FOUND, MAX_JOINING, Frontier
from functions.worker.scraping.scope import Scope, scope_of
from functions.worker.seen import Seen, Taking, Takings
from shared.crawl_spec import CrawlSpec, FollowSpec, PageKind
from shared.errors import FetchError, Reason
from shared.messages import Batch, Target
from shared.outcomes import CutLink
from shared.spec import Spec
from shared.tally import EXAMPLES
from shared.urls import partition_of

PARTITIONS = 64
OURS = partition_of("a.example", PARTITIONS)
LINKS = (FollowSpec(css="a"),)
START = Target("http://a.example/", 1)


def scope(**limits: Any) -> Scope:
    pages = {"page": PageKind(match=("a.example/*", "b.example/*", "*.a.example/*"), follow=LINKS)}
    return scope_of(Spec(pages=pages, crawl=CrawlSpec(**limits)))


def seen(*urls: str, what: Taking = Taking.TARGET) -> Seen:
    takings = Takings()
    for url in urls:
        takings.add(Identity().of(url), url, what)
    return Seen(Seen().with_pages(takings))


def frontier(*targets: Target, taken: Seen | None = None, **limits: object) -> Frontier:
    batch = Batch(job="j", batch="00000-000000", partition=OURS, targets=targets or (START,))
    made = Frontier(batch, scope(**limits), Seen() if taken is None else taken, PARTITIONS)
    for target in batch.targets:
        made.refused(target)
    return made


def follow(
    of: Frontier,
    *urls: str,
    target: Target = START,
    page: str = "http://a.example/",
    **more: object,
) -> tuple[list[str], dict[str, int]]:
    followed = of.follow(target, page, [Link(url) for url in urls], **more)  # type: ignore[arg-type]
    return [one.url for one in followed.found], followed.cut


def test_each_page_is_found_once() -> None:
    known = frontier(taken=seen("http://a.example/before"))
    links = ["http://a.example/", "http://a.example/before", "http://a.example/1"]

    assert follow(known, *links, "http://a.example/2") == (
        ["http://a.example/1", "http://a.example/2"],
        {},
    )
    assert follow(known, *links, "http://a.example/3") == (["http://a.example/3"], {})


def test_what_is_of_a_host_at_hand_joins_the_batch_and_all_else_goes_to_its_owner() -> None:
    same = next(
        host
        for number in range(10_000)
        if partition_of(host := f"shop{number}.example", PARTITIONS) == OURS
    )
    links = [
        Link("http://a.example/1", "product", {"x": 1}),
        Link(f"http://{same}/"),
        Link("http://b.example/"),
    ]
    followed = Frontier(
        Batch(job="j", batch="00000-000000", partition=OURS, targets=(START,)),
        scope_of(Spec(follow=LINKS, crawl=CrawlSpec(within=("*",)))),
        Seen(),
        PARTITIONS,
    ).follow(START, "http://a.example/", links)
    assert [(one.url, one.partition) for one in followed.found] == [
        ("http://a.example/1", None),
        (f"http://{same}/", OURS),
        ("http://b.example/", partition_of("b.example", PARTITIONS)),
    ]
    assert followed.joining == [
        Target(
            "http://a.example/1",
            page="product",
            carry={"x": 1},
            depth=1,
            found_on="http://a.example/",
        )
    ]


def test_a_batch_has_an_end() -> None:
    of = frontier()
    links = [Link(f"http://a.example/{number}") for number in range(MAX_JOINING + 20)]
    followed = of.follow(START, "http://a.example/", links)

    assert len(followed.found) == len(links)
    assert len(followed.joining) == MAX_JOINING
    assert {one.partition for one in followed.found[MAX_JOINING:]} == {OURS}


@pytest.mark.parametrize(
    ("limits", "link", "why"),
    [
        ({}, "http://b.example/", "within"),
        ({}, "http://www.a.example/", "within"),
        ({"within": "domain"}, "http://www.a.example/", None),
        ({"within": "domain"}, "http://b.example/", "within"),
        ({"within": ("b.example/shop/*",)}, "http://b.example/shop/", None),
        ({"within": ("b.example/shop/*",)}, "http://a.example/1", "within"),
        ({"within": "b.example/shop/*"}, "http://b.example/shop/", None),
        ({"within": "b.example/shop/*"}, "http://a.example/1", "within"),
        ({"depth": 0}, "http://a.example/1", "depth"),
        ({"depth": 1}, "http://a.example/1", None),
        ({"max_url_length": 40}, "http://a.example/" + "x" * 24, "max_url_length"),
        ({"max_url_length": 40}, "http://a.example/" + "x" * 23, None),
        ({"max_path_depth": 3}, "http://a.example/1/2/3", None),
        ({"max_path_depth": 3}, "http://a.example/1/2/3/4", "max_path_depth"),
        ({}, "http://a.example/c/c/c/c", "max_repeats"),
        ({}, "http://a.example/c/c/c/d", None),
        ({}, "http://a.example/?c=/c/c/c/c", None),
        ({"within": ("*",)}, "http://c.example/", "kind"),
        ({"max_pages": 1}, "http://a.example/1", "max_pages"),
        ({"max_pages": 2}, "http://a.example/1", None),
        ({"max_pages_per_host": 1}, "http://a.example/1", "max_pages_per_host"),
    ],
)
def test_limits_cut_off(limits: dict[str, Any], link: str, why: str | None) -> None:
    expected = ([], {why: 1}) if why else ([link], {})
    assert follow(frontier(**limits), START.url, link) == expected


def test_a_few_links_of_each_limit_are_named() -> None:
    """A batch of a hundred pages with the same links at their foot has them once."""
    of = frontier()
    links = [Link(f"http://b.example/{number}") for number in range(9)]
    named = [of.follow(START, f"http://a.example/{n}", links).cut_links for n in range(2)]

    assert named == [
        tuple(CutLink("within", link.url, "http://a.example/0") for link in links[:EXAMPLES]),
        (),
    ]
    away = Target("http://a.example/out", found_on="http://a.example/", depth=1)
    assert frontier().follow(away, "http://b.example/", links[:1]).cut_links == (
        CutLink("within", links[0].url, "http://b.example/"),
    )
    forbidden = frontier().follow(START, START.url, links[:1], nofollow=True)
    assert forbidden.cut_links == (CutLink("nofollow", links[0].url, START.url),)


def test_limits_count_what_earlier_batches_have_taken() -> None:
    before = seen(*(f"http://a.example/{number}" for number in range(5)))
    of = frontier(taken=before, max_pages_per_host=8)

    found, cut = follow(of, *(f"http://a.example/{number}" for number in range(10)))
    assert found == ["http://a.example/5", "http://a.example/6"]  # 5 before, and the start
    assert cut == {"max_pages_per_host": 3}


@pytest.mark.parametrize(("nofollow", "found"), [("obey", []), ("ignore", ["http://a.example/1"])])
def test_a_page_may_forbid_to_follow(nofollow: str, found: list[str]) -> None:
    of = frontier(nofollow=nofollow)
    assert follow(of, "http://a.example/1", nofollow=True) == (
        found,
        {} if found else {"nofollow": 1},
    )


def test_links_of_a_page_out_of_scope_are_not_followed() -> None:
    away = Target("http://a.example/out", found_on="http://a.example/", depth=1)
    links = ["http://b.example/1"]

    assert follow(frontier(), *links, target=away, page="http://b.example/") == ([], {"within": 1})
    # A listed page may have moved.
    assert follow(frontier(), *links, page="http://b.example/") == (links, {})


def test_a_target_is_a_duplicate_of_what_was_taken_before() -> None:
    taken = seen("http://a.example/1", "http://a.example/moved")
    batch = [
        Target("http://a.example/1", 1),
        Target("http://a.example/2", 2),
        Target("http://a.example/3", 3, redirects=("http://a.example/moved",)),
        Target("http://a.example/1", 4, taken=True),
        Target("http://a.example/1", 5, redriven=True),
        Target("http://a.example/2", found_on="http://b.example/"),
        Target("http://a.example/1", 7, method="POST", body="x"),
    ]
    of = Frontier(
        Batch(job="j", batch="00000-000000", partition=OURS, targets=tuple(batch)),
        scope(),
        taken,
        PARTITIONS,
    )
    refused = [of.refused(target) for target in batch]

    assert [error and error.reason for error in refused] == [
        Reason.DUPLICATE,
        None,
        Reason.DUPLICATE,
        None,
        None,
        Reason.DUPLICATE,
        None,
    ]


def test_a_limit_holds_for_targets_too() -> None:
    of = Frontier(
        Batch(job="j", batch="00000-000000", partition=OURS, targets=(START,)),
        scope(max_pages=1),
        seen("http://a.example/1"),
        PARTITIONS,
    )
    error = of.refused(START)
    assert error is not None
    assert error.reason is Reason.OVER_LIMIT


def led_to(target: Target, *redirects: str) -> Target:
    return msgspec.structs.replace(target, redirects=redirects)


def reason(error: FetchError | None) -> Reason | None:
    return None if error is None else error.reason


MOVED = "http://a.example/moved"
OTHER = Target("http://a.example/b", 2)


def test_a_page_that_two_ways_lead_to_is_fetched_once() -> None:
    of = frontier(START, OTHER)

    assert of.stopped(led_to(START, MOVED)) is None
    assert follow(of, MOVED) == ([], {})
    assert of.landed(led_to(START, MOVED)) is None
    assert reason(of.stopped(led_to(OTHER, MOVED))) is Reason.SAME_REDIRECT
    assert reason(of.stopped(led_to(START, OTHER.url))) is Reason.DUPLICATE
    # Its own way, again.
    assert of.stopped(led_to(START, MOVED, MOVED)) is None
    assert of.stopped(led_to(START, MOVED, START.url)) is None
    # Another owner tells.
    for _ in range(2):
        assert of.stopped(led_to(START, "http://b.example/")) is None


def test_what_stands_between_loses_no_page() -> None:
    """A page that asks for consent, or for a captcha, is not scraped where the spec knows it."""
    of = frontier(START, OTHER, taken=seen("http://a.example/", "http://a.example/b"))

    assert of.stopped(led_to(START, MOVED)) is None
    assert of.stopped(led_to(OTHER, MOVED)) is None
    assert of.met(led_to(OTHER, MOVED)) is None
    # The first one is scraped there after all, when the other has its turn, or has asked as well.
    assert of.landed(led_to(START, MOVED)) is None
    assert reason(of.met(led_to(OTHER, MOVED))) is Reason.SAME_REDIRECT
    assert reason(of.landed(led_to(OTHER, MOVED))) is Reason.SAME_REDIRECT


def test_where_others_have_landed_is_known_to_later_batches() -> None:
    known = seen(MOVED, what=Taking.LOCATION)
    late = msgspec.structs.replace(led_to(OTHER, MOVED), taken=True)
    of = frontier(taken=known)

    assert follow(of, MOVED) == ([], {})
    assert reason(of.refused(late)) is Reason.SAME_REDIRECT
    assert reason(of.refused(Target(MOVED, 3))) is Reason.DUPLICATE
    assert of.refused(msgspec.structs.replace(late, redriven=True)) is None
    errand = msgspec.structs.replace(late, redirects=(MOVED, MOVED + "#rules"))
    assert of.refused(errand) is None, "it asks for rules there, and for no page"


def test_other_owners_are_told_once() -> None:
    links = ["http://b.example/imprint", "http://b.example/new"]
    of = frontier(taken=seen(links[0], what=Taking.TOLD), within=("*",))

    assert follow(of, *links) == (links[1:], {})


def test_a_form_that_is_sent_on_is_no_page_that_a_link_leads_to() -> None:
    form = Target("http://a.example/form", 2, method="POST", body="x")
    of = frontier(START, form)

    assert of.stopped(led_to(form, START.url)) is None
    seen_other = msgspec.structs.replace(led_to(form, START.url), turned=True)
    assert reason(of.stopped(seen_other)) is Reason.DUPLICATE


def test_a_redirect_leads_no_found_target_out_of_scope() -> None:
    found = Target("http://a.example/out", found_on="http://a.example/", depth=1)
    away = "http://b.example/"

    assert reason(frontier().stopped(led_to(found, away))) is Reason.OUT_OF_SCOPE
    assert frontier().stopped(led_to(START, away)) is None, "a listed page may have moved"


def test_a_list_compares_what_is_in_it_and_not_where_that_leads() -> None:
    moved = "http://a.example/moved"
    target = Target("http://a.example/3", 3, redirects=(moved,))
    batch = Batch(job="j", batch="00000-000000", partition=OURS, targets=(target,))
    of = Frontier(batch, None, seen(moved, "http://a.example/1"), PARTITIONS)

    assert of.refused(target) is None
    assert of.stopped(led_to(target, moved, "http://a.example/1")) is None
    assert reason(of.refused(Target("http://a.example/1", 1))) is Reason.DUPLICATE


def test_what_a_list_says_of_a_url_is_not_lost_where_a_link_was_faster() -> None:
    of = frontier(taken=seen("http://a.example/1"))

    assert of.refused(Target("http://a.example/1", 1, input={"sku": "1"})) is None
    assert reason(of.refused(Target("http://a.example/1", 2))) is Reason.DUPLICATE


def test_a_batch_that_has_found_much_reads_no_more_pages() -> None:
    of = frontier()
    assert of.has_room
    follow(of, *(f"http://a.example/{number}" for number in range(MAX_FOUND)))
    assert not of.has_room


def test_a_job_that_takes_nothing_refuses_nothing() -> None:
    batch = Batch(job="j", batch="00000-000000", partition=OURS, targets=(START, START))
    of = Frontier(batch, None, None, PARTITIONS)

    assert [of.refused(target) for target in batch.targets] == [None, None]
    assert of.stopped(led_to(START, "http://a.example/b")) is None
    assert of.follow(START, START.url, [Link("http://a.example/1")]).found == ()


def test_a_pagination_of_a_hundred_pages_is_followed_to_its_end() -> None:
    """Its next page is as deep as there are pages before it."""
    deep = Target("http://a.example/?page=100", 1, depth=99)

    assert follow(frontier(deep), "http://a.example/?page=101", target=deep) == (
        ["http://a.example/?page=101"],
        {},
    )

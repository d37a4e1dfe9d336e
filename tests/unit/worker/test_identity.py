"""Which URLs are one page, whoever has written them."""

import pytest
from msgspec.structs import replace

from functions.worker.extraction.rows import Link
from functions.worker.identity import Identity
from functions.worker.scraping.frontier import Frontier
from functions.worker.scraping.scope import scope_of
from functions.worker.seen import Seen
from shared.crawl_spec import CrawlSpec, FollowSpec
from shared.errors import Reason
from shared.messages import Batch, Target
from shared.spec import Spec
from shared.urls import parse_url, partition_of

PARTITIONS = 64
SPEC = Spec(follow=(FollowSpec(css="a"),), crawl=CrawlSpec(drop_query=("sid", "utm_*")))
SAME, OTHER = True, False
TABLE = [
    ("http://a.example/p", "http://a.example/p#top", SAME),
    ("http://a.example/p", "HTTP://A.Example:80/p", SAME),
    ("https://a.example/p", "https://a.example:443/p", SAME),
    ("http://a.example/p", "http://a.example:8080/p", OTHER),
    ("http://a.example/p", "https://a.example/p", OTHER),
    ("http://a.example/p", "http://www.a.example/p", OTHER),
    ("http://a.example/p", "http://a.example./p", SAME),
    ("http://a.example:8080/p", "http://a.example.:8080/p", SAME),
    ("http://a.example/p./q", "http://a.example/p/q", OTHER),
    ("http://a.example", "http://a.example/", SAME),
    ("http://a.example/p", "http://a.example/p/", OTHER),
    ("http://a.example/p", "http://a.example/P", OTHER),
    ("http://a.example/p", "http://a.example/x/../p", SAME),
    ("http://a.example/p", "http://a.example//p", OTHER),
    ("http://a.example/~p", "http://a.example/%7Ep", SAME),
    ("http://a.example/p-1", "http://a.example/p%2d%31", SAME),
    ("http://a.example/?q=p-1", "http://a.example/?q=p%2D1", SAME),
    ("http://a.example/a%2Fb", "http://a.example/a%2fb", SAME),
    ("http://a.example/a%2Fb", "http://a.example/a/b", OTHER),
    ("http://a.example/?a%26b", "http://a.example/?a&b", OTHER),
    ("http://a.example/é", "http://a.example/%c3%a9", SAME),
    ("http://a.example/100%", "http://a.example/100%25", OTHER),
    ("http://a.example/p", "http://a.example/p?", SAME),
    ("http://a.example/p", "http://a.example/p?a", OTHER),
    ("http://a.example/p?a", "http://a.example/p?a=", OTHER),
    ("http://a.example/p?a=1&b=2", "http://a.example/p?b=2&a=1", OTHER),
    ("http://a.example/p?a=1&b=2", "http://a.example/p?a=1&b=2&sid=7", SAME),
    ("http://a.example/p", "http://a.example/p?sid=7&utm_source=x", SAME),
    ("http://a.example/p?sid=1", "http://a.example/p?sid=2", SAME),
    ("http://a.example/p?sid=1", "http://a.example/p?SID=2", OTHER),
    ("http://a.example/p?x%73id=1", "http://a.example/p?%73id=1&xsid=1", SAME),
    ("http://bücher.example/", "http://xn--bcher-kva.example/", SAME),
    ("http://[::1]/", "http://[0:0::1]/", SAME),
    ("http://127.0.0.1/", "http://0x7f.1/", SAME),
]
TABLE += [(two, one, same) for one, two, same in TABLE]


def frontier(first: str) -> Frontier:
    """Return one to which `first` is a page of a batch before."""
    before = Target(first, 1)
    batch = Batch(
        job="j",
        batch="00000-000000",
        partition=partition_of(parse_url(first).host, PARTITIONS),
        targets=(before,),
    )
    of = Frontier(batch, scope_of(replace(SPEC, crawl=replace(SPEC.crawl, within="*"))), Seen(), 64)
    assert of.refused(before) is None
    return of


@pytest.mark.parametrize(("one", "two", "same"), TABLE)
def test_a_url_is_one_page_wherever_it_stands(one: str, two: str, same: bool) -> None:
    """Starts are listed, and so is this one."""
    first, second = parse_url(one).href, parse_url(two).href
    away = Target("http://a.example/away", 2)

    link = frontier(first).follow(away, away.url, [Link(second)]).found
    listed = frontier(first).refused(Target(second, 2))
    redirect = frontier(first).stopped(replace(away, redirects=(second,)))

    assert [one.url for one in link] == ([] if same else [second]), "it is fetched as written"
    assert (listed and listed.reason) == (Reason.DUPLICATE if same else None)
    assert (redirect and redirect.reason) == (Reason.DUPLICATE if same else None)


@pytest.mark.parametrize(("one", "two"), [(one, two) for one, two, same in TABLE if same])
def test_a_redirect_to_itself_in_other_words_is_no_duplicate(one: str, two: str) -> None:
    first, second = parse_url(one).href, parse_url(two).href

    assert frontier(first).stopped(Target(first, 1, redirects=(second,))) is None


def test_a_page_is_its_url_and_the_body_of_a_post() -> None:
    urls = ["http://a.example/1", "http://a.example/2"]
    identity = Identity()
    targets = [
        *(Target(url) for url in urls),
        Target(urls[0], method="POST", body="x"),
        Target(urls[0], method="POST", body="y"),
        Target(urls[0], redirects=("http://a.example/3",)),
    ]
    assert len({identity.of_location(target) for target in targets}) == 5
    turned = Target(urls[0], redirects=(urls[1],), method="POST", body="x", turned=True)
    assert identity.of_location(turned) == identity.of(urls[1])

"""The protocol of crawls: what is found, who takes it, and what a crash leaves of it."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.commit as commit_module
import functions.worker.work as work_module
from functions.worker.identity import Identity
from functions.worker.seen import Seen, Takings
from functions.worker.workshop import LARGE_COMMIT, Workshop, open_workshop
from shared.crawl_spec import CrawlSpec
from shared.errors import Reason, StorageError
from shared.keys import limit_key, seen_key
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.messages import Target, encode
from shared.outcomes import Kind
from shared.store import Bucket
from tests.cloud import Deployment
from tests.integration.worker.test_work import DOWN, OTHER, OWN, PARTITIONS, SPEC, Work
from tests.site import Site

page_hash = Identity().of
FOLLOWS: dict[str, Any] = {"follow": [{"css": "a"}], "crawl": {"within": ["*"]}}


@pytest.fixture
def work(deployment: Deployment, site: Site) -> Work:
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    work = Work(deployment, site)
    crawl(work)
    return work


def crawl(work: Work, **more: Any) -> None:
    spec = msgspec.to_builtins(SPEC) | FOLLOWS | more
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=msgspec.convert(spec, type(SPEC), strict=False)
    )


def page(work: Work, path: str, *links: str) -> str:
    html = f"<!doctype html><title>{path}</title>" + "".join(f"<a href='{x}'>x</a>" for x in links)
    return work.site.reply(path, web.Response(text=html, content_type="text/html"))


def seen(work: Work, partition: int = OWN) -> Seen:
    return Seen(work.deployment.data.get(seen_key("job-1", partition)))


def urls(work: Work, *paths: str) -> list[str]:
    return [work.site.url(path) for path in paths]


def test_what_a_page_leads_to_at_its_own_host_is_fetched_with_it(work: Work) -> None:
    page(work, "/2", "/1", "/3")
    page(work, "/3", "/gone")
    work.send(page(work, "/1", "/2", "/2#top", "mailto:a@b.example"))

    worked = work.run()

    assert work.site.paths() == ["/1", "/2", "/3", "/gone"]
    assert worked.counts == {"scraped": 3, "failed-http_404": 1, "found": 3, "joined": 3}
    found = {one.url: (one.line, one.depth, one.found_on) for one in work.outcomes()}
    one, two, three, gone = urls(work, "/1", "/2", "/3", "/gone")
    assert found == {
        one: (1, 0, None),
        two: (None, 1, one),
        three: (None, 2, two),
        gone: (None, 3, three),
    }
    assert work.children() == []
    assert all(page_hash(url) in seen(work) for url in found)
    assert seen(work).hosts == {"127.0.0.1": 4}


def test_what_another_owns_goes_to_it_and_it_says_what_it_had(work: Work) -> None:
    work.send(page(work, "/1", "http://other.example/a", "http://other.example/b"))
    work.run()
    [child] = work.children()

    assert (child.partition, child.hops) == (OTHER, 0)
    assert child.targets == tuple(
        Target(url, depth=1, found_on=work.site.url("/1"))
        for url in ("http://other.example/a", "http://other.example/b")
    )
    page(work, "/a")
    page(work, "/b")
    work.take(child)
    assert len(seen(work, OTHER)) == 2

    again = msgspec.structs.replace(child, batch="00000-000009")
    work.take(again)

    assert [one.outcome for one in work.outcomes("00000-000009")] == [Kind.DROPPED] * 2
    assert sorted(work.site.paths()) == ["/1", "/a", "/b"]


def test_a_listed_page_that_was_found_before_is_a_duplicate(work: Work) -> None:
    page(work, "/2")
    work.send(page(work, "/1", "/2"))
    work.run()
    work.send(work.site.url("/2"), batch="00000-000001")
    work.again()

    [two] = work.outcomes("00000-000001")
    assert (two.outcome, two.reason) == (Kind.SKIPPED, Reason.DUPLICATE)
    assert work.site.paths() == ["/1", "/2"]


def test_a_page_that_a_redirect_leads_to_as_well_is_fetched_once(work: Work) -> None:
    page(work, "/2")
    location = web.Response(status=301, headers={"Location": "/2"})
    work.site.reply("/moved", location)
    work.send(page(work, "/1", "/2", "/moved"))

    worked = work.run()

    assert work.site.paths() == ["/1", "/2", "/moved"]
    assert worked.counts["skipped-duplicate"] == 1
    # Whoever finds it again knows that it was asked for.
    assert page_hash(work.site.url("/moved")) in seen(work)


def consent(work: Work, *paths: str, **fetch: Any) -> None:
    """Let a page ask for consent in place of those that are linked."""
    crawl(work, fetch={"pause": 0, "per_host": 1} | fetch)
    for path in paths:
        work.site.reply(path, web.Response(status=302, headers={"Location": "/consent"}))
    page(work, "/consent")
    work.send(page(work, "/1", *paths))


def test_links_that_all_lead_to_a_page_in_between_are_told_from_duplicates(work: Work) -> None:
    consent(work, "/a", "/b", "/c")

    worked = work.run()

    assert work.site.paths().count("/consent") == 1
    assert worked.counts["skipped-same_redirect"] == 2
    [one, _] = [one for one in work.outcomes() if one.reason is Reason.SAME_REDIRECT]
    assert one.final_url == work.site.url("/consent")
    assert work.site.url("/consent") in (one.detail or "")


def test_a_page_in_between_that_the_spec_knows_loses_no_link(work: Work) -> None:
    """Each is dead, and a redrive asks for it again."""
    consent(work, "/a", "/b", "/c", attempts=1, retry_when=[{"text": "/consent"}])

    worked = work.run()

    assert worked.counts["dead-unwanted_page"] == 3
    [letter] = work.dead_letters()
    for path in ("/a", "/b", "/c"):
        page(work, path)
    work.take(letter)

    assert [one.outcome for one in work.outcomes(letter.batch)] == [Kind.SCRAPED] * 3


def test_a_redirect_that_is_gone_on_with_later_is_compared_then(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have left their batch on the way to a page that nobody had yet."""
    consent(work, "/a", "/b")
    with monkeypatch.context() as patch:
        patch.setattr(Workshop, "has_room", lambda _self: len(work.site.visits) < 3)
        work.run()
    [child] = work.children()
    assert {target.location for target in child.targets} == {work.site.url("/consent")}

    work.take(child)

    assert work.site.paths().count("/consent") == 1
    assert sorted(f"{one.reason}" for one in work.outcomes(child.batch)) == [
        "None",
        "same_redirect",
    ]


def test_another_owner_is_told_of_a_page_once(work: Work) -> None:
    """As long as that is remembered: what is at the foot of all pages is not sent by each batch."""
    links = [f"http://other.example/{name}" for name in ("imprint", "terms")]
    work.send(page(work, "/1", *links))
    work.run()
    work.send(page(work, "/2", *links, "http://other.example/new"), batch="00000-000001")
    work.again()

    [second] = work.outcomes("00000-000001")
    told = [[target.url for target in child.targets] for child in work.children()]
    assert sorted(told) == [links, ["http://other.example/new"]]
    assert second.outcome is Kind.SCRAPED


@pytest.mark.parametrize("point", ["commit", "conclude", "add_seen", "tally_of", "receipt_key"])
def test_a_crash_at_any_point_loses_and_repeats_no_page(
    work: Work, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(work, "/2", "http://other.example/2")
    work.send(page(work, "/1", "/2", "http://other.example/1"))

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    module = work_module if point in {"commit", "conclude"} else commit_module
    with monkeypatch.context() as patch:
        patch.setattr(module, point, crash)
        with pytest.raises(KeyboardInterrupt):
            work.run()
    first = {encode(child) for child in work.children()}

    worked = work.again()

    assert worked.counts == {"scraped": 2, "found": 3, "joined": 1, "children": 1}
    children = {encode(child) for child in work.children()}
    assert len(children) == 1
    assert first <= children
    assert len(seen(work)) == 2


def test_a_target_that_goes_on_later_is_no_duplicate_of_itself(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(work, "/late")
    work.send(page(work, "/1", "/late"))
    with monkeypatch.context() as patch:
        patch.setattr(Workshop, "has_room", lambda _self: len(work.site.visits) < 2)
        work.run()
    [child] = work.children()
    assert [target.taken for target in child.targets] == [True]

    work.take(child)

    [late] = work.outcomes(child.batch)
    assert (late.outcome, late.depth, late.found_on) == (Kind.SCRAPED, 1, work.site.url("/1"))


def test_who_is_sent_for_rules_comes_back_to_its_page(work: Work) -> None:
    """The rules are on another owner's host; to read them takes no page."""
    crawl(work, fetch={"pause": 0})
    location = web.Response(status=302, headers={"Location": "http://other.example/robots.txt"})
    work.site.reply("/robots.txt", location)
    work.send(page(work, "/1", "/2"), page(work, "/3"))
    page(work, "/2")
    work.run()
    [there] = work.children()
    work.site.robots("User-agent: *\nDisallow: /no")
    work.take(there)
    [back] = work.children()
    work.site.reply("/robots.txt", location)

    work.take(back)

    outcomes = work.outcomes(back.batch)
    assert {(one.url, one.outcome) for one in outcomes} == {
        (url, Kind.SCRAPED) for url in urls(work, "/1", "/2", "/3")
    }


def test_a_dead_page_and_where_it_leads_may_be_fetched_again(work: Work) -> None:
    location = web.Response(status=302, headers={"Location": "/there"})
    work.site.reply("/moved", location)
    work.site.reply("/there", DOWN)
    work.send(page(work, "/1", "/moved"))
    work.run()
    [letter] = work.dead_letters()
    assert letter.targets[0].redriven
    page(work, "/there", "/1", "/more")
    page(work, "/more")

    work.take(letter)

    outcomes = work.outcomes(letter.batch)
    assert {(one.url, one.outcome) for one in outcomes} == {
        (work.site.url("/moved"), Kind.SCRAPED),
        (work.site.url("/more"), Kind.SCRAPED),
    }


def test_what_is_left_of_a_crawl_goes_on_with_all_that_is_known_of_it(work: Work) -> None:
    """The values of the page that led to a target, its kind and its depth."""
    crawl(
        work,
        follow=[{"css": "a", "page": "product", "carry": {"shop": {"css": "title"}}}],
        pages={"product": {"extract": {"fields": {"name": {"css": "title"}}}}},
        crawl={"depth": 1},
    )
    work.site.reply("/2", DOWN)
    work.send(page(work, "/1", "/2"))
    work.run()
    [letter] = work.dead_letters()
    page(work, "/2", "/3")

    work.take(letter)

    [two] = work.outcomes(letter.batch)
    assert two.rows == [{"shop": "/1", "name": "/2"}]
    assert (two.page, two.depth) == ("product", 1)


def test_a_crawl_that_has_all_its_pages_ends(work: Work) -> None:
    """Somebody has counted those of all partitions."""
    crawl(work, crawl={"max_pages": 10})
    found = Target(work.site.url("/2"), depth=1, found_on=work.site.url("/"))
    work.send(page(work, "/1"), targets=(Target(page(work, "/1"), 1), found))
    work.deployment.data.put(limit_key("job-1"), b"")

    work.run()

    assert {(one.outcome, one.reason) for one in work.outcomes()} == {
        (Kind.SKIPPED, Reason.OVER_LIMIT),
        (Kind.DROPPED, Reason.OVER_LIMIT),
    }
    assert work.site.paths() == []
    assert len(seen(work)) == 0


def test_each_partition_drops_the_duplicates_of_a_list_of_several_shards(work: Work) -> None:
    work.manifest = msgspec.structs.replace(work.manifest, spec=SPEC, size=100, shard_bytes=10)
    url = work.site.page("/a", "A")
    work.send(url)
    work.run()
    work.send(url, batch="00001-000000", targets=(Target(url, 9),))
    work.again()

    [again] = work.outcomes("00001-000000")
    assert (again.outcome, again.reason, again.line) == (Kind.SKIPPED, Reason.DUPLICATE, 9)
    assert work.site.paths() == ["/a"]


def test_a_list_without_links_compares_urls_in_one_way(work: Work) -> None:
    """What `crawl` drops says nothing of it, neither to who writes down nor to who looks up."""
    spec = msgspec.structs.replace(SPEC, crawl=CrawlSpec(drop_query=("sid",)))
    work.manifest = msgspec.structs.replace(work.manifest, spec=spec, size=100, shard_bytes=10)
    page(work, "/a")
    work.send(work.site.url("/a?sid=1"))
    work.run()
    targets = [Target(work.site.url(f"/a?sid={number}"), number) for number in (1, 2)]
    work.send(batch="00001-000000", targets=tuple(targets))
    work.again()

    outcomes = {one.line: one.reason for one in work.outcomes("00001-000000")}
    assert outcomes == {1: Reason.DUPLICATE, 2: None}


@pytest.mark.parametrize("streamed", [True, False])
def test_a_list_without_links_loses_no_page_that_others_are_redirected_to(
    work: Work, streamed: bool
) -> None:
    """A table of one part is streamed, and a large list has several."""
    work.manifest = msgspec.structs.replace(
        work.manifest, spec=SPEC, size=100, shard_bytes=10, streamed=streamed
    )
    location = web.Response(status=301, headers={"Location": "/new"})
    work.send(work.site.reply("/old", location), work.site.reply("/older", location))
    page(work, "/new")
    work.run()
    assert [one.outcome for one in work.outcomes()] == [Kind.SCRAPED] * 2
    work.send(work.site.url("/new"), batch="00001-000000")
    work.again()

    [new] = work.outcomes("00001-000000")
    assert new.outcome is Kind.SCRAPED


def test_values_of_another_page_are_in_no_row_that_a_redirect_has_led_to(work: Work) -> None:
    crawl(
        work,
        follow=[{"css": "a", "page": "product", "carry": {"shop": {"css": "title"}}}],
        pages={
            "product": {
                "match": "127.0.0.1/p/*",
                "extract": {"fields": {"name": {"css": "title"}}},
            },
            "other": {
                "match": "127.0.0.1/sold*",
                "extract": {"fields": {"other": {"css": "title"}}},
            },
        },
    )
    location = web.Response(status=302, headers={"Location": "/sold-out"})
    work.site.reply("/p/1", location)
    page(work, "/sold-out")
    page(work, "/p/2")
    work.send(page(work, "/", "/p/1", "/p/2"))

    work.run()

    rows = {one.url: (one.page, one.rows) for one in work.outcomes() if one.depth}
    assert rows == {
        work.site.url("/p/1"): ("other", [{"other": "/sold-out"}]),
        work.site.url("/p/2"): ("product", [{"shop": "/", "name": "/p/2"}]),
    }


def test_what_a_link_carries_to_another_page_of_the_kind_is_told(work: Work) -> None:
    """The price of one product, in the row of the next one."""
    crawl(
        work,
        follow=[{"css": "a", "page": "product", "carry": {"shop": {"css": "title"}}}],
        pages={"product": {"match": "*/p/*", "extract": {"fields": {"name": {"css": "title"}}}}},
    )
    for path, location in (("/p/1", "/p/9"), ("/p/2", "/p/2/?ref=1")):
        work.site.reply(path, web.Response(status=302, headers={"Location": location}))
    page(work, "/p/9")
    page(work, "/p/2/")
    work.send(page(work, "/", "/p/1", "/p/2"))

    work.run()

    problems = {one.url: one.problems for one in work.outcomes() if one.depth}
    assert problems[work.site.url("/p/1")] == [
        {"field": "carry", "problem": "redirected", "value": work.site.url("/p/9")}
    ]
    assert problems[work.site.url("/p/2")] == []


def canonical(work: Work, path: str, name: str, *links: str, robots: str = "") -> str:
    html = f"<!doctype html><title>{path}</title><link rel=canonical href='{name}'>"
    html += f"<meta name=robots content='{robots}'>"
    html += "".join(f"<a href='{link}'>x</a>" for link in links)
    return work.site.reply(path, web.Response(text=html, content_type="text/html"))


def outcomes_by_path(work: Work) -> dict[str, str]:
    return {
        one.url.removeprefix(work.site.url("")): f"{one.outcome}-{one.reason}"
        for one in work.outcomes()
    }


SCRAPED, SAME = "scraped-None", "skipped-duplicate"


def test_of_pages_with_one_canonical_url_one_counts(work: Work) -> None:
    """The links of all are followed: that of a second page of a list may be wrong."""
    crawl(work, crawl={"within": "host", "same_as": "canonical"})
    work.send(page(work, "/", "/amp", "/p", "/p?color=red", "/lost", "/a", "/list?page=2"))
    canonical(work, "/amp", "/p", "/of-amp")
    canonical(work, "/p", "/p")  # whatever its query
    page(work, "/of-amp")
    canonical(work, "/lost", "/gone")
    canonical(work, "/a", "/b", "/b")  # a chain
    canonical(work, "/b", "/c", "/c")
    canonical(work, "/c", "/c")
    canonical(work, "/list", "/", "/of-page-2")
    page(work, "/of-page-2")

    work.run()

    assert outcomes_by_path(work) == {
        "/": SCRAPED,
        "/amp": SCRAPED,
        "/of-amp": SCRAPED,
        "/p": SAME,
        "/p?color=red": SAME,
        "/lost": SCRAPED,
        "/a": SCRAPED,
        "/b": SCRAPED,
        "/c": SAME,
        "/list?page=2": SAME,
        "/of-page-2": SCRAPED,
    }
    [red] = [one for one in work.outcomes() if one.url.endswith("red")]
    assert (red.rows, red.status) == ([], 200)
    assert red.detail == (
        f"its canonical URL is {work.site.url('/p')}, which another page of the job has"
    )


@pytest.mark.parametrize(
    ("within", "name"),
    [
        ("host", "http://other.example/p"),
        (["*"], "http://other.example/p"),
        ([r"regex:/[ab]$"], "/elsewhere"),
    ],
)
def test_a_canonical_url_that_the_crawl_or_the_partition_has_not_says_nothing(
    work: Work, within: Any, name: str
) -> None:
    """Two pages that both name it are two pages."""
    crawl(work, crawl={"within": within, "same_as": "canonical"})
    work.send(canonical(work, "/a", name), canonical(work, "/b", name))

    work.run()

    assert outcomes_by_path(work) == {"/a": SCRAPED, "/b": SCRAPED}


def test_what_counts_for_a_page_is_known_to_later_batches(work: Work) -> None:
    crawl(work, crawl={"same_as": "canonical"})
    work.send(canonical(work, "/p", "/p"))
    work.run()
    work.send(canonical(work, "/q", "/p"), batch="00000-000001")
    work.again()

    [second] = work.outcomes("00000-000001")
    assert (second.outcome, second.reason) == (Kind.SKIPPED, Reason.DUPLICATE)
    assert page_hash(work.site.url("/q")) in seen(work), "nobody asks for it again"


def test_canonical_urls_say_nothing_unless_the_spec_asks(work: Work) -> None:
    work.send(canonical(work, "/p", "/p"), canonical(work, "/q", "/p"))
    work.run()

    assert outcomes_by_path(work) == {"/p": SCRAPED, "/q": SCRAPED}


@pytest.mark.parametrize(
    ("noindex", "expected"), [("skip", "skipped-noindex"), ("keep", "scraped-None")]
)
def test_pages_that_ask_not_to_be_kept_can_be_left_out(
    work: Work, noindex: str, expected: str
) -> None:
    """The links of them are followed, unless they ask against that, too."""
    crawl(work, crawl={"noindex": noindex})
    work.send(page(work, "/", "/meta", "/header", "/theirs", "/none"))
    canonical(work, "/meta", "/meta", "/of-meta", robots="noindex follow")
    page(work, "/of-meta")
    canonical(work, "/none", "/none", "/never", robots="none")
    for path, headers in (
        ("/header", [("X-Robots-Tag", "otherbot: nofollow"), ("X-Robots-Tag", "noindex")]),
        ("/theirs", [("X-Robots-Tag", "otherbot: noindex, nofollow")]),
    ):
        text = f"<!doctype html><title>x</title><a href='/of{path}'>x</a>"
        reply = web.Response(text=text, content_type="text/html")
        for name, value in headers:
            reply.headers.add(name, value)
        work.site.reply(path, reply)
        page(work, f"/of{path}")

    work.run()

    assert outcomes_by_path(work) == {
        "/": SCRAPED,
        "/meta": expected,
        "/of-meta": SCRAPED,
        "/none": expected,
        "/header": expected,
        "/of/header": SCRAPED,
        "/theirs": SCRAPED,
        "/of/theirs": SCRAPED,
    }


def test_a_message_holds_what_its_targets_carry(work: Work) -> None:
    """Of many links, each with a text of 9 kB that belongs to its page."""
    crawl(work, follow=[{"css": "a", "carry": {"text": {"css": "p"}}}], crawl={"within": ["*"]})
    links = "".join(f"<a href='http://other.example/{number}'>x</a>" for number in range(150))
    html = f"<!doctype html><p>{'long ' * 1_800}</p>{links}"
    reply = web.Response(text=html, content_type="text/html")
    work.send(work.site.reply("/", reply))

    work.run()

    children = work.children()
    assert sum(len(child.targets) for child in children) == 150
    assert max(len(encode(child)) for child in children) < 300_000


def test_a_list_of_one_shard_writes_down_nothing(work: Work) -> None:
    work.manifest = msgspec.structs.replace(work.manifest, spec=SPEC)
    work.send(work.site.page("/a", "A"))
    work.run()

    assert list(work.deployment.data.keys("jobs/job-1/seen")) == []


def test_another_writer_of_what_was_taken_is_not_written_over(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has lost its lease may conclude late."""

    def target(page: int) -> Takings:
        takings = Takings()
        takings.targets[page] = "a.example"
        return takings

    data = work.deployment.data
    batch = work.send("http://a.example/")
    put_over = data.put_over

    def late(key: str, body: bytes, *, etag: str | None) -> str | None:
        monkeypatch.setattr(data, "put_over", put_over)
        commit_module.add_seen(data, batch, target(1))
        return put_over(key, body, etag=etag)

    monkeypatch.setattr(data, "put_over", late)
    commit_module.add_seen(data, batch, target(2))

    assert 1 in seen(work)
    assert 2 in seen(work)


@pytest.mark.parametrize(("size", "together"), [(LARGE_COMMIT, 1), (LARGE_COMMIT - 1, 3)])
def test_large_commit_objects_are_concluded_one_at_a_time(
    work: Work, size: int, together: int
) -> None:
    """All targets that one leads to are in memory meanwhile."""
    inside: set[int] = set()
    most = 0

    async def conclude(workshop: Workshop, number: int) -> None:
        nonlocal most
        async with workshop.concluding(bytes(size)):
            inside.add(number)
            most = max(most, len(inside))
            await asyncio.sleep(0)
            inside.remove(number)

    async def all_at_once() -> None:
        async with open_workshop(work.settings, lambda _job: None) as workshop:
            await asyncio.gather(*(conclude(workshop, number) for number in range(3)))

    asyncio.run(all_at_once())

    assert most == together


def test_what_was_taken_is_read_once_for_a_batch(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have megabytes; only who has lost a race reads it again."""
    read: list[str] = []
    get_versioned = Bucket.get_versioned

    def noted(self: Bucket, key: str) -> tuple[bytes, str] | None:
        read.append(key)
        return get_versioned(self, key)

    monkeypatch.setattr(Bucket, "get_versioned", noted)
    work.send(page(work, "/1", "/2"))
    page(work, "/2")

    work.run()

    assert read.count(seen_key("job-1", OWN)) == 1
    assert len(seen(work)) == 2


def test_what_cannot_be_written_down_leaves_the_message_in_the_queue(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.send(page(work, "/1"))
    put_over = Bucket.put_over

    def refused(self: Bucket, key: str, body: bytes, *, etag: str | None) -> str | None:
        return None if "/seen/" in key else put_over(self, key, body, etag=etag)

    monkeypatch.setattr(Bucket, "put_over", refused)

    with pytest.raises(StorageError, match="seen/"):
        work.run()

    assert list(work.deployment.data.keys("jobs/job-1/receipts/")) == []

"""Pages that are fetched otherwise than others: by their kind, or by their host."""

from collections.abc import Iterator

import pytest
from aiohttp import web

from shared.errors import Reason
from tests.integration.worker.scraping.test_politeness import Engine, pages, reasons
from tests.site import Site

KINDS = {
    "patient": {"match": "*/patient/*", "fetch": {"attempts": 2, "headers": {"X-Kind": "p"}}},
    "slow": {"match": "*/slow/*", "fetch": {"pause": 0.2}},
    "small": {"match": "*/small/*", "fetch": {"max_bytes": 1000, "max_redirects": 0}},
    "bare": {"match": "*/bare/*", "fetch": {"retry_when": [{"text": "wait"}], "attempts": 1}},
}


@pytest.fixture
def engine(site: Site) -> Iterator[Engine]:
    engine = Engine(site)
    yield engine
    engine.process.stop()


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def test_the_longest_pause_of_the_pages_of_a_host_holds_for_the_host(
    engine: Engine, site: Site
) -> None:
    site.page("/slow/1", "slow")
    there, elsewhere = pages(site, "a.example", 4), pages(site, "b.example", 4)

    await engine.scrape(
        [*there, "http://a.example/slow/1", *elsewhere], pages=KINDS, robots="ignore"
    )

    assert len(engine.gaps("a.example")) == 4
    assert min(engine.gaps("a.example")) >= 0.1
    assert min(engine.gaps("b.example")) < 0.1


async def test_a_host_has_the_pause_and_the_headers_that_the_spec_has_for_it(
    engine: Engine, site: Site
) -> None:
    urls = [*pages(site, "www.slow.example", 3), *pages(site, "b.example", 3)]
    slow = {"match": "*.slow.example", "pause": 0.2, "headers": {"X-Host": "slow"}}

    await engine.scrape(urls, hosts=[slow])

    assert min(engine.gaps("www.slow.example")) >= 0.1, "robots.txt is paced too"
    sent = [head["Host"] for head in site.headers if head.get("X-Host") == "slow"]
    assert sent == ["www.slow.example"] * 4, "robots.txt is asked for likewise"


async def test_one_request_is_open_at_once_where_a_kind_says_so(engine: Engine, site: Site) -> None:
    for number in range(4):
        site.reply(f"/{number}", 0.1)

    await engine.scrape(
        [f"http://a.example/{number}" for number in range(4)],
        pages={"one": {"match": "*/1", "fetch": {"per_host": 1}}},
        per_host=4,
        robots="ignore",
    )

    assert site.most_open == 1


async def test_attempts_and_headers_are_those_of_the_kind(engine: Engine, site: Site) -> None:
    broken = web.Response(status=500)
    site.reply("/patient/1", broken, html("<title>x"))
    site.reply("/x", broken, html("<title>x"))

    outcomes = await engine.scrape(
        ["http://a.example/patient/1", "http://a.example/x"], pages=KINDS, attempts=1
    )

    assert [one.reason for one in outcomes.values()] in (
        [None, Reason.HTTP_5XX],
        [Reason.HTTP_5XX, None],
    )
    assert outcomes["http://a.example/patient/1"].reason is None
    told = [head.get("X-Kind") for head in site.headers]
    assert told.count("p") == 2
    assert told.count(None) == 2, "robots.txt and the other page"


async def test_limits_are_those_of_the_kind_that_a_url_is_of(engine: Engine, site: Site) -> None:
    site.reply("/small/1", html("x" * 2_000))
    site.reply("/1", web.Response(status=302, headers={"Location": "/small/1"}))
    site.reply("/small/2", web.Response(status=302, headers={"Location": "/1"}))
    site.reply("/2", html("x" * 2_000))

    outcomes = await engine.scrape(
        [f"http://a.example/{path}" for path in ("1", "small/2", "2")], pages=KINDS
    )

    assert [one.reason for one in outcomes.values()].count(None) == 1
    assert outcomes["http://a.example/1"].reason is Reason.TOO_LARGE, "it leads to a small one"
    assert outcomes["http://a.example/small/2"].reason is Reason.TOO_MANY_REDIRECTS
    assert outcomes["http://a.example/2"].reason is None


async def test_pages_that_were_not_asked_for_are_those_of_the_kind(
    engine: Engine, site: Site
) -> None:
    site.reply("/bare/1", html("please wait"))
    site.reply("/1", html("please wait"))

    outcomes = await engine.scrape(
        ["http://a.example/bare/1", "http://a.example/1"],
        pages=KINDS,
        retry_when=[{"text": "something else"}],
    )

    assert outcomes["http://a.example/bare/1"].reason is Reason.UNWANTED_PAGE
    assert reasons(outcomes) == {Reason.UNWANTED_PAGE, None}

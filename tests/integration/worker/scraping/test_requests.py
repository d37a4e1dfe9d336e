"""Requests that a list describes line by line: methods, headers, bodies."""

import pytest
from aiohttp import web

from shared.errors import Reason
from shared.messages import Target
from shared.outcomes import Kind
from tests.integration.worker.scraping.test_politeness import Engine
from tests.site import Site

URL = "http://a.example/a"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Key": "k"}
POST = Target(URL, 1, method="POST", headers=FORM, body="q=é", input={"id": 7})


def moved(location: str, status: int = 301) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


@pytest.fixture
def engine(site: Site) -> Engine:
    return Engine(site)


async def test_a_post_is_sent_as_the_list_has_it(engine: Engine, site: Site) -> None:
    site.page("/a", "A")

    [outcome] = (await engine.scrape([POST])).values()

    assert site.requests == [("POST", "/a", "q=é".encode())]
    sent = site.headers[-1]
    assert {name: sent[name] for name in FORM} == FORM
    assert "Accept" in sent
    assert "X-Key" not in site.headers[0], "robots.txt is nobody's request"
    assert outcome.outcome is Kind.SCRAPED
    assert (outcome.method, outcome.input) == ("POST", {"id": 7})
    assert outcome.rows[0]["title"] == "A"


async def test_headers_of_the_list_take_the_place_of_the_specs(engine: Engine, site: Site) -> None:
    site.page("/a", "A")
    target = Target(URL, 1, headers={"accept": "text/plain", "X-Key": "own"})

    await engine.scrape([target], headers={"X-Key": "spec", "X-Other": "spec"})

    sent = site.headers[-1]
    assert (sent["Accept"], sent["X-Key"], sent["X-Other"]) == ("text/plain", "own", "spec")


async def test_a_head_has_no_rows_and_no_problems(engine: Engine, site: Site) -> None:
    site.page("/a", "A")

    [outcome] = (await engine.scrape([Target(URL, 1, method="HEAD")])).values()

    assert site.requests == [("HEAD", "/a", b"")]
    assert (outcome.outcome, outcome.status, outcome.method) == (Kind.SCRAPED, 200, "HEAD")
    assert (outcome.rows, outcome.problems, outcome.bytes) == ([], [], 0)


async def test_a_page_that_is_not_modified_is_skipped(engine: Engine, site: Site) -> None:
    site.reply("/a", web.Response(status=304))

    target = Target(URL, 1, headers={"If-None-Match": '"v1"'})
    [outcome] = (await engine.scrape([target])).values()

    assert site.headers[-1]["If-None-Match"] == '"v1"'
    assert (outcome.outcome, outcome.reason) == (Kind.SKIPPED, Reason.NOT_MODIFIED)


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
        ("HEAD", 303, "HEAD"),
        ("HEAD", 301, "HEAD"),
    ],
)
async def test_redirects_are_followed_as_browsers_do(
    engine: Engine, site: Site, method: str, status: int, then: str
) -> None:
    site.reply("/a", moved("http://a.example/b", status))
    site.page("/b", "B")
    target = POST if method == "POST" else Target(URL, 1, method="HEAD")

    [outcome] = (await engine.scrape([target])).values()

    body = b"q=\xc3\xa9" if then == "POST" else b""
    assert site.requests[-1] == (then, "/b", body)
    assert ("Content-Type" in site.headers[-1]) is (then == "POST")
    if method == "POST":
        assert site.headers[-1]["X-Key"] == "k"
    assert outcome.outcome is Kind.SCRAPED
    assert outcome.method == then


async def test_a_post_may_be_answered_with_see_yourself(engine: Engine, site: Site) -> None:
    """A GET of the same URL leads on; a second one does not."""
    page = web.Response(text="<title>T</title>", content_type="text/html")
    site.reply("/a", moved(URL, 303), page)

    [outcome] = (await engine.scrape([POST])).values()

    assert [method for method, *_ in site.requests] == ["POST", "GET"]
    assert outcome.outcome is Kind.SCRAPED

    site.reply("/a", moved(URL, 303))
    [outcome] = (await engine.scrape([POST])).values()

    assert outcome.reason is Reason.TOO_MANY_REDIRECTS
    assert [method for method, *_ in site.requests[2:]] == ["POST", "GET"]


async def test_a_post_that_leads_back_as_a_get_is_another_request(
    engine: Engine, site: Site
) -> None:
    page = web.Response(text="<title>T</title>", content_type="text/html")
    site.reply("/a", moved("http://a.example/b", 303), page)
    site.reply("/b", moved(URL))

    [outcome] = (await engine.scrape([POST])).values()

    assert [request[:2] for request in site.requests] == [
        ("POST", "/a"),
        ("GET", "/b"),
        ("GET", "/a"),
    ]
    assert outcome.outcome is Kind.SCRAPED


async def test_secrets_of_a_line_stay_with_its_site(engine: Engine, site: Site) -> None:
    """A redirect may lead anywhere; www.a.example is the same site, b.example is not."""
    site.reply("/a", moved("http://www.a.example/b"))
    site.reply("/b", moved("http://b.example/c"))
    site.page("/c", "C")

    await engine.scrape([Target(URL, 1, headers={"authorization": "Bearer s"})])

    told = {headers["Host"]: headers.get("Authorization") for headers in site.headers}
    assert told == {"a.example": "Bearer s", "www.a.example": "Bearer s", "b.example": None}


async def test_robots_txt_forbids_a_post_as_well(engine: Engine, site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /a")

    [outcome] = (await engine.scrape([POST])).values()

    assert outcome.reason is Reason.ROBOTS_DISALLOWED
    assert site.requests == []


def sends_on(location: str) -> web.Response:
    text = f"<meta http-equiv=refresh content='0; url={location}'>"
    return web.Response(text=text, content_type="text/html")


async def test_a_page_that_sends_its_readers_on_is_a_redirect_if_the_spec_says_so(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", sends_on("/b"))
    site.reply("/b", sends_on("http://b.example/c"))
    site.page("/c", "C")

    [followed] = (await engine.scrape([URL], meta_refresh=True)).values()
    [left] = (await engine.scrape([URL])).values()

    assert followed.redirects == ("http://a.example/b", "http://b.example/c")
    assert (followed.final_url, followed.rows[0]["title"]) == ("http://b.example/c", "C")
    assert (left.outcome, left.redirects) == (Kind.SCRAPED, ())


async def test_such_redirects_have_an_end(engine: Engine, site: Site) -> None:
    site.reply("/a", sends_on("/b"))
    site.reply("/b", sends_on("/a"))
    site.reply("/1", sends_on("/2"))
    site.reply("/2", sends_on("/3"))

    outcomes = await engine.scrape([URL, "http://a.example/1"], meta_refresh=True, max_redirects=1)
    circle = await engine.scrape([URL], meta_refresh=True)

    assert {one.reason for one in outcomes.values()} == {Reason.TOO_MANY_REDIRECTS}
    assert "in a circle" in (circle[URL].detail or "")


async def test_such_redirects_lead_away_from_secrets(engine: Engine, site: Site) -> None:
    site.reply("/a", sends_on("http://b.example/b"))
    site.page("/b", "B")

    await engine.scrape([URL], meta_refresh=True, robots="ignore", headers={"X-Token": "t"})

    assert [head.get("X-Token") for head in site.headers] == ["t", None]

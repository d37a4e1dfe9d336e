"""A login comes before the pages of its website, once, and holds for the job's other batches."""

import json
import time
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from functions.worker.politeness.logins import MAX_LOGINS, Login
from functions.worker.politeness.partition import (
    PartitionState,
    decode_state,
    encode_state,
    merged,
)
from shared.errors import Reason
from shared.outcomes import Kind
from tests.integration.worker.scraping.test_politeness import Engine, kinds, pages, reasons
from tests.site import Site

SECRET = "hunter2-ß&="
PASSWORD = {"secret": {"ssm": "/a"}, "for": "a.example"}
LOGIN: dict[str, Any] = {
    "url": "http://a.example/login",
    "data": {"user": "me", "password": PASSWORD},
}
WITH_FORM = {**LOGIN, "form": "http://a.example/login?next=/"}
JSON = {
    "url": "http://a.example/token",
    "json": {"user": "me", "password": PASSWORD},
    "token": {"jmespath": "auth.access_token"},
}
FORM = """<form action=/search><input name=q></form>
<form method=post><input type=hidden name=csrf value="c&amp;1"><input name=user value=you>
<input type=password name=password><input type=checkbox name=stay checked>
<input type=checkbox name=news><input type=submit name=go value=Go></form>"""


def html(text: str, *cookies: str, status: int = 200, location: str | None = None) -> web.Response:
    answer = web.Response(text=text, content_type="text/html", status=status)
    for cookie in cookies:
        answer.headers.add("Set-Cookie", cookie)
    if location is not None:
        answer.headers["Location"] = location
    return answer


def cookies_of_pages(site: Site) -> list[str | None]:
    """Return what pages were asked for with, in order; logins are no pages."""
    heads = [head for head in site.headers if "Content-Type" not in head]
    return [head.get("Cookie") for head in heads][-3:]


@pytest.fixture
def engine(site: Site) -> Engine:
    return Engine(site)


async def test_a_form_is_sent_with_its_hidden_fields_and_cookies(
    engine: Engine, site: Site
) -> None:
    urls = pages(site, "a.example", 3)
    accepted = html("", "sid=s1; Path=/; HttpOnly", status=302, location="/home")
    site.reply("/login", html(FORM, "pre=p1"), accepted)

    outcomes = await engine.scrape(urls, login=[WITH_FORM], secret=SECRET)

    assert kinds(outcomes) == {Kind.SCRAPED}
    assert site.paths()[:2] == ["/login", "/login"]
    method, _, body = site.requests[1]
    assert method == "POST"
    fields = {"csrf": ["c&1"], "user": ["me"], "password": [SECRET], "stay": ["on"]}
    assert parse_qs(body.decode(), strict_parsing=True) == fields
    [sent] = [head for head in site.headers if "Content-Type" in head]
    assert sent["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent["Cookie"] == "pre=p1"
    assert (sent["Origin"], sent["Referer"]) == ("http://a.example", WITH_FORM["form"])
    assert cookies_of_pages(site) == ["pre=p1; sid=s1"] * 3


async def test_another_batch_does_not_log_in_again(engine: Engine, site: Site) -> None:
    """A batch of the partition has a state that was written and read."""
    urls = pages(site, "a.example", 3)
    site.reply("/login", html("hello", "sid=s1"))

    await engine.scrape(urls, login=[LOGIN], secret=SECRET)
    outcomes = await engine.scrape(urls, login=[LOGIN], secret=SECRET)

    assert kinds(outcomes) == {Kind.SCRAPED}
    assert site.paths().count("/login") == 1
    assert cookies_of_pages(site) == ["sid=s1"] * 3


async def test_a_token_is_sent_with_the_pages_of_its_origin_alone(
    engine: Engine, site: Site
) -> None:
    [url] = pages(site, "a.example", 1)
    site.reply("/token", web.json_response({"auth": {"access_token": "t0k3n"}}))
    site.reply("/away", html("", status=302, location="http://b.example/0"))

    outcomes = await engine.scrape(
        [url, "http://a.example/away"], login=[JSON], secret=SECRET, robots="ignore"
    )

    assert kinds(outcomes) == {Kind.SCRAPED}
    assert json.loads(site.requests[0][2]) == {"user": "me", "password": SECRET}
    told = [(head["Host"], head.get("Authorization")) for head in site.headers]
    assert sorted(told, key=str) == [
        ("a.example", "Bearer t0k3n"),
        ("a.example", "Bearer t0k3n"),
        ("a.example", None),
        ("b.example", None),
    ]


@pytest.mark.parametrize(
    ("login", "answer", "why"),
    [
        pytest.param(LOGIN, html(FORM, "sid=s1"), "asks for a password again", id="form again"),
        pytest.param(LOGIN, html("no", status=401), "401", id="401"),
        pytest.param(LOGIN, html("hello"), "sets no cookie", id="no cookie"),
        pytest.param(LOGIN, html("", "a=" + "x" * 4000, *(
            f"{n}=" + "x" * 4000 for n in range(4))), "more than 16384 bytes", id="too much"),
        pytest.param(JSON, web.json_response({"auth": 1}), "no token at auth.ac", id="no token"),
        pytest.param(JSON, web.Response(text="{"), "no token at auth.ac", id="no JSON"),
        pytest.param(WITH_FORM, html("<form><input name=q>"), "no form with", id="no form"),
    ],
)  # fmt: skip
async def test_what_fails_twice_is_not_tried_again(
    engine: Engine, site: Site, login: dict[str, Any], answer: web.Response, why: str
) -> None:
    urls = pages(site, "a.example", 5)
    for path in ("/login", "/token"):
        site.reply(path, answer)

    for _batch in range(2):
        outcomes = await engine.scrape(urls, login=[login], secret=SECRET)

        assert kinds(outcomes) == {Kind.FAILED}
        assert reasons(outcomes) == {Reason.LOGIN_FAILED}
        assert all(why in (outcome.detail or "") for outcome in outcomes.values())
        assert SECRET not in f"{outcomes}"
    assert len(site.paths()) == 2, "nor is any page asked for"


async def test_a_second_login_may_succeed(engine: Engine, site: Site) -> None:
    urls = pages(site, "a.example", 3)
    site.reply("/login", html("", status=500), html("hello", "sid=s1"))

    outcomes = await engine.scrape(urls, login=[LOGIN], secret=SECRET)

    assert kinds(outcomes) == {Kind.SCRAPED}
    assert site.paths()[:2] == ["/login", "/login"]


@pytest.mark.parametrize(
    ("page", "reason"), [(html("my account"), None), (html(FORM), Reason.LOGIN_FAILED)]
)
async def test_an_answer_that_leads_back_is_looked_into(
    engine: Engine, site: Site, page: web.Response, reason: Reason | None
) -> None:
    """Some websites send both those who are let in and those who are not back to the form."""
    urls = pages(site, "a.example", 2)
    site.reply("/login", html("", "sid=s1", status=303, location="/login?x"), page, page)

    outcomes = await engine.scrape(urls, login=[LOGIN], secret=SECRET)

    assert reasons(outcomes) == {reason}
    assert site.requests[1][:2] == ("GET", "/login")
    assert site.headers[2].get("Cookie") == "sid=s1"


async def test_a_host_that_says_slow_down_has_not_refused_the_login(
    engine: Engine, site: Site
) -> None:
    urls = pages(site, "a.example", 2)
    slow = web.Response(status=429, headers={"Retry-After": "600"})
    site.reply("/login", slow, html("hello", "sid=s1"))

    outcomes = await engine.scrape(urls, login=[LOGIN], secret=SECRET)

    assert kinds(outcomes) == {Kind.DEFERRED}
    assert site.paths() == ["/login"]
    assert engine.state.logins == {}


async def test_a_form_outlasts_a_batch(engine: Engine, site: Site) -> None:
    """A pause that is longer than a worker's patience ends the batch between form and login."""
    urls = pages(site, "a.example", 1)
    site.reply("/login", html(FORM), html("hello", "sid=s1"))
    options: dict[str, Any] = {"pause": 60, "max_idle": 1, "robots": "ignore"}
    methods = []
    for _batch in range(3):
        outcomes = await engine.scrape(urls, login=[WITH_FORM], secret=SECRET, **options)
        methods = [method for method, *_ in site.requests]
        engine.clock.ahead += 100

    assert methods == ["GET", "POST", "GET"]
    assert kinds(outcomes) == {Kind.SCRAPED}


async def test_it_is_renewed_when_it_is_old(engine: Engine, site: Site) -> None:
    urls = pages(site, "a.example", 1)
    site.reply("/login", html("hello", "sid=s1"), html("hello", "sid=s2"))
    login = {**LOGIN, "renew_after": 3600}
    for hour in range(2):
        engine.clock.ahead = 3601.0 * hour
        await engine.scrape(urls, login=[login], secret=SECRET, robots="ignore")

    assert cookies_of_pages(site) == ["sid=s1", "sid=s2"]


def test_logins_in_a_state_are_bounded_and_show_nothing() -> None:
    now = time.time()
    logins = {f"j{n} o": Login(at=now - n, token=SECRET) for n in range(MAX_LOGINS + 9)}
    logins["old"] = Login(at=now - 24 * 60 * 60)
    state = PartitionState(logins=logins)

    kept = decode_state(encode_state(state, now)).logins

    assert list(kept) == list(logins)[:MAX_LOGINS]
    assert SECRET not in f"{state}"
    newer = PartitionState(logins={"j0 o": Login(at=now + 1)})
    for both in (merged(newer, state), merged(state, newer)):
        assert both.logins == logins | newer.logins


OUT = {**LOGIN, "logged_out": [{"status": 401}, {"redirect": "a.example/login*"}]}


@pytest.mark.parametrize(
    "out", [html("", status=401), html("", status=302, location="/login?next=/3")]
)
async def test_a_session_that_ends_is_renewed(
    engine: Engine, site: Site, out: web.Response
) -> None:
    """It ends after three pages; the fourth is asked for again."""
    urls = pages(site, "a.example", 6)
    site.reply("/login", html("hello", "sid=s1"), html("hello", "sid=s2"))
    site.reply("/3", out, html("<title>3</title>"))

    outcomes = await engine.scrape(urls, login=[OUT], secret=SECRET, per_host=1, attempts=1)

    assert kinds(outcomes) == {Kind.SCRAPED}
    assert {outcome.attempt for outcome in outcomes.values()} == {1}
    assert site.paths().count("/login") == 2
    told = [
        (path, head.get("Cookie"))
        for (_, path), head in zip(site.visits, site.headers[1:], strict=True)
    ]
    assert [cookie for path, cookie in told if path == "/3"] == ["sid=s1", "sid=s2"]


async def test_pages_that_a_session_never_gets_do_not_renew_it_for_ever(
    engine: Engine, site: Site
) -> None:
    """Each is between pages that it gets."""
    urls = pages(site, "a.example", 20)
    for n in range(1, 20, 2):
        site.reply(f"/{n}", html("", status=401))
    site.reply("/login", html("hello", "sid=s1"))

    for _batch in range(2):
        outcomes = await engine.scrape(urls, login=[OUT], secret=SECRET, per_host=1)

        refused = [one for one in outcomes.values() if one.outcome is Kind.FAILED]
        assert len(refused) == 10
        assert reasons(outcomes) == {None, Reason.LOGIN_FAILED}
        assert {one.status for one in refused} == {401}
    assert site.paths().count("/login") == 3

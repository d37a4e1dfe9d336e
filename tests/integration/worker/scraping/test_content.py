"""What pages hold, from a real website to outcomes: documents within pages, here and elsewhere."""

import json
from collections.abc import Iterator

import msgspec
import pytest
from aiohttp import web

from shared.errors import Reason
from shared.messages import Target
from shared.outcomes import Kind
from shared.unwanted_spec import UnwantedSpec
from tests.integration.worker.scraping.test_politeness import Engine
from tests.proxies import http_proxy
from tests.site import Site

URL = "http://a.example/a"


@pytest.fixture
def engine(site: Site) -> Iterator[Engine]:
    engine = Engine(site)
    yield engine
    engine.process.stop()


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


PLEASE_WAIT = "<title>Please wait</title>"
PAGE = "<title>t</title><h1>Lamp</h1>"
FIELDS = {"fields": {"name": {"css": "h1"}}}
RETRY_WHEN = [{"text": "please wait"}, {"no_match": True}, {"status": 202}, {"status": 404}]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(html(PLEASE_WAIT), id="text"),
        pytest.param(html("<div id=app></div>"), id="an empty shell"),
        pytest.param(web.Response(status=202, text=PAGE, content_type="text/html"), id="202"),
        pytest.param(web.Response(status=404, text=PAGE, content_type="text/html"), id="404"),
    ],
)
async def test_a_page_that_is_not_wanted_is_a_failed_attempt(
    engine: Engine, site: Site, careful: bool, reply: web.Response
) -> None:
    site.reply("/a", reply, reply, html(PAGE))

    outcomes = await engine.scrape(
        [URL],
        careful=careful,
        extract=FIELDS,
        retry_when=msgspec.convert(RETRY_WHEN, tuple[UnwantedSpec, ...]),
    )

    assert outcomes[URL].rows == [{"name": "Lamp"}]
    assert (outcomes[URL].outcome, outcomes[URL].attempt) == (Kind.SCRAPED, 3)
    assert site.paths() == ["/a"] * 3


async def test_a_page_that_is_never_the_wanted_one_is_given_up_on(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", html(PLEASE_WAIT))

    outcomes = await engine.scrape(
        [URL], extract=FIELDS, attempts=2, pause=0.3, retry_when=(UnwantedSpec(text="please wait"),)
    )

    [outcome] = outcomes.values()
    assert (outcome.outcome, outcome.reason, outcome.attempt, outcome.status) == (
        Kind.DEAD,
        Reason.UNWANTED_PAGE,
        2,
        200,
    )
    assert outcome.detail == "retry_when: the text 'please wait' is in it"
    assert (outcome.rows, outcome.problems) == ([], [])
    assert min(engine.gaps("a.example")) >= 0.15, "the pause holds between attempts, too"


async def test_what_is_left_of_the_attempts_is_made_by_a_later_batch(
    engine: Engine, site: Site
) -> None:
    site.reply("/a", html(PLEASE_WAIT))

    outcomes = await engine.scrape(
        [URL],
        extract=FIELDS,
        wait_initial=60,
        max_idle=0,
        retry_when=(UnwantedSpec(css="title"),),
    )

    assert (outcomes[URL].outcome, outcomes[URL].reason) == (Kind.DEFERRED, Reason.UNWANTED_PAGE)
    assert outcomes[URL].attempt == 2


async def test_a_head_is_judged_by_its_status(engine: Engine, site: Site) -> None:
    site.reply("/a", web.Response(status=202), web.Response(status=200))

    outcomes = await engine.scrape(
        [Target(URL, 1, method="HEAD")],
        extract=FIELDS,
        retry_when=msgspec.convert(RETRY_WHEN, tuple[UnwantedSpec, ...]),
    )

    assert (outcomes[URL].outcome, outcomes[URL].attempt) == (Kind.SCRAPED, 2)


@pytest.mark.parametrize("page", ["<ul></ul>", "<form id=captcha><li>y"])
async def test_a_page_for_a_parser_may_be_unwanted_with_rows_and_without(
    engine: Engine, site: Site, page: str
) -> None:
    site.reply("/a", html(page), html("<ul><li>x</ul>"))

    outcomes = await engine.scrape(
        [URL],
        parser="parsers.shop:as_generator",
        retry_when=(UnwantedSpec(no_match=True), UnwantedSpec(css="#captcha")),
    )

    assert outcomes[URL].rows == [{"text": "x"}]
    assert outcomes[URL].attempt == 2


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("reply", [html(PLEASE_WAIT), web.Response(status=404)])
async def test_a_page_that_is_not_wanted_is_a_block_behind_proxies(
    engine: Engine, site: Site, careful: bool, reply: web.Response
) -> None:
    """Three in a row, and the host gets the dearer tier."""
    site.reply("/a", *[reply] * 3, html(PAGE))
    async with http_proxy() as cheap, http_proxy() as dear:
        [outcome] = (
            await engine.scrape(
                [site.url("/a")],
                careful=careful,
                proxies=[[cheap.url()], [dear.url()]],
                robots="ignore",
                attempts=9,
                extract=FIELDS,
                retry_when=(UnwantedSpec(text="please wait"), UnwantedSpec(status=404)),
            )
        ).values()

    assert (outcome.outcome, outcome.proxy_tier) == (Kind.SCRAPED, 1)
    assert (len(cheap.targets), len(dear.targets)) == (3, 1)


async def test_a_page_that_is_not_wanted_is_answered_with_a_new_connection(
    engine: Engine, site: Site
) -> None:
    """A rotating gateway has another address for it."""
    site.reply("/a", html(PLEASE_WAIT), html(PAGE))
    async with http_proxy() as gateway:
        outcomes = await engine.scrape(
            [site.url("/a")],
            proxies=[[gateway.url()]],
            robots="ignore",
            extract=FIELDS,
            retry_when=(UnwantedSpec(text="please wait"),),
        )

    assert [outcome.attempt for outcome in outcomes.values()] == [2]
    assert len(gateway.targets) == 2


STATE = {"items": [{"name": "Oak", "html": "<b>1 &amp; 2</b>"}, None, {"name": "Elm"}]}


@pytest.mark.parametrize("careful", [False, True])
async def test_json_in_a_page_makes_rows_here_and_elsewhere(
    engine: Engine, site: Site, careful: bool
) -> None:
    padding = "x" * 1_000_000
    state = json.dumps({**STATE, "padding": padding})
    site.reply("/a", html(f"<script id=state type='application/json'>{state}</script>"))

    outcomes = await engine.scrape(
        [URL],
        careful=careful,
        extract={
            "rows": {"css": "#state", "then": {"jmespath": "items[*]"}},
            "fields": {
                "name": {"jmespath": "name"},
                "text": {"jmespath": "html", "then": {"css": "b"}},
            },
        },
    )

    assert outcomes[URL].rows == [{"name": "Oak", "text": "1 & 2"}, {"name": "Elm", "text": None}]
    assert outcomes[URL].problems == []
    assert engine.process.is_running is careful


@pytest.mark.parametrize("careful", [False, True])
async def test_rows_have_what_the_list_says_and_what_the_url_has(
    engine: Engine, site: Site, careful: bool
) -> None:
    site.reply("/old", web.Response(status=301, headers={"Location": "/p/17-lamp"}))
    site.reply("/p/17-lamp", html("<h1>Lamp</h1>"))
    target = Target("http://a.example/old", 1, input={"meta": {"id": 5}, "other": "x"})

    outcomes = await engine.scrape(
        [target, Target("http://a.example/p/17-lamp", 2)],
        careful=careful,
        extract={
            "fields": {
                "id": {"input": "meta.id", "type": "integer"},
                "number": {"url": "/p/([0-9]+)"},
                "name": {"css": "h1"},
            }
        },
    )

    row = {"id": None, "number": "17", "name": "Lamp"}
    assert outcomes["http://a.example/old"].rows == [{**row, "id": 5}]
    assert outcomes["http://a.example/p/17-lamp"].rows == [row]


@pytest.mark.parametrize("careful", [False, True])
async def test_rows_have_what_the_link_to_their_page_carries(
    engine: Engine, site: Site, careful: bool
) -> None:
    site.reply("/a", html("<h1>Oak</h1>"))
    fields = {"name": {"css": "h1"}, "shelf": {"input": "category"}}

    outcomes = await engine.scrape(
        [Target(URL, found_on="http://a.example/", carry={"category": "Lamps"})],
        careful=careful,
        extract={"fields": fields},
    )

    assert outcomes[URL].rows == [{"category": "Lamps", "name": "Oak", "shelf": "Lamps"}]


async def test_html_in_json_that_may_take_long_is_read_elsewhere(
    engine: Engine, site: Site
) -> None:
    body = json.dumps({"a": "<p>x" + "<div>" * 20_000}).replace("<", "\\u003c")
    site.reply("/a", web.Response(text=body, content_type="application/json"))

    outcomes = await engine.scrape(
        [URL], extract={"fields": {"x": {"jmespath": "a", "then": {"css": "p"}}}}
    )

    assert outcomes[URL].rows == [{"x": "x"}]
    assert engine.process.is_running

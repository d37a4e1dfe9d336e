"""What pages hold, from a real website to outcomes: documents within pages, here and elsewhere."""

import json
from collections.abc import Iterator

import pytest
from aiohttp import web

from shared.messages import Target
from tests.integration.worker.scraping.test_politeness import Engine
from tests.site import Site

URL = "http://a.example/a"


@pytest.fixture
def engine(site: Site) -> Iterator[Engine]:
    engine = Engine(site)
    yield engine
    engine.process.stop()


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


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

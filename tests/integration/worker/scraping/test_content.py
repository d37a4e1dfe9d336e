"""What pages hold, from a real website to outcomes: documents within pages, here and elsewhere."""

import json
from collections.abc import Iterator

import pytest
from aiohttp import web

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

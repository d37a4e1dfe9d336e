"""Headers and cookies that are secrets go to their hosts, and nowhere else."""

from random import Random
from typing import Any

import pytest
from aiohttp import web

from functions.dispatcher.specs import checked_spec
from functions.worker.extraction.extractor import Extractor
from functions.worker.scraping.means import Means
from functions.worker.scraping.requests import Requests
from functions.worker.scraping.visit import Visit
from functions.worker.secrets import secrets_of
from shared.manifest import Manifest
from shared.messages import Target
from tests.integration.worker.scraping.test_politeness import Engine
from tests.site import Site

SECRET = "hunter2"
FETCH: dict[str, Any] = {
    "headers": {
        "X-Tenant": {"secret": {"ssm": "/a"}, "for": "*.a.example", "prefix": "T "},
        "Accept": {"secret": {"ssm": "/a"}, "for": "*.a.example"},
    },
    "cookies": {"sid": {"secret": {"ssm": "/a"}, "for": "*.a.example"}, "plain": "1"},
}


@pytest.fixture
def engine(site: Site) -> Engine:
    return Engine(site)


def moved(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})


def told(site: Site) -> list[tuple[str, str | None, str | None, str | None]]:
    """Return who was told what, in order."""
    return [
        (head["Host"], head.get("X-Tenant"), head.get("Accept"), head.get("Cookie"))
        for head in site.headers
    ]


async def test_they_go_to_their_hosts_alone_wherever_redirects_lead(
    engine: Engine, site: Site
) -> None:
    site.reply("/1", moved("http://b.example/2"))
    site.reply("/2", moved("http://www.a.example/3"))
    site.page("/3", "three")

    outcomes = await engine.scrape(["http://a.example/1"], secret=SECRET, robots="ignore", **FETCH)

    ours = (f"T {SECRET}", SECRET)
    [(_, _, _, first), second, (_, _, _, third)] = told(site)
    assert [one[:3] for one in told(site)] == [
        ("a.example", *ours),
        ("b.example", None, second[2]),
        ("www.a.example", *ours),
    ]
    assert SECRET not in f"{second}"
    assert first == third == f"plain=1; sid={SECRET}"
    assert SECRET not in f"{outcomes}{engine.state}"


async def test_they_are_nothing_to_robots_txt(engine: Engine, site: Site) -> None:
    site.page("/1", "one")

    await engine.scrape(["http://a.example/1"], secret=SECRET, **FETCH)

    [robots, page] = told(site)
    assert SECRET not in f"{robots}"
    assert f"{page}".count(SECRET) == 3


async def test_a_line_of_the_list_goes_before_them(engine: Engine, site: Site) -> None:
    site.page("/1", "one")
    target = Target("http://a.example/1", 1, headers={"x-tenant": "mine"})

    await engine.scrape([target], secret=SECRET, robots="ignore", **FETCH)

    [(_, tenant, _, _)] = told(site)
    assert (tenant, site.headers[0].get("x-tenant")) == (None, "mine")


@pytest.mark.parametrize(
    ("url", "found_on", "redirects", "is_told"),
    [
        pytest.param("http://a.example/", None, (), True, id="the list says http"),
        pytest.param("https://a.example/", "http://a.example/", (), True, id="up"),
        pytest.param("http://a.example/", "https://a.example/", (), False, id="a link down"),
        pytest.param("https://a.example/", None, ("http://a.example/",), False, id="a redirect"),
    ],
)
def test_they_are_not_sent_where_https_has_led_to_http(
    engine: Engine, url: str, found_on: str | None, redirects: tuple[str, ...], is_told: bool
) -> None:
    target = Target(url, found_on=found_on, redirects=redirects)

    spec = checked_spec({"fetch": FETCH})
    job = Manifest(job="j", spec=spec, partitions=1, batch_size=1, created_at="")
    extractor = Extractor(spec, token="t", process=engine.process, careful=False)
    secrets = secrets_of(job, lambda _name: SECRET)
    means = Means(job=job, user_agent="t", extractor=extractor, secrets=secrets)
    request = Requests(means, Random(0)).for_page(Visit(target), None, 0.0)

    assert (SECRET in f"{request.headers}") == is_told
    assert SECRET not in f"{request!r}"

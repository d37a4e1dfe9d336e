"""How a page is fetched, where its kind or its host has settings of its own."""

import pytest

from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.kinds import Kinds
from functions.worker.scraping.overrides import Overrides
from shared.fetch_spec import FetchSpec
from shared.messages import Target
from shared.urls import parse_url

SPEC = """
fetch:
  pause: 1
  per_host: 4
  timeout: 20
  headers: {Accept: text/html, X-Of: all}
  cookies: {a: all}
  hosts:
    - {match: slow.example, pause: 9, per_host: 1, timeout: 30}
    - {match: ["*.shop.example", "*.slow.example"], pause: 3, per_host: 2, headers: {x-of: host}}
pages:
  quick: {match: "*/q/*", fetch: {pause: 0.1, per_host: 8, timeout: 5}}
  big:
    match: "*/b/*"
    fetch: {max_bytes: 20000000, headers: {accept: image/*}, cookies: {b: kind}}
  plain: {match: "*/p/*"}
"""


def fetched(url: str, page: str | None = None) -> FetchSpec:
    spec = parse_spec("spec.yaml", SPEC.encode())
    found = parse_url(url)
    return Overrides(spec, Kinds(spec)).of(found, Target(found.href, 1, page=page))


@pytest.mark.parametrize(
    ("url", "pause", "per_host", "timeout"),
    [
        pytest.param("http://a.example/", 1, 4, 20, id="neither"),
        pytest.param("http://a.example/p/1", 1, 4, 20, id="a kind without settings"),
        pytest.param("http://a.example/q/1", 0.1, 8, 5, id="the kind"),
        pytest.param("http://www.shop.example/p/1", 3, 2, 20, id="the host"),
        pytest.param("http://slow.example:8080/", 9, 1, 30, id="the first that fits the host"),
        pytest.param("http://www.slow.example/", 3, 2, 20, id="below the host"),
        pytest.param("http://slow.example/q/1", 9, 1, 5, id="both: the gentler, and the kind"),
    ],
)
def test_the_kind_goes_before_the_host_and_the_host_before_all(
    url: str, pause: float, per_host: int, timeout: float
) -> None:
    spec = fetched(url)

    assert (spec.pause, spec.per_host, spec.timeout) == (pause, per_host, timeout)


def test_headers_and_cookies_are_added_by_name() -> None:
    spec = fetched("http://shop.example/b/1")

    assert spec.headers == {"x-of": "host", "accept": "image/*"}
    assert spec.cookies == {"a": "all", "b": "kind"}
    assert spec.max_bytes == 20_000_000


def test_a_kind_is_what_the_link_names() -> None:
    assert fetched("http://a.example/x", page="quick").pause == 0.1


def test_other_requests_to_a_host_are_as_the_host_has_them() -> None:
    spec = parse_spec("spec.yaml", SPEC.encode())

    assert Overrides(spec, Kinds(spec)).of_host("slow.example").timeout == 30
    assert Overrides(spec, Kinds(spec)).of_host("a.example").timeout == 20

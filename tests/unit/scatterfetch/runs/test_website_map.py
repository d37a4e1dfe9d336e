from functools import partial

from functions.dispatcher.specs import parse_spec
from scatterfetch.runs.website_map import map_list, urls_of
from shared.crawl_spec import SITEMAP
from shared.outcomes import Kind, Outcome

line = partial(
    Outcome,
    final_url=None,
    outcome=Kind.SCRAPED,
    attempt=1,
    fetched_at="2026-11-21T02:00:00.000+00:00",
    elapsed_ms=1,
)
START = "http://shop.example/"


def found(*outcomes: Outcome, within: tuple[str, ...] = ()) -> list[str]:
    spec = map_list(START, within=within, depth=3, max_pages=None).spec
    assert spec is not None
    return [one.url for one in urls_of(outcomes, parse_spec("options", spec))]


def page(url: str, *links: str, depth: int = 1) -> Outcome:
    return line(url=url, line=None, depth=depth, rows=[{"url": link} for link in links])


def test_the_shortest_way_to_a_url_counts_and_what_a_sitemap_says_of_it_stays() -> None:
    spec = map_list(START, within=(), depth=3, max_pages=None).spec
    assert spec is not None
    a, b, c = (f"{START}{name}" for name in "abc")
    start = line(url=START, line=1, depth=0, rows=[{"url": a}, {"url": b}])
    listed = line(
        url=f"{START}map.xml",
        line=None,
        page=SITEMAP,
        rows=[{"url": c}, {"url": START, "lastmod": "2026-05-01"}],
    )

    mapped = urls_of([page(a, c, b, depth=1), start, listed], parse_spec("options", spec))

    assert [(one.url, one.depth, one.source, one.lastmod) for one in mapped] == [
        (START, 0, None, "2026-05-01"),
        (c, 0, f"{START}map.xml", None),
        (a, 1, START, None),
        (b, 1, START, None),
    ]


def test_a_url_that_is_gone_or_leads_elsewhere_is_left_out() -> None:
    start = line(
        url=START,
        line=1,
        rows=[{"url": f"{START}gone"}, {"url": "http://b.example/"}, {"url": "x:"}, {"url": None}],
    )
    gone = line(url=f"{START}gone", line=None, status=404)

    assert found(start, gone) == [START]


def test_what_a_sitemap_lists_is_of_the_host_that_the_website_has_moved_to() -> None:
    start = line(url=START, final_url="http://www.shop.example/", line=1)
    urls = ["http://www.shop.example/a", "http://shop.example/b", "http://b.example/"]
    listed = line(
        url=f"{START}map.xml", line=None, page=SITEMAP, rows=[{"url": url} for url in urls]
    )

    assert found(start, listed) == [START, "http://shop.example/b", "http://www.shop.example/a"]


def test_globs_say_which_urls_are_listed() -> None:
    start = line(url=START, line=1, rows=[{"url": f"{START}p/1"}, {"url": f"{START}c/1"}])

    assert found(start, within=("shop.example/p/*",)) == [START, f"{START}p/1"]

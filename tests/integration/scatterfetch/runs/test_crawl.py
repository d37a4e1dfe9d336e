"""Crawls by the command line, against a shop with all that makes crawls hard."""

import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from aiohttp import web

from shared.outcomes import Kind
from tests.commandline import scatterfetch_here
from tests.results import all_outcomes, final_outcomes
from tests.shop import ELSEWHERE, SPEC, Shop
from tests.site import Site, running_site


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_site(Shop()) as site:
        assert isinstance(site, Shop)
        yield site


def crawl(shop: Site, folder: Path, *args: str, spec: str = SPEC) -> CompletedProcess[str]:
    (folder / "spec.yaml").write_text(spec)
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{shop.port}", "--workers", "3"]
    local += ["--parameter", "AllowPrivateNetworks=true"]
    return scatterfetch_here(
        "crawl", "--spec", "spec.yaml", "--out", "out", *local, *args, cwd=folder
    )


def skus(folder: Path) -> list[str]:
    rows = [row for one in final_outcomes(folder / "out").values() for row in one.rows]
    return sorted(row["sku"] for row in rows if "sku" in row)


def test_all_of_a_shop_is_scraped_once(shop: Shop, tmp_path: Path) -> None:
    ran = crawl(shop, tmp_path)

    assert skus(tmp_path) == sorted(shop.sold()), ran.stderr
    shown = re.findall(r"^(\d+)/(\d+)(\+?) URLs", ran.stderr, re.MULTILINE)
    assert all(int(done) <= int(total) for done, total, _ in shown)
    assert {more for done, total, more in shown if done != total} <= {"+"}
    pages = [asked for asked in shop.asked if asked[1] != "/robots.txt"]
    assert not [path for host, path in pages if "sid=" in path]
    assert not [path for host, path in pages if path.startswith("/private") or host == ELSEWHERE]
    often = {asked[1] for asked in pages if shop.asked[asked] > 1}
    failing = {f"/p/{n}" for n in range(shop.products) if n % 7 == 0 or n % 9 == 0}
    assert often <= failing
    final = final_outcomes(tmp_path / "out").values()
    product = next(one for one in final if one.rows and one.rows[0].get("sku") == "3")
    assert product.rows[0]["category"] in {"c 3", "mirror 3"}
    assert (product.page, product.depth, product.line) == ("product", 2, None)
    assert product.found_on in {"http://shop.example/c/3/", "http://shop.example/mirror/3/"}
    [front] = [one for one in final if one.line == 1]
    assert (front.url, front.page, front.depth, front.found_on) == (
        "http://shop.example/",
        "listing",
        0,
        None,
    )


def test_a_calendar_ends_where_the_depth_does(shop: Shop, tmp_path: Path) -> None:
    crawl(shop, tmp_path, "--depth", "6")

    months = [path for _, path in shop.asked if path.startswith("/calendar/")]
    assert len(months) == 6


def test_a_crawl_of_so_many_pages_asks_for_no_more(shop: Shop, tmp_path: Path) -> None:
    crawl(shop, tmp_path, "--max-pages", "20", "--within", "host")

    pages = [path for _, path in shop.asked if path != "/robots.txt"]
    assert len(pages) == 20
    assert len(final_outcomes(tmp_path / "out")) == 20


def test_a_crawl_that_begins_at_a_page_of_no_kind_says_that_it_follows_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    ran = crawl(shop, tmp_path, spec=SPEC.replace('"shop.example/", ', ""))

    assert len(final_outcomes(tmp_path / "out")) == 1
    assert "\nNo link was followed to a further page; `scatterfetch try URL" in ran.stdout


def test_the_first_spec_of_a_category_has_rows_at_once(shop: Shop, tmp_path: Path) -> None:
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{shop.port}"]
    local += ["--parameter", "AllowPrivateNetworks=true"]
    url = "http://shop.example/c/1/"

    made = scatterfetch_here("init", url, "--crawl", "-o", "made.yaml", *local, cwd=tmp_path)
    checked = scatterfetch_here("spec", "check", "made.yaml", cwd=tmp_path)
    crawl(shop, tmp_path, "--max-pages", "5", spec=(tmp_path / "made.yaml").read_text())

    assert (made.returncode, checked.returncode) == (0, 0), made.stderr
    assert "drop_query: [sid]" in (tmp_path / "made.yaml").read_text()
    assert "made.yaml: look at it with `scatterfetch crawl --spec made.yaml" in made.stdout
    rows = [row for one in final_outcomes(tmp_path / "out").values() for row in one.rows]
    assert {row["price"] for row in rows if "price" in row} > {1.5}


def test_a_crawl_says_which_limit_has_ended_it(shop: Shop, tmp_path: Path) -> None:
    ran = crawl(shop, tmp_path, "--depth", "0")

    assert re.search(
        r"^\d+ links were not followed since crawl.depth is 0; ", ran.stdout, re.MULTILINE
    )
    assert "No link was followed" not in ran.stdout


def test_a_crawl_goes_on_where_it_stopped(shop: Shop, tmp_path: Path) -> None:
    first = crawl(shop, tmp_path)
    before = shop.asked.total()
    again = crawl(shop, tmp_path)

    assert again.returncode == first.returncode
    assert shop.asked.total() == before
    assert "Nothing was left to fetch" in again.stdout


def test_lost_results_of_a_crawl_are_fetched_again_with_all_that_they_led_to(
    shop: Shop, tmp_path: Path
) -> None:
    crawl(shop, tmp_path)
    expected = {one.url for one in all_outcomes(tmp_path / "out") if one.outcome is Kind.SCRAPED}
    [first] = (tmp_path / "out").glob("results/*/00000-000000.jsonl.gz")
    first.unlink()

    crawl(shop, tmp_path)

    assert skus(tmp_path) == sorted(shop.sold())
    assert {
        one.url for one in all_outcomes(tmp_path / "out") if one.outcome is Kind.SCRAPED
    } == expected


def test_a_crawl_may_begin_at_the_sitemaps_of_a_website(site: Site, tmp_path: Path) -> None:
    """Its pages are those of its kinds."""
    locations = "".join(f"<url><loc>{path}</loc></url>" for path in ("/p/1", "/p/2", "/about"))
    site.reply("/map.xml", web.Response(text=f"<urlset>{locations}</urlset>"))
    site.robots("Sitemap: http://shop.example/map.xml")
    for path in ("/p/1", "/p/2", "/about"):
        site.page(path, path)
    kinds = "pages: {product: {match: shop.example/p/*, extract: {include: [page]}}}"

    ran = crawl(
        site,
        tmp_path,
        spec=f"start: {{sitemaps: 'http://shop.example'}}\nfetch: {{pause: 0}}\n{kinds}",
    )

    assert ran.returncode == 0, ran.stderr
    assert sorted(site.paths()) == ["/map.xml", "/p/1", "/p/2"]
    final = final_outcomes(tmp_path / "out").values()
    assert sorted(str(row["title"]) for one in final for row in one.rows) == ["/p/1", "/p/2"]

"""`scatterfetch map`: the URLs of a website, without its pages."""

import csv
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from aiohttp import web

from tests.commandline import scatterfetch_here
from tests.site import Site

HOST = "http://shop.example"


@pytest.fixture
def shop(site: Site) -> Site:
    site.robots("Sitemap: /map.xml")
    entries = "<url><lastmod>2026-05-01</lastmod><loc>/p/1</loc></url><url><loc>/p/2</loc></url>"
    site.reply("/map.xml", web.Response(text=f"<urlset>{entries}</urlset>"))
    html("/", site, "/p/1", "/c/1#top", "http://elsewhere.example/", "mailto:a@shop.example")
    html("/c/1", site, "/", "/p/2", "/p/3", "/c/1")
    html("/p/1", site)
    return site


def html(path: str, site: Site, *links: str) -> None:
    body = "".join(f'<a href="{link}">x</a>' for link in links)
    site.reply(path, web.Response(text=f"<title>x</title>{body}", content_type="text/html"))


def map_of(site: Site, folder: Path, *args: str) -> CompletedProcess[str]:
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}", "--workers", "2"]
    local += ["--parameter", "AllowPrivateNetworks=true"]
    return scatterfetch_here("map", f"{HOST}/", *local, *args, cwd=folder)


def test_sitemaps_and_the_start_page_are_all_that_is_fetched(shop: Site, tmp_path: Path) -> None:
    ran = map_of(shop, tmp_path)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [f"{HOST}{path}" for path in ("/", "/p/1", "/p/2", "/c/1")]
    assert set(shop.paths()) - {"/robots.txt"} == {"/", "/map.xml"}


def test_a_table_says_where_each_url_was_found(shop: Site, tmp_path: Path) -> None:
    ran = map_of(shop, tmp_path, "--depth", "2", "-o", "urls.csv")

    assert ran.returncode == 0, ran.stderr
    with (tmp_path / "urls.csv").open(newline="") as file:
        rows = [[cell.removeprefix(HOST) for cell in row] for row in csv.reader(file)]
    assert rows == [
        ["url", "depth", "source", "lastmod"],
        ["/", "0", "", ""],
        ["/p/1", "0", "/map.xml", "2026-05-01"],
        ["/p/2", "0", "/map.xml", ""],
        ["/c/1", "1", "/", ""],
        ["/p/3", "2", "/c/1", ""],
    ]


def test_a_website_without_sitemaps_has_links(shop: Site, tmp_path: Path) -> None:
    shop.robots("")
    shop.reply("/sitemap.xml", web.Response(status=404))

    ran = map_of(shop, tmp_path, "--format", "jsonl")

    assert ran.returncode == 0, ran.stderr
    assert [line.partition(",")[0] for line in ran.stdout.splitlines()] == [
        f'{{"url":"{HOST}{path}"' for path in ("/", "/c/1", "/p/1")
    ]
    assert "sitemap.xml" not in ran.stderr


def test_a_start_page_that_cannot_be_had_is_told(shop: Site, tmp_path: Path) -> None:
    shop.reply("/", web.Response(status=403))

    ran = map_of(shop, tmp_path)

    assert ran.returncode == 1
    assert f"scatterfetch: {HOST}/: http_4xx" in ran.stderr
    assert f"{HOST}/p/1\n" in ran.stdout


def test_a_format_that_is_none_is_refused(tmp_path: Path) -> None:
    ran = scatterfetch_here("map", f"{HOST}/", "-o", "urls.xlsx", cwd=tmp_path)

    assert ran.returncode == 2
    assert "cannot tell the format from the name urls.xlsx" in ran.stderr

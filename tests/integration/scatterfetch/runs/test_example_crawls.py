"""The examples, each a project of a user, against websites like those that they are for."""

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from aiohttp import web

from shared.errors import Reason
from shared.outcomes import Outcome
from tests import ROOT
from tests.commandline import scatterfetch_here
from tests.results import final_outcomes
from tests.shop import Shop
from tests.site import Site, running_site

NEWS = "http://news.example"
ARTICLES = 20
AMP, HIDDEN, ONLY_IN_FEED = range(3), {4, 5}, 20


@dataclass
class News(Site):
    """
    Articles in two gzipped sitemaps, of an index that robots.txt names, and the latest in a feed.

    Some have a second page for AMP in the sitemap; some ask not to be kept.
    """

    async def _scripted(self, request: web.Request) -> web.StreamResponse:
        match request.path.split("/")[1:]:
            case ["robots.txt"]:
                return web.Response(text=f"User-agent: *\nSitemap: {NEWS}/index.xml\n")
            case ["index.xml"]:
                maps = "".join(
                    f"<sitemap><loc>{NEWS}/map-{n}.xml.gz</loc></sitemap>" for n in range(2)
                )
                return self._xml(f"<sitemapindex>{maps}</sitemapindex>")
            case [name] if name.startswith("map-"):
                ours = range(int(name[4]), ARTICLES, 2)
                paths = [f"/a/{n}" for n in ours] + [f"/amp/{n}" for n in ours if n in AMP]
                urls = "".join(f"<url><loc>{NEWS}{path}</loc></url>" for path in paths)
                body = gzip.compress(f"<urlset>{urls}</urlset>".encode())
                return web.Response(body=body, content_type="application/x-gzip")
            case ["feed.xml"]:
                latest = range(ARTICLES - 2, ARTICLES + 1)
                items = "".join(f"<item><link>{NEWS}/a/{n}</link></item>" for n in latest)
                return self._xml(f"<rss version='2.0'><channel>{items}</channel></rss>")
            case ["a" | "amp" as kind, number] if int(number) <= ARTICLES:
                return self._article(kind, int(number))
        return web.Response(status=404)

    @staticmethod
    def _xml(text: str) -> web.Response:
        return web.Response(text=text, content_type="application/xml")

    @staticmethod
    def _article(kind: str, number: int) -> web.Response:
        robots = "<meta name=robots content=noindex>" if number in HIDDEN else ""
        words = f"<p>{f'Word {number} is said about it, at length. ' * 20}</p>"
        return web.Response(
            text=f"<!doctype html><title>{kind}</title>{robots}"
            f"<link rel=canonical href={NEWS}/a/{number}><article><h1>Headline {number}</h1>"
            f"<time datetime=2026-11-{number + 1:02}>then</time>{words}</article>",
            content_type="text/html",
        )


@pytest.fixture
def shop() -> Iterator[Shop]:
    with running_site(Shop()) as site:
        assert isinstance(site, Shop)
        yield site


@pytest.fixture
def news() -> Iterator[Site]:
    with running_site(News()) as site:
        yield site


def crawl(example: str, site: Site, folder: Path, *args: str) -> CompletedProcess[str]:
    """Run a copy of an example against `site`, without its pauses."""
    project = folder / example
    if not project.exists():
        shutil.copytree(ROOT / "examples" / example, project)
        spec = project / example / "spec.yaml"
        text = spec.read_text()
        assert "pause: 0.5" in text
        spec.write_text(text.replace("pause: 0.5", "pause: 0\n  wait_initial: 0.1"))
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}", "--workers", "2"]
    local += ["--parameter", "AllowPrivateNetworks=true"]
    return scatterfetch_here("crawl", "--spec", f"{example}/spec.yaml", *local, *args, cwd=project)


def rows(outcomes: dict[str, Outcome]) -> list[dict[str, object]]:
    return [row for one in outcomes.values() for row in one.rows]


def test_all_products_of_a_shop_and_what_the_next_day_has_changed(
    shop: Shop, tmp_path: Path
) -> None:
    first = crawl("shop", shop, tmp_path)

    found = rows(final_outcomes(tmp_path / "shop/out"))
    assert sorted(str(row["sku"]) for row in found) == sorted(shop.sold()), first.stderr
    assert first.returncode == 0, first.stderr
    assert "healthy" in first.stdout
    assert {row["price_currency"] for row in found} >= {"USD", "EUR", "GBP"}
    assert all(row["price"] == int(str(row["sku"])) + 0.5 for row in found)

    second = crawl("shop", shop, tmp_path, "--again")
    assert f"0 new, 0 changed, {len(found)} same, 0 gone." in second.stdout, second.stderr


def test_all_articles_of_a_news_site_once(news: News, tmp_path: Path) -> None:
    ran = crawl("news", news, tmp_path)

    outcomes = final_outcomes(tmp_path / "news/out")
    found = rows(outcomes)
    kept = {*range(ARTICLES + 1)} - HIDDEN
    assert sorted(str(row["url"]) for row in found) == sorted(f"{NEWS}/a/{n}" for n in kept)
    assert {row["headline"] for row in found} == {f"Headline {number}" for number in kept}
    assert {row["published"] for row in found} == {f"2026-11-{number + 1:02}" for number in kept}
    assert all("is said about it" in str(row["markdown"]) for row in found)
    hidden = {url for url, one in outcomes.items() if one.reason is Reason.NOINDEX}
    assert hidden == {f"{NEWS}/a/{number}" for number in HIDDEN}
    twice = [one for one in outcomes.values() if one.reason is Reason.DUPLICATE]
    assert len(twice) == len(AMP)
    assert ran.returncode == 0, ran.stderr

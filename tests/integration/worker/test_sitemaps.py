"""Sitemaps as pages: what they list is fetched, each page once, and they have no rows."""

import gzip
from collections.abc import Callable

import msgspec
import pytest
from aiohttp import web

from functions.worker.extraction.following.link import MAX_SITEMAP_LINKS
from shared.crawl_spec import SITEMAP
from shared.errors import Reason
from shared.fetch_spec import MAX_SITEMAP_BYTES
from shared.keys import results_key
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.messages import Target
from shared.outcomes import Kind
from shared.spec import Spec
from tests.cloud import Deployment
from tests.integration.worker.test_work import OTHER, PARTITIONS, SPEC, Work
from tests.site import Site


@pytest.fixture
def work(deployment: Deployment, site: Site) -> Work:
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    work = Work(deployment, site)
    begin(work, {"sitemap": site.url("/sitemap.xml")})
    return work


def begin(work: Work, start: dict[str, str], **spec: object) -> None:
    content = msgspec.to_builtins(SPEC) | {"start": start} | spec
    made = msgspec.convert(content, Spec, strict=False)
    work.manifest = msgspec.structs.replace(work.manifest, spec=made)


def sitemap(*locations: str, of: str = "url") -> bytes:
    entries = "".join(f"<{of}><loc>{location}</loc></{of}>" for location in locations)
    root = "urlset" if of == "url" else "sitemapindex"
    return f"<{root}>{entries}</{root}>".encode()


def xml(body: bytes, kind: str = "application/xml") -> web.Response:
    return web.Response(body=body, content_type=kind)


def test_an_index_leads_to_the_pages_of_its_sitemaps(work: Work, site: Site) -> None:
    site.reply("/sitemap.xml", web.Response(status=301, headers={"Location": "/index"}))
    index = sitemap("1.xml", "2.xml.gz", "1.xml", "http://other.example/3.xml", of="sitemap")
    site.reply("/index", xml(index))
    site.reply("/1.xml", xml(sitemap("/a", "/b?x=1&amp;y=2"), "text/html"))
    site.reply("/2.xml.gz", xml(gzip.compress(sitemap("/a", "/c")), "application/x-gzip"))
    for path in ("/a", "/b", "/c"):
        site.page(path, path)
    work.send(site.url("/sitemap.xml"))

    work.run()

    assert sorted(site.paths()) == [
        "/1.xml",
        "/2.xml.gz",
        "/a",
        "/b",
        "/c",
        "/index",
        "/sitemap.xml",
    ]
    found = {one.url.removeprefix(site.url("")): one for one in work.outcomes()}
    assert {name: (one.page, one.depth) for name, one in found.items()} == {
        "/sitemap.xml": (SITEMAP, 0),
        "/1.xml": (SITEMAP, 1),
        "/2.xml.gz": (SITEMAP, 1),
        "/a": (None, 0),
        "/b?x=1&y=2": (None, 0),
        "/c": (None, 0),
    }
    assert all(one.outcome is Kind.SCRAPED for one in found.values())
    assert [name for name, one in found.items() if one.rows] == ["/a", "/b?x=1&y=2", "/c"]
    assert all(one.problems == [] for one in found.values())
    [child] = work.children()
    assert (child.partition, child.targets) == (
        OTHER,
        (Target("http://other.example/3.xml", page=SITEMAP, depth=1, found_on=site.url("/index")),),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "other.example"])
def test_a_sitemap_of_all_that_is_allowed_gives_all_its_pages_once(
    work: Work, site: Site, host: str
) -> None:
    """It has more bytes than a page may have, and more links than a batch may find."""
    names = [site.url(f"/{'x' * 300}/{n}", host) for n in range(MAX_SITEMAP_LINKS)]
    body = sitemap(*names)
    assert len(body) > 10 * SPEC.fetch.max_bytes
    site.reply("/sitemap.xml", xml(body))
    work.send(site.url("/sitemap.xml"))

    worked = work.run()

    assert (worked.counts["found"], worked.counts["joined"]) == (MAX_SITEMAP_LINKS, 0)
    assert site.paths() == ["/sitemap.xml"]
    urls = [target.url for child in work.children() for target in child.targets]
    assert sorted(urls) == sorted(names)


def test_a_sitemap_that_is_too_long_is_told(work: Work, site: Site) -> None:
    body = sitemap("/a") + b" " * MAX_SITEMAP_BYTES
    site.reply("/sitemap.xml", xml(gzip.compress(body)))
    work.send(site.url("/sitemap.xml"))

    work.run()

    [start, *_] = [one for one in work.outcomes() if one.page == SITEMAP]
    assert [one["problem"] for one in start.problems] == ["truncated"]
    assert {one.url for one in work.outcomes()} == {site.url("/sitemap.xml"), site.url("/a")}


def test_a_sitemap_that_is_mended_loses_no_page_in_front_of_the_damage(
    work: Work, site: Site
) -> None:
    site.reply("/sitemap.xml", xml(sitemap("/a", "/b?x=1&y=2")))
    work.send(site.url("/sitemap.xml"))

    work.run()

    urls = {one.url.removeprefix(site.url("")) for one in work.outcomes()}
    assert urls == {"/sitemap.xml", "/a", "/b?x=1&y=2"}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (xml(b"<html/>"), "is no sitemap: it begins with <html>"),
        (xml(b"\x1f\x8b\x08nothing"), "is no sitemap: "),
        (web.Response(body=b" \n"), "is no sitemap: it is empty"),
        (web.Response(text="Not here"), "is no sitemap: line 1 is 'Not here'"),
        (xml(b"<!DOCTYPE x [<!ENTITY a 'b'>]><urlset/>"), "declares entities"),
    ],
)
def test_what_is_no_sitemap_fails(
    work: Work, site: Site, answer: web.Response, problem: str
) -> None:
    site.reply("/sitemap.xml", answer)
    work.send(site.url("/sitemap.xml"))

    work.run()

    [one] = work.outcomes()
    assert (one.outcome, one.reason) == (Kind.FAILED, Reason.NO_SITEMAP)
    assert problem in (one.detail or "")


def test_what_a_sitemap_has_that_is_no_url_is_told(work: Work, site: Site) -> None:
    site.reply("/sitemap.xml", xml(sitemap("www.shop.example/a", "/a", "ftp://no", "")))
    site.page("/a", "A")
    work.send(site.url("/sitemap.xml"))

    work.run()

    start = next(one for one in work.outcomes() if one.page == SITEMAP)
    assert start.outcome is Kind.SCRAPED
    said = [one["value"] for one in start.problems]
    assert len(said) == 3
    assert said[0].startswith("entry 1 is 'www.shop.example/a': a URL must start with")


def robots(*lines: str) -> web.Response:
    return web.Response(text="\n".join(["User-agent: *", *lines]))


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (robots(" sitemap : /1.xml # ours", "Disallow: /b"), ["/1.xml", "/a"]),
        (robots("Allow: /"), ["/a", "/sitemap.xml"]),
        (web.Response(status=404), ["/a", "/sitemap.xml"]),
    ],
)
def test_the_sitemaps_of_a_website_are_those_of_its_robots_txt(
    work: Work, site: Site, answer: web.Response, asked: list[str]
) -> None:
    begin(work, {"sitemaps": site.url("").rstrip("/")})
    [start] = work.manifest.spec.starts
    site.reply("/robots.txt", answer)
    for path in ("/1.xml", "/sitemap.xml"):
        site.reply(path, xml(sitemap("/a")))
    site.page("/a", "A")
    work.send(start.location)

    work.run()

    assert sorted(site.paths()) == asked
    assert all(one.outcome is Kind.SCRAPED for one in work.outcomes())


RSS = b"<rss><channel><link>/</link><item><link>/a</link></item></channel></rss>"
ATOM = b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='a'/></entry></feed>"


ATOM_0_3 = ATOM.replace(b"http://www.w3.org/2005/Atom", b"http://purl.org/atom/ns#")


@pytest.mark.parametrize("body", [RSS, ATOM, ATOM_0_3])
def test_a_crawl_may_begin_at_a_feed(work: Work, site: Site, body: bytes) -> None:
    begin(work, {"feed": site.url("/feed")})
    site.reply("/feed", xml(body, "application/rss+xml"))
    site.page("/a", "A")
    work.send(site.url("/feed"))

    work.run()

    assert sorted(site.paths()) == ["/a", "/feed"]


def test_pages_of_a_sitemap_lead_on_only_where_the_spec_follows(work: Work, site: Site) -> None:
    site.reply("/sitemap.xml", xml(sitemap("/a")))
    site.page("/a", "A")  # which has a link to /other
    site.page("/other", "Other")
    work.send(site.url("/sitemap.xml"))

    work.run()

    assert sorted(site.paths()) == ["/a", "/sitemap.xml"]


@pytest.mark.parametrize(
    ("crawl", "found"),
    [
        ({"depth": 0}, ["/a", "http://other.example/b"]),
        ({"within": ["127.0.0.1*/a"]}, ["/a"]),
    ],
)
def test_patterns_hold_for_the_pages_of_a_sitemap_and_the_depth_does_not(
    work: Work, site: Site, crawl: dict[str, object], found: list[str]
) -> None:
    begin(work, {"sitemap": site.url("/sitemap.xml")}, crawl=crawl)
    site.reply("/sitemap.xml", xml(sitemap("/1.xml", of="sitemap")))
    site.reply("/1.xml", xml(sitemap("/a", "http://other.example/b")))
    site.page("/a", "A")
    work.send(site.url("/sitemap.xml"))

    work.run()

    urls = [one.url for one in work.outcomes() if one.page != SITEMAP]
    urls += [target.url for child in work.children() for target in child.targets]
    assert [url.removeprefix(site.url("")) for url in urls] == found


def test_entries_dated_before_the_day_of_since_are_left_out(work: Work, site: Site) -> None:
    begin(work, {"sitemap": site.url("/sitemap.xml"), "since": "2026-05-01"})
    dates = {
        "/old": "2026-04-30",
        "/new": "2026-05-01T00:00:00+02:00",
        "/undated": None,
        "/month": "2026-04",
        "/other": "soon",
    }
    entries = "".join(
        f"<url>{f'<lastmod>{date}</lastmod>' if date else ''}<loc>{path}</loc></url>"
        for path, date in dates.items()
    )
    index = (
        "<sitemapindex><sitemap><loc>/1.xml</loc><lastmod>2026-06-01</lastmod></sitemap>"
        "<sitemap><loc>/2.xml</loc><lastmod>2025-06-01</lastmod></sitemap>"
        "<sitemap><loc>/feed</loc></sitemap></sitemapindex>"
    )
    item = "<item><link>{}</link><pubDate>{}</pubDate></item>"
    feed = item.format("/early", "Thu, 30 Apr 2026 10:00:00 GMT")
    feed += item.format("/late", "Fri, 01 May 2026 10:00:00 GMT")
    site.reply("/sitemap.xml", xml(index.encode()))
    site.reply("/1.xml", xml(f"<urlset>{entries}</urlset>".encode()))
    site.reply("/feed", xml(f"<rss><channel>{feed}</channel></rss>".encode()))
    work.send(site.url("/sitemap.xml"))

    work.run()

    outcomes = {one.url.removeprefix(site.url("")): one for one in work.outcomes()}
    read = {"/sitemap.xml", "/1.xml", "/feed"}
    assert outcomes.keys() - read == {"/new", "/undated", "/month", "/other", "/late"}
    body = work.deployment.data.get(results_key("job-1", "00000-000000"))
    assert body is not None
    lines = map(msgspec.json.decode, gzip.decompress(body).splitlines())
    assert [line["cut"] for line in lines if line.get("cut")] == [{"too_old": 1}] * 3


def test_what_a_sitemap_lists_may_be_rows(work: Work, site: Site) -> None:
    begin(work, {"sitemap": site.url("/sitemap.xml")}, crawl={"sitemaps": "rows"})
    dates = {"/a": "2026-05-01T10:00:00Z", "/b": "2 May 2026", "/c": "", "/d": "soon"}
    entries = [f"<url><loc>{p}</loc><lastmod>{date}</lastmod></url>" for p, date in dates.items()]
    site.reply("/sitemap.xml", xml(sitemap("/1.xml", of="sitemap")))
    site.reply("/1.xml", xml(f"<urlset>{''.join(entries)}{entries[1]}</urlset>".encode()))
    work.send(site.url("/sitemap.xml"))

    work.run()

    assert sorted(site.paths()) == ["/1.xml", "/sitemap.xml"]
    outcomes = {one.url: one for one in work.outcomes()}
    assert outcomes[site.url("/sitemap.xml")].rows == []
    assert outcomes[site.url("/1.xml")].rows == [
        {"url": site.url("/a"), "lastmod": "2026-05-01T10:00:00+00:00"},
        {"url": site.url("/b"), "lastmod": "2026-05-02"},
        {"url": site.url("/c"), "lastmod": None},
        {"url": site.url("/d"), "lastmod": "soon"},
    ]


def test_secrets_are_not_sent_to_the_site_of_another_sitemap(work: Work, site: Site) -> None:
    fetch = msgspec.to_builtins(SPEC.fetch) | {"headers": {"Authorization": "s"}}
    begin(work, {"sitemap": site.url("/sitemap.xml")}, fetch=fetch)
    site.reply("/sitemap.xml", xml(sitemap("http://other.example/1.xml", "/2.xml", of="sitemap")))
    site.reply("/1.xml", xml(sitemap()))
    site.reply("/2.xml", xml(sitemap()))
    work.send(site.url("/sitemap.xml"))

    work.run()
    work.take(*work.children())

    sent = dict(zip([path for _, path in site.visits], site.headers, strict=True))
    assert {path: headers.get("Authorization") for path, headers in sent.items()} == {
        "/sitemap.xml": "s",
        "/2.xml": "s",
        "/1.xml": None,
    }


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_sitemap_may_be_a_text(work: Work, site: Site, pack: Callable[[bytes], bytes]) -> None:
    text = f"\ufeff{site.url('/a')}\r\n\r\n{site.url('/b')}\n".encode()
    site.reply("/sitemap.xml", web.Response(body=pack(text)))
    for path in ("/a", "/b"):
        site.page(path, path)
    work.send(site.url("/sitemap.xml"))

    work.run()

    assert sorted(site.paths()) == ["/a", "/b", "/sitemap.xml"]


def test_a_sitemap_that_must_be_mended_is_told_once_and_may_take_its_time(
    work: Work, site: Site
) -> None:
    begin(work, {"sitemap": site.url("/sitemap.xml")}, parser_timeout=0.1)
    many = sitemap("ftp://no", *(f"http://other.example/{n}" for n in range(20_000)))
    site.reply("/sitemap.xml", xml(many.removesuffix(b"</urlset>")))
    work.send(site.url("/sitemap.xml"))

    worked = work.run()

    assert worked.counts["found"] == 20_000
    [start] = work.outcomes()
    assert [one["problem"] for one in start.problems] == ["unreadable", "not_well_formed"]


def test_a_sitemap_that_is_not_for_search_engines_is_read(work: Work, site: Site) -> None:
    crawl = {"noindex": "skip", "nofollow": "obey"}
    begin(work, {"sitemap": site.url("/sitemap.xml")}, crawl=crawl)
    headers = {"X-Robots-Tag": "noindex, nofollow"}
    site.reply("/sitemap.xml", web.Response(body=sitemap("/a"), headers=headers))
    site.page("/a", "A")
    work.send(site.url("/sitemap.xml"))

    work.run()

    assert sorted(site.paths()) == ["/a", "/sitemap.xml"]
    assert {one.outcome for one in work.outcomes()} == {Kind.SCRAPED}

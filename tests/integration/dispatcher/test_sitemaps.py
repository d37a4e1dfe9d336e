"""Sitemaps read from a website before a run."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from backports import zstd

from scatterfetch.lists.remote_sitemaps import read_sitemap
from scatterfetch.lists.sitemap_content import is_index
from shared.errors import InvalidJobError
from shared.proxy_spec import ProxySpec
from shared.settings import WorkerSettings
from shared.spec import FetchSpec
from shared.urls import parse_url
from tests.site import Site

START = "http://a.example/sitemap.xml"


def sitemap(*locations: str, of: str = "url") -> bytes:
    entries = "".join(f"<{of}><loc>{location}</loc></{of}>" for location in locations)
    root = "urlset" if of == "url" else "sitemapindex"
    return f"<{root}>{entries}</{root}>".encode()


class Reader:
    """Reads the sitemap of a test's website."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.path = folder / "sitemaps/list.txt"
        self.said: list[str] = []
        self.settings = WorkerSettings(
            data_bucket="data",
            dispatch_queue_url="http://q",
            dead_letter_queue_url="http://q",
            work_queue_url="http://q",
            wake_queue_url="http://q",
            worker_concurrency=20,
            user_agent="test-bot/1.0 (+https://bot.example/)",
            connect_to=f"::127.0.0.1:{site.port}",
            allow_private_networks=True,
        )

    def __call__(self, spec: FetchSpec | None = None, start: Path | None = None) -> list[str]:
        spec = spec or FetchSpec(pause=0, wait_initial=0.1)
        at = start or parse_url(START)
        self.whole = read_sitemap(at, self.path, spec, self.settings, self.said.append)
        return self.path.read_text().splitlines()


@pytest.fixture
def read(site: Site, tmp_path: Path) -> Reader:
    return Reader(site, tmp_path)


def xml(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/xml")


def test_an_index_leads_to_the_pages_of_its_sitemaps(read: Reader, site: Site) -> None:
    site.reply("/sitemap.xml", web.Response(status=301, headers={"Location": "/index.xml"}))
    children = ("http://a.example/1.xml", "http://b.example/2.xml.gz", "http://a.example/1.xml")
    site.reply("/index.xml", xml(sitemap(*children, of="sitemap")))
    site.reply("/1.xml", xml(sitemap("http://a.example/x", "http://a.example/y?a=1&amp;b=2")))
    site.reply("/2.xml.gz", web.Response(body=gzip.compress(sitemap("http://c.example/z"))))

    assert read() == ["http://a.example/x", "http://a.example/y?a=1&b=2", "http://c.example/z"]
    assert read.whole
    assert read.said == []
    assert [path for _, path in site.visits] == [
        "/sitemap.xml",
        "/index.xml",
        "/1.xml",
        "/2.xml.gz",
    ]
    assert site.user_agents == {"test-bot/1.0 (+https://bot.example/)"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_an_index_can_be_a_file(
    read: Reader, site: Site, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    index = tmp_path / "index.xml"
    index.write_bytes(pack(sitemap("http://a.example/1.xml", of="sitemap")))
    site.reply("/1.xml", xml(sitemap("http://a.example/x")))

    assert is_index(index)
    assert read(start=index) == ["http://a.example/x"]
    assert read.whole


@pytest.mark.parametrize(
    "body",
    [
        b"<urlset>"
        + b"<url><loc>http://a.example/x</loc></url>" * 5_000
        + b"<sitemap>http://a.example/1.xml</sitemap></urlset>",
        "<sitemapindex><sitemap>".encode("utf-16"),
        b"\n<s:sitemapindex><s:Sitemap id='1'>",
    ],
)
def test_a_file_that_names_a_sitemap_anywhere_leads_to_it(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "urls.xml"
    path.write_bytes(body)

    assert is_index(path)


def test_children_may_be_whatever_is_allowed(read: Reader, site: Site) -> None:
    """https://www.sitemaps.org/protocol.html#otherformats"""
    children = ("http://a.example/t.txt", "feed.xml", "/atom", "//b.example/1.xml")
    site.reply("/sitemap.xml", xml(sitemap(*children, of="sitemap")))
    site.reply(
        "/t.txt", web.Response(body=b"\xef\xbb\xbfhttp://a.example/a\r\n\r\nhttp://a.example/b\n")
    )
    rss = "<rss><channel><item><link>/c?x=1&y=2</link></item><item><guid>http://a.example/d</guid></item>"
    site.reply("/feed.xml", web.Response(text=f"{rss}</channel></rss>"))
    atom = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link href='e'/></entry></feed>"
    site.reply("/atom", web.Response(text=atom))
    site.reply("/1.xml", xml(sitemap("/f", "g h")))

    assert read() == [
        *(f"http://a.example/{page}" for page in ("a", "b", "c?x=1&y=2", "d", "e")),
        "http://b.example/f",
        "http://b.example/g%20h",
    ]
    assert read.whole
    assert read.said == []


def test_a_sitemap_may_be_a_text_with_what_is_no_url_said(read: Reader, site: Site) -> None:
    site.reply("/sitemap.xml", web.Response(text="http://a.example/a\n/b\nhttp://a.example/c 1\n"))

    assert read() == ["http://a.example/a", "http://a.example/c"]
    assert not read.whole
    assert "line 2 is '/b': a URL must start with" in read.said[0]


def test_losses_of_a_sitemap_are_said(read: Reader, site: Site) -> None:
    locations = (
        "www.shop.example/a",
        "http://a.example/x\nhttp://a.example/y",
        "",
        "z",
        "ftp://a",
        "h:",
    )
    site.reply("/sitemap.xml", xml(sitemap(*locations)))

    assert read() == ["http://a.example/z"]
    assert not read.whole
    [said] = read.said
    assert "entry 1 is 'www.shop.example/a': a URL must start with" in said
    assert "two URLs in one place" in said
    assert "and 2 more" in said


def test_the_charset_of_the_answer_goes_before_that_of_the_sitemap(
    read: Reader, site: Site
) -> None:
    body = "<?xml version='1.0' encoding='utf-8'?><urlset><url><loc>/ü</loc></url></urlset>"
    site.reply(
        "/sitemap.xml",
        web.Response(
            body=body.encode("latin-1"), headers={"Content-Type": "text/xml; charset=iso-8859-1"}
        ),
    )

    assert read() == ["http://a.example/%C3%BC"]


def test_why_robots_txt_cannot_be_had_is_said(read: Reader, site: Site) -> None:
    site.reply("/robots.txt", web.Response(status=503))

    with pytest.raises(
        InvalidJobError, match=r"robots\.txt cannot be had: the server answered 503"
    ):
        read(FetchSpec(attempts=1))


@pytest.mark.parametrize(
    "body", [sitemap("http://a.example/x"), b"", b"<sitemapindex>", b"http://a.example/"]
)
def test_other_files_are_no_index(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "urls.xml"
    path.write_bytes(body)

    assert not is_index(path)
    assert not is_index(tmp_path / "nowhere.xml")


def test_a_sitemap_that_cannot_be_had_is_said_and_the_others_are_read(
    read: Reader, site: Site
) -> None:
    broken = sitemap("http://a.example/3").removesuffix(b"</urlset>")
    site.reply(
        "/sitemap.xml",
        xml(
            sitemap("http://a.example/gone.xml", "ftp://no", "http://a.example/3.xml", of="sitemap")
        ),
    )
    site.reply("/3.xml", xml(broken))

    assert read() == ["http://a.example/3"]
    assert not read.whole
    assert [sentence.partition(";")[0][:75] for sentence in read.said] == [
        "http://a.example/sitemap.xml: entry 2 is 'ftp://no': a URL must start with ",
        "http://a.example/gone.xml: the server answered 404",
        "http://a.example/3.xml: not well-formed XML: <urlset> has no end",
    ]


def test_robots_txt_is_obeyed(read: Reader, site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /sitemap.xml")
    site.reply("/sitemap.xml", xml(sitemap("http://a.example/x")))

    with pytest.raises(InvalidJobError, match=r"cannot read the sitemap .*: robots.txt forbids it"):
        read()

    assert site.visits == []
    assert not read.path.exists()


def test_hosts_have_their_pauses(read: Reader, site: Site) -> None:
    site.reply("/sitemap.xml", xml(sitemap("http://a.example/1.xml", of="sitemap")))
    site.reply("/1.xml", xml(sitemap("http://a.example/x")))

    read(FetchSpec(pause=0.3))

    began = [entry.began for entry in site.log]
    assert len(began) == 3, "robots.txt, the index, its sitemap"
    # Not each of them: a request can catch up with the one before it on its way.
    assert began[-1] - began[0] > 0.5


def test_what_may_help_is_tried_again(read: Reader, site: Site) -> None:
    site.reply("/sitemap.xml", web.Response(status=500), xml(sitemap("http://a.example/x")))

    assert read() == ["http://a.example/x"]


def test_secrets_stay_with_the_site_they_are_for(read: Reader, site: Site) -> None:
    site.reply("/sitemap.xml", xml(sitemap("http://b.example/1.xml", of="sitemap")))
    site.reply("/1.xml", xml(sitemap("http://b.example/x")))

    read(FetchSpec(pause=0, robots="ignore", headers={"Authorization": "s"}))

    assert [headers.get("Authorization") for headers in site.headers] == ["s", None]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (xml(b"<html/>"), "is no sitemap: it begins with <html>"),
        (web.Response(status=404), "the server answered 404"),
        (web.Response(body=gzip.compress(bytes(60_000_000))), "is no sitemap"),
        (web.Response(body=b" \n"), "is no sitemap: it is empty"),
        (web.Response(text="Not here"), "is no sitemap: line 1 is 'Not here'"),
    ],
)
def test_what_is_no_sitemap_is_an_error(
    read: Reader, site: Site, answer: web.Response, problem: str
) -> None:
    site.reply("/sitemap.xml", answer)

    with pytest.raises(InvalidJobError, match=problem):
        read()


def test_a_private_address_is_refused(read: Reader, site: Site) -> None:
    read.settings = WorkerSettings(
        data_bucket="data",
        dispatch_queue_url="http://q",
        dead_letter_queue_url="http://q",
        work_queue_url="http://q",
        wake_queue_url="http://q",
        worker_concurrency=20,
        user_agent="test-bot/1.0",
        connect_to=f"::127.0.0.1:{site.port}",
    )

    for robots in ("ignore", "obey"):
        with pytest.raises(
            InvalidJobError, match=r"address.* --parameter AllowPrivateNetworks=true"
        ):
            read(FetchSpec(robots=robots, attempts=1))


def test_a_spec_with_proxies_is_refused(read: Reader) -> None:
    """Who wants a proxy does not want to be seen without."""
    with pytest.raises(InvalidJobError, match="the spec wants proxies"):
        read(FetchSpec(proxies=ProxySpec(urls=("http://p.example:8080",))))

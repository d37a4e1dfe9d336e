"""What becomes of each link, of all kinds that pages have, in a crawl that fetches for real."""

import gzip
import html
import socket
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from aiohttp import web

from functions.worker.scraping.frontier import Frontier
from functions.worker.transport import connections
from shared.keys import results_key
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.outcomes import Kind
from shared.urls import partition_of
from tests.cloud import Deployment
from tests.integration.worker.test_work import PARTITIONS, SPEC, Work
from tests.site import Site

SHOP = "http://shop.example"
PAGE = f"{SHOP}/dir/page"
LONG = "x" * 2_000
DEEP = "/".join(map(str, range(31)))
FETCHED, AGAIN, NONE = "scraped", "known already", "no link"
PRIVATE, ROBOTS = "skipped-private_address", "skipped-robots_disallowed"

# What the page has, where that leads to, and what becomes of it.
TABLE = [
    # How it is written.
    ("a", f"{SHOP}/dir/a", FETCHED),
    ("/b", f"{SHOP}/b", FETCHED),
    ("./c", f"{SHOP}/dir/c", FETCHED),
    ("../d", f"{SHOP}/d", FETCHED),
    ("../../../e", f"{SHOP}/e", FETCHED),
    ("f/./g/../h", f"{SHOP}/dir/f/h", FETCHED),
    ("i/%2e%2e/j", f"{SHOP}/dir/j", FETCHED),
    ("//shop.example/protocol-relative", f"{SHOP}/protocol-relative", FETCHED),
    ("HTTP://SHOP.example:80/upper", f"{SHOP}/upper", FETCHED),
    ("http:///shop.example/three", f"{SHOP}/three", FETCHED),
    ("http://shop.example./dot", "http://shop.example./dot", FETCHED),
    ("http://shop.example:8080/port", f"{SHOP}:8080/port", FETCHED),
    ("?q=1", f"{PAGE}?q=1", FETCHED),
    ("  /around  ", f"{SHOP}/around", FETCHED),
    ("/t\ta\nb", f"{SHOP}/tab", FETCHED),
    ("/in side", f"{SHOP}/in%20side", FETCHED),
    ("/bücher", f"{SHOP}/b%C3%BCcher", FETCHED),
    ("\\back\\slash", f"{SHOP}/back/slash", FETCHED),
    ("/two//slashes", f"{SHOP}/two//slashes", FETCHED),
    ("/escaped%2Fslash", f"{SHOP}/escaped%2Fslash", FETCHED),
    ("/con\x07trol", f"{SHOP}/con%07trol", FETCHED),
    ("/%7Etilde", f"{SHOP}/%7Etilde", FETCHED),
    ("http://bücher.shop.example/", "http://xn--bcher-kva.shop.example/", FETCHED),
    ("/p?sid=7", f"{SHOP}/p", FETCHED),
    ("/calendar?month=1", f"{SHOP}/calendar?month=1", FETCHED),
    # The same once more.
    ("", PAGE, AGAIN),
    ("#top", PAGE, AGAIN),
    ("/b#middle", f"{SHOP}/b", AGAIN),
    ("/b?", f"{SHOP}/b?", AGAIN),
    ("/~tilde", f"{SHOP}/~tilde", AGAIN),
    ("/p?sid=8", f"{SHOP}/p", AGAIN),
    ("http://XN--BCHER-KVA.shop.example/", "http://xn--bcher-kva.shop.example/", AGAIN),
    # No page.
    ("mailto:a@b.example", None, NONE),
    ("javascript:void(0)", None, NONE),
    ("JaVaScRiPt:alert(1)", None, NONE),
    ("java\nscript:alert(1)", None, NONE),
    ("data:text/html,x", None, NONE),
    ("tel:+491", None, NONE),
    ("ftp://shop.example/", None, NONE),
    ("file:///etc/passwd", None, NONE),
    ("blob:http://shop.example/1", None, NONE),
    ("ws://shop.example/", None, NONE),
    ("about:blank", None, NONE),
    ("http://", None, NONE),
    ("http://[::1", None, NONE),
    ("http://shop.example:99999/", None, NONE),
    ("http://user:password@shop.example/", None, NONE),
    ("http://user@shop.example/", None, NONE),
    ("http://a b.example/", None, NONE),
    (f"/{LONG * 4}", None, NONE),
    # Scope and limits.
    ("http://away.example/", "http://away.example/", "cut-within"),
    ("http://shop.example.away.example/", "http://shop.example.away.example/", "cut-within"),
    ("http://myshop.example/", "http://myshop.example/", "cut-within"),
    (f"/{LONG}", f"{SHOP}/{LONG}", "cut-max_url_length"),
    (f"/{DEEP}", f"{SHOP}/{DEEP}", "cut-max_path_depth"),
    ("/r/s/r/s/r/s/r", f"{SHOP}/r/s/r/s/r/s/r", "cut-max_repeats"),
    # robots.txt.
    ("/private/1", f"{SHOP}/private/1", ROBOTS),
    ("/./private/2", f"{SHOP}/private/2", ROBOTS),
    ("/%70rivate/3", f"{SHOP}/%70rivate/3", ROBOTS),
    ("http://shop.example:8080/private/4", f"{SHOP}:8080/private/4", ROBOTS),
    # Addresses that are not public.
    ("http://127.0.0.1/", "http://127.0.0.1/", PRIVATE),
    ("http://127.1/1", "http://127.0.0.1/1", PRIVATE),
    ("http://2130706433/2", "http://127.0.0.1/2", PRIVATE),
    ("http://0x7f.1/3", "http://127.0.0.1/3", PRIVATE),
    ("http://0177.0.0.1/4", "http://127.0.0.1/4", PRIVATE),
    ("http://127。0。0。1/5", "http://127.0.0.1/5", PRIVATE),
    ("http://localhost/", "http://localhost/", PRIVATE),
    ("http://0/", "http://0.0.0.0/", PRIVATE),
    ("http://10.0.0.1/", "http://10.0.0.1/", PRIVATE),
    ("http://192.168.0.1/", "http://192.168.0.1/", PRIVATE),
    ("//169.254.169.254/latest/", "http://169.254.169.254/latest/", PRIVATE),
    ("http://[::1]/", "http://[::1]/", PRIVATE),
    ("http://[::ffff:10.0.0.1]/", "http://[::ffff:a00:1]/", PRIVATE),
    ("http://[fd00:ec2::254]/", "http://[fd00:ec2::254]/", PRIVATE),
    # Redirects.
    ("/to/b", f"{SHOP}/to/b", "skipped-duplicate"),
    ("/to/private-address", f"{SHOP}/to/private-address", PRIVATE),
    ("/to/robots", f"{SHOP}/to/robots", ROBOTS),
    ("/to/away", f"{SHOP}/to/away", "skipped-out_of_scope"),
    ("/to/mail", f"{SHOP}/to/mail", "failed-bad_redirect"),
    ("/to/itself", f"{SHOP}/to/itself", "failed-too_many_redirects"),
    ("/gone", f"{SHOP}/gone", "failed-http_404"),
]
LOCATIONS = {
    "/to/b": "/b",
    "/to/private-address": "http://169.254.169.254/secret",
    "/to/robots": "/private/5",
    "/to/away": "http://away.example/",
    "/to/mail": "mailto:a@b.example",
    "/to/itself": "/to/itself",
}


@pytest.fixture
def work(deployment: Deployment, site: Site, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Only the website may be reached of all that is not public."""
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    work = Work(deployment, site)
    hosts = ("shop.example", "shop.example.", "xn--bcher-kva.shop.example")
    work.settings = msgspec.structs.replace(
        work.settings,
        connect_to=",".join(f"{host}::127.0.0.1:{site.port}" for host in hosts),
        allow_private_networks=False,
    )
    public_socket = connections._public_socket

    def socket_of(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = address
        if where[:2] == ("127.0.0.1", site.port):
            return socket.socket(family=family, type=kind, proto=protocol)
        return public_socket(address)

    monkeypatch.setattr(connections, "_public_socket", socket_of)
    # All that is cut off is to be seen, and not a few.
    monkeypatch.setattr(Frontier.__init__, "__kwdefaults__", {"examples": 1_000})
    spec = msgspec.to_builtins(SPEC) | {
        "follow": [{"css": "a"}],
        "fetch": {"pause": 0, "per_host": 1},
        "crawl": {
            "within": [
                r"regex:^http://([^/]*\.)?shop\.example\.?(:|/)",
                r"regex:^http://(127|10|192|169|0|localhost|\[)",
                "xn--bcher-kva.shop.example",
            ],
            "depth": 1,
            "drop_query": ["sid"],
        },
    }
    manifest = msgspec.structs.replace(
        work.manifest, spec=msgspec.convert(spec, type(SPEC), strict=False)
    )
    work.manifest = manifest
    return work


def test_what_becomes_of_each_link(work: Work, site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /private\n")
    links = "".join(f'<a href="{html.escape(href)}">x</a>' for href, _, _ in TABLE)
    script(site, "/dir/page", links + '<a rel="x nofollow" href="/nofollow">x</a>')
    script(site, "/calendar", '<a href="/calendar?month=2">next</a>')
    for _, url, what in TABLE:
        path = "/" + (url or "").partition("?")[0].split("/", 3)[-1]
        if what == FETCHED and path not in {"/dir/page", "/calendar"}:
            script(site, unquote(path), "")
    for path, location in LOCATIONS.items():
        site.reply(path, web.Response(status=302, headers={"Location": location}))
    batch = work.send(PAGE, partition=partition_of("shop.example", PARTITIONS))
    work.run()
    batches = [batch.batch]
    while children := work.children():
        for child in children:
            work.take(child)
            batches.append(child.batch)

    lines = [one for batch_id in batches for one in committed(work, batch_id)]
    final = [one for one in lines if one["outcome"] not in {Kind.DEFERRED, Kind.DROPPED}]
    became = {
        one["url"]: one["outcome"] + (f"-{one['reason']}" if one["reason"] else "") for one in final
    }
    [page] = [one for one in final if one["url"] == PAGE]
    cut = {one["url"]: f"cut-{one['cut']}" for one in page["cut_links"]}
    assert len(became) == len(final), "each once"
    expected = {url: what for _, url, what in TABLE if what not in {AGAIN, NONE}}
    assert became | cut == expected | {PAGE: FETCHED}
    counts = {
        name: sum(what == f"cut-{name}" for what in expected.values()) for name in page["cut"]
    }
    counts["invalid"] = sum(what == NONE for _, _, what in TABLE)
    assert page["cut"] == counts | {"nofollow": 1}
    [calendar] = [one for one in final if "/calendar" in one["url"]]
    assert calendar["cut"] == {"depth": 1}
    asked = [path for _, path in site.visits]
    assert not [path for path in asked if "private/" in path or "nofollow" in path]
    assert len(asked) == len(set(asked)) + 1, "the page itself, with another query"
    assert len(TABLE) >= 60


def script(site: Site, path: str, body: str) -> None:
    text = f"<!doctype html><title>{path}</title>{body}"
    site.reply(path, web.Response(text=text, content_type="text/html"))


def committed(work: Work, batch: str) -> list[dict[str, Any]]:
    body = work.deployment.data.get(results_key("job-1", batch))
    assert body is not None
    return [msgspec.json.decode(line) for line in gzip.decompress(body).splitlines()]

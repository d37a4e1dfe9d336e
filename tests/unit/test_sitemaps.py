import tracemalloc
from collections.abc import Iterator

import pytest

from functions.dispatcher.lists import Source
from functions.dispatcher.plan import Plan
from functions.dispatcher.sitemaps import SitemapReader
from shared.errors import InvalidJobError

NS = b'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def read(chunks: Iterator[bytes]) -> tuple[dict[int, str], dict[int, str]]:
    """Return URLs and reasons by line."""
    plan = Plan(job="j", shard=0, partitions=4, batch_size=200)
    SitemapReader(Source(chunks), "s3://b/map.xml").fill(plan, 1 << 60)
    targets = [target for batch in plan.batches() for target in batch.targets]
    return {t.line: t.url for t in targets}, {r.line: r.reason for r in plan.counts.reports}


SITEMAP = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<urlset ' + NS + b' xmlns:image="http://i">\n'
    b"<url>\n <loc> http://a.example/?x=1&amp;y=\xc3\xa9 </loc><lastmod>2026</lastmod></url>\n"
    b"<url><loc><![CDATA[http://b.example/]]></loc>\n"
    b"<image:image><image:loc>http://i.example/</image:loc></image:image></url>\n"
    b"<url><loc>/about</loc></url>\n<url><loc/></url><!-- <loc>no</loc> --></urlset>\n"
)


@pytest.mark.parametrize("size", [1, 17, 10_000])
def test_locations_are_read_and_numbered(size: int) -> None:
    urls, problems = read(cut(SITEMAP, size))

    assert urls == {1: "http://a.example/?x=1&y=%C3%A9", 2: "http://b.example/"}
    assert {number: reason[:26] for number, reason in problems.items()} == {
        3: "a URL must start with http",
        4: "a URL must start with http",
    }


def test_a_sitemap_on_one_line_loses_nothing() -> None:
    locations = "".join(f"<url><loc>http://a.example/{n}</loc></url>" for n in range(1, 501))

    urls, _ = read(cut(f"<urlset>{locations}</urlset>".encode(), 1_000))

    assert urls == {n: f"http://a.example/{n}" for n in range(1, 501)}


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><urlset><url><loc>http://é.example/</loc></url></urlset>'

    urls, _ = read(iter([text.encode("utf-16")]))

    assert urls == {1: "http://xn--9ca.example/"}


def test_other_sitemaps_are_named_and_not_fetched() -> None:
    text = (
        b"<sitemapindex %s><sitemap><loc>http://a.example/1.xml.gz</loc></sitemap></sitemapindex>"
    )

    urls, problems = read(iter([text % NS]))

    assert urls == {}
    assert "another sitemap: put it into the bucket as a list of its own" in problems[1]


BEGIN = b"<urlset><url><loc>http://a.example/</loc></url>\n"
LAUGHS = (
    b'<!DOCTYPE urlset [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    b"<urlset><url><loc>http://a.example/&b;</loc></url></urlset>"
)
EXTERNAL = (
    b'<!DOCTYPE urlset [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b"<urlset><url><loc>http://a.example/&a;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        (b"<url><loc>http://b.exa", "not well-formed XML: no element found"),
        (b"<url></loc>", "not well-formed XML: mismatched tag"),
        (b"<url>&nbsp;</url></urlset>", "not well-formed XML: undefined entity"),
        (b"<a>" * 100, "nested more than 50 deep"),
        (b"<!--" + b"x" * 3_000_000, "a tag or a comment of more than 1,048,576 bytes"),
    ],
)
def test_what_breaks_off_is_read_up_to_there(rest: bytes, problem: str) -> None:
    urls, problems = read(cut(BEGIN + rest, 100_000))

    assert urls == {1: "http://a.example/"}
    assert problem in next(iter(problems.values()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LAUGHS, "it declares entities, which no sitemap needs"),
        (EXTERNAL, "it declares entities, which no sitemap needs"),
        (b"<rss/>", "it begins with <rss>"),
        (b"<html><head>", "it begins with <html>"),
        (b"http://a.example/", "not well-formed XML"),
        (b"", "not well-formed XML: no element found"),
        (b'<?xml version="1.0" encoding="gbk"?><urlset/>', "its encoding is not read here"),
        (b'<?xml version="1.0" encoding="none"?><urlset/>', "unknown encoding: none"),
    ],
)
def test_what_is_no_sitemap_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=r"s3://b/map\.xml is no sitemap") as caught:
        read(iter([text]))

    assert problem in str(caught.value)


def test_memory_is_bounded_whatever_the_sitemap() -> None:
    def chunks() -> Iterator[bytes]:
        yield BEGIN + b"<url><loc>http://b.example/"
        for _ in range(300):
            yield b"x" * 100_000
        yield b'</loc></url>\n<url a="'
        for _ in range(300):
            yield b"x" * 100_000

    tracemalloc.start()
    urls, problems = read(chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert urls == {1: "http://a.example/"}
    assert "not be longer than 8,000 bytes" in problems[2]
    assert "a tag or a comment of more than" in problems[3]
    assert peak < 10_000_000

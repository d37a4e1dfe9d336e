import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from functions.dispatcher.lists.sitemaps import SitemapReader
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.plan import Plan
from shared import crawl_spec
from shared.errors import InvalidJobError
from shared.messages import Target
from shared.sitemap_locations import NotWellFormedError
from shared.sitemap_parser import SitemapParser

NS = b'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def read(
    text: bytes | Callable[[], Iterator[bytes]], size: int = 1_000
) -> tuple[dict[int, str], dict[int, str]]:
    """Return URLs and reasons by line."""

    def chunks() -> Iterator[bytes]:
        return cut(text, size) if isinstance(text, bytes) else text()

    plan = Plan(job="j", shard=0, partitions=4, batch_size=200)
    SitemapReader(ListSource(chunks(), again=chunks), "s3://b/map.xml").fill(plan, 1 << 60)
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
    urls, problems = read(SITEMAP, size)

    assert urls == {1: "http://a.example/?x=1&y=%C3%A9", 2: "http://b.example/"}
    assert {number: reason[:26] for number, reason in problems.items()} == {
        3: "a URL must start with http",
        4: "there is no URL",
    }


def test_a_sitemap_on_one_line_loses_nothing() -> None:
    locations = "".join(f"<url><loc>http://a.example/{n}</loc></url>" for n in range(1, 501))

    urls, _ = read(f"<urlset>{locations}</urlset>".encode())

    assert urls == {n: f"http://a.example/{n}" for n in range(1, 501)}


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><urlset><url><loc>http://é.example/</loc></url></urlset>'

    urls, _ = read(text.encode("utf-16"))

    assert urls == {1: "http://xn--9ca.example/"}


def test_other_sitemaps_are_targets_of_their_own_kind() -> None:
    text = (
        b"<sitemapindex %s><sitemap><loc>http://a.example/1.xml.gz</loc></sitemap>"
        b"<url><loc>http://a.example/</loc></url></sitemapindex>"
    )
    plan = Plan(job="j", shard=0, partitions=4, batch_size=200)

    SitemapReader(ListSource([text % NS]), "map.xml").fill(plan, 1 << 60)

    [batch] = plan.batches()
    assert batch.targets == (
        Target("http://a.example/1.xml.gz", 1, page=crawl_spec.SITEMAP),
        Target("http://a.example/", 2),
    )


def dated(text: str, *, mend: bool = False) -> list[tuple[int, str, str]]:
    parser = SitemapParser("map.xml", mend=mend)
    parser.feed(text.encode())
    parser.feed(b"")
    return [(one.number, one.text, one.date) for one in parser.found]


@pytest.mark.parametrize("mend", [False, True])
def test_what_dates_an_entry_may_stand_in_front_of_its_location_or_behind(mend: bool) -> None:
    text = (
        "<urlset><url><lastmod> 2026-01-01 </lastmod><loc>/1</loc></url>"
        "<url><loc>/2</loc><loc>/3</loc><lastmod>2026-01-02</lastmod></url>"
        "<url><loc>/4</loc><a><lastmod>2026-01-03</lastmod></a></url></urlset>"
    )

    assert dated(text, mend=mend) == [
        (1, "/1", "2026-01-01"),
        (2, "/2", ""),
        (3, "/3", "2026-01-02"),
        (4, "/4", ""),
    ]


def test_an_entry_of_a_feed_is_dated_when_it_was_published() -> None:
    text = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><updated>2026-02-01</updated><entry>"
        "<updated>2026-01-02</updated><link href='/1'/><published>2026-01-01</published></entry>"
        "<entry><link href='/2'/><updated>2026-01-03</updated></entry></feed>"
    )

    assert dated(text) == [(1, "/1", "2026-01-01"), (2, "/2", "2026-01-03")]


def test_a_location_is_there_although_its_entry_breaks_off() -> None:
    text = "<urlset><url><loc>/1</loc><lastmod>2026-01-01</lastmod><priority>"

    assert dated(text, mend=True) == [(1, "/1", "2026-01-01")]


def test_what_is_not_well_formed_counts_no_location_that_was_not_found() -> None:
    parser = SitemapParser("map.xml")

    with pytest.raises(NotWellFormedError):
        parser.feed(b"<urlset><url><loc>/1</loc></url><url><loc>/2?a&b</loc></url></urlset>")

    assert parser.count == len(parser.found) == 1


LOC = b"<url><loc>http://a.example/1</loc></url>"


@pytest.mark.parametrize(
    "text",
    [
        b"\n\n<?xml version='1.0'?><urlset>%s</urlset>",
        b"\xef\xbb\xbf \r\n<?xml version='1.0'?>\n<urlset>%s</urlset>",
        b"<?php echo 1 ?><?xml version='1.0'?><urlset>%s</urlset>",
        b"<urlset><url><news:news><news:title>x</news:title></news:news></url>%s</urlset>",
        b"<urlset><url><title>x\x08y &nbsp; Q&A &copy;</title></url>%s</urlset>",
        b"<urlset><url><!-- a -- b --></url>%s</urlset>",
        b"<urlset><url><lastmod>2026</url>%s</urlset>",
        b"<urlset><url><priority v=1></priority></url>%s</urlset>",
        b"<urlset><url><title>caf\xe9</title></url>%s</urlset>",
        b"<?xml version='1.0' encoding='utf-16'?><urlset><url/>%s</urlset>",
        b"<?xml version='1.0' encoding='gbk'?><urlset><url><t>\xc4\xe3</t></url>%s</urlset>",
        b"<!DOCTYPE urlset SYSTEM 'x.dtd'><urlset><url>&nbsp;</url>%s</urlset>",
    ],
)
@pytest.mark.parametrize("size", [7, 10_000])
def test_what_search_engines_read_is_read(text: bytes, size: int) -> None:
    urls, _ = read(text % (LOC + b"<url><loc>http://b.example/?x=1&y=2&amp;z=3</loc></url>"), size)

    assert set(urls.values()) == {"http://a.example/1", "http://b.example/?x=1&y=2&z=3"}


@pytest.mark.parametrize(
    "text",
    [
        b"<urlset><loc>http://a.example/1</loc></urlset>",
        b"<urlset><url>http://a.example/1</url></urlset>",
        b"<URLSET><URL><LOC>http://a.example/1</LOC></URL></URLSET>",
        b'<s:urlset xmlns:s="http://s"><s:url><s:loc>http://a.example/1</s:loc></s:url></s:urlset>',
        b"<sitemapindex><url><loc>http://a.example/1</loc></url></sitemapindex>",
        b"<urlset><group><url><loc>http://a.example/1</loc></url></group></urlset>",
        (
            b"<rss><channel><link>http://a.example/</link><item><atom:link href='http://no.example/'"
            b" rel='self'/><link>http://a.example/1</link></item></channel></rss>"
        ),
        b"<rss><channel><item><guid>http://a.example/1</guid></item></channel></rss>",
        (
            b"<rss><channel><item><guid isPermaLink='false'>http://no.example/</guid>"
            b"<link>http://a.example/1</link></item></channel></rss>"
        ),
        (
            b"<feed xmlns='http://www.w3.org/2005/Atom'><link href='http://a.example/'/><entry>"
            b"<link rel='edit' href='http://no.example/'/><link href='http://a.example/1'/></entry></feed>"
        ),
        (
            b"<rdf:RDF xmlns='http://purl.org/rss/1.0/'><item><link>http://a.example/1</link></item>"
            b"</rdf:RDF>"
        ),
        (
            b"<rss xmlns:a10='http://www.w3.org/2005/Atom'><channel><item>"
            b"<a10:link href='http://no.example/'/><link>http://a.example/1</link></item></channel></rss>"
        ),
        (
            b"<rss xmlns:a='http://www.w3.org/2005/Atom'><channel><item><a:link href="
            b"'http://no.example/'/><guid>http://a.example/1</guid></item></channel></rss>"
        ),
        (
            b"<rss xmlns:a='http://www.w3.org/2005/Atom'><channel><item>"
            b"<a:link href='http://a.example/1'/><title>x</title></item></channel></rss>"
        ),
        b"<rss><channel><item><link/><guid>http://a.example/1</guid></item></channel></rss>",
        (
            b"<urlset xmlns:i='http://www.google.com/schemas/sitemap-image/1.1'><url>"
            b"<i:loc>http://no.example/</i:loc><loc>http://a.example/1</loc></url></urlset>"
        ),
        b"<urlset><url><loc>http://a.example/1</loc><image:loc>http://no.example/</image:loc></url></urlset>",
        b"<urlset><v:loc>http://no.example/</v:loc><loc>http://a.example/1</loc></urlset>",
        b"<urlset><url><loc xmlns='%s'>http://a.example/1</loc></url></urlset>"
        % b"http://www.google.com/schemas/sitemap/0.84",
        b"<urlset><url><loc> <b>http://a.example/1</b><br/> </loc></url></urlset>",
    ],
)
def test_a_page_counts_wherever_it_is_named(text: bytes) -> None:
    urls, _ = read(text)

    assert urls == {1: "http://a.example/1"}


@pytest.mark.parametrize(
    "entry",
    [
        b"<sitemap><loc>http://a.example/2.xml</loc></sitemap>",
        b"<sitemap>http://a.example/2.xml</sitemap>",
    ],
)
def test_a_sitemap_in_a_sitemap_of_pages_is_a_target(entry: bytes) -> None:
    urls, problems = read(b"<urlset>" + LOC + entry + b"</urlset>")

    assert urls == {1: "http://a.example/1", 2: "http://a.example/2.xml"}
    assert problems == {}


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"/about", "this one is relative"),
        (b"www.oak.example/a", "write https://www.oak.example/a"),
        (b"http://a.example/ http://b.example/", "two URLs in one place"),
        (b"http://a.example/\nb", "holds a line end"),
        (b"http://a.example/\xff", "holds U+FFFD"),
        (b"http://a.example/1\0x", "holds U+FFFD"),
        (b"http://a.example/1&#1;x", "holds U+FFFD"),
        (b"<![CDATA[http://a.example/1\x1fx]]>", "holds U+FFFD"),
        (b"http://a.example/1<br/>http://b.example/", "two URLs in one place"),
        (b"http://a.example/1<b>x</b>", "holds a line end"),
        (b"http://a.<b>example</b>/1", "holds a line end"),
        (b" " * 15_980 + b"http://a.example/shoes/7", "holds U+FFFD"),
        (b"http://a.example/" + b" " * 16_000 + b"7", "holds U+FFFD"),
    ],
)
def test_a_location_that_is_no_url_is_rejected_with_the_reason(
    location: bytes, reason: str
) -> None:
    urls, problems = read(b"<urlset><url><loc>" + location + b"</loc></url>" + LOC + b"</urlset>")

    assert urls == {2: "http://a.example/1"}
    assert reason in problems[1]


@pytest.mark.parametrize(
    "entry",
    [
        b"<url><loc>http://b.example/1\x08</loc></url>",
        b"<url><loc>\0http://b.example/1</loc></url>",
        b"<url><loc> \x0b \x1f\nhttp://b.example/1&#8; \x01\t</loc></url>",
        b"<url><loc>&#xFFFE;<![CDATA[\x1fhttp://b.example/1\xef\xbf\xbf]]>\x02</loc></url>",
        b"<url>\x03http://b.example/1\x04</url>",
        b"<item><link>\x08</link><guid>http://b.example/1\x08</guid></item>",
        b"<entry xmlns='http://www.w3.org/2005/Atom'><link href='\x08http://b.example/1&#1;'/></entry>",
    ],
)
def test_control_characters_around_a_url_cost_nothing(entry: bytes) -> None:
    root = b"urlset" if entry.startswith(b"<url>") else b"rss"
    urls, problems = read(b"<%s>%s</%s>" % (root, entry, root))

    assert (urls, problems) == ({1: "http://b.example/1"}, {})


def test_text_around_the_children_of_a_url_is_not_glued() -> None:
    entry = b"<url>http://a.example/1<lastmod>2026</lastmod>x</url>"

    urls, problems = read(b"<urlset>" + entry + LOC + b"</urlset>")

    assert urls == {2: "http://a.example/1"}
    assert "holds a line end" in problems[1]


def test_a_location_without_an_end_is_not_glued_to_what_follows() -> None:
    entry = b"<url><loc>http://a.example/1<lastmod>2026</lastmod></url>"

    urls, problems = read(b"<urlset>" + entry + LOC + b"</urlset>")

    assert urls == {2: "http://a.example/1"}
    assert "holds a line end" in problems[1]


def test_a_page_that_has_only_an_image_is_reported() -> None:
    entry = b"<url xmlns:i='http://i'><i:loc>http://no.example/1.png</i:loc></url>"

    urls, problems = read(b"<urlset>" + entry + LOC + b"</urlset>")

    assert urls == {2: "http://a.example/1"}
    assert list(problems) == [1]


def test_a_sitemap_that_needs_mending_has_each_location_once_in_whatever_parts() -> None:
    locations = b"".join(b"<url><loc>http://a.example/%d?a&b</loc></url>" % n for n in range(300))
    sound = b"".join(b"<url><loc>http://a.example/%d</loc></url>" % n for n in range(300))
    text = b"<urlset>" + sound + locations + b"</urlset>"
    numbers: list[int] = []
    start, line, ended = 0, 1, False

    while not ended:
        source = ListSource(cut(text, 777), again=lambda: cut(text, 777))
        reader = SitemapReader(source, "map.xml", start=start, line=line)
        plan = Plan(job="j", shard=0, partitions=1, batch_size=1_000)
        reader.fill(plan, start + 5_000)
        numbers += sorted(t.line for batch in plan.batches() for t in batch.targets)
        start, line, ended = reader.position, reader.line, reader.ended

    assert numbers == list(range(1, 601))


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
        (b"<url><loc>http://b.exa", "not well-formed XML: <loc> has no end"),
        (b"<url><loc>http://b.example/</loc", "not well-formed XML"),
        (b"<url>", "not well-formed XML: <url> has no end"),
        (b"<a>" * 1_100, "nested more than 1,000 deep"),
        (b"<!--" + b"x" * 3_000_000, "a comment has no end"),
        (b"</urlset><urlset><url><loc>http://b.example/</loc></url></urlset>", "behind the end"),
    ],
)
def test_what_breaks_off_is_read_up_to_there(rest: bytes, problem: str) -> None:
    urls, problems = read(BEGIN + rest, 100_000)

    assert urls == {1: "http://a.example/"}
    assert problem in next(reversed(problems.values()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LAUGHS, "it declares entities, which no sitemap needs"),
        (EXTERNAL, "it declares entities, which no sitemap needs"),
        (b"<html><head>", "it begins with <html>"),
        (b"http://a.example/", "it is no XML"),
        (b"x" * 100_000, "it has no tag where it begins"),
        (b"", "it is empty"),
        (b"\xef\xbb\xbf \n", "it is empty"),
        (b'<?xml version="1.0" encoding="none"?><urlset/>', "its encoding 'none' is not read here"),
    ],
)
def test_what_is_no_sitemap_is_refused(text: bytes, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=r"s3://b/map\.xml is no sitemap") as caught:
        read(text)

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
    urls, problems = read(chunks)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert urls == {1: "http://a.example/"}
    assert "not be longer than 8,000 bytes" in problems[2]
    assert "not well-formed XML" in problems[3]
    assert peak < 20_000_000

"""The section `start` of a spec: where a crawl begins that has no list. Pure."""

from typing import NamedTuple

from msgspec import Struct

from shared.crawl_spec import Day
from shared.errors import InvalidUrlError
from shared.extract_spec import Expression
from shared.urls import parse_url


class StartSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a crawl begins whose pages are listed somewhere: one of the three."""

    sitemaps: Expression | None = None
    """A website, as in shop.example: the sitemaps that its robots.txt names, else /sitemap.xml."""
    sitemap: Expression | None = None
    """The URL of a sitemap, of an index of sitemaps, or of a text with a URL on each line."""
    feed: Expression | None = None
    """The URL of a feed: RSS, RDF or Atom."""
    since: Day | None = None
    """Leaves out entries of feeds and sitemaps that are dated before this day."""

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.sitemap, self.sitemaps, self.feed)) != 1:
            raise ValueError("name the start by one of sitemap, sitemaps and feed")


class Start(NamedTuple):
    """A page where a crawl begins; `location` is a URL, as it is written or made of a website."""

    location: str
    is_sitemap: bool = False
    since: str | None = None


def start_of(written: "str | StartSpec") -> Start:
    """Return where the crawl begins by one element of `start`."""
    if isinstance(written, str):
        return Start(_normal(written))
    if written.sitemaps is not None:
        website = written.sitemaps
        website = website if "://" in website else f"https://{website}"
        try:
            return Start(
                parse_url("/robots.txt", website).href, is_sitemap=True, since=written.since
            )
        except InvalidUrlError:
            return Start(website, is_sitemap=True, since=written.since)
    return Start(
        _normal(written.sitemap or written.feed or ""), is_sitemap=True, since=written.since
    )


def _normal(url: str) -> str:
    """Return a URL in the form of targets; what is none stays for those who check it."""
    try:
        return parse_url(url).href
    except InvalidUrlError:
        return url

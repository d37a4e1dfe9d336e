"""How far a crawl goes: its scope and its limits, by the spec. Pure."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from functions.worker.extraction.kinds import Kinds
from functions.worker.identity import Identity, identity_of
from shared.crawl_spec import SITEMAP, CrawlSpec
from shared.messages import Target
from shared.spec import Spec
from shared.url_patterns import any_fitting
from shared.urls import Url, parse_url, registrable_domain

MAX_NESTED = 5
"""Indexes of sitemaps that may name each other, one after another."""


class Scope(NamedTuple):
    """
    How far links are followed.

    `is_within` tells of two URLs whether a link from the first to the second stays where it may
    lead to; `fits` tells whether a URL, and the kind named for it, is of a kind that the spec has.
    `identity` tells which URLs are one page.
    """

    limits: CrawlSpec
    is_within: Callable[[Url, Url], bool]
    fits: Callable[[str, str | None], bool]
    identity: Identity

    def cut(self, page: Url, link: Url, kind: str | None, depth: int) -> str | None:
        """Return what cuts off a link of `page` at that depth; None if nothing does."""
        limits = self.limits
        if depth > limits.depth:
            return "depth"
        if not self.is_within(page, link):
            return "within"
        if len(link.href) > limits.max_url_length:
            return "max_url_length"
        path = link.href.partition("?")[0].split("/")[3:]
        if len(path) > limits.max_path_depth:
            return "max_path_depth"
        if len(path) > limits.max_repeats and _repeats(path) > limits.max_repeats:
            return "max_repeats"
        return None if self.fits(link.href, kind) else "kind"

    def cut_of_sitemap(self, link: Url, kind: str | None, depth: int) -> str | None:
        """
        Return what cuts off what a sitemap lists; None if nothing does.

        A sitemap is a list, which says itself where its pages are. Patterns hold for them.
        """
        if kind == SITEMAP:
            return "depth" if depth > MAX_NESTED else None
        if self.limits.within not in {"host", "domain"} and not self.is_within(link, link):
            return "within"
        return None if self.fits(link.href, kind) else "kind"

    def holds(self, target: Target, location: Url) -> bool:
        """Tell whether a target is still where the link to it may lead, at `location`."""
        if target.found_on is None or target.page == SITEMAP or not target.depth:
            return True  # it is listed
        return self.is_within(parse_url(target.found_on), location)


def scope_of(spec: Spec) -> Scope:
    """
    Return how far a job of that spec follows links.

    Raises:
        InvalidSpecError: a pattern is none.
    """
    crawl = spec.crawl
    return Scope(crawl, _is_within(crawl), Kinds(spec).fits, identity_of(spec))


def _is_within(crawl: CrawlSpec) -> Callable[[Url, Url], bool]:
    if crawl.within == "host":
        return lambda page, link: page.host == link.host
    if crawl.within == "domain":
        return lambda page, link: registrable_domain(page.host) == registrable_domain(link.host)
    fits = any_fitting(crawl.within, "crawl.within")
    return lambda _page, link: fits(link.href)


def _repeats(path: list[str]) -> int:
    return max(Counter(segment for segment in path if segment).values(), default=0)

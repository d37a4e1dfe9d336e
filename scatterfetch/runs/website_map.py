"""The URLs of a website, without its pages: those that sitemaps list, and links of a few pages."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TextIO

import msgspec

from functions.dispatcher.specs import parse_spec
from functions.worker.scraping.scope import scope_of
from scatterfetch.jobs.folder import Folder
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.live import open_display
from scatterfetch.output.sentences import complain, counted
from scatterfetch.output.verdict import report
from scatterfetch.project import Project
from scatterfetch.results.files import find_results
from scatterfetch.results.finals import FinalOutcomes
from scatterfetch.runs.local_settings import local_settings, mention_user_agent
from scatterfetch.runs.run import run
from shared.crawl_spec import SITEMAP
from shared.errors import InvalidUrlError
from shared.outcomes import Kind, Outcome
from shared.spec import Spec
from shared.urls import parse_url

_GONE = (404, 410)
_SHOWN = 5  # pages that could not be had


class MappedUrl(NamedTuple):
    """A URL of a website, and where it was found."""

    url: str
    depth: int
    """How many links lead to it: 0 for the start page and for what sitemaps list."""
    source: str | None
    """The sitemap or the page that it was found on; None for the start page."""
    lastmod: str | None
    """When it was last changed, as a sitemap says; ISO 8601 if that can be read."""


def map_list(start: str, *, within: Sequence[str], depth: int, max_pages: int | None) -> UrlList:
    """
    Return the crawl that finds the URLs of a website.

    Its pages are fetched down to a depth of one less than `depth`: what they link to has that.

    Args:
        start: The URL of the start page.
        within: `host`, `domain` or globs; none: the host.
        depth: How many links may lead to a URL.
        max_pages: How many pages and sitemaps are fetched at most.

    Raises:
        InvalidJobError: a pattern or a number is wrong.
    """
    crawl: dict[str, Any] = {"depth": max(depth - 1, 0), "sitemaps": "rows"}
    if within:
        crawl["within"] = within[0] if len(within) == 1 else [*within]
    if max_pages is not None:
        crawl["max_pages"] = max_pages
    robots = parse_url("/robots.txt", start).href
    content = {
        "start": [start, {"sitemaps": robots}],
        "extract": {
            "rows": "a[href], area[href]",
            "fields": {"url": {"attr": "href", "type": "url"}},
        },
        "crawl": crawl,
    }
    if depth == 0:
        content["extract"] = {"fields": {"title": {"css": "title"}}}
    if depth > 1:
        content["follow"] = [{"css": "a[href], area[href]"}]
    text = msgspec.json.encode(content)
    parse_spec("the options", text)
    host = parse_url(start).host.strip("[]")
    return UrlList("the map", f"map/{host}.txt", f"{start}\n{robots}\n".encode(), text, inline=True)


def map_website(
    url_list: UrlList, *, workers: int, parameters: Mapping[str, str], project: Project | None
) -> tuple[list[MappedUrl], int]:
    """
    Return the URLs that the crawl `url_list` finds, each once, and the exit status.

    Raises:
        InvalidJobError: a parameter is wrong.
    """
    with local_settings(parameters, project) as settings, TemporaryDirectory() as name:
        mention_user_agent(settings.parameters, project, specs_name_one=False)
        folder = Path(name)
        with open_display() as display:
            finished = run(
                [url_list], folder, display, workers=workers, parameters=settings.parameters
            )
        if finished.interrupted or not finished.complete:
            return [], report(finished, Folder(folder), goes_on=False) or 1
        outcomes = [one for _, one in FinalOutcomes(find_results(folder)).read(complain)]
    spec = parse_spec("the options", url_list.spec or b"{}")
    _complain_of_failures(outcomes)
    found = urls_of(outcomes, spec)
    start = next((one for one in outcomes if one.line == 1), None)
    well = start is not None and start.outcome is Kind.SCRAPED and bool(found)
    return found, 0 if well else 1


def urls_of(outcomes: Iterable[Outcome], spec: Spec) -> list[MappedUrl]:
    """
    Return the URLs in the outcomes of a job of `map_list`, each once: by depth, then by URL.

    What was found to be gone is left out, and so is what `crawl.within` leaves out.
    """
    outcomes = [*outcomes]
    scope = scope_of(spec)
    first = [one for one in outcomes if one.line == 1]
    # The website may have moved, as shop.example to www.shop.example.
    bases = [parse_url(url) for one in first for url in (one.final_url, one.url) if url]
    gone = {one.url for one in outcomes if one.status in _GONE}
    found: dict[str, MappedUrl] = {}
    for one in first:
        found[one.url] = MappedUrl(one.url, 0, None, None)
    for one in outcomes:
        of_sitemap = one.page == SITEMAP
        depth = 0 if of_sitemap else (one.depth or 0) + 1
        source = one.final_url or one.url
        for row in one.rows:
            try:
                url = parse_url(row.get("url") or "")
            except InvalidUrlError:
                continue
            near = bases if of_sitemap else [parse_url(source)]
            if not any(scope.cut(base, url, None, 0) is None for base in near):
                continue
            found[url.href] = _nearer(
                found.get(url.href), MappedUrl(url.href, depth, source, row.get("lastmod"))
            )
    kept = [one for one in found.values() if one.url not in gone]
    return sorted(kept, key=lambda one: (one.depth, one.url))


def write_map(found: Sequence[MappedUrl], written_as: str, file: TextIO) -> None:
    """Write URLs as `txt`, one a line; or as `csv` or `jsonl`, with all that is known of them."""
    if written_as == "csv":
        table = csv.writer(file)
        table.writerow(MappedUrl._fields)
        table.writerows(found)
        return
    for one in found:
        line = one.url if written_as == "txt" else msgspec.json.encode(one._asdict()).decode()
        file.write(f"{line}\n")


def _nearer(known: MappedUrl | None, found: MappedUrl) -> MappedUrl:
    """Return what is known of a URL that was found in two places: that with fewer links counts."""
    if known is None:
        return found
    # The sources are compared, so that it does not matter which page was fetched first.
    first, other = sorted((known, found), key=lambda one: (one.depth, one.source or ""))
    return first._replace(lastmod=first.lastmod or other.lastmod)


def _complain_of_failures(outcomes: Sequence[Outcome]) -> None:
    """Say which pages and sitemaps could not be had, so that URLs may be missing."""
    failed = [one for one in outcomes if one.outcome in {Kind.FAILED, Kind.DEAD}]
    failed = [one for one in failed if not (one.status in _GONE and _is_dispensable(one))]
    for one in failed[:_SHOWN]:
        complain(f"{one.url}: {one.reason}{f': {one.detail}' if one.detail else ''}")
    if len(failed) > _SHOWN:
        complain(f"{counted(len(failed) - _SHOWN, 'more page')} could not be had")


def _is_dispensable(one: Outcome) -> bool:
    """Tell whether a website may well be without a page: it is a link, or nobody has named it."""
    if one.page == SITEMAP:
        return one.url.endswith(("/robots.txt", "/sitemap.xml"))
    return one.line is None

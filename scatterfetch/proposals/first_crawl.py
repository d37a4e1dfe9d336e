"""
A first spec for a crawl: of a listing and of one of the items that it leads to.

What is proposed is run on both pages by the worker's own extraction. What nobody can tell from two
pages stands in the comments.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from functions.dispatcher.specs import parse_spec
from functions.worker.bounds import bounds_of
from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.extractor import ExtractionProcess
from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.reader import extraction_of
from functions.worker.transport.page import FetchedPage
from scatterfetch.output.sentences import complain, remedy
from scatterfetch.pages.probe import fetch, worker_settings
from scatterfetch.project import find_project
from scatterfetch.proposals.first_spec import inline, sections_of
from scatterfetch.proposals.item_links import Links, item_links, next_links
from scatterfetch.proposals.proposal import PAGE
from scatterfetch.runs.local_settings import local_settings
from shared.errors import InvalidJobError
from shared.spec import Spec
from shared.urls import parse_url

LISTING, ITEM = "listing", "item"
_SESSIONS = {"sid", "session", "sessionid", "session_id", "phpsessid", "jsessionid"}
"""Parameters of a query that are most likely those of a visit, and say nothing of the page."""
_TRIES = 3  # items, until there is one


def first_crawl_of(url: str, parameters: Mapping[str, str]) -> str | None:
    """
    Fetch a listing and one of its items; return the first spec of a crawl.

    Returns None if a page could not be had, which is said then.

    Raises:
        InvalidJobError: the parameters are wrong, or see `first_crawl`.
    """
    with local_settings(parameters, find_project()) as local:
        settings = worker_settings(local.parameters)
        process = ExtractionProcess(bounds_of(settings).page)
        get = partial(fetch, spec=Spec(), settings=settings, process=process)
        try:
            seen = asyncio.run(get(url))
            listing = seen.page
            if listing is not None:
                items = items_of(listing)
                for item in items.urls[:_TRIES]:
                    time.sleep(Spec().fetch.pause)
                    seen = asyncio.run(get(item))
                    if seen.page is not None:
                        return first_crawl(listing, items, seen.page)
        finally:
            process.stop()
    problem = f"{seen.outcome.url}: {seen.outcome.reason}: {seen.outcome.detail}"
    complain("; ".join(filter(None, (problem, remedy(seen.outcome.reason)))))
    return None


def items_of(listing: FetchedPage) -> Links:
    """
    Return the links of a listing to its items.

    Raises:
        InvalidJobError: the page lists nothing, as far as can be seen.
    """
    try:
        document = Document(listing)
        found = item_links(document) if document.is_html else None
    except TooComplexError as error:
        raise InvalidJobError(f"{listing.url} is too complex to be looked at") from error
    if found is None:
        raise InvalidJobError(
            f"{listing.url} has no list of links that look alike; name a page that lists things, "
            "such as a category of a shop, or leave --crawl out"
        )
    return found


def first_crawl(listing: FetchedPage, items: Links, item: FetchedPage) -> str:
    """
    Return a spec that follows a listing to its items, as YAML with comments.

    Raises:
        InvalidJobError: links of the listing cannot be followed.
    """
    document = Document(listing)
    further = next_links(document, items)
    location = listing.url.partition("://")[2]
    doubts = [
        f"The fields are those of one {ITEM}; others may lack some, or have more.",
        f"Other listings are not known, such as categories: add them to start and {LISTING}.match.",
    ]
    if further is None:
        doubts.append("No pagination was found; if there is one, add it to follow.")
    else:
        doubts.append("Whether the pagination goes on to the end was not tried.")
    lines = [
        f"# Made by `scatterfetch init --crawl` for {listing.url}",
        f"# and {item.url}. The comments are what was found there.",
        "# Not sure:",
        *(f"# * {doubt}" for doubt in doubts),
        f"start: [{inline(listing.url)}]",
    ]
    urls = [*items.urls, *(further.urls if further else [])]
    crawl: dict[str, Any] = {}
    if any(parse_url(url).host != parse_url(listing.url).host for url in urls):
        crawl["within"] = "domain"
    queries = (parse_qsl(urlsplit(url).query) for url in urls)
    sessions = {name for query in queries for name, _ in query if name.lower() in _SESSIONS}
    if sessions:
        crawl["drop_query"] = sorted(sessions)
    if crawl:
        lines.append(f"crawl: {inline(crawl)}  # as the links ask for")
    lines += [
        "pages:",
        f"  {LISTING}:",
        f"    match: {inline(location)}",
        "    follow:",
        _follow(items, ITEM),
        *([] if further is None else [_follow(further, LISTING)]),
        f"  {ITEM}:  # whatever the {LISTING} leads to",
    ]
    sections = sections_of(item)
    # A page that a listing leads to is most likely about one thing, whatever else it lists.
    section = next((text for about, text in sections if about == PAGE), None)
    section = section or (sections[0][1] if sections else "extract:\n  include: [page]\n")
    lines += [f"    {line}" for line in section.splitlines()]
    text = "\n".join(lines) + "\n"
    _check(text, listing)
    return text


def _follow(links: Links, kind: str) -> str:
    count = len(links.urls)
    shown = links.urls[0] if count == 1 else f"{count} on this page, such as {links.urls[0]}"
    return f"      - {inline(links.source | {'page': kind})}  # {shown}"


def _check(text: str, listing: FetchedPage) -> None:
    kinds = Kinds(parse_spec("the proposal", text.encode()))
    kind = kinds.kind_of(listing.url)
    found = extraction_of(kinds.reading(kind)).extract(listing, token="")
    if kind != LISTING or not any(link.page == ITEM for link in found.links):
        raise InvalidJobError(
            f"the links of {listing.url} cannot be followed: the page asks for it (nofollow), or "
            "its URL has a form that match does not know. Write the spec by hand"
        )

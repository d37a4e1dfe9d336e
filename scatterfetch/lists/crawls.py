"""The list of a crawl: where it begins, with a spec that says how far it goes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from functions.dispatcher.specs import parse_spec
from scatterfetch.lists.sources import as_website
from scatterfetch.lists.specs import read_spec
from scatterfetch.lists.url_list import UrlList
from shared.errors import InvalidJobError, InvalidUrlError
from shared.spec import Spec
from shared.urls import parse_url

_EVERY_LINK = {"css": "a[href]"}


def crawl_list(
    urls: Sequence[str],
    spec: Path | None,
    *,
    follow: Sequence[str] = (),
    within: Sequence[str] = (),
    depth: int | None = None,
    max_pages: int | None = None,
) -> UrlList:
    """
    Return the list of a crawl; what is left out is as the spec has it.

    Args:
        urls: Where it begins; none: where the spec says.
        spec: Its file.
        follow: CSS selectors of links, in the place of those of the spec, which has no `pages`.
        within: `host`, `domain` or globs.
        depth: How many links may lead to a page.
        max_pages: Of the job.

    Raises:
        InvalidJobError: a URL or the spec is wrong, or there is no place to begin; or the spec has
            `pages`, and they follow nothing or `follow` is given.
    """
    name = str(spec) if spec else "the options"
    written = Spec() if spec is None else parse_spec(name, read_spec(spec))
    content = msgspec.to_builtins(written)
    if written.pages:
        _check_kinds_follow(name, written, follow)
    elif follow:
        content["follow"] = [{"css": selector} for selector in follow]
    elif not written.follows:
        content["follow"] = [_EVERY_LINK]
    limits: dict[str, Any] = {"depth": depth, "max_pages": max_pages}
    if within:
        limits["within"] = within[0] if len(within) == 1 else [*within]
    given = {name: value for name, value in limits.items() if value is not None}
    content["crawl"] = content.get("crawl", {}) | given
    text = msgspec.json.encode(content)
    checked = parse_spec(name, text)
    starts = [_start(url) for url in urls] or [start.location for start in checked.starts]
    if not starts:
        raise InvalidJobError(
            "name the URL where the crawl begins, as in `scatterfetch crawl https://shop.example/`"
            + ("; or as `start` in the spec" if spec else "")
        )
    body = "".join(f"{url}\n" for url in starts).encode()
    host = parse_url(starts[0]).host
    # What is remembered is the folder's: two specs for one website are two scrapers.
    folder = f"crawl/{spec.absolute().parent.name}" if spec else "crawl"
    return UrlList("the crawl", f"{folder}/{host.strip('[]')}.txt", body, text, inline=True)


def _check_kinds_follow(name: str, spec: Spec, follow: Sequence[str]) -> None:
    # Which links lead on, and whether a kind has rows, depends on each other: only the spec knows.
    if follow:
        raise InvalidJobError(
            f"{name} has pages, and each kind says itself which links are followed: write "
            f"{{css: {follow[0]}}} into the follow of a kind, and leave out --follow"
        )
    if not spec.follows:
        raise InvalidJobError(
            f"{name} has pages, and none of them follows a link: write, for example, "
            "`follow: [{css: a.next}]` into a kind, or fetch the URLs alone by `scatterfetch run`"
        )


def _start(url: str) -> str:
    try:
        return parse_url(url).href
    except InvalidUrlError as error:
        website = as_website(url)
        what = f"write {website}" if website else f"{error}"
        raise InvalidJobError(f"{url}: {what}") from error

"""From the `follow` of a spec to what finds the links of a page."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from msgspec import UNSET

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import Scope
from functions.worker.extraction.fields.context import context_of
from functions.worker.extraction.fields.field import compile_fields
from functions.worker.extraction.fields.finders import All, Read, Unreadable
from functions.worker.extraction.fields.scopes import compile_rows
from functions.worker.extraction.fields.sources import compile_source
from functions.worker.extraction.following.elements import ElementLinks
from functions.worker.extraction.following.link import (
    MAX_CARRY_BYTES,
    MAX_LINKS,
    MAX_LINKS_BYTES,
    MAX_SITEMAP_LINKS,
    Cut,
    FindLinks,
    Found,
    Link,
    resolved,
)
from functions.worker.extraction.following.relations import related_links
from functions.worker.extraction.following.templates import Values, compile_template
from functions.worker.extraction.kinds import Reading
from functions.worker.extraction.readymade.feeds import feed_links, sitemap_links
from shared.crawl_spec import FollowSpec
from shared.encodable import as_json
from shared.url_patterns import query_dropper

_CARRY = "carry."
_DAY = len("2026-05-01")


class Followed(NamedTuple):
    """
    The links of a page, each once.

    `cut` counts by reason those that are not followed. `is_empty` tells that no source has found
    anything, be it a link or none to follow.
    """

    links: tuple[Link, ...]
    cut: dict[str, int]
    is_empty: bool


class Following:
    """
    Finds the links of pages of one kind.

    Raises:
        InvalidSpecError: a selector, path or pattern is none.
    """

    def __init__(self, reading: Reading) -> None:
        self._sources = [
            _Source(follow, f"follow[{number}]", nofollow=reading.nofollow)
            for number, follow in enumerate(reading.follow)
        ]
        self._drop_query = query_dropper(reading.drop_query, "crawl.drop_query")

    def find(self, document: Document) -> Followed:
        """Return the links of a page. The first source that finds a URL says what goes along."""
        links: dict[str, Link] = {}
        cut: Counter[str] = Counter()
        own = self._drop_query(document.page.url)
        size = 0
        is_empty = True
        for source in self._sources:
            missing: set[str] | None = None
            for places, carry_of in source.find(document):
                carry: _Carry | None = None
                for found in places:
                    is_empty = False
                    if isinstance(found, Cut):
                        cut[found.value] += 1
                        continue
                    if isinstance(found, int):
                        cut[Cut.TOO_MANY.value] += found
                        continue
                    url = self._drop_query(found)
                    if url in links or url == own:
                        continue
                    if carry is None:
                        carry = carry_of()
                        nothing = carry.nothing(source.wanted)
                        missing = nothing if missing is None else missing & nothing
                    more = len(url) + carry.size
                    if len(links) >= source.most or size + more > MAX_LINKS_BYTES:
                        cut[Cut.TOO_MANY.value] += 1
                        continue
                    size += more
                    links[url] = Link(url, source.page, carry.values)
            _mention(missing or set(), document)
        return Followed(tuple(links.values()), dict(cut), is_empty)


class _Carry(NamedTuple):
    values: dict[str, Any] | None = None
    size: int = 0
    """Bytes as JSON."""

    def nothing(self, names: Collection[str]) -> set[str]:
        """Return those of `names` that it has no value of."""
        values = self.values
        return set() if values is None else {name for name in names if values[name] in (None, "")}


class _Source:
    """One element of `follow`."""

    def __init__(self, follow: FollowSpec, path: str, *, nofollow: bool) -> None:
        reads = follow.reads
        self.page = follow.page
        self.most = MAX_SITEMAP_LINKS if follow.sitemap else MAX_LINKS
        self._rows = compile_rows(reads)
        fields = [(name, read) for name, read in compile_fields(reads) if name != "link"]
        self._carried = [(name.removeprefix(_CARRY), read) for name, read in fields
                         if name.startswith(_CARRY)]  # fmt: skip
        # A default is a value; and what is required is missed of each link.
        self.wanted = [
            name
            for name, value in follow.carry.items()
            if value.default is UNSET and not value.required
        ]
        self._template = compile_template(follow) if follow.url_template is not None else None
        self._values = [(name, read) for name, read in fields if not name.startswith(_CARRY)]
        self._find = _finder(follow, path, nofollow=nofollow)

    def find(self, document: Document) -> Iterator[tuple[Iterable[Found], Callable[[], _Carry]]]:
        """Yield the places of links of each row, and what returns what they carry."""
        for scope, value, home in self._rows(document):
            document.row = value
            document.home = None if home is document else home  # no circle may hold a page
            document.hurry()
            document.elements.clear()
            document.row_memo.clear()
            yield self._links(scope, document), partial(self._carry, scope, document)

    def _links(self, scope: Scope, document: Document) -> Iterable[Found]:
        if self._template is None:
            return self._find(scope, document)
        return self._template(_read_all(self._values, scope, document), document)

    def _carry(self, scope: Scope, document: Document) -> _Carry:
        if not self._carried:
            return _Carry()
        values, text = as_json(
            _read_all(self._carried, scope, document),
            partial(document.problem, "carry", "unreadable"),
        )
        if len(text) > MAX_CARRY_BYTES:
            document.problem("carry", "row_too_large", len(text))
            return _Carry()
        return _Carry(values, len(text))


def _read_all(fields: list[tuple[str, Read]], scope: Scope, document: Document) -> Values:
    return {name: read(scope, document) for name, read in fields}


def _mention(missing: set[str], document: Document) -> None:
    """Take note of values that no link of a source carries, unless it was told why."""
    told = {problem["field"] for problem in document.problems}
    for field in sorted(f"{_CARRY}{name}" for name in missing):
        if field not in told:
            document.problem(field, "missing")


def _finder(follow: FollowSpec, path: str, *, nofollow: bool) -> FindLinks:
    if follow.rel is not None:
        return related_links(follow.rel, nofollow=nofollow)
    if follow.feed is not None:
        return _entries(feed_links, follow.since)
    if follow.sitemap is not None:
        return _entries(sitemap_links, follow.since)
    if follow.then is None and (follow.css is not None or follow.xpath is not None):
        return ElementLinks(follow, path, nofollow=nofollow).find
    reads = follow.reads
    link = reads.fields["link"]
    _, find_all = compile_source(link, link, path, context_of(reads))
    return _values(find_all, path)


def _values(find_all: All, path: str) -> FindLinks:
    """Return what finds links among the values of a source that knows no elements."""

    def find(scope: Scope, document: Document) -> Iterator[Found]:
        for value in find_all(scope, document):
            document.hurry()
            if isinstance(value, Unreadable):
                document.problem(path, *value)
                continue
            for one in value if isinstance(value, list) else [value]:
                if one is not None and one != "":
                    yield resolved(_address(one), document)

    return find


def _address(value: object) -> object:
    """Return the address of what may be an object that has one, as it is behind HTML's escapes."""
    if isinstance(value, dict):
        value = value.get("url") or value.get("@id")
    return value.replace("&amp;", "&") if isinstance(value, str) else value


def _entries(
    read: Callable[[Document], Iterator[tuple[str | None, str | None]]], since: str | None
) -> FindLinks:
    def find(_scope: Scope, document: Document) -> Iterator[Found]:
        for url, date in read(document):
            if since is not None and date is not None and date[:_DAY] < since and _is_day(date):
                yield Cut.TOO_OLD
            else:
                yield Cut.INVALID if url is None else url

    return find


def _is_day(date: str) -> bool:
    """Tell whether a date begins with a day as ISO 8601 has it, and is not a text of its own."""
    return date[:4].isdecimal() and date[4:5] == date[7:8] == "-"

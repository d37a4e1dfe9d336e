"""
The sections `pages`, `follow` and `crawl` of a spec: which pages there are, and what to follow.

Says what may be written; `shared.crawl_check` says whether patterns and names make sense, and
`docs/spec.md` describes all of it to its users.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from shared.extract_spec import (
    DEFAULT_EXTRACT,
    Expression,
    ExtractSpec,
    FieldName,
    FieldSpec,
    RowsSpec,
    SourceSpec,
)
from shared.fetch_spec import KindFetchSpec
from shared.keep_spec import KeepSpec

SITEMAP = "@sitemap"
"""The page kind of sitemaps, which every spec has and no name of its own can be."""
MAX_KINDS = 50
MAX_FOLLOW = 20

KindName = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z_][A-Za-z0-9_-]{0,63}\Z",
        description="a name of up to 64 letters, digits, _ and - that begins with no digit",
    ),
]
Relation = Annotated[
    str,
    Meta(pattern=r"\A[a-z][a-z0-9.-]{0,63}\Z", description="a relation such as next or canonical"),
]
Day = Annotated[
    str,
    Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z", description="a day, written as YYYY-MM-DD"),
]
# Nothing outside of functions/worker/parsers/: a spec is data, and names no other code.
ParserName = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=r"\Aparsers(\.[a-zA-Z][a-zA-Z0-9_]*)+:[a-zA-Z][a-zA-Z0-9_]*\Z",
        description="as in parsers.books:parse",
    ),
]
PLACEHOLDER = re.compile(r"\{(\+?)([^{}]*)\}")
_NO_ELEMENTS = ("rel", "feed", "sitemap")


class RangeSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole numbers that take turns in a URL template: `{from: 2, to: {css: .last}}`."""

    from_: int | FieldSpec = field(name="from", default=1)
    """The first number."""
    to: int | FieldSpec | None = None
    """The last number."""
    below: int | FieldSpec | None = None
    """The number that the last one is below, in place of `to`: a total, where offsets are counted
    from 0."""
    step: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """The difference between two numbers."""

    def __post_init__(self) -> None:
        if (self.to is None) == (self.below is None):
            raise ValueError("name the end of the range by one of to and below")
        for name, end in self.fields.items():
            check_one_value(name, end)
            if end.type not in {"integer", "number"}:
                raise ValueError(f"{name}: it must be of the type integer or number")

    @property
    def ends(self) -> dict[str, int | FieldSpec]:
        """`from`, and the one of `to` and `below` that is there."""
        ends = {"from": self.from_, "to": self.to, "below": self.below}
        return {name: end for name, end in ends.items() if end is not None}

    @property
    def fields(self) -> dict[str, FieldSpec]:
        """Those ends that a page says; a text is read as a whole number."""
        return {
            name: replace(end, type="integer") if end.type == "text" else end
            for name, end in self.ends.items()
            if isinstance(end, FieldSpec)
        }


class FollowSpec(SourceSpec, frozen=True, kw_only=True, omit_defaults=True):
    """Where links are in a page. All that match are followed."""

    rel: Relation | None = None
    """A relation such as `next`: links of the header `Link`, and of link, a and area."""
    feed: Literal["entries"] | None = None
    """The entries of RSS, RDF and Atom."""
    sitemap: Literal["loc"] | None = None
    """The pages of a sitemap, and the sitemaps of an index."""
    since: Day | None = None
    """Leaves out entries of feeds and sitemaps that are dated before this day."""
    url_template: Annotated[str, Meta(min_length=1, max_length=2_000)] | None = None
    """A URL with the names of `with` and `range` in braces."""
    with_: Annotated[dict[FieldName, FieldSpec], Meta(max_length=20)] = field(
        name="with", default_factory=dict
    )
    """Values for the template. If one is missing, there is no link."""
    range: Annotated[dict[FieldName, RangeSpec], Meta(max_length=1)] = {}  # noqa: RUF012 -- each has its own
    """Numbers for the template: a link for each."""
    rows: Expression | RowsSpec | None = None
    """Elements or objects, as in `extract.rows`: the other sources and `carry` look at each."""
    page: KindName | None = None
    """The kind of the pages that the links lead to. null: as their URLs say."""
    carry: Annotated[dict[FieldName, FieldSpec], Meta(max_length=20)] = {}  # noqa: RUF012 -- each has its own
    """Values of this page that become columns of the rows of those."""

    def _check(self) -> None:
        others = [name for name in (*_NO_ELEMENTS, "url_template") if getattr(self, name)]
        sources = self.named
        beside = [name for name in ("attr", "regex", "then") if getattr(self, name) is not None]
        if "const" in sources:
            raise ValueError("const is no place of links; write url_template")
        if self.html:
            raise ValueError("html has no link; name the element, or its attr")
        if len(named := sources + others) > 1:
            raise ValueError(f"{' and '.join(named)}: name one source")
        if others and beside:
            raise ValueError(f"{beside[0]} does not go with {others[0]}")
        if not others:
            if not named and not beside:
                raise ValueError("there is no source; name one of css, rel, url_template, ...")
            super()._check()
        if self.since is not None and not (self.feed or self.sitemap):
            raise ValueError("since is for feed and sitemap")
        if self.rows is not None and others and others != ["url_template"]:
            raise ValueError(f"rows does not go with {others[0]}")
        self._check_template()
        _ = self.reads  # which has checks of its own

    @property
    def reads(self) -> ExtractSpec:
        """
        All that is read of a page for the links, as if each of them was a row.

        The fields have the names `link`, `carry.NAME`, `with.NAME` and `range.NAME.END`: their
        paths in the spec.
        """
        source = {name: getattr(self, name) for name in SourceSpec.__struct_fields__}
        source["then"] = self.then and _with_href(self.then)
        named = self.named or self.attr is not None or self.regex is not None
        fields = {"link": FieldSpec(**source, many=True) if named else FieldSpec(const="")}
        fields |= {f"carry.{name}": value for name, value in self.carry.items()}
        fields |= {f"with.{name}": value for name, value in self.with_.items()}
        fields |= {
            f"range.{name}.{end}": value
            for name, numbers in self.range.items()
            for end, value in numbers.fields.items()
        }
        return ExtractSpec(rows=self.rows, fields=fields)

    def _check_template(self) -> None:
        names = [*self.with_, *self.range]
        if self.url_template is None:
            if names:
                word = "with" if self.with_ else "range"
                raise ValueError(f"{word} is for url_template")
            return
        for name, value in self.with_.items():
            check_one_value(f"with.{name}", value)
        if twice := self.with_.keys() & self.range.keys():
            raise ValueError(f"{min(twice)} is in with and in range")
        used = [name for _, name in PLACEHOLDER.findall(self.url_template)]
        if set("{}") & set(PLACEHOLDER.sub("", self.url_template)):
            raise ValueError("url_template: a brace is not closed; write %7B for the character")
        for name in used:
            if name not in names:
                raise ValueError(f"url_template: {{{name}}} is neither in with nor in range")
        for name in names:
            if name not in used:
                raise ValueError(f"url_template does not use {name}")


def _with_href(source: SourceSpec) -> SourceSpec:
    """Return `source` with links in place of the elements that the last of its chain finds."""
    if source.then is not None:
        return replace(source, then=_with_href(source.then))
    return replace(source, attr="href") if source.finds_elements else source


def check_one_value(name: str, spec: FieldSpec) -> None:
    """
    Check a value of which there can be one only.

    Raises:
        ValueError: it is a list.
    """
    if spec.many:
        raise ValueError(f"{name}: many has no place in a URL; name the rows that have a link each")


class PageKind(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Pages whose URLs have something in common."""

    match: Expression | Annotated[tuple[Expression, ...], Meta(max_length=100)] = ()
    """Globs on host and path, as in `shop.example/p/*`, or `regex:` and a pattern in RE2's syntax
    that is searched for in the whole URL. One is enough. None: only what `page` of a link names."""
    extract: ExtractSpec | None = None
    """What to read of a page. null: nothing where there is `follow`, else the default."""
    parser: ParserName | None = None
    """A Python function, in parsers/, that makes rows of a page."""
    follow: Annotated[tuple[FollowSpec, ...], Meta(max_length=MAX_FOLLOW)] = ()
    """Which links lead to further targets."""
    fetch: KindFetchSpec | None = None
    """What is otherwise in the fetching of these pages."""
    keep: KeepSpec | None = None
    """Which of these pages are kept as they came. null: as the top level says."""

    def __post_init__(self) -> None:
        if self.parser is not None and self.extract is not None:
            raise ValueError("rows are made by extract or by parser: leave one of them out")

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of `match`."""
        return (self.match,) if isinstance(self.match, str) else self.match

    @property
    def extracts(self) -> ExtractSpec | None:
        """What makes the rows of a page. None: there are none, or a parser makes them."""
        if self.extract is None and self.parser is None and not self.follow:
            return DEFAULT_EXTRACT
        return self.extract


class CrawlSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far links are followed. What a limit cuts off is counted and reported."""

    within: (
        Literal["host", "domain"]
        | Expression
        | Annotated[tuple[Expression, ...], Meta(max_length=100)]
    ) = "host"
    """Where links may lead: to the host of their page, to its registrable domain, or to what one
    of these globs fits, written as in `match`."""
    depth: Annotated[int, Meta(ge=0, le=1_000)] = 200
    """How many links may lead from the list to a page."""
    max_pages: Annotated[int, Meta(ge=1)] | None = None
    """Of the job, listed ones included."""
    max_pages_per_host: Annotated[int, Meta(ge=1)] | None = None
    """The same of each host."""
    drop_query: Annotated[tuple[Expression, ...], Meta(max_length=100)] = ()
    """Names of query parameters that say nothing about the page, as globs: `utm_*`, `sid`."""
    sitemaps: Literal["follow", "rows"] = "follow"
    """What becomes of the pages that sitemaps list: they are fetched, or each is a row."""
    nofollow: Literal["obey", "ignore"] = "obey"
    """Whether `nofollow` of pages and links is obeyed."""
    same_as: Literal["url", "canonical"] = "url"
    """Whether pages with the same canonical URL are one page, too."""
    noindex: Literal["keep", "skip"] = "keep"
    """What becomes of pages that ask robots not to keep them."""
    max_url_length: Annotated[int, Meta(ge=20, le=8_000)] = 2_000
    """In characters."""
    max_path_depth: Annotated[int, Meta(ge=1, le=200)] = 30
    """Segments of a path."""
    max_repeats: Annotated[int, Meta(ge=1, le=100)] = 3
    """How often one segment may be in a path: `/a/b/a/b/a/b/a` is no page."""

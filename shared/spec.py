"""The spec: how to fetch the pages of a job. `docs/spec.md` describes it to its users."""

from typing import Annotated

from msgspec import Meta, Struct, field

from shared.crawl_spec import (
    MAX_FOLLOW,
    MAX_KINDS,
    CrawlSpec,
    FollowSpec,
    KindName,
    PageKind,
    ParserName,
)
from shared.expect_spec import ExpectSpec
from shared.extract_spec import DEFAULT_EXTRACT, Expression, ExtractSpec
from shared.fetch_spec import FetchSpec, OverridesSpec
from shared.keep_spec import KeepSpec
from shared.login_spec import MAX_LOGINS, LoginSpec
from shared.remember_spec import RememberSpec
from shared.secret_spec import SecretName, SecretSpec
from shared.start_spec import Start, StartSpec, start_of

__all__ = ["FetchSpec", "Spec"]


class Spec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One `spec.yaml`."""

    fetch: FetchSpec = field(default_factory=FetchSpec)
    """How to fetch its pages."""
    extract: ExtractSpec = DEFAULT_EXTRACT
    """What to read of a page."""
    parser: ParserName | None = None
    """A Python function, in parsers/, that makes rows of a page."""
    parser_timeout: Annotated[float, Meta(ge=0.1, le=60)] = 10.0
    """In seconds, for one page."""
    follow: Annotated[tuple[FollowSpec, ...], Meta(max_length=MAX_FOLLOW)] = ()
    """Which links of a page that is of no kind in `pages` lead to further targets."""
    pages: Annotated[dict[KindName, PageKind], Meta(max_length=MAX_KINDS)] = {}
    """The page kinds: the first whose `match` fits a URL says what is done with its page."""
    kind_column: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """The column of the list, or the name in `meta` of a line of JSON, that names the kind."""
    crawl: CrawlSpec = CrawlSpec()
    """How far links are followed."""
    start: StartSpec | Annotated[tuple[Expression | StartSpec, ...], Meta(max_length=1_000)] = ()
    """Where a crawl begins that has no list: URLs, or where pages are listed: sitemaps, feeds."""
    login: LoginSpec | Annotated[tuple[LoginSpec, ...], Meta(max_length=MAX_LOGINS)] = ()
    """What is sent to a website before its pages are asked for, so that it knows us."""
    remember: bool | RememberSpec = False
    """Whether the next job of the scraper knows what this one has found: unchanged pages are not
    sent again, and what has changed is told."""
    keep: KeepSpec | None = None
    """Which pages are kept as they came, besides their rows. null: none."""

    expect: ExpectSpec | None = None
    """What a healthy job looks like."""

    @property
    def memory(self) -> RememberSpec | None:
        """What is remembered; None: nothing."""
        if isinstance(self.remember, RememberSpec):
            return self.remember
        return RememberSpec() if self.remember else None

    def has_rows(self, kind: str | None) -> bool:
        """Tell whether pages of a kind have rows; None: those of no kind."""
        found = self if kind is None else self.pages.get(kind)
        if isinstance(found, Spec):
            return True
        return found is not None and (found.parser is not None or found.extracts is not None)

    @property
    def logins(self) -> tuple[LoginSpec, ...]:
        """Those of `login`."""
        return (self.login,) if isinstance(self.login, LoginSpec) else self.login

    @property
    def secrets(self) -> dict[str, SecretSpec]:
        """The values of headers, cookies and logins that are secrets, each by its path."""
        parts: dict[str, FetchSpec | OverridesSpec] = {"fetch": self.fetch}
        parts |= {f"fetch.hosts[{n}]": host for n, host in enumerate(self.fetch.hosts)}
        kinds = self.pages.items()
        parts |= {f"pages.{name}.fetch": kind.fetch for name, kind in kinds if kind.fetch}
        of_logins = {
            f"login[{n}].{path}": value
            for n, login in enumerate(self.logins)
            for path, value in login.secrets.items()
        }
        return of_logins | {
            f"{path}.{section}.{name}": value
            for path, part in parts.items()
            for section, values in (("headers", part.headers), ("cookies", part.cookies))
            for name, value in values.items()
            if isinstance(value, SecretSpec)
        }

    @property
    def secret_names(self) -> tuple[SecretName, ...]:
        """What is to be read of where secrets are kept, each once."""
        proxies = self.fetch.proxies
        names = [proxies.secret] if proxies and proxies.secret else []
        return tuple(dict.fromkeys([*names, *(one.secret for one in self.secrets.values())]))

    @property
    def keeps_pages(self) -> bool:
        """Whether pages are kept as they came, of whichever kind."""
        return self.keep is not None or any(kind.keep for kind in self.pages.values())

    @property
    def follows(self) -> bool:
        """Whether links lead from its pages to further targets."""
        return (
            bool(self.follow)
            or any(kind.follow for kind in self.pages.values())
            or any(start.is_sitemap for start in self.starts)
        )

    @property
    def starts(self) -> tuple[Start, ...]:
        """Those of `start`, in its order."""
        written = (self.start,) if isinstance(self.start, StartSpec) else self.start
        return tuple(map(start_of, written))

    @property
    def since(self) -> str | None:
        """The day before which what sitemaps and feeds list is left out; None: nothing is."""
        return next((start.since for start in self.starts if start.since), None)

    @property
    def parsers(self) -> tuple[str, ...]:
        """The Python functions that are named in it, each once."""
        named = (self.parser, *(kind.parser for kind in self.pages.values()))
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def extracts(self) -> tuple[ExtractSpec, ...]:
        """What is read of pages, of whichever kind."""
        found = (self.extract, *(kind.extracts for kind in self.pages.values()))
        return tuple(one for one in found if one is not None)

    def __post_init__(self) -> None:
        if self.parser is not None and self.extract != DEFAULT_EXTRACT:
            raise ValueError("rows are made by extract or by parser: leave one of them out")

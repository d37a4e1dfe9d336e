"""
The page kinds of a spec: of which kind a page is, and how pages of that kind are read.

Pure. Start at `Kinds`.
"""

from functools import lru_cache

from msgspec import Struct

from shared.crawl_spec import SITEMAP, FollowSpec, PageKind
from shared.extract_spec import DEFAULT_EXTRACT, ExtractSpec
from shared.messages import Target
from shared.spec import Spec
from shared.unwanted_spec import UnwantedSpec
from shared.url_patterns import first_fitting

_KNOWN = 4_096  # URLs; most links of a page are on the next one, too


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How pages of one kind are read: all that whoever reads one must know of the spec."""

    extract: ExtractSpec | None = DEFAULT_EXTRACT
    """None: a page has no rows, or `parser` makes them."""
    parser: str | None = None
    follow: tuple[FollowSpec, ...] = ()
    drop_query: tuple[str, ...] = ()
    nofollow: bool = True
    """Whether `nofollow` of links is obeyed."""
    canonical: bool = False
    """Whether to read the canonical URL."""
    retry_when: tuple[UnwantedSpec, ...] = ()
    """Which pages are not those that were asked for."""
    is_sitemap: bool = False
    """Whether the pages are sitemaps, as `SITEMAP` has them."""
    since: str | None = None
    """The day before which entries of sitemaps are left out."""
    lists: bool = False
    """Whether the pages that a sitemap lists are rows of it, and not followed."""

    @property
    def inputs(self) -> frozenset[str]:
        """What is read of what the list says about a URL."""
        read = [self.extract, *(links.reads for links in self.follow)]
        return frozenset(name for one in read if one is not None for name in one.inputs)


class Kinds:
    """
    The page kinds of a spec.

    Raises:
        InvalidSpecError: a pattern of `match` is none.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._sitemaps = frozenset(start.location for start in spec.starts if start.is_sitemap)
        patterns = [(text, name) for name, kind in spec.pages.items() for text in kind.patterns]
        self._names = [name for _, name in patterns]
        self._first = lru_cache(_KNOWN)(
            first_fitting(
                [text for text, _ in patterns], [f"pages.{name}.match" for name in self._names]
            )
        )

    def kind_of(self, url: str, named: str | None = None) -> str | None:
        """
        Return the name of the kind that a page is of.

        Returns None if the page is of no kind: the top level of the spec says how to read it.
        `SITEMAP` is a kind of every spec.

        Args:
            url: Of the page, in the form of `shared.urls.Url`.
            named: The kind that the list, or the link to the page, names. It goes before all
                patterns.
        """
        if named == SITEMAP or url in self._sitemaps:
            return SITEMAP
        if not self._spec.pages:
            return None
        if named is not None and named in self._spec.pages:
            return named
        number = self._first(url)
        return None if number is None else self._names[number]

    def kind_of_page(self, url: str, target: Target) -> str | None:
        """
        Return the name of the kind that the page of a target is of; see `kind_of`.

        A name counts for where its link leads to. If a redirect has led on to what the kind of that
        name does not match, the URL decides.

        Args:
            url: Of the page.
            target: Whose page it is.
        """
        named = target.page
        if self.is_sitemap(target):
            return SITEMAP
        kind = self._spec.pages.get(named) if named is not None else None
        if kind is not None and kind.patterns and url != target.url:
            fitting = self.kind_of(url)
            return named if fitting == named else fitting
        return self.kind_of(url, named)

    def is_sitemap(self, target: Target) -> bool:
        """Tell whether the page of a target is of the kind `SITEMAP`, wherever it is."""
        return target.page == SITEMAP or target.url in self._sitemaps

    def fits(self, url: str, named: str | None = None) -> bool:
        """Tell whether a link to `url` leads to a page that the spec says how to read."""
        return not self._spec.pages or self.kind_of(url, named) is not None

    def reading(self, kind: str | None) -> Reading:
        """Return how pages of `kind` are read. None: those of no kind."""
        spec = self._spec
        if kind == SITEMAP:
            return Reading(
                extract=None,
                is_sitemap=True,
                since=spec.since,
                lists=spec.crawl.sitemaps == "rows",
                drop_query=spec.crawl.drop_query,
            )
        found: Spec | PageKind = spec if kind is None else spec.pages[kind]
        return Reading(
            extract=_extract(found),
            parser=found.parser,
            follow=found.follow,
            drop_query=spec.crawl.drop_query if found.follow else (),
            nofollow=spec.crawl.nofollow == "obey",
            canonical=spec.follows and spec.crawl.same_as == "canonical",
            retry_when=_retry_when(spec, found),
        )


def _retry_when(spec: Spec, found: Spec | PageKind) -> tuple[UnwantedSpec, ...]:
    own = found.fetch.retry_when if isinstance(found, PageKind) and found.fetch else None
    return spec.fetch.retry_when if own is None else own


def _extract(found: Spec | PageKind) -> ExtractSpec | None:
    if found.parser is not None:
        return None
    return found.extracts if isinstance(found, PageKind) else found.extract

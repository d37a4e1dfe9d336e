"""
Whether the parts of a spec make sense, and fit each other: extraction, page kinds and links.

Pure. The form of each part is checked where it is read; see `shared.spec`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.crawl_spec import FollowSpec, PageKind
from shared.errors import InvalidSpecError, InvalidUrlError
from shared.expressions import check_extract
from shared.extract_spec import READY_MADE_COLUMNS, FieldSpec
from shared.login_check import check_logins
from shared.spec import Spec
from shared.start_spec import StartSpec
from shared.url_patterns import query_dropper, regex_of
from shared.urls import parse_url
from shared.wording import meant

_READ = "extract.fields."
_PLACES = ("host", "domain")
_NOT_OF_HOST = frozenset("/:?")


def check_spec(spec: Spec) -> None:
    """
    Check what the form of `spec` alone does not tell.

    Raises:
        InvalidSpecError: a selector, path or pattern is none, a value does not fit its type, a
            name leads to nothing, or nothing leads to a page kind. It names the path.
    """
    check_extract(spec.extract)
    for number, host in enumerate(spec.fetch.hosts):
        path = f"fetch.hosts[{number}].match"
        for place, pattern in _numbered(host.match, path):
            _check_host(pattern, place)
    for path, secret in spec.secrets.items():
        for place, pattern in _numbered(secret.for_, f"{path}.for"):
            _check_host(pattern, place)
    check_logins(spec)
    _check_follow(spec.follow, "follow", spec)
    for name, kind in spec.pages.items():
        path = f"pages.{name}"
        for place, pattern in _numbered(kind.match, f"{path}.match"):
            regex_of(pattern, place)
        if kind.extract is not None:
            with _below(f"{path}."):
                check_extract(kind.extract)
        _check_follow(kind.follow, f"{path}.follow", spec)
    _check_all_are_reached(spec)
    _check_within(spec.crawl.within)
    for number, start in enumerate(spec.starts):
        try:
            parse_url(start.location)
        except InvalidUrlError as error:
            path = "start" if isinstance(spec.start, StartSpec) else f"start[{number}]"
            raise InvalidSpecError(path, str(error)) from error
        # A sitemap that another one names does not know from which start it was reached.
        if start.is_sitemap and start.since != spec.since:
            path = "start" if isinstance(spec.start, StartSpec) else f"start[{number}]"
            raise InvalidSpecError(
                path, f"since is one day for all sitemaps and feeds: write `since: {spec.since}`"
            )
    query_dropper(spec.crawl.drop_query, "crawl.drop_query")


def _numbered(match: str | tuple[str, ...], path: str) -> list[tuple[str, str]]:
    """Return the patterns of `match`, each with where in the spec it is."""
    if isinstance(match, str):
        return [(path, match)]
    return [(f"{path}[{number}]", pattern) for number, pattern in enumerate(match)]


def _check_host(pattern: str, path: str) -> None:
    if not _NOT_OF_HOST.isdisjoint(pattern):
        raise InvalidSpecError(
            path, f"{pattern!r} is no host; write shop.example, or *.shop.example for all below it"
        )
    regex_of(pattern, path)


def _check_within(within: str | tuple[str, ...]) -> None:
    if not isinstance(within, str):
        for number, pattern in enumerate(within):
            regex_of(pattern, f"crawl.within[{number}]")
    elif within not in _PLACES:
        if within.isalnum():  # a misspelt word, and not the host of that name
            raise InvalidSpecError(
                "crawl.within",
                f"it must be host, domain or patterns such as shop.example/*, not {within!r}"
                f"{meant(within, _PLACES)}",
            )
        regex_of(within, "crawl.within")


def _check_follow(follow: tuple[FollowSpec, ...], path: str, spec: Spec) -> None:
    for number, links in enumerate(follow):
        here = f"{path}[{number}]"
        try:
            check_extract(links.reads)
        except InvalidSpecError as error:
            raise InvalidSpecError(_path_in(here, error.path), error.problem) from error
        if links.page is None:
            continue
        if links.page not in spec.pages:
            problem = f"there is no kind {links.page}{meant(links.page, spec.pages)}"
            raise InvalidSpecError(f"{here}.page", problem)
        columns = _columns(spec.pages[links.page])
        for name, value in links.carry.items():
            for column in _columns_of(name, value):
                if column in columns:
                    problem = f"the kind {links.page} has a column {column} already"
                    raise InvalidSpecError(f"{here}.carry.{name}", problem)


def _check_all_are_reached(spec: Spec) -> None:
    if spec.kind_column is not None:
        if not spec.pages:
            raise InvalidSpecError("kind_column", "the spec has no kinds: write pages")
        return  # the list may name any
    named = {links.page for links in spec.follow}
    named |= {links.page for kind in spec.pages.values() for links in kind.follow}
    for name, kind in spec.pages.items():
        if not kind.patterns and name not in named:
            problem = "no page is of this kind: write match, or name it as the page of links"
            raise InvalidSpecError(f"pages.{name}", problem)


def _columns(kind: PageKind) -> set[str]:
    """Return the columns that the rows of a kind are known to have."""
    extract = kind.extracts
    if extract is None:
        return set()
    columns = {
        column for name, value in extract.fields.items() for column in _columns_of(name, value)
    }
    for included in extract.include:
        columns.update(READY_MADE_COLUMNS.get(included, (included,)))
    return columns


def _columns_of(name: str, value: FieldSpec) -> list[str]:
    return [name, f"{name}_currency"] if value.type == "price" else [name]


def _path_in(follow: str, path: str) -> str:
    """Return where in the spec it is that `FollowSpec.reads` has at `path`."""
    if not path.startswith(_READ):
        return f"{follow}.{path.removeprefix('extract.')}"
    below = path.removeprefix(_READ)
    return follow + below.removeprefix("link") if below.startswith("link.") else f"{follow}.{below}"


@contextmanager
def _below(prefix: str) -> Iterator[None]:
    try:
        yield
    except InvalidSpecError as error:
        raise InvalidSpecError(prefix + error.path, error.problem) from error

"""
Which targets of a batch are fetched, and which links lead to further ones.

Each page of a job is fetched once: its partition's owner knows which are taken. Scope and limits of
a crawl are kept here. Pure; what was taken by earlier batches comes from outside.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from functions.worker.extraction.rows import Link
from functions.worker.identity import Identity
from functions.worker.scraping.scope import Scope
from functions.worker.seen import depth_of, found_target
from shared.crawl_spec import SITEMAP
from shared.errors import FetchError, Reason
from shared.messages import Batch, Target
from shared.outcomes import CutLink, Found
from shared.tally import EXAMPLES
from shared.urls import parse_url, partition_of

MAX_JOINING = 300
"""Targets that may join a batch."""
MAX_FOUND = 10_000
"""Targets found in a batch, from which on no page is read any more: all of them are in memory."""
NOFOLLOW = frozenset(["nofollow", "none"])
"""What a page asks of robots that wants that nobody follows its links."""


class Taken(Protocol):
    """What the partition has taken of the job in earlier batches; see `functions.worker.seen`."""

    @property
    def hosts(self) -> Mapping[str, int]: ...

    def __contains__(self, page: int) -> bool: ...

    def has_location(self, page: int) -> bool: ...

    def has_canonical(self, page: int) -> bool: ...

    def has_told(self, page: int) -> bool: ...


class Followed(NamedTuple):
    """What has become of a page's links: see `FollowedOutcome`; and the targets that join."""

    found: tuple[Found, ...]
    cut: dict[str, int]
    joining: list[Target]
    cut_links: tuple[CutLink, ...] = ()


NOTHING_FOLLOWED = Followed((), {}, [])


class Frontier:
    """
    The frontier of a batch.

    Args:
        batch: The targets.
        scope: Of the crawl; None where the job follows no links.
        taken: By earlier batches; None where the job does not write down what is taken.
        partitions: How many there are, in this release.
        examples: Links that are named of each limit that has cut some off.
    """

    def __init__(
        self,
        batch: Batch,
        scope: Scope | None,
        taken: Taken | None,
        partitions: int,
        *,
        examples: int = EXAMPLES,
    ) -> None:
        self._batch = batch
        self._scope = scope
        self._taken = taken
        self._partitions = partitions
        self._examples = examples
        self._named = Counter[str]()
        """Links that were named of each limit."""
        self._identity = Identity() if scope is None else scope.identity
        self._targets: set[int] = set()
        """Pages of targets that are taken in this batch, or that their owner is told of."""
        self._headed: set[int] = set()
        """Pages that targets of this batch were redirected to."""
        self._landed: set[int] = set()
        """Those of them that were scraped."""
        self._canonical: set[int] = set()
        """Canonical URLs of pages that were scraped."""
        self._hosts = Counter[str]()
        self._all = 0
        """Targets that are taken, of each host and in all; as far as there is a limit."""
        self._present = {parse_url(target.location).host for target in batch.targets}
        self._joined = self._found = 0
        if taken is not None:
            self._hosts.update(taken.hosts)
            self._all = self._hosts.total()
            for target in batch.targets:
                if target.taken or target.redriven:
                    taking = self._headed if target.redirects else self._targets
                    taking.add(self._identity.of_location(target))

    @property
    def has_room(self) -> bool:
        """Whether the pages of the batch may lead to further targets."""
        return self._found < MAX_FOUND

    def refused(self, target: Target) -> FetchError | None:
        """Take a target of the batch; return why that cannot be, if so."""
        if self._taken is None or target.redriven:
            return None
        if target.redirects:
            self._headed.add(self._identity.of_location(target))
            return self.met(target)
        if target.taken:
            return None
        page = self._identity.of_location(target)
        # What the list says of a URL is not lost because a link has led there first.
        if not target.input and (self._is_target(page) or self._is_landed(page)):
            detail = "another target of the job has this page"
            return FetchError(target.location, Reason.DUPLICATE, detail)
        host = parse_url(target.url).host
        if self._over(host) is not None:
            detail = "the crawl has as many pages as its limits allow"
            return FetchError(target.location, Reason.OVER_LIMIT, detail)
        self._count(host)
        self._targets.add(page)
        return None

    def stopped(self, target: Target) -> FetchError | None:
        """Take where a target of the batch was redirected to; return why that cannot be, if so."""
        if self._taken is None or self._scope is None:
            return None
        location = parse_url(target.location)
        if not self._scope.holds(target, location):
            detail = f"it leads to {location.href}, which crawl.within leaves out"
            return FetchError(location.href, Reason.OUT_OF_SCOPE, detail)
        if (error := self.met(target)) is not None:
            return error
        if partition_of(location.host, self._partitions) == self._batch.partition:
            self._headed.add(self._identity.of_location(target))
            self._present.add(location.host)
        return None

    def met(self, target: Target) -> FetchError | None:
        """
        Return who has the page that a target was redirected to, as the reason not to ask for it.

        Returns None if nobody has. A page that other targets were redirected to is nobody's until
        it was scraped: what comes between, and fails or is not wanted, is no page that the others
        are to lose.
        """
        if self._taken is None or self._scope is None or target.redriven or target.is_errand:
            return None
        if not target.redirects:
            return None
        form = self._identity.form
        way = (target.url, *target.redirects[:-1])
        if form(target.location) in map(form, way):
            return None  # its own page, with other cookies, or a circle
        page = self._identity.of_location(target)
        if self._is_target(page):
            detail = f"it leads to {target.location}, which another target of the job has"
            return FetchError(target.location, Reason.DUPLICATE, detail)
        if self._is_landed(page):
            detail = f"it leads to {target.location}, where another target was led before"
            return FetchError(target.location, Reason.SAME_REDIRECT, detail)
        return None

    def landed(self, target: Target) -> FetchError | None:
        """Take the page of a target that was redirected to it; return who has it, if somebody."""
        error = self.met(target)
        if error is None and self._scope is not None:
            method, body = ("GET", None) if target.turned else (target.method, target.body)
            self._landed.update(self._identity.of(url, method, body) for url in target.redirects)
        return error

    def canonical(self, page_url: str, named: str | None) -> str | None:
        """
        Return the URL that counts for a page; None where all URLs count.

        What a page names counts if links of the page may lead there and this partition owns it.

        Args:
            page_url: Of the page.
            named: The canonical URL that it names, if it does.
        """
        scope = self._scope
        if self._taken is None or scope is None or scope.limits.same_as != "canonical":
            return None
        if named is None:
            return page_url
        page, url = parse_url(page_url), parse_url(named)
        is_ours = partition_of(url.host, self._partitions) == self._batch.partition
        return url.href if is_ours and scope.is_within(page, url) else page_url

    def same(self, canonical: str) -> FetchError | None:
        """Take the URL that counts for a page; return which page has it, if one has."""
        number = self._identity.of(canonical)
        taken = self._taken
        if number in self._canonical or (taken is not None and taken.has_canonical(number)):
            detail = f"its canonical URL is {canonical}, which another page of the job has"
            return FetchError(canonical, Reason.DUPLICATE, detail)
        self._canonical.add(number)
        return None

    def follow(
        self,
        target: Target,
        page_url: str,
        links: Collection[Link],
        *,
        kind: str | None = None,
        nofollow: bool = False,
        cut: Mapping[str, int] = MappingProxyType({}),
    ) -> Followed:
        """
        Take the targets that the links of a page lead to, each once.

        Args:
            target: Whose page it is.
            page_url: The page's own URL, after redirects.
            links: Of the page.
            kind: Of the page.
            nofollow: Whether the page wants that nobody follows them.
            cut: What was cut off before.
        """
        scope = self._scope
        if scope is None or not (links or cut):
            return NOTHING_FOLLOWED
        found: list[Found] = []
        joining: list[Target] = []
        cut_links: list[CutLink] = []
        counts = Counter(cut)
        page = parse_url(page_url)
        of_sitemap = kind == SITEMAP
        barred = None
        if nofollow and scope.limits.nofollow == "obey" and not of_sitemap:
            barred = "nofollow"
        elif not (of_sitemap or scope.holds(target, page)):
            barred = "within"  # a redirect has led out of it
        may_join = self._found + len(links) < MAX_FOUND  # else nothing more is fetched here
        for link in links:
            number = scope.identity.of(link.url)
            if barred is None and self._is_known(number):
                continue
            url = parse_url(link.url)
            depth = depth_of(link.page, kind, target.depth)
            if of_sitemap:
                why = scope.cut_of_sitemap(url, link.page, depth)
            else:
                why = barred or scope.cut(page, url, link.page, depth)
            partition = partition_of(url.host, self._partitions)
            is_ours = partition == self._batch.partition
            if why is None and is_ours:
                why = self._over(url.host)
            if why is not None:
                counts[why] += 1
                if self._named[why] < self._examples:
                    self._named[why] += 1
                    cut_links.append(CutLink(why, url.href, page_url))
                continue
            if is_ours:
                self._count(url.host)
            self._targets.add(number)
            has_place = may_join and self._joined < MAX_JOINING
            joins = is_ours and url.host in self._present and has_place
            one = Found(url.href, link.page, link.carry, partition=None if joins else partition)
            found.append(one)
            if joins:
                self._joined += 1
                joining.append(found_target(one, depth=depth, found_on=page_url))
        self._found += len(found)
        return Followed(tuple(found), dict(+counts), joining, tuple(cut_links))

    def _is_target(self, page: int) -> bool:
        return page in self._targets or (self._taken is not None and page in self._taken)

    def _is_landed(self, page: int) -> bool:
        taken = self._taken
        return page in self._landed or (taken is not None and taken.has_location(page))

    def _is_known(self, page: int) -> bool:
        """Tell whether no link need lead to a page any more."""
        if self._is_target(page) or self._is_landed(page) or page in self._headed:
            return True
        return self._taken is not None and self._taken.has_told(page)

    def _over(self, host: str) -> str | None:
        """Return which limit a further target of `host` is over, if one."""
        if self._scope is None:
            return None
        limits = self._scope.limits
        if limits.max_pages is not None and self._all >= limits.max_pages:
            return "max_pages"
        of_host = limits.max_pages_per_host
        if of_host is not None and self._hosts[host] >= of_host:
            return "max_pages_per_host"
        return None

    def _count(self, host: str) -> None:
        self._hosts[host] += 1
        self._all += 1

"""
Which targets of a batch are fetched, and which links lead to further ones.

Each page of a job is fetched once: its partition's owner knows which are taken. Scope and limits of
a crawl are kept here. Pure; what was taken by earlier batches comes from outside.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.rows import Link
from functions.worker.seen import found_target, location_hash, page_hash
from shared.crawl_spec import CrawlSpec
from shared.errors import FetchError, Reason
from shared.messages import Batch, Target
from shared.outcomes import Found
from shared.spec import Spec
from shared.url_patterns import any_fitting
from shared.urls import Url, parse_url, partition_of, registrable_domain

MAX_JOINING = 300
"""Targets that may join a batch."""
MAX_FOUND = 10_000
"""Targets found in a batch, from which on no page is read any more: all of them are in memory."""
NOFOLLOW = frozenset(["nofollow", "none"])
"""What a page asks of robots that wants that nobody follows its links."""


class Taken(Protocol):
    """What the partition has taken of the job in earlier batches, by `page_hash`."""

    @property
    def hosts(self) -> Mapping[str, int]:
        """How many targets of each host."""

    def __contains__(self, page: int) -> bool: ...


class Scope(NamedTuple):
    """
    How far links are followed.

    `is_within` tells of two URLs whether a link from the first to the second stays where it may
    lead to; `fits` tells whether a URL, and the kind named for it, is of a kind that the spec has.
    """

    limits: CrawlSpec
    is_within: Callable[[Url, Url], bool]
    fits: Callable[[str, str | None], bool]

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


class Followed(NamedTuple):
    """What has become of a page's links: see `FollowedOutcome`; and the targets that join."""

    found: tuple[Found, ...]
    cut: dict[str, int]
    joining: list[Target]


NOTHING_FOLLOWED = Followed((), {}, [])


class Frontier:
    """
    The frontier of a batch.

    Args:
        batch: The targets.
        scope: Of the crawl; None where the job follows no links.
        taken: By earlier batches; None where the job does not write down what is taken.
        partitions: How many there are, in this release.
    """

    def __init__(
        self, batch: Batch, scope: Scope | None, taken: Taken | None, partitions: int
    ) -> None:
        self._batch = batch
        self._scope = scope
        self._taken = taken
        self._partitions = partitions
        self._fresh: set[int] = set()
        """Taken in this batch, or told to its owner."""
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
                    self._fresh.add(location_hash(target))

    @property
    def has_room(self) -> bool:
        """Whether the pages of the batch may lead to further targets."""
        return self._found < MAX_FOUND

    def refused(self, target: Target) -> FetchError | None:
        """Take a target of the batch; return why that cannot be, if so."""
        if self._taken is None or target.taken or target.redriven:
            return None
        if self._scope is None and target.redirects:
            return None  # a list compares its own URLs, and not where they lead to
        page = location_hash(target)
        # What the list says of a URL is not lost because a link has led there first.
        if self._is_taken(page) and not target.input:
            detail = "another target of the job has this page"
            return FetchError(target.location, Reason.DUPLICATE, detail)
        if not target.redirects:
            host = parse_url(target.url).host
            if self._over(host) is not None:
                detail = "the crawl has as many pages as its limits allow"
                return FetchError(target.location, Reason.OVER_LIMIT, detail)
            self._count(host)
        self._fresh.add(page)
        return None

    def stopped(self, target: Target) -> FetchError | None:
        """Take where a target of the batch was redirected to; return why that cannot be, if so."""
        if self._taken is None or self._scope is None:
            return None
        location = parse_url(target.location)
        if target.found_on and not self._scope.is_within(parse_url(target.found_on), location):
            detail = f"it leads to {location.href}, which crawl.within leaves out"
            return FetchError(location.href, Reason.OUT_OF_SCOPE, detail)
        if target.redriven or location.href in (target.url, *target.redirects[:-1]):
            return None  # its own page, with other cookies, or a circle
        page = location_hash(target)
        if self._is_taken(page):
            detail = f"it leads to {location.href}, which another target of the job has"
            return FetchError(location.href, Reason.DUPLICATE, detail)
        if partition_of(location.host, self._partitions) == self._batch.partition:
            self._fresh.add(page)  # else its owner takes it
            self._present.add(location.host)
        return None

    def follow(
        self,
        target: Target,
        page_url: str,
        links: Collection[Link],
        *,
        nofollow: bool = False,
        cut: Mapping[str, int] = MappingProxyType({}),
    ) -> Followed:
        """
        Take the targets that the links of a page lead to, each once.

        Args:
            target: Whose page it is.
            page_url: The page's own URL, after redirects.
            links: Of the page.
            nofollow: Whether the page wants that nobody follows them.
            cut: What was cut off before.
        """
        scope = self._scope
        if scope is None or not (links or cut):
            return NOTHING_FOLLOWED
        found: list[Found] = []
        joining: list[Target] = []
        counts = Counter(cut)
        page, depth = parse_url(page_url), target.depth + 1
        if nofollow and scope.limits.nofollow == "obey":
            counts["nofollow"] += len(links)
            links = ()
        elif target.found_on and not scope.is_within(parse_url(target.found_on), page):
            counts["within"] += len(links)  # a redirect has led out of it
            links = ()
        for link in links:
            number = page_hash(link.url)
            if self._is_taken(number):
                continue
            url = parse_url(link.url)
            why = scope.cut(page, url, link.page, depth)
            if why is not None:
                counts[why] += 1
                continue
            partition = partition_of(url.host, self._partitions)
            is_ours = partition == self._batch.partition
            if is_ours:
                if (why := self._over(url.host)) is not None:
                    counts[why] += 1
                    continue
                self._count(url.host)
            self._fresh.add(number)
            joins = is_ours and url.host in self._present and self._joined < MAX_JOINING
            one = Found(url.href, link.page, link.carry, partition=None if joins else partition)
            found.append(one)
            if joins:
                self._joined += 1
                joining.append(found_target(one, depth=target.depth + 1, found_on=page_url))
        self._found += len(found)
        return Followed(tuple(found), dict(+counts), joining)

    def _is_taken(self, page: int) -> bool:
        return page in self._fresh or (self._taken is not None and page in self._taken)

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


def scope_of(spec: Spec) -> Scope:
    """
    Return how far a job of that spec follows links.

    Raises:
        InvalidSpecError: a pattern is none.
    """
    return Scope(spec.crawl, _is_within(spec.crawl), Kinds(spec).fits)


def _is_within(crawl: CrawlSpec) -> Callable[[Url, Url], bool]:
    if crawl.within == "host":
        return lambda page, link: page.host == link.host
    if crawl.within == "domain":
        return lambda page, link: registrable_domain(page.host) == registrable_domain(link.host)
    fits = any_fitting(crawl.within, "crawl.within")
    return lambda _page, link: fits(link.href)


def _repeats(path: list[str]) -> int:
    return max(Counter(segment for segment in path if segment).values(), default=0)

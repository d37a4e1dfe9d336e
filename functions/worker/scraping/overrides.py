"""
How each page is fetched, where the spec says it for kinds of pages or for hosts.

Pure.
"""

from functools import cache

from msgspec.structs import replace

from functions.worker.extraction.kinds import Kinds
from shared.crawl_spec import SITEMAP
from shared.fetch_spec import MAX_SITEMAP_BYTES, FetchSpec, overridden
from shared.messages import Target
from shared.spec import Spec
from shared.url_patterns import first_fitting
from shared.urls import Url


class Overrides:
    """
    Args:
        spec: Of the job.
        kinds: Its page kinds.

    Raises:
        InvalidSpecError: a pattern is none.
    """

    def __init__(self, spec: Spec, kinds: Kinds) -> None:
        self._spec = spec
        self._kinds = kinds
        self._has_hosts = bool(spec.fetch.hosts)
        self._has_kinds = any(kind.fetch is not None for kind in spec.pages.values())
        patterns = [
            (pattern, number)
            for number, host in enumerate(spec.fetch.hosts)
            for pattern in host.patterns
        ]
        self._numbers = [number for _, number in patterns]
        self._first = first_fitting(
            [pattern for pattern, _ in patterns], ["fetch.hosts" for _ in patterns]
        )
        self._of = cache(self._made)

    def of(self, url: Url, target: Target) -> FetchSpec:
        """Return how `url` is fetched for `target`."""
        if self._kinds.is_sitemap(target):
            return self._of(url.host, SITEMAP)
        if not (self._has_hosts or self._has_kinds):
            return self._spec.fetch
        kind = self._kinds.kind_of_page(url.href, target) if self._has_kinds else None
        return self._of(url.host, kind)

    def of_host(self, host: str) -> FetchSpec:
        """Return how `host` is asked for what is no page."""
        return self._of(host, None) if self._has_hosts else self._spec.fetch

    def _made(self, host: str, kind: str | None) -> FetchSpec:
        number = self._first(f"https://{host}/")
        of_host = None if number is None else self._spec.fetch.hosts[self._numbers[number]]
        if kind == SITEMAP:
            fetch = self.of_host(host)
            most = max(fetch.max_bytes, MAX_SITEMAP_BYTES)
            return replace(fetch, max_bytes=most, content_types=("*/*",), retry_when=())
        of_kind = None if kind is None else self._spec.pages[kind].fetch
        if of_host is None and of_kind is None:
            return self._spec.fetch
        return overridden(self._spec.fetch, of_host, of_kind)

"""
What the targets of a job are fetched and extracted with.

Made once for each batch. Knows nothing of the targets.
"""

from dataclasses import dataclass, field
from functools import cached_property

from functions.worker.extraction.extractor import Extractor
from functions.worker.keeping.keeping import Keeping
from functions.worker.politeness.proxies import ProxyPool
from functions.worker.politeness.robots import product_token
from functions.worker.scraping.overrides import Overrides
from functions.worker.scraping.scope import Scope, scope_of
from functions.worker.secrets import Secrets
from shared.manifest import Manifest
from shared.spec import FetchSpec


@dataclass(frozen=True, kw_only=True)
class Means:
    """
    `user_agent` is the deployment's: a spec may name another one.

    `pool` is None where requests go directly, `keeping` where no pages are kept.
    """

    job: Manifest
    user_agent: str
    extractor: Extractor
    pool: ProxyPool | None = None
    secrets: Secrets = field(default_factory=Secrets)
    keeping: Keeping | None = None

    @cached_property
    def fetch(self) -> FetchSpec:
        """How to fetch, as far as it is the same for all pages."""
        return self.job.spec.fetch

    @cached_property
    def overrides(self) -> Overrides:
        """How each page is fetched, where that is not the same for all."""
        return Overrides(self.job.spec, self.extractor.kinds)

    @cached_property
    def scope(self) -> Scope | None:
        """How far links are followed; None where none are."""
        return scope_of(self.job.spec) if self.job.follows else None

    @property
    def has_room(self) -> bool:
        """Whether more pages can be kept, if any are."""
        return self.keeping is None or self.keeping.has_room

    @cached_property
    def agent(self) -> str:
        """Who we say we are, whatever a request pretends to be."""
        return self.fetch.user_agent or self.user_agent

    @cached_property
    def token(self) -> str:
        """Our name in robots.txt."""
        return product_token(self.agent)

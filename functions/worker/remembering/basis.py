"""
What the rows of a page are made with, besides its body: the spec, the list, the parsers' code.

Where it is as it was, rows that are remembered need not be made again.
"""

import pkgutil
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import import_module
from typing import Any, NamedTuple

from functions.worker.extraction.fields.given import read_by
from functions.worker.extraction.kinds import Kinds
from functions.worker.extraction.parsing import PACKAGE
from functions.worker.remembering.entries import digest
from shared.messages import Target
from shared.remember_spec import RememberSpec
from shared.spec import Spec

EXTRACTION = 1
"""Is raised when a release makes other rows of the same page, which are then made again."""


class Basis(NamedTuple):
    """
    Hashes of what the rows of a page are made with.

    `whole` is of all of it; `basis` of what says which values there are, so that rows of another
    one are not compared.
    """

    whole: str
    basis: str


class Bases:
    """
    Args:
        kinds: Of the spec.
        spec: Of the job.
        remember: Of the spec.
    """

    def __init__(self, kinds: Kinds, spec: Spec, remember: RememberSpec) -> None:
        self._kinds = kinds
        self._spec = spec
        self._watch = remember.watch
        self._of_kind = lru_cache(64)(self._made)

    def of(self, target: Target, location: str) -> Basis:
        """Return what the rows of the page of a target, which is at `location`, are made with."""
        kind = self._kinds.kind_of_page(location, target)
        made, inputs = self._of_kind(kind)
        given = read_by(inputs, target.input or target.carry)
        if given is None and target.carry is None and not target.headers:
            return made
        return Basis(digest(made.whole, given, target.carry, target.headers), made.basis)

    def _made(self, kind: str | None) -> tuple[Basis, frozenset[str]]:
        reading = self._kinds.reading(kind)
        code = _parsers_code() if reading.parser else ""
        basis = digest(reading.extract, reading.parser, self._watch)
        whole = digest(reading, self._asked_as(kind), self._watch, code, EXTRACTION)
        return Basis(whole, basis), reading.inputs

    def _asked_as(self, kind: str | None) -> list[Any]:
        """Return what a website may answer by, besides the URL: a language, a browser, a login."""
        fetch = self._spec.fetch
        found = None if kind is None else self._spec.pages.get(kind)
        own = found.fetch if found is not None else None
        agents = fetch.user_agent, fetch.profiles, fetch.user_agents
        return [fetch.headers, fetch.cookies, agents, fetch.hosts, own]


@cache
def _parsers_code(package: str = PACKAGE) -> str:
    """Return a hash of the source of all parsers: each may import the others."""
    code = blake2b(digest_size=8)
    folders = import_module(package).__path__
    for module in sorted(pkgutil.walk_packages(folders), key=lambda one: one.name):
        finder: Any = module.module_finder
        spec = finder.find_spec(module.name.rpartition(".")[2])
        code.update(spec.loader.get_data(spec.origin))
    return code.hexdigest()

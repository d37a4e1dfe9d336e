"""
The section `keep` of a spec: which pages of a job are kept as they came.

Says what may be written; `docs/spec.md` describes it to its users.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Which = Literal["all", "failed", "no_match"] | Annotated[float, Meta(gt=0, lt=1)]
"""A number is a share of all pages."""


class KeepSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept besides rows."""

    pages: Which | Annotated[tuple[Which, ...], Meta(max_length=4)] = "all"
    """Pages, in WARC files: all of them, those that nothing could be made of, those on which the
    spec has found nothing, or a share. One of several is enough; of an empty list, none are."""

    @property
    def choices(self) -> tuple[Which, ...]:
        """Those of `pages`."""
        return self.pages if isinstance(self.pages, tuple) else (self.pages,)

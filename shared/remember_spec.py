"""
The section `remember` of a spec: what a scraper knows of its URLs from one job to the next.

Says what may be written; `docs/spec.md` describes it to its users.
"""

import re
from typing import Annotated

from msgspec import Meta, Struct, field

from shared.extract_spec import FieldName

_DAYS = re.compile(r"([1-9][0-9]{0,3}) ?(?:d|days?)")
_DAY_SECONDS = 24 * 60 * 60


class RememberSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a scraper's URLs and rows."""

    for_: Annotated[str, Meta(max_length=20)] = field(name="for", default="90 days")
    """How long after the last job that has asked for them."""
    watch: Annotated[tuple[FieldName, ...], Meta(max_length=100)] = ()
    """The columns whose values are compared; none: all."""
    gone_after: Annotated[int, Meta(ge=1, le=100)] = 1
    """Jobs of a list, one after the other, in which a row must be missing to be gone."""

    def __post_init__(self) -> None:
        if not _DAYS.fullmatch(self.for_):
            raise ValueError(f"for: write it in days, as in 90 days, not {self.for_[:40]!r}")

    @property
    def seconds(self) -> int:
        """How long, in seconds, after the last job that has asked for them."""
        found = _DAYS.fullmatch(self.for_)
        assert found is not None
        return int(found[1]) * _DAY_SECONDS

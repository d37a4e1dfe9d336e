"""
The section `expect` of a spec: what a healthy job looks like.

Says what may be written; `docs/health.md` describes it to its users.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.extract_spec import FieldName

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Check = Literal["rows_per_page", "filled", "unique", "failed", "no_match", "against_last"]


class AgainstLast(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a job may fall behind the last healthy one of its list; 0.2 is a fifth."""

    rows: Share | None = None
    """Of the number of rows."""
    filled: Share | None = None
    """Of the share of rows in which a column has a value, for each column."""

    def __post_init__(self) -> None:
        if self.rows is None and self.filled is None:
            raise ValueError("name one of rows and filled, or both")


class ExpectSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a healthy job looks like. Shares are from 0 to 1."""

    rows_per_page: tuple[Count, Count] | None = None
    """The least and the most rows of a scraped page."""
    filled: Annotated[dict[FieldName, Share], Meta(max_length=100)] = {}
    """Columns, each with the least share of rows in which it has a value."""
    unique: Annotated[tuple[FieldName, ...], Meta(max_length=10)] = ()
    """Columns of which no two rows have the same value."""
    failed: Share | None = None
    """The largest share of URLs that are failed or dead."""
    no_match: Share | None = None
    """The largest share of scraped pages on which the spec finds nothing."""
    against_last: AgainstLast | None = None
    """How far the job may fall behind the last healthy one of its list."""
    stop_when: Annotated[tuple[Check, ...], Meta(max_length=6)] = ()
    """Which of these end a job early, if they are not met after its first 500 URLs."""

    def __post_init__(self) -> None:
        if self.rows_per_page is not None and self.rows_per_page[0] > self.rows_per_page[1]:
            raise ValueError("rows_per_page: the least is more than the most")
        if not self.checks:
            raise ValueError(
                "there is nothing to expect; name one of rows_per_page, filled, unique, failed, "
                "no_match, against_last"
            )
        for name in self.stop_when:
            if name not in self.checks:
                raise ValueError(f"stop_when: nothing is expected of {name}")

    @property
    def names_no_match(self) -> bool:
        """Whether it says how many pages may have nothing that the spec finds."""
        return self.no_match is not None

    @property
    def checks(self) -> tuple[Check, ...]:
        """What is expected, by name."""
        given: dict[Check, object] = {
            "rows_per_page": self.rows_per_page is not None,
            "filled": self.filled,
            "unique": self.unique,
            "failed": self.failed is not None,
            "no_match": self.no_match is not None,
            "against_last": self.against_last is not None,
        }
        return tuple(name for name, is_there in given.items() if is_there)

"""Whether a job is healthy: what its spec expects, against what its receipts amount to. Pure."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from shared.expect_spec import AgainstLast, ExpectSpec
from shared.outcomes import FINAL, Kind
from shared.quality import Quality
from shared.receipts import NO_MATCH, final_counts, total
from shared.tally import Tally


class Finding(Struct, frozen=True, kw_only=True):
    """What came of one thing that is expected."""

    check: str
    """As in the spec: `failed`, `filled.price`, `against_last.rows`."""
    expected: str
    found: str
    healthy: bool
    examples: list[str] = []
    """URLs of pages that are not as they should be."""


class Health(Struct, frozen=True, kw_only=True):
    """Whether a job is healthy, and why."""

    healthy: bool
    findings: list[Finding]

    @property
    def unmet(self) -> list[Finding]:
        """What is not as expected."""
        return [one for one in self.findings if not one.healthy]


class LastJob(Struct, frozen=True, kw_only=True, tag="last.v1"):
    """The last healthy job of a list, for the next one."""

    job: str
    created_at: str
    rows: int
    filled: dict[str, float]
    """The share of rows in which a column has a value, by column."""


def health_of(
    expect: ExpectSpec, tally: Tally, last: LastJob | None, *, is_whole: bool = True
) -> Health:
    """
    Return whether a job is healthy.

    Args:
        expect: Of its spec.
        tally: Of its receipts.
        last: The last healthy job of its list, if there was one.
        is_whole: Whether these are all receipts; if not, numbers of rows say nothing yet.
    """
    findings = list(_findings(expect, tally, last, is_whole=is_whole))
    return Health(healthy=all(one.healthy for one in findings), findings=findings)


def last_job(job: str, created_at: str, tally: Tally) -> LastJob:
    """Return what the next job of a list is compared with."""
    quality = tally.quality or Quality()
    return LastJob(
        job=job,
        created_at=created_at,
        rows=quality.rows,
        filled={name: quality.share(name) or 0.0 for name in quality.columns},
    )


def _findings(
    expect: ExpectSpec, tally: Tally, last: LastJob | None, *, is_whole: bool
) -> Iterator[Finding]:
    quality = tally.quality or Quality()
    examples = quality.examples
    if expect.rows_per_page is not None:
        least, most = expect.rows_per_page
        yield Finding(
            check="rows_per_page",
            expected=f"{least:,} to {most:,} rows on each page",
            found=f"{quality.outside:,} of {quality.pages:,} pages have fewer or more",
            healthy=not quality.outside and (quality.pages > 0 or not is_whole),
            examples=examples.get("rows_per_page", []),
        )
    for name, least_share in expect.filled.items():
        share = quality.share(name)
        if share is None and not is_whole:
            continue  # such rows may be to come
        yield Finding(
            check=f"filled.{name}",
            expected=f"a value in {_percent(least_share)} of the rows at least",
            found="no row has it" if share is None else f"in {_percent(share)}",
            healthy=share is not None and share >= least_share,
            examples=examples.get(f"filled.{name}", []),
        )
    for name in expect.unique:
        count = quality.repeated(name)
        yield Finding(
            check=f"unique.{name}",
            expected="no value twice",
            found=f"{count:,} rows have one that another row has",
            healthy=not count,
            examples=examples.get(f"unique.{name}", []),
        )
    yield from _shares(expect, tally, examples)
    if expect.against_last is not None and last is not None:
        yield from _against(expect.against_last, quality, last, is_whole=is_whole)


def _shares(
    expect: ExpectSpec, tally: Tally, examples: Mapping[str, list[str]]
) -> Iterator[Finding]:
    final = final_counts(tally.counts)
    targets = sum(total(final, kind) for kind in FINAL)
    failed = total(final, Kind.FAILED) + total(final, Kind.DEAD)
    scraped = total(final, Kind.SCRAPED)
    unmatched = tally.counts.get(NO_MATCH, 0)
    for check, most, count, of, what in (
        ("failed", expect.failed, failed, targets, "URLs"),
        ("no_match", expect.no_match, unmatched, scraped, "pages"),
    ):
        if most is not None:
            yield Finding(
                check=check,
                expected=f"{_percent(most)} of the {what} at most",
                found=f"{count:,} of {of:,}, {_percent(count / of if of else 0.0)}",
                healthy=count <= most * of,
                examples=examples.get(check, []),
            )


def _against(
    against: AgainstLast, quality: Quality, last: LastJob, *, is_whole: bool
) -> Iterator[Finding]:
    if against.rows is not None and is_whole:
        least = last.rows * (1 - against.rows)
        yield Finding(
            check="against_last.rows",
            expected=f"{_percent(1 - against.rows)} of the {last.rows:,} rows of {last.job}",
            found=f"{quality.rows:,} rows",
            healthy=quality.rows >= least,
        )
    if against.filled is None:
        return
    for name, before in last.filled.items():
        share = quality.share(name) or 0.0
        if share < before - against.filled:
            yield Finding(
                check=f"against_last.filled.{name}",
                expected=f"a value in {_percent(before)} of the rows, as in {last.job}, "
                f"less {_percent(against.filled)}",
                found=f"in {_percent(share)}",
                healthy=False,
            )


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"

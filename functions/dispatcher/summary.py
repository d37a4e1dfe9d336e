"""A job's summary: what its ledger and its receipts amount to. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct, structs

from functions.dispatcher import prices
from functions.dispatcher.health import Health
from shared.errors import InvalidJobError
from shared.ledger import Ledger
from shared.manifest import Manifest
from shared.messages import JobId, Place
from shared.outcomes import FINAL, Kind
from shared.quality import Quality
from shared.receipts import (
    CHILDREN,
    FOUND,
    NO_MATCH,
    PROBLEMS,
    ROWS_CHANGED,
    ROWS_NEW,
    ROWS_SAME,
    final_counts,
    total,
)
from shared.tally import Tally, quantile, trouble

WORST_HOSTS = 20
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


class HostSummary(Struct, frozen=True, kw_only=True):
    """What became of a host's targets."""

    host: str
    targets: int
    outcomes: dict[str, int]
    """By `outcome_name`."""
    no_match: int


class Summary(Struct, frozen=True, kw_only=True, tag="summary.v1"):
    """
    A job at its end, written once; what a redrive changes later is in the ledger and the results.

    Times are UTC, ISO 8601; durations are seconds.
    """

    job: JobId
    source: Place | None
    created_at: str
    started_at: str | None
    """The first request."""
    ended_at: str | None
    """The last answer."""
    seconds: float | None
    """From the job's creation to its last answer."""
    urls: int
    """Lines of the list that hold one, duplicates as well."""
    targets: int
    """Listed and found."""
    duplicates: int
    rejected: int
    damaged: bool = False
    """Whether the list could not be read to its end."""
    outcomes: dict[str, int]
    """Final ones, by kind."""
    reasons: dict[str, int]
    """Those that are not scraped, by kind and reason: `failed-http_404`."""
    statuses: dict[int, int]
    """Of HTTP."""
    problems: int
    problem_pages: dict[str, int] = {}
    """On how many pages there was each problem: `price unreadable`."""
    no_match: int
    """Pages on which the spec has found nothing."""
    found: int = 0
    """Targets that links have led to; they are among `targets`."""
    links_cut: dict[str, int] = {}
    """Links that were not followed, by what has cut them off."""
    links_cut_examples: dict[str, list[dict[str, str]]] = {}
    """A few of them for each limit: `url`, and the page that it was `found_on`."""
    same_redirects: dict[str, int] = {}
    """Targets redirected to where another one was scraped, by that page."""
    changes: dict[str, int | None] | None = None
    """Rows that are `new`, `changed`, `same` and `gone` against the job before, and those `unseen`
    of which nobody can tell whether they are gone. Both are None of a job that is not whole, or not
    healthy. None where nothing is remembered."""
    health: Health | None = None
    """Whether the job is what the spec expects; None where it expects nothing."""
    columns: dict[str, float] | None = None
    """The share of rows in which a column has a value, likewise."""
    rows: int | None = None
    """Rows in all, likewise."""
    kept: dict[str, int] | None = None
    """The `pages` that were kept as they came, and their `bytes`, compressed; None where nothing
    is kept."""
    memory_damaged: int = 0
    """Objects of what was remembered that could not be read; they were made anew."""
    skipped_types: dict[str, int] = {}
    """Targets skipped since `content_types` does not have their type, by that type."""
    batches: int
    deferred: dict[str, int]
    """How often targets were handed to a later batch, by reason."""
    latency_ms: dict[str, float]
    """Quantiles of the time that an answer took, redirects included; right to 5 %."""
    bytes: int
    wire_bytes: int
    worker_seconds: float
    worst_hosts: list[HostSummary]
    """Those with the most targets that are failed, dead or without a match."""
    worst_hosts_exact: bool
    """False where there were so many hosts that some were forgotten on the way."""
    cost_usd: dict[str, float]
    """An estimate in AWS's list prices; see `functions.dispatcher.prices`."""


def summarize(
    manifest: Manifest,
    ledger: Ledger,
    tally: Tally,
    *,
    worker_memory: int,
    architecture: str,
    gone: int | None = None,
    unseen: int | None = None,
    health: Health | None = None,
) -> Summary:
    """
    Return the summary of a job.

    Args:
        manifest: Its manifest.
        ledger: Its ledger.
        tally: Of all its receipts.
        worker_memory: MB.
        architecture: The template's parameter.
        gone: Rows that are gone; None where nobody has looked.
        unseen: Rows of which nobody can tell; likewise.
        health: Whether it is what the spec expects; None where that expects nothing.
    """
    final = final_counts(tally.counts)
    seconds = _seconds(manifest.created_at, tally.ended)
    found_targets = tally.counts.get(FOUND, 0) - total(tally.counts, Kind.DROPPED)
    outcomes = {str(kind): 0 for kind in Kind if kind in FINAL}
    for name, count in final.items():
        outcomes[name.partition("-")[0]] += count
    return Summary(
        job=manifest.job,
        source=manifest.source,
        created_at=manifest.created_at,
        started_at=_iso(tally.started),
        ended_at=_iso(tally.ended),
        seconds=seconds,
        urls=ledger.listed + ledger.duplicates,
        targets=ledger.listed + found_targets,
        found=found_targets,
        links_cut=_most_first(tally.cut),
        links_cut_examples=_examples(tally),
        same_redirects=_most_first(tally.same_redirects),
        changes=_changes(tally, gone, unseen) if manifest.spec.memory else None,
        health=health,
        columns=_columns(tally.quality),
        rows=None if tally.quality is None else tally.quality.rows,
        kept=(
            {"pages": tally.kept, "bytes": tally.kept_bytes} if manifest.spec.keeps_pages else None
        ),
        memory_damaged=tally.memory_damaged,
        duplicates=ledger.duplicates,
        rejected=ledger.rejected,
        damaged=ledger.damaged,
        outcomes=outcomes,
        reasons=_sorted({n: c for n, c in final.items() if n != Kind.SCRAPED}),
        statuses=dict(sorted(tally.statuses.items())),
        problems=tally.counts.get(PROBLEMS, 0),
        problem_pages=_most_first(tally.problems),
        no_match=tally.counts.get(NO_MATCH, 0),
        skipped_types=_most_first(tally.skipped_types),
        batches=tally.receipts,
        deferred=_sorted(
            {
                name.removeprefix(f"{Kind.DEFERRED}-"): count
                for name, count in tally.counts.items()
                if name.startswith(Kind.DEFERRED)
            }
        ),
        latency_ms={
            name: round(found, 1)
            for name, fraction in _QUANTILES.items()
            if (found := quantile(tally.latency, fraction)) is not None
        },
        bytes=tally.bytes,
        wire_bytes=tally.wire_bytes,
        worker_seconds=round(tally.worker_seconds, 3),
        worst_hosts=_worst(tally),
        worst_hosts_exact=not tally.hosts_forgotten,
        cost_usd=_cost(manifest, ledger, tally, seconds, worker_memory, architecture),
    )


def _examples(tally: Tally) -> dict[str, list[dict[str, str]]]:
    examples: dict[str, list[dict[str, str]]] = {}
    for link in tally.cut_links:
        examples.setdefault(link.cut, []).append({"url": link.url, "found_on": link.found_on})
    return examples


def _columns(quality: Quality | None) -> dict[str, float] | None:
    if quality is None:
        return None
    return {name: round(quality.share(name) or 0.0, 4) for name in quality.columns}


def _changes(tally: Tally, gone: int | None, unseen: int | None) -> dict[str, int | None]:
    counts = tally.counts
    return {
        "new": counts.get(ROWS_NEW, 0),
        "changed": counts.get(ROWS_CHANGED, 0),
        "same": counts.get(ROWS_SAME, 0),
        "gone": gone,
        "unseen": unseen,
    }


def _worst(tally: Tally) -> list[HostSummary]:
    in_trouble = [
        (count, host)
        for host, counts in tally.hosts.items()
        if (count := trouble(final_counts(counts)) + counts.get(NO_MATCH, 0))
    ]
    worst = []
    for _, host in sorted(in_trouble, key=lambda entry: (-entry[0], entry[1]))[:WORST_HOSTS]:
        counts = tally.hosts[host]
        final = final_counts(counts)
        worst.append(
            HostSummary(
                host=host,
                targets=final.total(),
                outcomes=_sorted(final),
                no_match=counts.get(NO_MATCH, 0),
            )
        )
    return worst


def _cost(
    manifest: Manifest,
    ledger: Ledger,
    tally: Tally,
    seconds: float | None,
    worker_memory: int,
    architecture: str,
) -> dict[str, float]:
    usage = prices.usage_of(
        requests=tally.requests,
        batches=tally.receipts,
        children=tally.counts.get(CHILDREN, 0),
        worker_seconds=tally.worker_seconds,
        worker_memory=worker_memory,
        message_bytes=tally.message_bytes / max(1, tally.receipts),
        dispatches=len(ledger.dispatched),
        seconds=math.inf if seconds is None else seconds,
        takes=manifest.takes,
    )
    cost = prices.cost_of(usage, architecture=architecture)
    parts = {**structs.asdict(cost), "total": cost.total}
    return {name: round(dollars, 6) for name, dollars in parts.items()}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _seconds(created_at: str, ended: float | None) -> float | None:
    if ended is None:
        return None
    return round(max(0.0, ended - datetime.fromisoformat(created_at).timestamp()), 3)


def encode_summary(summary: Summary) -> bytes:
    return msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n"


def decode_summary(body: bytes) -> Summary:
    """
    Return the summary in `body`.

    Raises:
        InvalidJobError: it is none, or of a later release.
    """
    try:
        return msgspec.json.decode(body, type=Summary)
    except msgspec.MsgspecError as error:
        raise InvalidJobError(f"not a summary: {error}") from error

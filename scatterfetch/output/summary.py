"""The summary at the end of jobs that were watched: what became of them, and where it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console

from functions.dispatcher.lists import line_words
from functions.dispatcher.summary import Summary
from scatterfetch.jobs.manifests import read_summary
from scatterfetch.jobs.place import place_option
from scatterfetch.jobs.progress import Finished, Job
from scatterfetch.output.outcome_table import outcome_table
from scatterfetch.output.sentences import counted, rounded
from shared.keys import job_prefix, pages_prefix, rejected_key, results_prefix
from shared.receipts import NO_MATCH, PROBLEMS

if TYPE_CHECKING:
    from scatterfetch.jobs.folder import Folder
    from scatterfetch.jobs.stack import Stack

_REJECTED_SHOWN = 5
_HOSTS_SHOWN = 5
_REDIRECTS_SHOWN = 5
_NAMES_SHOWN = 10
_LIMITS = ("depth", "max_pages", "max_pages_per_host")
_TOO_MANY = "too_many"


def print_summary(finished: Finished, place: "Folder | Stack") -> None:
    """Print what became of each job, and where its files are."""
    console = Console(highlight=False)
    for job in finished.jobs:
        if job.problem:
            continue
        _print_job(console, job, place)
    if all(job.problem for job in finished.jobs):
        return
    progress = finished.progress
    fetched = progress.done - progress.earlier
    if progress.earlier:
        is_done = progress.complete and not fetched
        again = " Nothing was left to fetch; --again fetches anew." if is_done else ""
        console.print(f"{counted(progress.earlier, 'outcome')} of an earlier run kept.{again}")
    rate = f", {rounded(progress.rate)} a second" if fetched else ""
    console.print(f"{counted(fetched, 'URL')} in {progress.elapsed:.1f} s{rate}.")


def _print_job(console: Console, job: Job, place: "Folder | Stack") -> None:
    ledger = job.ledger
    console.print(f"job {job.id}", style="bold")
    counts = ledger.final
    # An earlier run may have left more outcomes than this one has read of the list.
    known = max(ledger.targets, counts.total())
    more = "" if job.knows_all_targets else "+"
    console.print(outcome_table(counts, {"not done": known - counts.total()}, f"{known:,}{more}"))
    if ledger.duplicates:
        console.print(f"{counted(ledger.duplicates, 'duplicate line')} left out.")
    summary = read_summary(place.data, job.id)
    _print_links(console, job, summary)
    _print_changes(console, job, summary, place)
    _print_health(console, summary)
    if summary and summary.kept:
        _print_kept(console, job, summary.kept, place)
    if unmatched := job.counted(NO_MATCH):
        _print_unmatched(console, unmatched, summary)
    if problems := job.counted(PROBLEMS):
        pages = summary.problem_pages if summary else {}
        console.print(
            f"{counted(problems, 'problem')} in rows{_by_name(pages, 'on', 'page')}",
            markup=False,
        )
    if summary and summary.skipped_types:
        skipped = sum(summary.skipped_types.values())
        console.print(
            f"{counted(skipped, 'URL')} skipped for the type of the file"
            f"{_by_name(summary.skipped_types)} To fetch such files, name their types in "
            "fetch.content_types.",
            markup=False,
        )
    if ledger.rejected:
        _print_rejected(console, job, place)
    console.print(f"results: {place.address(results_prefix(job.id))}", soft_wrap=True)


def _print_health(console: Console, summary: Summary | None) -> None:
    health = summary.health if summary else None
    if health is None:
        return
    checks = counted(len(health.findings), "check")
    if health.healthy:
        console.print(f"healthy: {checks}.", style="green")
    else:
        console.print(f"unhealthy: {len(health.unmet):,} of {checks} not met.", style="bold red")


def _print_changes(
    console: Console, job: Job, summary: Summary | None, place: "Folder | Stack"
) -> None:
    if summary is None or summary.changes is None:
        return
    unseen = summary.changes.get("unseen")
    known = {
        name: count
        for name, count in summary.changes.items()
        if count is not None and name != "unseen"
    }
    told = ", ".join(f"{count:,} {name}" for name, count in known.items())
    console.print(f"rows against the job before: {told}.")
    if summary.changes["gone"] is None:
        console.print(
            "Nobody can tell which rows are gone: the job is not whole or not healthy, or its list "
            "has rejected lines."
        )
    if unseen:
        console.print(
            f"Of {counted(unseen, 'row')} that were not seen nobody can tell whether they are "
            "gone: pages could not be had, or had nothing that the spec finds.",
            soft_wrap=True,
        )
    if any(known.get(name) for name in ("new", "changed", "gone")):
        console.print(f"`scatterfetch changes {job.id} {place_option(place)}` lists them.")
    if summary.memory_damaged:
        console.print(
            f"What was remembered was damaged in {counted(summary.memory_damaged, 'object')}, and "
            "is made anew: rows that were known may be called new.",
            soft_wrap=True,
        )


def _print_kept(
    console: Console, job: Job, kept: Mapping[str, int], place: "Folder | Stack"
) -> None:
    size = f"{kept['bytes'] / 1e6:,.1f} MB"
    where = f": {place.address(pages_prefix(job.id))}" if kept["pages"] else "."
    console.print(f"{counted(kept['pages'], 'page')} kept, {size}{where}", soft_wrap=True)


def _print_links(console: Console, job: Job, summary: Summary | None) -> None:
    if job.ledger.found:
        console.print(f"{counted(job.ledger.found, 'URL')} found by following links.")
    cut = summary.links_cut if summary else {}
    if cut and summary:
        console.print(f"{counted(sum(cut.values()), 'link')} not followed{_by_name(cut)}")
        for name, [first, *_] in summary.links_cut_examples.items():
            console.print(
                f"  {name}: {first['url']} on {first['found_on']}", markup=False, soft_wrap=True
            )
    if summary and summary.same_redirects:
        _print_redirects(console, summary.same_redirects)
    if job.manifest is None or not job.manifest.follows:
        return
    limited = {name: cut[name] for name in (*_LIMITS, _TOO_MANY) if name in cut}
    for name, count in limited.items():
        were, them = ("was", "it") if count == 1 else ("were", "them")
        if name == _TOO_MANY:
            why = "a page has too many; narrow `follow` to those that matter"
        else:
            limit = getattr(job.manifest.spec.crawl, name)
            why = f"crawl.{name} is {limit:,}; raise crawl.{name} to follow {them} in a new job"
        console.print(f"{counted(count, 'link')} {were} not followed since {why}.", soft_wrap=True)
    if summary and not job.ledger.found and not limited:
        spec = job.manifest.spec
        if job.manifest.sitemap or any(start.is_sitemap for start in spec.starts):
            why = "`scatterfetch results --outcomes` shows what became of the sitemaps"
        else:
            why = "`scatterfetch try URL --spec FILE` shows why"
        console.print(f"No link was followed to a further page; {why}.", soft_wrap=True)


def _print_redirects(console: Console, pages: Mapping[str, int]) -> None:
    """Say where many targets were redirected to: it may stand between them and their pages."""
    were = "was" if sum(pages.values()) == 1 else "were"
    console.print(
        f"{counted(sum(pages.values()), 'URL')} {were} redirected to a page that another one had "
        "led to, and skipped. If that page asks for consent or for a captcha, name it in "
        "fetch.retry_when:",
        soft_wrap=True,
    )
    for url, count in [*pages.items()][:_REDIRECTS_SHOWN]:
        console.print(f"  {url}: {count:,}", markup=False, soft_wrap=True)


def _by_name(counts: Mapping[str, int], word: str = "", noun: str = "") -> str:
    """Return the largest of `counts` as the end of a sentence."""
    if not counts:
        return "."
    parts = [
        f"{name} {word} {counted(count, noun)}" if noun else f"{count:,} {name}"
        for name, count in [*counts.items()][:_NAMES_SHOWN]
    ]
    if len(counts) > _NAMES_SHOWN:
        parts.append(f"and {len(counts) - _NAMES_SHOWN} more kinds")
    return f": {', '.join(parts)}."


def _print_unmatched(console: Console, unmatched: int, summary: Summary | None) -> None:
    console.print(
        f"The spec found nothing on {counted(unmatched, 'page')}: has the website changed?"
    )
    hosts = [host for host in summary.worst_hosts if host.no_match] if summary else []
    for host in sorted(hosts, key=lambda host: -host.no_match)[:_HOSTS_SHOWN]:
        console.print(f"  {host.host}: {host.no_match:,} of {counted(host.targets, 'URL')}")


def _print_rejected(console: Console, job: Job, place: "Folder | Stack") -> None:
    where = place.address(f"{job_prefix(job.id)}rejected/")
    one, many, _ = line_words(job.list.key)
    console.print(
        f"{counted(job.ledger.rejected, one, many)} of {job.list.name} rejected; see {where}",
        soft_wrap=True,
    )
    lines = (place.data.get(rejected_key(job.id, 0)) or b"").splitlines()
    for line in lines[:_REJECTED_SHOWN]:
        rejected = msgspec.json.decode(line)
        console.print(
            f"  {one} {rejected['line']} is {rejected['text']!r}: {rejected['reason']}",
            markup=False,
            soft_wrap=True,
        )
    if len(lines) > _REJECTED_SHOWN:
        console.print("  ...")

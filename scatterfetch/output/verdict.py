"""How jobs have ended: the exit status, and what is said of those that did not end well."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import read_summary
from scatterfetch.jobs.place import place_option
from scatterfetch.jobs.progress import Finished, Job
from scatterfetch.output.sentences import complain, counted
from scatterfetch.results.selection import WITH_PROBLEMS
from shared.errors import Reason
from shared.outcomes import Kind
from shared.receipts import NO_MATCH, PROBLEMS, outcome_name

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

UNHEALTHY = 3
"""Exit status where a job is not what its spec expects."""
_PAGES = {str(Kind.FAILED): "failed", WITH_PROBLEMS: "have problems"}


def report(finished: Finished, place: "Folder | Stack", *, goes_on: bool = True) -> int:
    """
    Say on standard error why jobs did not end well; return the exit status.

    `goes_on` tells whether the same command, called again, goes on with a local run.
    """
    exit_status = _report(finished, place, goes_on=goes_on)
    if finished.disk_problem and not finished.complete:
        # Last, since it explains all the rest.
        complain(f"{finished.disk_problem}; make room, and the same command goes on")
    return exit_status


def _report(finished: Finished, place: "Folder | Stack", *, goes_on: bool) -> int:
    refused = [job.problem for job in finished.jobs if job.problem]
    for problem in refused:
        complain(problem)
    if finished.interrupted:
        if isinstance(place, Folder):
            complain(f"interrupted; the same command {'goes on' if goes_on else 'begins anew'}")
            return 130
        for job in finished.jobs:
            if not job.done:
                complain(
                    f"the job goes on: `scatterfetch status {job.id} {place_option(place)}` "
                    "says how far it is, `scatterfetch cancel` with the same words stops it"
                )
        return 130
    if len(refused) == len(finished.jobs):
        return 2
    if finished.dead_letters and not finished.complete:
        complain(
            f"messages given up on after several deliveries: {finished.dead_letters}; "
            "the logs folder says why, and the same command tries again"
        )
    elif not finished.complete:
        complain(
            "some URLs have no outcome, and nothing is left in the queues; the logs folder may say "
            "why, and the same command tries them again"
        )
    well = _judge(finished, place, goes_on=goes_on)
    unhealthy = _complain_of_health(finished.jobs, place)
    if not well or not finished.complete or refused:
        return 1
    return UNHEALTHY if unhealthy else 0


def _judge(finished: Finished, place: "Folder | Stack", *, goes_on: bool) -> bool:
    """Tell whether the outcomes are what one hopes for; complain of those that are not."""
    outcomes = finished.progress.outcomes
    lost = finished.progress.total - finished.progress.done if finished.complete else 0
    if lost:
        complain(
            f"the sum does not add up: {counted(lost, 'URL')} without an outcome, though every "
            "batch is done. This is a mistake of scatterfetch; please report it"
        )
    damaged = [job for job in finished.jobs if job.ledger.damaged]
    for job in damaged:
        complain(
            f"{job.list.name} could not be read to its end: what it holds beyond is not in the job"
        )
    refetched = sum(job.refetched for job in finished.jobs)
    if refetched:
        complain(
            f"results of an earlier run were gone or cut off, those of "
            f"{counted(refetched, 'batch', 'batches')}: whoever has read them has missed "
            "something. Their URLs were fetched again"
        )
    private = outcomes.get(outcome_name(Kind.SKIPPED, Reason.PRIVATE_ADDRESS), 0)
    if private:
        how = "--parameter" if isinstance(place, Folder) else "a deployment with"
        complain(
            f"{counted(private, 'URL')} skipped for a private address, such as localhost; "
            f"{how} AllowPrivateNetworks=true lets them be fetched"
        )
    dead = sum(count for name, count in outcomes.items() if name.startswith(Kind.DEAD))
    if dead and not isinstance(place, Folder):
        complain(
            f"given up on: {counted(dead, 'URL')}; `scatterfetch redrive {place_option(place)}` "
            "tries again"
        )
    elif dead:
        then = f"; after `scatterfetch redrive {place}` the same command tries them again"
        again = f"{then} (without --again)"
        complain(
            f"given up on: {counted(dead, 'URL')}; `scatterfetch deadletters {place}` shows of "
            f"which hosts, and why{again if goes_on else ''}"
        )
    _mention_pages(finished.jobs, place)
    # Of a job that says what is healthy, that counts, and not that a page has failed.
    others = [job for job in finished.jobs if not _expects(job)]
    finals = Counter(outcomes)
    for job in filter(_expects, finished.jobs):
        finals -= job.ledger.final
    bad = any(name.partition("-")[0] in {Kind.FAILED, Kind.DEAD} for name in finals)
    private = finals.get(outcome_name(Kind.SKIPPED, Reason.PRIVATE_ADDRESS), 0)
    wrong = any(job.counted(name) for job in others for name in (NO_MATCH, PROBLEMS))
    wrong = wrong or any(
        job.counted(NO_MATCH)
        for job in filter(_expects, finished.jobs)
        if job.manifest and job.manifest.spec.expect and not job.manifest.spec.expect.names_no_match
    )
    return not (bad or private or lost or damaged or wrong or refetched)


def _expects(job: Job) -> bool:
    return job.manifest is not None and job.manifest.spec.expect is not None


def _complain_of_health(jobs: Sequence[Job], place: "Folder | Stack") -> bool:
    """Say what is not as the specs expect; tell whether there is something."""
    unhealthy = False
    for job in filter(_expects, jobs):
        summary = read_summary(place.data, job.id)
        if summary is None or summary.health is None or summary.health.healthy:
            continue
        unhealthy = True
        for one in summary.health.unmet:
            examples = f"; {', '.join(one.examples)}" if one.examples else ""
            complain(
                f"{job.id} is unhealthy: {one.check}: {one.found}; expected: {one.expected}"
                f"{examples}"
            )
    return unhealthy


def _mention_pages(jobs: Sequence[Job], place: "Folder | Stack") -> None:
    """Say how to see which pages have failed, and which ones' rows are not as they should be."""
    if isinstance(place, Folder):  # whose jobs are in one table
        _mention_pages_of(jobs, f"{place}")
        return
    for job in jobs:
        _mention_pages_of([job], f"{job.id} {place_option(place)}")


def _mention_pages_of(jobs: Sequence[Job], where: str) -> None:
    names = []
    if any(name.startswith(Kind.FAILED) for job in jobs for name in job.ledger.final):
        names.append(str(Kind.FAILED))
    if any(job.counted(name) for job in jobs for name in (NO_MATCH, PROBLEMS)):
        names.append(WITH_PROBLEMS)
    if names:
        complain(
            f"`scatterfetch results {where} --outcome {','.join(names)}` lists the pages that "
            f"{' or '.join(_PAGES[name] for name in names)}"
        )

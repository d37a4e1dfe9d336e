"""Where a job stands, as people read it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console

from functions.dispatcher.health import Health
from functions.dispatcher.lists import line_words
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import command_of, source_name
from scatterfetch.jobs.standing import State, Status
from scatterfetch.output.outcome_table import outcome_table
from scatterfetch.output.sentences import counted, duration
from shared.keys import job_prefix, results_key
from shared.manifest import DEFAULT_SPEC

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_DAY = 24 * 3_600


def print_status(status: Status, place: "Folder | Stack", *, now: float) -> None:
    """Print where a job stands."""
    console = Console(highlight=False, soft_wrap=True)
    began = datetime.fromisoformat(status.created_at).timestamp()
    console.print(f"job {status.job}", style="bold")
    state = f"{status.state}, cancelled" if status.cancelled else f"{status.state}"
    console.print(
        f"{state}, started {_moment(began, now)}, list {source_name(status.source, place)}",
        markup=False,
    )
    if status.problem:
        console.print(f"refused: {status.problem}", markup=False)
        return
    if status.spec_from and (not isinstance(place, Folder) or status.spec_from == DEFAULT_SPEC):
        console.print(f"spec: {status.spec_from}", markup=False)
    if status.state == State.STOPPED:
        console.print(
            f"The same `{command_of(status.source)}` goes on where it stopped.", markup=False
        )
    open_ = {"deferred": status.deferred, "under way": status.under_way}
    console.print(outcome_table(status.outcomes, open_, f"{status.targets:,}"))
    if status.duplicates:
        console.print(f"{counted(status.duplicates, 'duplicate line')} left out.")
    if status.rejected:
        one, many, _ = line_words(status.source.key if status.source else "")
        console.print(
            f"{counted(status.rejected, one, many)} rejected; see {job_prefix(status.job)}rejected/"
        )
    if status.damaged:
        console.print("The list could not be read to its end.")
    if status.lost_batches:
        console.print(_lost(status, place), style="bold", markup=False)
    if status.deferred_until is not None:
        console.print(f"The last deferred ones are due {_moment(status.deferred_until, now)}.")
    _print_progress(console, status, now)
    if status.health is not None:
        _print_health(console, status.health)
    if not status.adds_up:
        console.print(
            f"The sum does not add up: {status.targets:,} targets, of which "
            f"{status.under_way:,} are unaccounted for.",
            style="bold",
        )


def _print_progress(console: Console, status: Status, now: float) -> None:
    facts = [f"{status.batches_done:,} of {counted(status.batches, 'batch', 'batches')}"]
    facts.append(f"{status.rate:,.1f} URLs a second")
    if status.seconds_left:
        facts.append(f"{duration(status.seconds_left)} left")
    if status.last_commit_at is not None:
        facts.append(f"last commit {_moment(status.last_commit_at, now)}")
    when = " A page counts when its batch is done." if status.under_way else ""
    console.print(", ".join(facts) + f".{when}")


def _print_health(console: Console, health: Health) -> None:
    if health.healthy:
        console.print("healthy", style="green")
        return
    console.print("unhealthy", style="bold red")
    for one in health.unmet:
        console.print(f"  {one.check}: {one.found}; expected: {one.expected}", markup=False)
        for url in one.examples:
            console.print(f"    {url}", markup=False)


def _lost(status: Status, place: "Folder | Stack") -> str:
    batches = counted(status.lost_batches, "batch", "batches")
    said = (
        f"Results are gone or cut off: those of {batches}, {counted(status.lost, 'URL')}, "
        f"such as {place.address(results_key(status.job, status.lost_batch))}."
    )
    if isinstance(place, Folder):
        said += f" The same `{command_of(status.source)}` fetches them again."
    return said


def _moment(at: float, now: float) -> str:
    """Return the time of day in UTC and how far away it is: `01:14:42 (3 min ago)`."""
    moment = datetime.fromtimestamp(at, UTC)
    day = "" if abs(now - at) < _DAY else f"{moment:%Y-%m-%d} "
    far = duration(abs(now - at))
    return (
        f"{day}{moment:%H:%M:%S} UTC ({far} ago)"
        if at <= now
        else f"{day}{moment:%H:%M:%S} UTC (in {far})"
    )

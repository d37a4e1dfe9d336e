"""The dead targets of local runs: their results have them, and a note brings them back."""

from collections import Counter
from collections.abc import Iterable, Iterator

from scatterfetch.deadletters.letters import GivenUp, Letter
from scatterfetch.jobs.folder import Folder
from scatterfetch.results.files import ResultFile, find_results
from scatterfetch.results.finals import FinalOutcomes
from shared.errors import InvalidJobError
from shared.keys import manifest_key, redriven_key
from shared.outcomes import Kind, Outcome
from shared.urls import parse_url


def dead_targets(folder: Folder, job: str | None) -> Iterator[Letter]:
    """Yield the dead targets in the results of `folder`, since the queues of a run end with it."""
    for file, outcome in _last_dead(folder, job):
        yield Letter(
            queue="results",
            job=file.job,
            reason=outcome.reason or "",
            batch=file.batch,
            hosts={parse_url(outcome.url).host: 1},
            targets=(GivenUp(outcome.url, outcome.line, outcome.detail),),
        )


def _last_dead(folder: Folder, job: str | None) -> Iterator[tuple[ResultFile, Outcome]]:
    for file, outcome in FinalOutcomes(find_results(folder.path, job)).read():
        if outcome.outcome is Kind.DEAD:
            yield file, outcome


def redrive_targets(folder: Folder, job: str | None) -> Counter[str]:
    """
    Leave a note of the dead targets in `folder` to its next run; return how many each job has.

    It makes their letters again, of the results and of the list, which only a run has.

    Raises:
        InvalidJobError: there are no results, or nothing else of a job.
    """
    redriven: Counter[str] = Counter()
    for file, _ in _last_dead(folder, job):
        if not redriven[file.job]:
            check_known(folder, [file.job])
        note = folder.path / redriven_key(file.job, file.batch)
        note.parent.mkdir(exist_ok=True)
        note.touch()
        redriven[file.job] += 1
    return redriven


def check_known(folder: Folder, jobs: Iterable[str]) -> None:
    """
    Check that a run can give what died in `jobs` another life.

    Raises:
        InvalidJobError: nothing is left of a job but its results.
    """
    for job in jobs:
        if folder.get(manifest_key(job)) is None:
            raise InvalidJobError(
                f"{folder.path / manifest_key(job)} is gone, so nobody knows what the job was"
            )

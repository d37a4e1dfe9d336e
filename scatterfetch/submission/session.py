"""`scatterfetch submit`, from the words of the command line to the exit status."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scatterfetch.jobs.deployed import wait_for
from scatterfetch.jobs.progress import Job
from scatterfetch.jobs.stack import Stack
from scatterfetch.lists.columns import mention_columns
from scatterfetch.lists.sources import mention_spec, read_sources
from scatterfetch.lists.specs import spec_of
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.live import open_display
from scatterfetch.output.sentences import complain
from scatterfetch.output.summary import print_summary
from scatterfetch.output.verdict import report
from scatterfetch.releases import check_known
from scatterfetch.submission.request import check_list, submit


@dataclass(frozen=True)
class Wishes:
    """
    What is wanted of the jobs.

    `spec` is a file, `name` what their ids begin with; None means what comes with each list. `wait`
    shows the jobs until they are done.
    """

    spec: Path | None
    name: str | None
    wait: bool


def submit_sources(sources: Sequence[str], wishes: Wishes, open_stack: Callable[[], Stack]) -> int:
    """
    Submit a job for each of `sources`, and print its id; return the exit status.

    Raises:
        InvalidJobError: a list or a spec is wrong, or there is no stack. Nothing was sent.
        StorageError: AWS refused; jobs whose ids were printed go on.
    """
    mention_spec(sources, wishes.spec, complain)
    lists = read_sources(sources, spec=wishes.spec)
    for url_list in lists:
        mention_columns(url_list, complain)
    return submit_lists(lists, wishes, open_stack)


def submit_lists(lists: Sequence[UrlList], wishes: Wishes, open_stack: Callable[[], Stack]) -> int:
    """
    Submit a job for each of `lists`, and print its id; return the exit status.

    Raises:
        InvalidJobError: a list is wrong, or there is no stack. Nothing was sent.
        StorageError: AWS refused; jobs whose ids were printed go on.
    """
    for url_list in lists:
        check_list(url_list)
    stack = open_stack()
    return _waited(stack, _submit_to(stack, lists, wishes), wishes)


def _waited(stack: Stack, jobs: Sequence[Job], wishes: Wishes) -> int:
    """Show the jobs until they are done, if that is wanted; return the exit status."""
    if not wishes.wait:
        return 0
    with open_display() as display:
        finished = wait_for(stack, jobs, display)
    print_summary(finished, stack)
    return report(finished, stack)


def _submit_to(stack: Stack, lists: Sequence[UrlList], wishes: Wishes) -> list[Job]:
    for url_list in lists:
        check_known(spec_of(url_list), stack.release, stack.name)
    jobs = []
    for url_list in lists:
        jobs.append(submit(stack, url_list, name=wishes.name))
        print(jobs[-1].id, flush=True)
    return jobs

"""`scatterfetch submit`, from the words of the command line to the exit status."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scatterfetch.jobs.deployed import wait_for
from scatterfetch.jobs.progress import Job
from scatterfetch.jobs.stack import Stack
from scatterfetch.lists.columns import mention_columns
from scatterfetch.lists.sources import is_sitemap, mention_spec, read_sitemap_list, read_sources
from scatterfetch.lists.specs import spec_of
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.live import open_display
from scatterfetch.output.sentences import complain
from scatterfetch.output.summary import print_summary
from scatterfetch.output.verdict import report
from scatterfetch.releases import check_known
from scatterfetch.submission.request import check_list, submit

_OF_WORKERS = ("UserAgent", "AllowPrivateNetworks", "ConnectTo")  # parameters for sitemaps


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
    with TemporaryDirectory() as folder:
        stack, jobs, whole = _submit_all(sources, wishes, open_stack, Path(folder))
    return _waited(stack, jobs, wishes) or int(not whole)


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


def _submit_all(
    sources: Sequence[str], wishes: Wishes, open_stack: Callable[[], Stack], folder: Path
) -> tuple[Stack, list[Job], bool]:
    """Submit; pages of sitemaps become lists in `folder`. Tells whether these were read whole."""
    sitemaps = dict.fromkeys(filter(is_sitemap, sources))
    lists = read_sources([one for one in sources if one not in sitemaps], spec=wishes.spec)
    for url_list in lists:
        check_list(url_list)
        mention_columns(url_list, complain)
    stack = open_stack()
    # As the workers of the stack would introduce themselves.
    parameters = {name: stack.parameters[name] for name in _OF_WORKERS if name in stack.parameters}
    whole = True
    for sitemap in sitemaps:
        url_list, is_whole = read_sitemap_list(
            sitemap, folder, spec=wishes.spec, parameters=parameters, say=complain
        )
        check_list(url_list)
        lists.append(url_list)
        whole = whole and is_whole
    return stack, _submit_to(stack, lists, wishes), whole


def _submit_to(stack: Stack, lists: Sequence[UrlList], wishes: Wishes) -> list[Job]:
    for url_list in lists:
        check_known(spec_of(url_list), stack.release, stack.name)
    jobs = []
    for url_list in lists:
        jobs.append(submit(stack, url_list, name=wishes.name))
        print(jobs[-1].id, flush=True)
    return jobs

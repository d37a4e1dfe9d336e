"""A run on this machine as a person has it: from what was named to the exit status."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scatterfetch.jobs.folder import Folder, locked
from scatterfetch.jobs.progress import Finished
from scatterfetch.lists.columns import mention_columns
from scatterfetch.lists.sources import mention_spec, read_sources
from scatterfetch.lists.specs import names_user_agent, spec_of
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.live import open_display
from scatterfetch.output.sentences import complain
from scatterfetch.output.summary import print_summary
from scatterfetch.output.verdict import report
from scatterfetch.project import Project
from scatterfetch.runs.local_settings import LocalSettings, local_settings, mention_user_agent
from scatterfetch.runs.run import run


def run_sources(
    sources: Sequence[str],
    folder: Path,
    *,
    spec: Path | None,
    workers: int,
    parameters: Mapping[str, str],
    project: Project | None,
    again: bool = False,
) -> int:
    """
    Scrape what `sources` name into `folder`; return the exit status of `scatterfetch run`.

    Raises:
        InvalidJobError: a list, a spec or a parameter is wrong. Nothing was fetched.
    """
    mention_spec(sources, spec, complain)
    with local_settings(parameters, project) as settings:
        lists = read_sources(sources, spec=spec)
        for url_list in lists:
            mention_columns(url_list, complain)
        with locked(folder):
            named = all(map(names_user_agent, lists))
            mention_user_agent(settings.parameters, project, specs_name_one=named)
            finished = run_shown(lists, folder, workers, settings, again=again)
    return report(finished, Folder(folder))


def run_lists(
    lists: Sequence[UrlList],
    folder: Path,
    *,
    workers: int,
    parameters: Mapping[str, str],
    project: Project | None,
    again: bool = False,
) -> int:
    """
    Scrape lists into `folder`; return the exit status of `scatterfetch run`.

    Raises:
        InvalidJobError: a parameter is wrong, or a secret is not on this machine.
    """
    with local_settings(parameters, project) as settings, locked(folder):
        named = all(map(names_user_agent, lists))
        mention_user_agent(settings.parameters, project, specs_name_one=named)
        finished = run_shown(lists, folder, workers, settings, again=again)
    return report(finished, Folder(folder))


def run_shown(
    lists: Sequence[UrlList],
    folder: Path,
    workers: int,
    settings: LocalSettings,
    *,
    again: bool = False,
) -> Finished:
    """
    Run lists into `folder`, which is `locked`; show them meanwhile, and their summary.

    With `again`, lists that were run before are new jobs.

    Raises:
        InvalidJobError: a parameter is wrong, or a secret is not on this machine.
    """
    names = dict.fromkeys(name for one in lists for name in spec_of(one).secret_names)
    secrets = settings.secrets.texts(names)
    with open_display() as display:
        finished = run(
            lists,
            folder,
            display,
            workers=workers,
            parameters=settings.parameters,
            parsers=settings.parsers,
            again=again,
            secrets=secrets,
        )
    print_summary(finished, Folder(folder))
    return finished

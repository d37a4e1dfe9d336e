"""`scatterfetch run`: URL lists, scraped on this machine."""

import argparse
import os
from pathlib import Path

from scatterfetch.commands.command import EXIT_STATUS
from scatterfetch.commands.local import add_again, add_local_run, local_parameters
from scatterfetch.commands.place import DEFAULT_FOLDER
from scatterfetch.lists.spec_files import misnamed_spec
from scatterfetch.localcloud.forkserver import fork_server
from scatterfetch.output.sentences import complain, counted
from scatterfetch.project import find_project, project_of, root_of
from shared.errors import InvalidJobError

EXAMPLE = """\
Runs URL lists through the deployed system's own code on this machine: S3 and SQS are
embedded, and workers are processes. The results are in DIR as they are committed.
The same list and spec into the same DIR go on where the last run stopped; with --again they are
fetched anew, as a job of their own. Another spec, or any
change in the folder of its Python parser, makes a new job, which fetches all pages.

example:
  $ scatterfetch run urls.txt --out out
  $ zcat out/results/*/*.jsonl.gz | head -n 1
"""
EPILOG = EXIT_STATUS


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "sources",
        nargs="*",
        metavar="URLFILE|URL",
        help="a list: a .txt, .csv, .tsv, .jsonl or .xml file, also .gz or .zst; a URL; the URL "
        "of a sitemap (…sitemap….xml), whose pages are the list; or - for URLs on standard input "
        "(default: all lists of the project)",
    )
    command.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, and what to extract (default: spec.yaml beside the list, if any; in a "
        "project, or else the nearest in a folder above)",
    )
    add_again(command)
    add_local_run(command, DEFAULT_FOLDER)


def run(args: argparse.Namespace) -> int:
    fork_server()  # which imports meanwhile
    from scatterfetch.lists.sources import named_files  # noqa: PLC0415 -- the engine
    from scatterfetch.runs.session import run_sources  # noqa: PLC0415 -- the local cloud

    sources = args.sources or _lists_of_project()
    project = project_of(named_files(sources, args.spec))
    here = root_of(Path.cwd())
    if project and here and not project.folder.samefile(here):
        complain(f"settings and Python parsers are those of the project {project.folder}")
    return run_sources(
        sources,
        args.out,
        spec=args.spec,
        workers=args.workers,
        parameters=local_parameters(args, project),
        project=project,
        again=args.again,
    )


def _lists_of_project() -> list[str]:
    project = find_project()
    if project is None:
        raise InvalidJobError(
            "name a list or a URL, as in `scatterfetch run urls.txt`; in a project, which "
            "`scatterfetch new` makes, `scatterfetch run` runs all lists of all scrapers"
        )
    for folder in sorted(project.folder.glob("*/")):
        if misnamed := misnamed_spec(Path(os.path.relpath(folder))):
            complain(misnamed)
    if left_out := project.left_out():
        complain(
            f"{counted(len(left_out), 'list')} in a folder within a scraper's left out: name what "
            f"is to be scraped, as in `scatterfetch run {os.path.relpath(left_out[0])}`"
        )
    return [os.path.relpath(path) for path in project.lists()]

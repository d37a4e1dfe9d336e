"""
Scrape lists of URLs, here or on AWS.

    $ scatterfetch demo
    $ scatterfetch run urls.txt --out out
    $ scatterfetch run https://example.com/ --out out
    $ scatterfetch results out -o rows.csv
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch import __version__
from scatterfetch.commands import (
    deadletters,
    deploy,
    init,
    new,
    redrive,
    results,
    spec,
    status,
    submit,
    tryout,
)
from scatterfetch.commands.command import add_command, add_parameter
from scatterfetch.commands.local_settings import LocalSettings, local_settings, mention_user_agent
from scatterfetch.deployable import TEMPLATE
from scatterfetch.jobs.folder import Folder, locked
from scatterfetch.output.sentences import complain
from scatterfetch.project import find_project
from shared.errors import InvalidJobError, ScrapeError

if TYPE_CHECKING:
    from scatterfetch.jobs.progress import Finished
    from scatterfetch.lists.url_list import UrlList

EPILOG = """\
exit status:
  0    every URL was scraped, or skipped for a reason that the spec or the website gives
  1    URLs failed or were given up on, rows have problems, the spec found nothing on a page,
       one list of several was refused or not read to its end, or results of an earlier run
       were gone or cut off (they are fetched again); the summary says which
  2    wrong usage or input; nothing was fetched
  130  interrupted; what was done is kept, and the same command goes on
"""
RUN_EXAMPLE = """\
Runs URL lists through the deployed system's own code on this machine: S3 and SQS are
embedded, and workers are processes. The results are in DIR as they are committed.
The same list and spec into the same DIR go on where the last run stopped.

example:
  $ scatterfetch run urls.txt --out out
  $ zcat out/results/*/*.jsonl.gz | head -n 1
"""
SHORT_HELP = """\
Scrape lists of URLs, on this machine or on AWS.

  scatterfetch new shop                       make a project with an example that runs
  scatterfetch try https://example.com/       see what comes of one page
  scatterfetch run urls.txt                   scrape a list on this machine
  scatterfetch results out -o rows.csv        make a table of the rows

`scatterfetch --help` lists all commands, `scatterfetch COMMAND --help` explains one.
"""
DEMO_EXAMPLE = """\
Starts some small bookshops on this machine, scrapes their list of pages through the
local cloud, and shows what came out.

example:
  $ scatterfetch demo
"""
DEMO_EPILOG = """\
exit status:
  0    every URL has its final outcome, and the outcomes are those that the README shows
  1    they are not
  2    wrong usage, or nothing could be started
  130  interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    args = _parser().parse_args(argv)
    if args.command is None:
        print(SHORT_HELP, end="", file=sys.stderr)
        return 2
    try:
        exit_status: int = args.command(args)
    except ScrapeError as error:
        print(f"scatterfetch: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # As with `head`: whoever reads has enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"scatterfetch: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return exit_status


def _parser() -> argparse.ArgumentParser:
    summary, _, example = (__doc__ or "").strip().partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="scatterfetch",
        description=summary,
        epilog=f"examples:\n{example}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    python = ".".join(map(str, sys.version_info[:3]))
    parser.add_argument(
        "--version",
        action="version",
        version=f"scatterfetch {__version__}, Python {python}, template {TEMPLATE}",
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND")

    run = add_command(
        commands, "run", "scrape lists on this machine", RUN_EXAMPLE, _run, epilog=EPILOG
    )
    run.add_argument(
        "sources",
        nargs="*",
        metavar="URLFILE|URL",
        help="a list: a .txt, .csv, .tsv, .jsonl or .xml file, also .gz or .zst; a URL; the URL "
        "of a sitemap (…sitemap….xml), whose pages are the list; or - for URLs on standard input "
        "(default: all lists of the project)",
    )
    run.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, and what to extract (default: spec.yaml beside the list, if any)",
    )
    _add_common(run, "out")

    demo = add_command(
        commands, "demo", "scrape the bundled bookshops", DEMO_EXAMPLE, _demo, epilog=DEMO_EPILOG
    )
    _add_common(demo, "demo-out")

    results.add_commands(commands)
    submit.add_commands(commands)
    status.add_commands(commands)
    deadletters.add_commands(commands)
    redrive.add_commands(commands)
    tryout.add_commands(commands)
    init.add_commands(commands)
    spec.add_commands(commands)
    new.add_commands(commands)
    deploy.add_commands(commands)
    return parser


def _add_common(command: argparse.ArgumentParser, out: str) -> None:
    command.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="DIR",
        help="where the results go (default: %(default)s)",
    )
    command.add_argument(
        "--workers",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="worker processes (default: one for each core)",
    )
    add_parameter(command)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _run(args: argparse.Namespace) -> int:
    from scatterfetch.lists.sources import (  # noqa: PLC0415 -- boto3
        is_sitemap,
        read_sitemap_list,
        read_sources,
    )
    from scatterfetch.lists.specs import names_user_agent  # noqa: PLC0415
    from scatterfetch.output.verdict import report  # noqa: PLC0415

    sources = args.sources or _lists_of_project()
    with local_settings(args) as settings:
        sitemaps = [source for source in sources if is_sitemap(source)]
        others = [source for source in sources if source not in sitemaps]
        lists = read_sources(others, spec=args.spec)
        whole = True
        with locked(args.out):
            for url in dict.fromkeys(sitemaps):
                url_list, is_whole = read_sitemap_list(
                    url, args.out, spec=args.spec, parameters=settings.parameters, say=complain
                )
                lists.append(url_list)
                whole = whole and is_whole
            mention_user_agent(settings.parameters, all(map(names_user_agent, lists)))
            finished = _run_lists(args, lists, settings)
    return report(finished, Folder(args.out)) or int(not whole)


def _lists_of_project() -> list[str]:
    project = find_project()
    if project is None:
        raise InvalidJobError(
            "name a list or a URL, as in `scatterfetch run urls.txt`; in a project, which "
            "`scatterfetch new` makes, `scatterfetch run` runs all lists of all scrapers"
        )
    return [os.path.relpath(path) for path in project.lists()]


def _demo(args: argparse.Namespace) -> int:
    from scatterfetch.demo.show import DEMO_PARAMETERS, demo_list, print_rows  # noqa: PLC0415
    from scatterfetch.demo.website import running_website  # noqa: PLC0415
    from scatterfetch.output.verdict import report  # noqa: PLC0415

    with locked(args.out), running_website() as port:
        url_list = demo_list(args.out)
        parameters = {
            **DEMO_PARAMETERS,
            "ConnectTo": f"::127.0.0.1:{port}",
            **dict(args.parameter),
        }
        finished = _run_lists(args, [url_list], LocalSettings(parameters, None))
        exit_status = report(finished, Folder(args.out))
        if exit_status > 1:
            return exit_status
        whole = print_rows(finished.jobs[0], args.out)
    # That some of its pages fail is part of the demo, and so is no failure.
    return 0 if whole else 1


def _run_lists(
    args: argparse.Namespace, lists: "list[UrlList]", settings: LocalSettings
) -> "Finished":
    from scatterfetch.output.live import open_display  # noqa: PLC0415
    from scatterfetch.output.summary import print_summary  # noqa: PLC0415
    from scatterfetch.runs.run import local_parameters, run  # noqa: PLC0415

    parameters = local_parameters(lists) | {**settings.parameters}
    with open_display() as display:
        finished = run(
            lists,
            args.out,
            display,
            workers=args.workers,
            parameters=parameters,
            parsers=settings.parsers,
        )
    print_summary(finished, Folder(args.out))
    return finished

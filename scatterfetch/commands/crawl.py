"""`scatterfetch crawl`: from a start page to all that its links lead to."""

import argparse
from pathlib import Path

from scatterfetch.commands.command import EXIT_STATUS
from scatterfetch.commands.local import add_again, add_local_run, local_parameters
from scatterfetch.commands.place import DEFAULT_FOLDER, add_stack, chosen_stack
from scatterfetch.localcloud.forkserver import fork_server
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.project import project_of
from shared.errors import InvalidJobError

EXAMPLE = """\
Scrapes URLs and the pages that their links lead to, each page once. Without --spec, all links to
the same host are followed, and the rows are those of the default spec. A spec says which links are
followed, and what is taken of which page; the other options go before what it says.

examples:
  $ scatterfetch crawl https://shop.example/ --max-pages 100
  $ scatterfetch crawl https://shop.example/ --follow 'a.next' --follow 'article h3 a'
  $ scatterfetch crawl https://shop.example/ --spec shop/spec.yaml --out out
"""
EPILOG = EXIT_STATUS


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "urls", nargs="*", metavar="URL", help="where to begin (default: `start` of the spec)"
    )
    command.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, what to extract, and which links to follow",
    )
    command.add_argument(
        "--follow",
        action="append",
        default=[],
        metavar="CSS",
        help="follow the links of the elements that match, on every page; repeat for more "
        "(default: those of the spec, or all links); not with a spec that has pages",
    )
    command.add_argument(
        "--within",
        action="append",
        default=[],
        metavar="host|domain|GLOB",
        help="follow links to the same host, to its registrable domain, or to what a glob fits, "
        "as in 'shop.example/books/*'; repeat for more globs (default: host)",
    )
    command.add_argument(
        "--depth", type=int, metavar="N", help="follow so many links in a row (default: 200)"
    )
    command.add_argument(
        "--max-pages", type=int, metavar="N", help="fetch so many pages in all (default: no limit)"
    )
    add_stack(command)
    command.add_argument(
        "--wait", action="store_true", help="with --stack: show the job until it is done"
    )
    add_again(command)
    add_local_run(command, DEFAULT_FOLDER)


def run(args: argparse.Namespace) -> int:
    if args.stack is None:
        fork_server()  # which imports meanwhile
    from scatterfetch.lists.crawls import crawl_list  # noqa: PLC0415 -- the engine

    project = project_of([args.spec] if args.spec else [])
    use_parsers(project.parsers if project else None)
    url_list = crawl_list(
        args.urls,
        args.spec,
        follow=args.follow,
        within=args.within,
        depth=args.depth,
        max_pages=args.max_pages,
    )
    if args.stack is not None:
        if args.again:
            raise InvalidJobError("in a stack each crawl is a new job; leave --again out")
        from scatterfetch.submission.session import (  # noqa: PLC0415 -- the SDK
            Wishes,
            submit_lists,
        )

        wishes = Wishes(spec=None, name=None, wait=args.wait)
        return submit_lists([url_list], wishes, lambda: chosen_stack(args, project))
    from scatterfetch.runs.session import run_lists  # noqa: PLC0415 -- the local cloud

    return run_lists(
        [url_list],
        args.out,
        workers=args.workers,
        parameters=local_parameters(args, project),
        project=project,
        again=args.again,
    )

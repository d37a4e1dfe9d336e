"""`scatterfetch map`: the URLs of a website, as a list."""

import argparse
import sys
from pathlib import Path

from scatterfetch.commands.local import add_local, add_workers, local_parameters
from scatterfetch.localcloud.forkserver import fork_server
from scatterfetch.project import project_of
from shared.errors import InvalidJobError, InvalidUrlError

FORMATS = ("txt", "csv", "jsonl")
EXAMPLE = """\
Lists the URLs of a website, each once, and extracts nothing: those of the sitemaps that robots.txt
names (or of /sitemap.xml), and the links of the start page. Pages that a sitemap lists are not
fetched. CSV and JSON say of each URL its depth, where it was found, and `lastmod` where a sitemap
has it. `scatterfetch run` takes the list as it is.

examples:
  $ scatterfetch map https://shop.example/ -o urls.txt
  $ scatterfetch map https://shop.example/ --depth 3 --max-pages 500 -o urls.csv
  $ scatterfetch map shop.example --within 'shop.example/p/*' | head
"""
EPILOG = """\
exit status:
  0    there are URLs; pages and sitemaps that could not be had are named on standard error
  1    the start page could not be had, or not all has an outcome
  2    wrong usage or input
  130  interrupted; nothing is written
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", metavar="URL", help="the start page")
    command.add_argument(
        "--within",
        action="append",
        default=[],
        metavar="host|domain|GLOB",
        help="list URLs of the same host, of its registrable domain, or those that a glob fits, as "
        "in 'shop.example/books/*'; repeat for more globs (default: host)",
    )
    command.add_argument(
        "--depth",
        type=int,
        default=1,
        metavar="N",
        help="list what so many links in a row lead to; pages one link nearer are fetched "
        "(default: 1, so that only the start page is; 0: no links)",
    )
    command.add_argument(
        "--max-pages",
        type=int,
        metavar="N",
        help="fetch so many pages and sitemaps in all (default: no limit)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="written at the end (default: standard output)",
    )
    command.add_argument(
        "--format",
        choices=FORMATS,
        help=f"{', '.join(FORMATS)} (default: as the name of FILE ends, or else txt: a URL a line)",
    )
    add_workers(command)
    add_local(command)


def run(args: argparse.Namespace) -> int:
    written_as = _format(args)
    if args.depth < 0:
        raise InvalidJobError("--depth: it must be 0 or more")
    fork_server()  # which imports meanwhile
    from scatterfetch.lists.sources import as_website  # noqa: PLC0415 -- the engine
    from scatterfetch.runs.website_map import map_list, map_website, write_map  # noqa: PLC0415
    from shared.urls import parse_url  # noqa: PLC0415

    try:
        start = parse_url(as_website(args.url) or args.url).href
    except InvalidUrlError as error:
        raise InvalidJobError(f"{args.url}: {error}") from error
    project = project_of([])
    found, exit_status = map_website(
        map_list(start, within=args.within, depth=args.depth, max_pages=args.max_pages),
        workers=args.workers,
        parameters=local_parameters(args, project),
        project=project,
    )
    if not found:
        return exit_status
    if args.output is None:
        write_map(found, written_as, sys.stdout)
    else:
        with args.output.open("w", encoding="utf-8", newline="") as file:
            write_map(found, written_as, file)
        print(f"{args.output}: {len(found):,} URLs")
    return exit_status


def _format(args: argparse.Namespace) -> str:
    if args.format:
        return str(args.format)
    ending = "txt" if args.output is None else args.output.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise InvalidJobError(
            f"cannot tell the format from the name {args.output.name}: let it end with "
            f"{', '.join(f'.{known}' for known in FORMATS)}, or add --format"
        )
    return ending

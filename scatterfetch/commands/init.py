"""`scatterfetch init`: a first spec for a page, of what the page offers."""

import argparse
import shlex
from pathlib import Path

from scatterfetch.commands.local import add_local, local_parameters
from scatterfetch.project import find_project
from shared.errors import InvalidJobError

EXAMPLE = """\
Writes a first spec for a page: what the page says of itself in JSON-LD, microdata or Open Graph,
elements that look like rows, lists in JSON, or the entries of a feed; each field with its first
value. Delete what you do not need, rename the rest, and look at it with `scatterfetch try`.

With --crawl, the page is a listing: one of its items is fetched, too, and the spec follows the
links to the items and to the next page of the listing. The spec says what two pages do not tell.

examples:
  $ scatterfetch init https://example.com/books -o spec.yaml
  $ scatterfetch try https://example.com/books --spec spec.yaml --watch
  $ scatterfetch init https://example.com/books --crawl -o crawl.yaml
  $ scatterfetch crawl --spec crawl.yaml --max-pages 5
"""
EPILOG = """\
exit status:
  0    there is a spec
  1    the page could not be had
  2    wrong usage or input, or the page has nothing that a spec could take
  130  interrupted
"""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", metavar="URL")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="a file that is not there yet (default: standard output)",
    )
    command.add_argument(
        "--crawl",
        action="store_true",
        help="write a spec of page kinds: of a listing, and of the items that it leads to",
    )
    add_local(command)


def run(args: argparse.Namespace) -> int:
    from scatterfetch.proposals.first_crawl import first_crawl_of  # noqa: PLC0415 -- the engine
    from scatterfetch.proposals.first_spec import first_spec_of  # noqa: PLC0415

    if args.output is not None and args.output.exists():
        raise InvalidJobError(f"{args.output} is there already; name another file with -o")
    first = first_crawl_of if args.crawl else first_spec_of
    text = first(args.url, local_parameters(args, find_project()))
    if text is None:
        return 1
    if args.output is None:
        print(text, end="")
    else:
        args.output.write_text(text)
        words = ["scatterfetch", "try", args.url, "--spec", str(args.output)]
        if args.crawl:
            words = ["scatterfetch", "crawl", "--spec", str(args.output), "--max-pages", "5"]
        for name, value in args.parameter:
            words += ["--parameter", f"{name}={value}"]
        print(f"{args.output}: look at it with `{shlex.join(words)}`")
    return 0

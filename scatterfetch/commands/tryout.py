"""`scatterfetch try`: one page, what becomes of it, and why."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch.commands.local import add_local, local_parameters
from scatterfetch.commands.place import DEFAULT_FOLDER, add_stack, open_place
from scatterfetch.project import project_of
from shared.errors import InvalidJobError

if TYPE_CHECKING:
    from functions.worker.transport.page import FetchedPage
    from shared.outcomes import Outcome

EXAMPLE = """\
Fetches one page as a worker would, once, and shows the rows that a spec makes of it, what is wrong
with them, which page kind it is, which links a crawl would follow, and how politely the website
would be visited. The rows are on standard output, one JSON object a line; everything else is on
standard error.

examples:
  $ scatterfetch try https://example.com/
  $ scatterfetch try https://example.com/ --field title=h1 --field more=a@href
  $ scatterfetch try https://example.com/books --rows article --field price=.price_color
  $ scatterfetch try https://example.com/ --spec spec.yaml --watch
  $ scatterfetch try --page books-9f86d081884c:https://example.com/ --spec spec.yaml
"""
EPILOG = """\
exit status:
  0    there are rows or links to follow, and nothing is wrong with them; with --html: there is a
       page
  1    the page could not be had or has neither, rows have problems, or the spec found nothing
  2    wrong usage or input; nothing was fetched
  130  interrupted
"""
_KEPT = re.compile(r"([^:/]+):(https?:.+)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(.*)@([A-Za-z_][\w:.-]*)")


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("url", nargs="?", metavar="URL")
    command.add_argument(
        "--page",
        metavar="FILE|JOB:URL",
        help="a page in place of a request: HTML or a WARC file, or what a job has kept",
    )
    command.add_argument(
        "--out",
        dest="folder",
        type=Path,
        metavar="DIR",
        help=f"where JOB was run (default: {DEFAULT_FOLDER})",
    )
    add_stack(command)
    command.add_argument(
        "--spec", type=Path, metavar="FILE", help="how to fetch, and what to extract"
    )
    command.add_argument(
        "--field",
        action="append",
        default=[],
        type=_field,
        metavar="NAME=CSS[@ATTR]",
        help="a column: the text, or an attribute, of what matches; repeat for more",
    )
    command.add_argument("--rows", metavar="CSS", help="a row for each element that matches")
    command.add_argument(
        "--input",
        action="append",
        default=[],
        type=_column,
        metavar="NAME=VALUE",
        help="what a list would say about the URL, for fields that read it; repeat for more",
    )
    command.add_argument("--html", action="store_true", help="print the page instead of its rows")
    command.add_argument(
        "--watch",
        action="store_true",
        help="again, whenever the spec or its Python parser is saved; "
        "the page is only fetched again where the spec fetches it in another way",
    )
    add_local(command)


def _field(text: str) -> tuple[str, dict[str, str]]:
    name, equals, css = text.partition("=")
    if not (name and equals and css):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=CSS, e.g. title=h1 or link=a@href")
    if not text.isascii() and text != text.encode(errors="ignore").decode():
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8")
    attribute = _ATTRIBUTE.fullmatch(css)
    if attribute is None:
        return name, {"css": css}
    return name, ({"css": attribute[1]} if attribute[1] else {}) | {"attr": attribute[2]}


def _column(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, e.g. product_id=17")
    return name, value


def run(args: argparse.Namespace) -> int:
    from scatterfetch.pages.trial import Trial, run_trial  # noqa: PLC0415 -- the engine

    kept = None if args.page is None else _kept(args)
    if kept is None and args.url is None:
        raise InvalidJobError("name a URL, or a page with --page")
    trial = Trial(
        url=args.url or "",
        kept=kept,
        spec_file=args.spec,
        fields=dict(args.field),
        rows=args.rows,
        said=dict(args.input),
    )
    parameters = local_parameters(args, project_of([args.spec] if args.spec else []))
    well = run_trial(trial, parameters, html=args.html, watch=args.watch)
    return 0 if well else 1


def _kept(args: argparse.Namespace) -> "tuple[Outcome, FetchedPage]":
    """
    Return the page that --page names, and what is known of it.

    Raises:
        InvalidJobError: there is no such page.
    """
    from scatterfetch.pages.page_file import outcome_of, page_of_file  # noqa: PLC0415 -- the engine
    from scatterfetch.results.kept_pages import kept_page  # noqa: PLC0415 -- likewise

    path, named = Path(args.page), _KEPT.fullmatch(args.page)
    if named is None or path.is_file():
        page = page_of_file(path, args.url)
        return outcome_of(page), page
    if args.url is not None:
        raise InvalidJobError("--page names the URL already; leave out the other one")
    return kept_page(open_place(args).data, named[1], named[2])

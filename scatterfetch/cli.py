"""
Scrape lists of URLs, here or on AWS.

    $ scatterfetch demo
    $ scatterfetch run urls.txt --out out
    $ scatterfetch run https://example.com/ --out out
    $ scatterfetch results out -o rows.csv
"""

import argparse
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch.results import (
    Format,
    Table,
    check_explode,
    explodable,
    find_results,
    format_of,
    prepare,
    replacing,
    write,
)
from shared.errors import InvalidJobError

if TYPE_CHECKING:
    from scatterfetch.run import Finished, UrlList

EPILOG = """\
exit status:
  0    every URL has its final outcome, and none failed
  1    some URLs failed, or could not be brought to an end
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
DEMO_EXAMPLE = """\
Starts some small bookshops on this machine, scrapes their list of pages through the
local cloud, and shows what came out.

example:
  $ scatterfetch demo
"""
RESULTS_EXAMPLE = """\
Makes a table of what `scatterfetch run` has left in DIR: a record for each row, with the URL
and the fetch time beside its values. Where a list is all that rows hold, such as `links`, each
of its elements is a record.

examples:
  $ scatterfetch results out | head -n 3
  $ scatterfetch results out --format csv > rows.csv
  $ scatterfetch results out --explode links -o links.xlsx
  $ scatterfetch results out --outcomes -o outcomes.parquet
"""
RESULTS_EPILOG = """\
exit status:
  0    everything is in the table
  1    something is not, and standard error says what: a damaged file, a text too long for Excel
  2    wrong usage or input; no table was made
  130  interrupted; the file of -o is as it was
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    args = _parser().parse_args(argv)
    try:
        status: int = args.command(args)
    except InvalidJobError as error:
        print(f"scatterfetch: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"scatterfetch: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    summary, _, example = (__doc__ or "").strip().partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="scatterfetch",
        description=summary,
        epilog=f"examples:\n{example}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("scatterfetch"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = _command(commands, "run", "scrape lists on this machine", RUN_EXAMPLE, _run)
    run.add_argument(
        "sources",
        nargs="+",
        metavar="URLFILE|URL",
        help="a file with one URL a line, or a URL itself",
    )
    run.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, and what to extract (default: spec.yaml beside the list, if any)",
    )
    _add_common(run, "out")

    demo = _command(commands, "demo", "scrape the bundled bookshops", DEMO_EXAMPLE, _demo)
    _add_common(demo, "demo-out")

    results = _command(
        commands,
        "results",
        "make a table of results",
        RESULTS_EXAMPLE,
        _results,
        epilog=RESULTS_EPILOG,
    )
    _add_results(results)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    text: str,
    function: Callable[[argparse.Namespace], int],
    *,
    epilog: str = EPILOG,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=function)
    return command


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
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_parameter,
        metavar="NAME=VALUE",
        help="set a parameter of template.yaml, e.g. AllowPrivateNetworks=true; repeat for more",
    )


def _add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="DIR", help="the --out of the run")
    command.add_argument(
        "--job", metavar="JOB", help="one job only (default: all of DIR, with a column that says)"
    )
    command.add_argument(
        "--format",
        type=Format,
        choices=[*Format],
        metavar="FORMAT",
        help=f"{', '.join(Format)} (default: as the name of FILE ends, or else jsonl)",
    )
    records = command.add_mutually_exclusive_group()
    records.add_argument(
        "--rows", action="store_true", help="a record for each extracted row (the default)"
    )
    records.add_argument(
        "--outcomes", action="store_true", help="a record for each URL: how it went, without rows"
    )
    lists = command.add_mutually_exclusive_group()
    lists.add_argument(
        "--explode", metavar="FIELD", help="a record for each element of this field of the rows"
    )
    lists.add_argument(
        "--no-explode",
        action="store_true",
        help="rows as they are, even if all they hold is a list",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="written at the end, in one step (default: standard output)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _run(args: argparse.Namespace) -> int:
    from scatterfetch.run import read_lists  # noqa: PLC0415 -- --help need not wait for boto3

    urls = [source for source in args.sources if _is_url(source)]
    files = [Path(source) for source in args.sources if not _is_url(source)]
    lists = read_lists(files, urls, spec=args.spec)
    with _locked(args.out):
        finished = _run_lists(args, lists, dict(args.parameter))
    return _exit_status(finished)


def _demo(args: argparse.Namespace) -> int:
    from scatterfetch.demo.show import DEMO_PARAMETERS, demo_list, forget, print_rows  # noqa: PLC0415
    from scatterfetch.demo.website import running_website  # noqa: PLC0415

    with _locked(args.out), running_website() as port:
        forget(args.out)
        url_list = demo_list(args.out)
        parameters = {
            **DEMO_PARAMETERS,
            "ConnectTo": f"::127.0.0.1:{port}",
            **dict(args.parameter),
        }
        finished = _run_lists(args, [url_list], parameters)
        if _exit_status(finished) > 1:
            return _exit_status(finished)
        whole = print_rows(finished.jobs[0], args.out)
    # That some of its pages fail is part of the demo.
    return 0 if whole else 1


def _results(args: argparse.Namespace) -> int:
    output = args.format or (Format.JSONL if args.output is None else format_of(args.output))
    if args.output is None and not output.is_text:
        raise InvalidJobError(f"--format {output} is no text; name a file with -o")
    if args.outcomes and (args.explode or args.no_explode):
        raise InvalidJobError("--explode and --no-explode are about rows; leave --outcomes out")
    prepare(output)
    table = Table(find_results(args.folder, args.job), outcomes=args.outcomes)
    if args.explode:
        check_explode(table, args.explode)
        table = replace(table, explode=args.explode)
    elif not args.outcomes and not args.no_explode:
        table = replace(table, explode=explodable(table))
    lost = False

    def report(sentence: str) -> None:
        nonlocal lost
        lost = True
        print(f"scatterfetch: {sentence}", file=sys.stderr)

    try:
        if args.output is None:
            count = write(table, output, sys.stdout.buffer, report)
            sys.stdout.flush()
        else:
            with replacing(args.output) as file:
                count = write(table, output, file, report)
            print(f"{args.output}: {count:,} {'record' if count == 1 else 'records'}")
    except BrokenPipeError:
        # As with `head`: whoever reads has enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if not count:
        what = (
            "final outcomes" if args.outcomes else "rows; --outcomes says what became of the URLs"
        )
        print(f"scatterfetch: {args.folder} has no {what}", file=sys.stderr)
    return 1 if lost else 0


def _run_lists(
    args: argparse.Namespace, lists: "list[UrlList]", parameters: dict[str, str]
) -> "Finished":
    from scatterfetch.display import open_display, print_summary  # noqa: PLC0415
    from scatterfetch.run import run  # noqa: PLC0415

    with open_display() as display:
        finished = run(lists, args.out, display, workers=args.workers, parameters=parameters)
    print_summary(finished, args.out)
    return finished


def _exit_status(finished: "Finished") -> int:
    """Say on standard error why a run did not end well; return its exit status."""
    for job in finished.jobs:
        if job.problem:
            print(f"scatterfetch: {job.problem}", file=sys.stderr)
    if finished.interrupted:
        print("scatterfetch: interrupted; the same command goes on", file=sys.stderr)
        return 130
    if any(job.problem for job in finished.jobs):
        return 2
    if finished.dead_letters:
        print(
            f"scatterfetch: messages given up on after several deliveries: "
            f"{finished.dead_letters}; the logs folder says why, and the same command tries again",
            file=sys.stderr,
        )
    elif not finished.complete:
        print(
            "scatterfetch: some URLs have no outcome, and nothing is left in the queues; the logs "
            "folder may say why, and the same command tries them again",
            file=sys.stderr,
        )
    failed = any(name.startswith(("failed", "dead")) for name in finished.progress.outcomes)
    return 1 if failed or not finished.complete else 0


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidJobError(
                f"another run is writing to {folder}; wait for it, or use another --out"
            ) from None
        yield

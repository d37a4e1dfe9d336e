"""`scatterfetch try`: one page, what becomes of it, and why."""

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.table import Table

from scatterfetch.commands.command import Commands, add_command, add_parameter
from scatterfetch.commands.local_settings import local_settings
from shared.errors import InvalidJobError, Reason

if TYPE_CHECKING:
    from functions.worker.extraction.extractor import ExtractionProcess
    from scatterfetch.runs.probe import Seen
    from shared.settings import WorkerSettings
    from shared.spec import Spec

EXAMPLE = """\
Fetches one page as a worker would, once, and shows the rows that a spec makes of it, what is wrong
with them, and how politely the website would be visited. The rows are on standard output, one
JSON object a line; everything else is on standard error.

examples:
  $ scatterfetch try https://example.com/
  $ scatterfetch try https://example.com/ --field title=h1 --field more=a@href
  $ scatterfetch try https://example.com/books --rows article --field price=.price_color
  $ scatterfetch try https://example.com/ --spec spec.yaml --watch
"""
EPILOG = """\
exit status:
  0    there are rows
  1    the page could not be had, or has none
  2    wrong usage or input; nothing was fetched
  130  interrupted
"""
_TICK = 0.1  # seconds between two looks at a file
_ROWS_SHOWN = 10
_CELL = 60  # characters
_IN_TERMINAL = 3  # rows as JSON
_ATTRIBUTE = re.compile(r"(.*)@([A-Za-z_][\w:.-]*)")


def add_commands(commands: Commands) -> None:
    command = add_command(commands, "try", "scrape one page, now", EXAMPLE, _try, epilog=EPILOG)
    command.add_argument("url", metavar="URL")
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
    command.add_argument("--html", action="store_true", help="print the page instead of its rows")
    command.add_argument(
        "--watch",
        action="store_true",
        help="again, whenever the spec or its Python parser is saved; "
        "the page is only fetched again where the spec fetches it in another way",
    )
    add_parameter(command)


def _field(text: str) -> tuple[str, dict[str, str]]:
    name, equals, css = text.partition("=")
    if not (name and equals and css):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=CSS, e.g. title=h1 or link=a@href")
    attribute = _ATTRIBUTE.fullmatch(css)
    if attribute is None:
        return name, {"css": css}
    return name, ({"css": attribute[1]} if attribute[1] else {}) | {"attr": attribute[2]}


def _try(args: argparse.Namespace) -> int:
    with local_settings(args) as local:
        return _try_with(args, local.parameters)


def _try_with(args: argparse.Namespace, parameters: Mapping[str, str]) -> int:
    # --help need not wait for all that.
    from functions.worker.extraction.extractor import ExtractionProcess  # noqa: PLC0415
    from scatterfetch.lists.specs import check_parser  # noqa: PLC0415
    from scatterfetch.runs.probe import worker_settings  # noqa: PLC0415

    if args.watch and args.spec is None:
        raise InvalidJobError("--watch needs --spec, the file to watch")
    saved = _saved(args.spec)
    spec = _spec(args)
    check_parser(str(args.spec), spec)
    settings = worker_settings(parameters)
    process = ExtractionProcess()
    try:
        seen = _look(args, spec, settings, process, None)
        while args.watch:
            saved = _wait_for_change(args.spec, spec, saved)
            process.stop()  # it has imported the parser as it was
            try:
                spec = _spec(args)
            except InvalidJobError as error:
                print(f"scatterfetch: {error}", file=sys.stderr)
                continue
            seen = _look(args, spec, settings, process, seen)
    finally:
        process.stop()
    return 0 if seen[1].outcome.rows or (args.html and seen[1].page) else 1


def _look(
    args: argparse.Namespace,
    spec: "Spec",
    settings: "WorkerSettings",
    process: "ExtractionProcess",
    before: "tuple[Spec, Seen] | None",
) -> "tuple[Spec, Seen]":
    from scatterfetch.runs.probe import extract_again, fetch  # noqa: PLC0415

    if before is None or before[1].page is None or before[0].fetch != spec.fetch:
        seen = asyncio.run(fetch(args.url, spec, settings, process))
    else:
        seen = asyncio.run(extract_again(before[1], spec, settings, process))
    show(seen, spec, settings, html=args.html)
    return spec, seen


def _spec(args: argparse.Namespace) -> "Spec":
    from functions.dispatcher.specs import parse_spec  # noqa: PLC0415

    if args.spec is None:
        text = b""
    else:
        try:
            text = args.spec.read_bytes()
        except OSError as error:
            message = f"cannot read the spec {args.spec}: {error.strerror}"
            raise InvalidJobError(message) from error
    spec = parse_spec(str(args.spec), text)
    if not args.field and not args.rows:
        return spec
    extract: dict[str, Any] = {"fields": dict(args.field)}
    if args.rows:
        extract["rows"] = args.rows
    # JSON is YAML, and so it is checked like any other spec.
    given = parse_spec("--rows, --field", json.dumps({"extract": extract}).encode())
    from msgspec.structs import replace  # noqa: PLC0415

    return replace(spec, extract=given.extract, parser=None)


_File = tuple[int, int]  # when it was last saved, in nanoseconds, and its size in bytes


class _Saved(NamedTuple):
    """When files were last saved: the spec, and the modules of Python parsers."""

    spec: _File | None
    parsers: Mapping[Path, _File]


def _saved(path: Path | None) -> _Saved:
    from functions.worker import parsers  # noqa: PLC0415

    modules = [file for folder in parsers.__path__ for file in Path(folder).rglob("*.py")]
    seen = {file: saved for file in modules if (saved := _file(file)) is not None}
    return _Saved(None if path is None else _file(path), seen)


def _file(path: Path) -> _File | None:
    try:
        status = path.stat()
    except OSError:  # an editor may replace it just now
        return None
    return status.st_mtime_ns, status.st_size


def _wait_for_change(path: Path, spec: "Spec", before: _Saved) -> _Saved:
    """
    Wait until the spec, or the module of its parser, is another file than `before`.

    Editors empty a file and then write it. So a save counts when two looks see the same, and a spec
    that is empty or away is a save that has not ended.
    """
    print(f"watching {path}; Ctrl-C ends it", file=sys.stderr)
    last = before
    while True:
        now = _saved(path)
        changed = now.spec != before.spec or (spec.parser and now.parsers != before.parsers)
        if changed and now == last and now.spec is not None and now.spec[1]:
            return now
        last = now
        time.sleep(_TICK)


def show(seen: "Seen", spec: "Spec", settings: "WorkerSettings", *, html: bool) -> None:
    """Print what came of a page."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    outcome = seen.outcome
    facts = [str(outcome.outcome)]
    facts += [f"{outcome.reason}: {outcome.detail}"] if outcome.reason else []
    if seen.page is not None:
        facts.append(
            f"{outcome.status} {outcome.content_type or 'no content type'}, "
            f"{outcome.bytes:,} bytes ({outcome.wire_bytes:,} as sent) in {outcome.elapsed_ms} ms"
        )
    console.print("; ".join(facts), style="bold")
    if outcome.reason is Reason.PRIVATE_ADDRESS:
        console.print("--parameter AllowPrivateNetworks=true lets it be fetched")
    for url in outcome.redirects:
        console.print(f"redirected to {url}")
    for line in _politeness(seen, spec, settings):
        console.print(line)
    if outcome.robots_tags:
        console.print(f"the page asks robots for {', '.join(outcome.robots_tags)}")
    if html:
        if seen.page is not None:
            print(_text(seen))
        return
    for problem in outcome.problems:
        name = f"{problem['field']}: " if problem["field"] else ""
        value = "" if problem["value"] is None else f": {_cell(problem['value'])}"
        console.print(f"problem: {name}{problem['problem']}{value}", style="yellow")
    if outcome.rows:
        console.print(_table(outcome.rows))
    _print_json(outcome.rows, console)


def _politeness(seen: "Seen", spec: "Spec", settings: "WorkerSettings") -> list[str]:
    """Return what robots.txt and the pause mean for the page and its website."""
    from shared.urls import origin_of  # noqa: PLC0415 -- the lists of public suffixes

    fetch, outcome = spec.fetch, seen.outcome
    host = (outcome.final_url or outcome.url).split("/")[2]
    wish = None
    if fetch.robots == "ignore":
        lines = ["robots.txt: not asked for, as the spec says"]
    elif seen.page is None:
        return []
    else:
        origin = origin_of(seen.page.url)
        cached = seen.state.robots.get(origin)
        rules = cached.rules(fetch.user_agent or settings.user_agent) if cached else None
        wish = rules.pause(fetch.max_crawl_delay) if rules else None
        lines = ["robots.txt: allows this page"]
        if wish is not None:
            lines[0] += f", and wants {wish:g} s between requests"
    pause = max(fetch.pause, wish or 0.0)
    hours = f"; 1,000 pages of {host} take {_duration(1_000 * pause)} or more" if pause else ""
    lines.append(f"pause: {pause:g} s between requests, {fetch.per_host} at once at most{hours}")
    return lines


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"  # noqa: PLR2004


def _text(seen: "Seen") -> str:
    from functions.worker.parsers import Page  # noqa: PLC0415

    assert seen.page is not None
    return Page(seen.page).text


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if len(rows) == 1:
        table = _columns(["column", "value"])
        for name in names:
            table.add_row(name, _cell(rows[0][name]))
        return table
    more = f"{len(rows)} rows"
    if len(rows) > _ROWS_SHOWN:
        more += f", of which {_ROWS_SHOWN} are shown"
    table = _columns(names)
    table.caption, table.caption_justify = more, "left"
    for row in rows[:_ROWS_SHOWN]:
        table.add_row(*(_cell(row.get(name)) for name in names))
    return table


def _columns(names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    return table


def _cell(value: Any) -> str:  # noqa: ANN401 -- JSON
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _print_json(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    shown = rows[:_IN_TERMINAL] if sys.stdout.isatty() else rows
    for row in shown:
        print(json.dumps(row, ensure_ascii=False))
    sys.stdout.flush()
    if len(shown) < len(rows):
        console.print(f"... and {len(rows) - len(shown)} more, which `| cat` would show")

"""What came of one page, as people read it: its rows, what is wrong with them, the politeness."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from functions.worker.parsers import Page
from shared.errors import Reason
from shared.urls import origin_of

if TYPE_CHECKING:
    from scatterfetch.pages.probe import Seen
    from shared.settings import WorkerSettings
    from shared.spec import Spec

_ROWS_SHOWN = 10
_CELL = 60  # characters
_IN_TERMINAL = 3  # rows as JSON


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

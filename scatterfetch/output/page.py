"""What came of one page, as people read it: its rows, what is wrong with them, the politeness."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from functions.worker.extraction.kinds import Kinds
from functions.worker.parsers import Page
from functions.worker.scraping.overrides import Overrides
from scatterfetch.output.sentences import remedy
from shared.messages import Target
from shared.urls import origin_of, parse_url

if TYPE_CHECKING:
    from scatterfetch.pages.probe import Seen
    from shared.settings import WorkerSettings
    from shared.spec import Spec

_ROWS_SHOWN = 10
_LINKS_SHOWN = 20
_CELL = 60  # characters
_NARROW = 8  # of a column, if there is more to show
_GAP = 2  # between two columns
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
    if spec.pages and seen.page is not None:
        console.print(f"page kind: {outcome.page or 'none; the top level of the spec counts'}")
    if advice := remedy(outcome.reason):
        console.print(advice)
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
    for line in _links(seen, spec):
        console.print(line)
    if outcome.rows:
        console.print(_table(outcome.rows, console.width))
    _print_json(outcome.rows, console)


def _politeness(seen: "Seen", spec: "Spec", settings: "WorkerSettings") -> list[str]:
    """Return what robots.txt and the pause mean for the page and its website."""
    fetch, outcome = spec.fetch, seen.outcome
    if seen.is_kept:
        return [f"the page was kept at {outcome.fetched_at}; nothing was asked for"]
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
    url, target = (
        parse_url(outcome.final_url or outcome.url),
        Target(outcome.url, page=outcome.page),
    )
    fetch = Overrides(spec, Kinds(spec)).of(url, target)
    pause = max(fetch.pause, wish or 0.0)
    hours = f"; 1,000 pages of {host} take {_duration(1_000 * pause)} or more" if pause else ""
    lines.append(f"pause: {pause:g} s between requests, {fetch.per_host} at once at most{hours}")
    return lines


def _links(seen: "Seen", spec: "Spec") -> Iterator[str]:
    """Yield which links of the page a crawl would follow, and what cuts off the others."""
    found, cut = seen.followed.found, seen.followed.cut
    if not spec.follows or seen.page is None:
        return
    reasons = ", ".join(f"{why} {count:,}" for why, count in sorted(cut.items()))
    yield (
        f"links: {len(found):,} would be followed"
        + (f", {sum(cut.values()):,} would not: {reasons}" if cut else "")
    )
    kinds = Kinds(spec)
    for link in found[:_LINKS_SHOWN]:
        kind = kinds.kind_of(link.url, link.page)
        carried = [f"{name}={_cell(value)}" for name, value in (link.carry or {}).items()]
        yield "  ".join(["", link.url, *([kind] if kind else []), *carried])
    if len(found) > _LINKS_SHOWN:
        yield f"  ... and {len(found) - _LINKS_SHOWN:,} more"
    for left in seen.followed.cut_links[:_LINKS_SHOWN]:
        yield f"  not {left.url}  {_why_not(left.cut, spec)}"


def _why_not(cut: str, spec: "Spec") -> str:
    if cut == "kind":
        return "of no kind: it fits the match of none"
    if cut == "nofollow":
        return "the page asks robots not to follow its links"
    limit = getattr(spec.crawl, cut)
    if cut == "within":
        return (
            f"out of scope: crawl.within is {limit if isinstance(limit, str) else ', '.join(limit)}"
        )
    return f"crawl.{cut} is {limit:,}"


def _duration(seconds: float) -> str:
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"  # noqa: PLR2004


def _text(seen: "Seen") -> str:
    assert seen.page is not None
    return Page(seen.page).text


def _table(rows: Sequence[Mapping[str, Any]], width: int) -> Table:
    """Return a table of `rows` that is no wider than `width`; what is left out, it says."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if len(rows) == 1:
        entries = [[name, _cell(rows[0][name])] for name in names]
        return _columns(["column", "value"], entries, width)
    more = f"{len(rows)} rows"
    if len(rows) > _ROWS_SHOWN:
        more += f", of which {_ROWS_SHOWN} are shown"
    cells = [[_cell(row.get(name)) for name in names] for row in rows[:_ROWS_SHOWN]]
    table = _columns(names, cells, width)
    if hidden := names[len(table.columns) :]:
        more += f"; no room for {', '.join(hidden)}, which the JSON has"
    table.caption, table.caption_justify = more, "left"
    return table


def _columns(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    table = Table(box=None, pad_edge=False)
    wanted = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    for name, limit in zip(names, column_widths(wanted, width), strict=False):
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=limit)
    for row in rows:
        table.add_row(*row[: len(table.columns)])
    return table


def column_widths(wanted: Sequence[int], width: int) -> list[int]:
    """
    Return the widths of the columns that a table of `width` has room for, the first ones.

    The widest ones give way first. rich would take the same from each, and so whole columns that
    are narrow, without a word.
    """
    shown = len(wanted)
    while shown > 1 and sum(min(one, _NARROW) + _GAP for one in wanted[:shown]) - _GAP > width:
        shown -= 1
    room = width - _GAP * (shown - 1)
    limit = max(wanted[:shown], default=0)
    while limit > _NARROW and sum(min(one, limit) for one in wanted[:shown]) > room:
        limit -= 1
    return [min(one, limit) for one in wanted[:shown]]


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

"""The table of a job's outcomes by kind and reason."""

from collections.abc import Mapping

from rich.table import Table

from shared.outcomes import Kind


def outcome_table(final: Mapping[str, int], open_: Mapping[str, int], total: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("outcome", "reason"):
        table.add_column(name)
    table.add_column("URLs", justify="right")
    for name, count in sorted(final.items(), key=lambda entry: _order(entry[0])):
        kind, _, reason = name.partition("-")
        table.add_row(kind, reason, f"{count:,}")
    for what, count in open_.items():
        if count:
            table.add_row(what, "", f"{count:,}")
    table.add_row("total", "", total, style="bold")
    return table


def _order(name: str) -> tuple[int, str]:
    return [*Kind].index(Kind(name.partition("-")[0])), name

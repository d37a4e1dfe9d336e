"""What `scatterfetch try` shows of a page."""

import io

import pytest
from rich.console import Console

from scatterfetch.output.page import _table, column_widths


@pytest.mark.parametrize(
    ("wanted", "width", "found"),
    [
        pytest.param([5, 6], 80, [5, 6], id="room enough"),
        pytest.param([60, 6, 4], 40, [26, 6, 4], id="the widest gives way"),
        pytest.param([60, 6, 60], 40, [15, 6, 15], id="both of them"),
        pytest.param([60] * 9, 28, [8, 8, 8], id="what has no room is left out"),
        pytest.param([60], 5, [8], id="one is always there"),
    ],
)
def test_columns_share_the_width(wanted: list[int], width: int, found: list[int]) -> None:
    assert column_widths(wanted, width) == found


def test_a_column_without_room_is_named() -> None:
    """It was dropped without a word, and narrow ones first."""
    rows = [
        {"title": "A long title " * 4, "price": 12.5, **{f"extra_{n}": "x" * 30 for n in range(9)}}
        for _ in range(2)
    ]
    console = Console(width=40, file=io.StringIO(), soft_wrap=True)

    console.print(_table(rows, console.width))

    assert isinstance(console.file, io.StringIO)
    head, *_, caption = console.file.getvalue().splitlines()
    assert head.split()[:2] == ["title", "price"]
    shown = len(head.split())
    assert [f"extra_{n}" for n in range(shown - 2, 9)] == caption.partition("no room for ")[
        2
    ].removesuffix(", which the JSON has").split(", ")

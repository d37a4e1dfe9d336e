from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from scatterfetch.results.moments import moment_of


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-04", date(2026, 3, 4)),
        ("2026-03-04T10:00", datetime(2026, 3, 4, 10)),  # noqa: DTZ001 -- it names no zone
        ("2026-03-04 10:00:07", datetime(2026, 3, 4, 10, 0, 7)),  # noqa: DTZ001
        ("2026-03-04T10:00:00.120Z", datetime(2026, 3, 4, 10, 0, 0, 120_000, UTC)),
        (
            "2026-03-04T10:00:00-05:00",
            datetime(2026, 3, 4, 10, tzinfo=timezone(-timedelta(hours=5))),
        ),
        ("9999-12-31", date(9999, 12, 31)),
    ],
)
def test_a_full_date_is_a_value(text: str, moment: date) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-03",
        "2026-02-30",
        "20260304",
        "2026-W10-3",
        " 2026-03-04",
        "2026-03-04\n",
        "2026-03-04T10",
        "2026-03-04T25:00",
        "2026-03-04T10:00:60Z",
        "2026-03-04T10:00:00.1234567Z",
        "9999-12-31T23:59:59-05:00",
        "0001-01-01",
        "٢٠٢٦-03-04",
    ],
)
def test_any_other_text_is_no_date(text: str) -> None:
    assert moment_of(text) is None

"""What the lines of a run say while it goes on, where there is no terminal."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from scatterfetch.jobs.progress import Progress
from scatterfetch.output.live import _LiveDisplay, open_display

BEGINNING = Progress(
    total=0, complete=False, outcomes={}, earlier=0, hosts=0, under_way=0, delayed={}, elapsed=1.0
)


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        pytest.param(BEGINNING, "0/? URLs", id="nothing is read"),
        pytest.param(
            replace(BEGINNING, total=5, complete=True, hosts=1, under_way=5),
            "0/5 URLs, 5 under way at 1 host",
            id="nothing has come to its end",
        ),
        pytest.param(
            replace(
                BEGINNING, total=34, complete=True, hosts=1, under_way=14, outcomes={"scraped": 34}
            ),
            "34/34 URLs, 34/s, 34 scraped",
            id="a worker has not yet said that it is through",
        ),
        pytest.param(
            replace(BEGINNING, total=2, complete=True, outcomes={"scraped": 2}, elapsed=5.0),
            "2/2 URLs, 0.4/s, 2 scraped",
            id="slow",
        ),
        pytest.param(
            replace(BEGINNING, hosts=1, under_way=20, outcomes={"scraped": 16}),
            "16/36+ URLs, 16/s, 16 scraped, 20 under way at 1 host",
            id="workers are faster than the list is read",
        ),
        pytest.param(
            replace(
                BEGINNING, total=100, complete=True, hosts=1, under_way=1, outcomes={"scraped": 99}
            ),
            "99/100 URLs, 99/s, some seconds left, 99 scraped, 1 under way at 1 host",
            id="something is left, and so is time",
        ),
        pytest.param(
            replace(
                BEGINNING, total=5, complete=True, outcomes={"scraped": 4}, delayed={"http_503": 1}
            ),
            "4/5 URLs, 4/s, waiting for their time: 1 http_503, 4 scraped",
            id="nothing can be done now",
        ),
    ],
)
def test_a_line_does_not_contradict_itself(
    progress: Progress, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_display() as display:
        display.show(progress)

    assert capsys.readouterr().err == f"{line}\n"


ALL = replace(BEGINNING, total=90, complete=True, outcomes={"scraped": 90}, elapsed=9.0)


def test_the_end_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Its summary is waited for, and the rate falls meanwhile."""
    with open_display() as display:
        display.show(ALL)
        display.show(replace(ALL, elapsed=10.0))

    assert capsys.readouterr().err == "90/90 URLs, 10/s, 90 scraped\n"


def test_the_time_left_follows_the_pace_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last hosts are the slow ones: the mean of all would say that no time is left."""
    monkeypatch.setattr("scatterfetch.output.live._LINE_INTERVAL", 0.0)
    with open_display() as display:
        for elapsed, done in ((1.0, 0), (10.0, 1_000), (30.0, 1_020), (31.0, 1_020)):
            display.show(replace(ALL, total=1_040, elapsed=elapsed, outcomes={"scraped": done}))

    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "1,020/1,040 URLs, 0.95/s, 21 s left, 1,020 scraped"


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_a_line_fits_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for is left out whole, the least important first."""
    progress = replace(
        BEGINNING,
        total=12_000,
        complete=True,
        outcomes={"scraped": 3_456, "failed-http_404": 78, "skipped-content_type": 9},
        hosts=31,
        under_way=3_200,
        elapsed=60.0,
    )
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr("scatterfetch.output.live.Console", lambda **_: console)

    with open_display() as display:
        display.show(progress)
        assert isinstance(display, _LiveDisplay)
        display._bar.refresh()

    line = re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.getvalue()).strip())[-1]
    facts = [
        "59/s, 2 min left",
        ", 3,456 scraped, 78 failed, 9 skipped",
        ", 3,200 under way at 31 hosts",
    ]
    shown_facts = "".join(facts[: {40: 1, 60: 1, 80: 2, 100: 2, 200: 3}[width]])
    assert re.fullmatch(rf"3,543/12,000 ([━╸╺ ]+ )?{shown_facts} +0:00:00", line)
    assert len(line) <= width

"""What the lines of a run say while it goes on, where there is no terminal."""

from dataclasses import replace

import pytest

from scatterfetch.jobs.progress import Progress
from scatterfetch.output.live import open_display

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
    ],
)
def test_a_line_does_not_contradict_itself(
    progress: Progress, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_display() as display:
        display.show(progress)

    assert capsys.readouterr().err == f"{line}\n"

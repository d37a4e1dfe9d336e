"""What a run says at its end."""

from pathlib import Path

import pytest

from scatterfetch.deployment import Folder
from scatterfetch.display import report
from scatterfetch.watch import Finished, Job, Progress, UrlList

NOWHERE = Progress(
    total=1, complete=True, outcomes={}, earlier=0, hosts=0, under_way=0, delayed={}, elapsed=1.0
)


@pytest.mark.parametrize(("interrupted", "status"), [(True, 130), (False, 1)])
def test_a_full_disk_is_the_last_word(
    interrupted: bool, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages that were given up on are its consequence, and tell nobody what to do."""
    problem = "cannot write out/results/x: No space left on device"
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    finished = Finished(
        [job], NOWHERE, dead_letters=3, interrupted=interrupted, disk_problem=problem
    )

    assert report(finished, Folder(tmp_path)) == status

    *others, last = capsys.readouterr().err.splitlines()
    assert last == f"scatterfetch: {problem}; make room, and the same command goes on"
    assert others

"""What is printed of jobs at their end."""

from pathlib import Path

import pytest

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.progress import Finished, Job, Progress
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.summary import print_summary

NOWHERE = Progress(
    total=1, complete=True, outcomes={}, earlier=0, hosts=0, under_way=0, delayed={}, elapsed=1.0
)


@pytest.mark.parametrize(
    ("targets", "shown"), [(0, ["total 20+"]), (25, ["not done 5", "total 25"])]
)
def test_no_fewer_urls_than_outcomes_are_known(
    targets: int, shown: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interrupted run may have read less of the list than the one before has done."""
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    job.ledger.receipts["00000-000000"] = {"scraped": 20}
    if targets:
        job.ledger.dispatched["00000"] = {"batches": 2, "targets": targets}
    finished = Finished([job], NOWHERE, dead_letters=0, interrupted=True)

    print_summary(finished, Folder(tmp_path))

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("scraped 20") + 1 :][: len(shown)] == shown
    assert not any("not done -" in line for line in lines)

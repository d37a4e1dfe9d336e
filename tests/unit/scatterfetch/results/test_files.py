from pathlib import Path

import pytest

from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from shared.errors import InvalidJobError
from tests.results import outcome, put_results


def test_files_come_in_the_order_of_batches(tmp_path: Path) -> None:
    """What a batch has deferred comes after it, and before the next batch of the list."""
    batches = ["000000", "000000-1", "000000-2", "000000-2-1", "000000-10", "000001", "1000000"]
    for batch in reversed(batches):
        put_results(tmp_path, "books", f"00000-{batch}", outcome(f"/{batch}", {"title": "T"}))

    records = Table(find_results(tmp_path)).records()

    assert [record["url"].rpartition("/")[2] for record in records] == batches


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere", "nowhere is no folder; name the folder that `scatterfetch run` was given"),
        ("empty", "empty has no results; name the folder that `scatterfetch run` was given"),
    ],
)
def test_a_folder_without_results_is_wrong_input(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "empty/results/job=books").mkdir(parents=True)

    with pytest.raises(InvalidJobError, match=problem):
        find_results(tmp_path / name)


def test_an_unknown_job_is_answered_with_those_there_are(tmp_path: Path) -> None:
    for job in ("wine", "books"):
        put_results(tmp_path, job, "00000-000000")

    with pytest.raises(InvalidJobError, match="no results of the job 'cars'; it has books, wine"):
        find_results(tmp_path, "cars")

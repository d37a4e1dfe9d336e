"""What is said of jobs at their end: whether they ended well."""

import dataclasses
from pathlib import Path

import pytest
from msgspec.structs import replace

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.progress import Finished, Job, Progress
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.verdict import report
from shared.manifest import Manifest
from shared.receipts import receipt_key
from shared.spec import Spec

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


@pytest.mark.parametrize(("refused", "status"), [(1, 1), (2, 2)])
def test_a_refused_list_beside_one_that_was_scraped_is_not_as_if_nothing_was_fetched(
    refused: int, status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Manifest(
        job="j", spec=Spec(), partitions=1, batch_size=1, created_at="", error="no URL in it"
    )
    jobs = [
        Job(
            f"j{n}", UrlList(f"{n}.txt", f"a/{n}.txt", b"", None), manifest if n < refused else None
        )
        for n in range(2)
    ]
    for job in jobs[refused:]:
        job.manifest = replace(manifest, error=None, streamed=True)
        job.ledger.dispatched["00000"] = {"last": 1}
        job.ledger.shards = None
    finished = Finished(
        jobs, dataclasses.replace(NOWHERE, total=0), dead_letters=0, interrupted=False
    )

    assert report(finished, Folder(tmp_path)) == status
    assert capsys.readouterr().err == "scatterfetch: no URL in it\n" * refused


def ended(**outcomes: int) -> Finished:
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    job.manifest = Manifest(job="j", spec=Spec(), partitions=1, batch_size=1, created_at="")
    job.ledger.dispatched["00000"] = {"targets": 1}
    progress = dataclasses.replace(NOWHERE, outcomes=outcomes)
    return Finished([job], progress, dead_letters=0, interrupted=False)


def test_a_private_address_that_nobody_has_allowed_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the spec nor the website has asked for that."""
    finished = ended(**{"skipped-private_address": 1})

    assert report(finished, Folder(tmp_path)) == 1
    assert capsys.readouterr().err == (
        "scatterfetch: 1 URL skipped for a private address, such as localhost; "
        "--parameter AllowPrivateNetworks=true lets them be fetched\n"
    )


def test_a_command_that_begins_anew_names_no_redrive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The demo deletes what it has left."""
    finished = ended(**{"dead-http_5xx": 1})

    for goes_on in (True, False):
        assert report(finished, Folder(tmp_path), goes_on=goes_on) == 1
        assert ("redrive" in capsys.readouterr().err) is goes_on


def test_pages_that_went_wrong_are_a_command_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = ended(**{"failed-http_404": 1})
    [job] = finished.jobs
    counts = {"failed-http_404": 1, "scraped": 2, "problems": 1}
    job.ledger.add(receipt_key("j", "00000-000000", counts))

    assert report(finished, Folder(tmp_path)) == 1
    assert capsys.readouterr().err == (
        f"scatterfetch: `scatterfetch results {tmp_path} --outcome failed,problems` lists the "
        "pages that failed or have problems\n"
    )

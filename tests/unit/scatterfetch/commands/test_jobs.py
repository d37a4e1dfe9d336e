"""`scatterfetch jobs` of a folder in which somebody has edited."""

from pathlib import Path

import pytest

from scatterfetch.cli import main
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import read_summary
from shared.errors import InvalidJobError
from shared.keys import manifest_key, summary_key
from shared.manifest import Manifest, encode_manifest
from shared.spec import Spec


def put(folder: Path, key: str, body: bytes) -> None:
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    (folder / key).write_bytes(body)


def manifest(job: str) -> bytes:
    created = "2026-11-21T01:14:42.120+00:00"
    return encode_manifest(
        Manifest(job=job, spec=Spec(), partitions=8, batch_size=10, created_at=created)
    )


def test_a_job_that_cannot_be_read_is_named_and_holds_up_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for job in ("a", "c"):
        put(tmp_path, manifest_key(job), manifest(job))
    put(tmp_path, manifest_key("b"), b"{bro")

    status = main(["jobs", str(tmp_path)])

    said = capsys.readouterr()
    assert status == 1
    assert [line.split()[2] for line in said.out.splitlines()] == ["a", "c"]
    assert f"scatterfetch: {manifest_key('b')} is damaged, or of a later release: " in said.err
    assert "there are no jobs" not in said.err


def test_the_manifest_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, manifest_key("b"), b"{bro")

    assert main(["status", "b", str(tmp_path)]) == 2

    key = manifest_key("b")
    assert f"scatterfetch: {key} is damaged, or of a later release: " in capsys.readouterr().err


def test_the_summary_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    put(tmp_path, summary_key("b"), b"{bro")

    with pytest.raises(InvalidJobError, match=f"{summary_key('b')} is damaged, or of a later"):
        read_summary(Folder(tmp_path), "b")

from pathlib import Path

import msgspec
import pytest

from scatterfetch.jobs.folder import Folder
from scatterfetch.results.jobs import date_fields, manifests_of, older_jobs
from shared.keys import manifest_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Place
from shared.spec import Spec


def manifest(
    job: str, key: str | None, day: int, etag: str = "", spec: Spec | None = None
) -> Manifest:
    return Manifest(
        job=job,
        source=Place("local-input", key) if key else None,
        etag=etag,
        spec=spec or Spec(),
        partitions=1,
        batch_size=1,
        created_at=f"2026-11-{day:02d}T00:00:00.000Z",
    )


def older(*manifests: Manifest) -> list[str]:
    return older_jobs({one.job: one for one in manifests})


def test_of_each_list_all_jobs_but_the_newest_are_older() -> None:
    assert older(
        manifest("a-1", "books/urls.txt", 1),
        manifest("a-3", "books/urls.txt", 3, etag="changed since"),
        manifest("a-2", "books/urls.txt", 2),
        manifest("b-1", "wine/urls.txt", 1),
    ) == ["a-1", "a-2"]


@pytest.mark.parametrize("folder", ["command-line", "standard-input"])
def test_urls_of_no_file_are_a_list_by_what_they_are(folder: str) -> None:
    assert older(
        manifest("a-1", f"{folder}/urls.txt", 1, etag="one"),
        manifest("a-2", f"{folder}/urls.txt", 2, etag="two"),
        manifest("a-3", f"{folder}/urls.txt", 3, etag="one"),
    ) == ["a-1"]


def test_urls_of_messages_are_a_list_each() -> None:
    assert older(manifest("a-1", None, 1), manifest("a-2", None, 2)) == []


def test_a_job_without_a_manifest_stays_in_the_table(tmp_path: Path) -> None:
    for job, body in {
        "a": encode_manifest(manifest("a", "books/urls.txt", 1)),
        "b": b"{}",
    }.items():
        path = tmp_path / manifest_key(job)
        path.parent.mkdir(parents=True)
        path.write_bytes(body)

    found = manifests_of(Folder(tmp_path), ["a", "b", "c"])

    assert [*found] == ["a"]


def test_the_spec_says_which_fields_are_dates() -> None:
    fields = {"since": {"css": "time", "type": "date"}, "title": {"css": "h1"}}
    spec = msgspec.convert({"extract": {"fields": fields}}, Spec)

    assert date_fields([manifest("a", None, 1, spec=spec), manifest("b", None, 1)]) == {"since"}

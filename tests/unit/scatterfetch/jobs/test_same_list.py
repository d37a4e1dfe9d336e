from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import LastRuns
from scatterfetch.jobs.same_list import listed_jobs, manifests_of, namesakes, older_jobs
from shared.keys import manifest_key, run_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Place
from shared.spec import Spec
from tests.tables import unexpected


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


def older(*manifests: Manifest, **runs: dict[str, str]) -> dict[str, list[str]]:
    """Return what `older_jobs` does; of `runs` the name is that of a job with _ for -."""
    by_job = {job.replace("_", "-"): run for job, run in runs.items()}
    return older_jobs({one.job: one for one in manifests}, by_job)


def run_on(day: int, path: str = "/shop/urls.txt") -> dict[str, str]:
    return {path: f"2026-11-{day:02d}T00:00:00.000Z"}


def test_of_each_list_all_jobs_but_the_newest_are_older() -> None:
    assert older(
        manifest("a-1", "books/urls.txt", 1),
        manifest("a-3", "books/urls.txt", 3, etag="changed since"),
        manifest("a-2", "books/urls.txt", 2),
        manifest("b-1", "wine/urls.txt", 1),
    ) == {"a-3": ["a-1", "a-2"]}


def test_lists_of_one_name_in_several_folders_are_several_lists() -> None:
    assert not older(
        manifest("a-1", "shop/urls.txt", 1),
        manifest("a-2", "shop/urls.txt", 2),
        a_1=run_on(1, "/a/shop/urls.txt"),
        a_2=run_on(2, "/b/shop/urls.txt"),
    )


def test_a_job_of_two_lists_is_there_as_long_as_it_is_the_newest_of_one() -> None:
    two = manifest("a-1", "shop/urls.txt", 1), manifest("a-2", "shop/urls.txt", 2)
    both = run_on(1, "/a/shop/urls.txt") | run_on(1, "/b/shop/urls.txt")

    assert not older(*two, a_1=both, a_2=run_on(2, "/a/shop/urls.txt"))
    later = run_on(2, "/a/shop/urls.txt") | run_on(2, "/b/shop/urls.txt")
    assert older(*two, a_1=both, a_2=later) == {"a-2": ["a-1"]}


def test_the_newest_job_of_two_lists_has_the_older_ones_of_both() -> None:
    a, b = "/a/shop/urls.txt", "/b/shop/urls.txt"

    assert older(
        *(manifest(f"a-{day}", "shop/urls.txt", day) for day in range(1, 5)),
        a_1=run_on(1, a) | run_on(3, b),
        a_2=run_on(2, b),
        a_3=run_on(1, a),
        a_4=run_on(4, a) | run_on(4, b),
    ) == {"a-4": ["a-3", "a-2", "a-1"]}


def test_a_list_is_one_whatever_its_names_in_the_bucket() -> None:
    """Beside another folder of that name, the key of a list has a number."""
    assert older(
        manifest("a-1", "shop/urls.txt", 1),
        manifest("a-2", "shop-2/urls.txt", 2),
        a_1=run_on(1),
        a_2=run_on(2),
    ) == {"a-2": ["a-1"]}


def test_a_job_that_was_gone_on_with_is_newer_than_one_that_began_later() -> None:
    assert older(
        manifest("a-1", "shop/urls.txt", 1),
        manifest("a-2", "shop/urls.txt", 2),
        a_1=run_on(3),
        a_2=run_on(2),
    ) == {"a-1": ["a-2"]}


def test_a_job_of_an_older_release_is_of_the_only_list_of_its_name() -> None:
    one = manifest("a-1", "shop/urls.txt", 1), manifest("a-2", "shop/urls.txt", 2)
    assert older(*one, a_2=run_on(2)) == {"a-2": ["a-1"]}

    third = manifest("a-3", "shop/urls.txt", 3)
    assert not older(*one, third, a_2=run_on(2), a_3=run_on(3, "/b/shop/urls.txt"))


def test_jobs_of_lists_with_one_name_are_known_the_one_run_last_at_the_end() -> None:
    manifests = [
        manifest("a-1", "shop/urls.txt", 1),
        manifest("a-2", "shop/urls.txt", 2),
        manifest("a-3", "shop/urls.txt", 3),
        manifest("b-1", "wine/urls.txt", 1),
        manifest("c-1", "command-line/urls.txt", 1, etag="one"),
        manifest("c-2", "command-line/urls.txt", 1, etag="two"),
        manifest("d-1", None, 1),
        manifest("d-2", None, 2),
    ]
    runs = {"a-1": run_on(1, "/b/urls.txt") | run_on(4, "/c/urls.txt"), "a-2": run_on(2)}

    assert namesakes({one.job: one for one in manifests}, runs, lambda _: True) == {
        "shop/urls.txt": ["a-2", "a-3", "a-1"]
    }


def test_lists_of_one_name_that_are_all_there_are_no_list_that_was_moved() -> None:
    jobs = {job: manifest(job, "shop/urls.txt", 1) for job in ("a-1", "a-2")}
    runs = {"a-1": run_on(1, "a/urls.txt"), "a-2": run_on(2, "b/urls.txt")}

    assert not namesakes(jobs, runs, lambda _: True)
    assert namesakes(jobs, runs, {"b/urls.txt"}.__contains__) == {"shop/urls.txt": ["a-1", "a-2"]}


@pytest.mark.parametrize("folder", ["command-line", "standard-input"])
def test_urls_of_no_file_are_a_list_by_what_they_are(folder: str) -> None:
    assert older(
        manifest("a-1", f"{folder}/urls.txt", 1, etag="one"),
        manifest("a-2", f"{folder}/urls.txt", 2, etag="two"),
        manifest("a-3", f"{folder}/urls.txt", 3, etag="one"),
    ) == {"a-3": ["a-1"]}


def test_urls_of_messages_are_a_list_each() -> None:
    assert older(manifest("a-1", None, 1), manifest("a-2", None, 2)) == {}


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


def put(folder: Path, one: Manifest, error: str | None = None, **runs: int) -> None:
    """Put the manifest of a job into `folder`, and the days on which its lists were run."""
    path = folder / manifest_key(one.job)
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_manifest(replace(one, error=error)))
    days = {name: f"2026-11-{day:02d}T00:00:00.000+00:00" for name, day in runs.items()}
    (folder / run_key(one.job)).write_bytes(msgspec.json.encode(LastRuns(days)))


def test_a_refused_job_is_listed_until_its_list_is_run_again(tmp_path: Path) -> None:
    put(tmp_path, manifest("a-1", "shop/urls.txt", 1), "it is empty", a=1)
    put(tmp_path, manifest("a-2", "shop/urls.txt", 2), a=2)
    put(tmp_path, manifest("b-1", "shop/urls.txt", 1), "it is empty", b=1)
    put(tmp_path, manifest("c-2", "wine/urls.txt", 1), c=1)
    put(tmp_path, manifest("c-1", "wine/urls.txt", 2), "it is empty", c=2)

    listed = [one.job for one in listed_jobs(Folder(tmp_path), unexpected)]

    assert listed == ["b-1", "c-2", "a-2", "c-1"]


def test_urls_that_were_refused_are_listed_until_others_are_typed(tmp_path: Path) -> None:
    put(tmp_path, manifest("a-1", "command-line/urls.txt", 1, "one"), "no URL", x=1)
    put(tmp_path, manifest("b-1", "standard-input/urls.txt", 1, "one"), "no URL", x=1)
    put(tmp_path, manifest("a-2", "command-line/urls.txt", 2, "two"), y=2)

    assert [one.job for one in listed_jobs(Folder(tmp_path), unexpected)] == ["b-1", "a-2"]

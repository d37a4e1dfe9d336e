from pathlib import Path

import pytest

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import last_runs, note_run
from scatterfetch.lists.url_list import UrlList
from scatterfetch.project import FILE
from shared.keys import run_key


def test_a_job_is_of_each_list_that_it_was_run_for(tmp_path: Path) -> None:
    note_run(tmp_path, "a", "/a/urls.txt")
    note_run(tmp_path, "a", "/b/urls.txt")
    first = last_runs(Folder(tmp_path), "a")
    note_run(tmp_path, "a", "/b/urls.txt")

    assert [*first] == ["/a/urls.txt", "/b/urls.txt"]
    second = last_runs(Folder(tmp_path), "a")
    assert second["/a/urls.txt"] == first["/a/urls.txt"]
    assert second["/b/urls.txt"] >= first["/b/urls.txt"]


def test_what_is_damaged_says_nothing_and_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / run_key("a")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")

    assert last_runs(Folder(tmp_path), "a") == {}
    note_run(tmp_path, "a", "/a/urls.txt")
    assert [*last_runs(Folder(tmp_path), "a")] == ["/a/urls.txt"]


def test_what_has_another_form_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / run_key("a")
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"lists":{"/a/urls.txt":"2026-11-01T00:00:00.000Z"}}')

    assert last_runs(Folder(tmp_path), "a") == {}


def test_a_folder_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "jobs").touch()

    note_run(tmp_path, "a", "/a/urls.txt")

    assert [path.name for path in tmp_path.iterdir()] == ["jobs"]


def test_a_list_is_the_one_at_its_place(tmp_path: Path) -> None:
    lists = [
        UrlList(name, "shop/urls.txt", tmp_path / "urls.txt", None)
        for name in ("a/shop/urls.txt", "b/shop/urls.txt", "a/../b/shop/urls.txt")
    ]

    a, b, b_again = (one.identity_in(tmp_path / "out") for one in lists)

    assert a != b
    assert b == b_again


def located(path: Path, out: Path) -> str:
    return UrlList(str(path), f"{path.parent.name}/{path.name}", path, None).identity_in(out)


@pytest.mark.parametrize("out", ["out", ".", "shop/out"])
def test_a_list_is_the_same_where_it_was_moved_with_the_results(tmp_path: Path, out: str) -> None:
    a, b = (located(tmp_path / day / "shop/urls.txt", tmp_path / day / out) for day in "ab")

    assert a == b


@pytest.mark.parametrize("out", ["out", "shop/out", "build/of/it", "."])
def test_a_list_of_a_project_is_the_same_wherever_the_project_is(tmp_path: Path, out: str) -> None:
    lists = []
    for root in (tmp_path / "checkout", tmp_path / "mounted/there"):
        root.mkdir(parents=True)
        (root / FILE).touch()
        lists.append(located(root / "shop/urls.txt", root / out))

    assert lists[0] == lists[1]


def test_a_list_is_the_same_when_its_folder_becomes_a_project(tmp_path: Path) -> None:
    before = located(tmp_path / "shop/urls.txt", tmp_path / "out")
    (tmp_path / FILE).touch()

    assert located(tmp_path / "shop/urls.txt", tmp_path / "out") == before


def test_lists_of_two_projects_are_two_whatever_their_paths_there(tmp_path: Path) -> None:
    for root in "ab":
        (tmp_path / root).mkdir()
        (tmp_path / root / FILE).touch()

    for out in (tmp_path / "out", tmp_path / "a/out", tmp_path / "elsewhere/out"):
        a, b = (located(tmp_path / root / "shop/urls.txt", out) for root in "ab")
        assert a != b


def test_a_list_elsewhere_is_known_by_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / FILE).touch()

    assert located(tmp_path / "b/urls.txt", tmp_path / "a/out") == f"{tmp_path / 'b/urls.txt'}"
    assert located(tmp_path / "urls.txt", tmp_path / "c/out") == f"{tmp_path / 'urls.txt'}"


def test_a_list_is_where_its_link_is(tmp_path: Path) -> None:
    """It may lead to another file each day. Folders may be reached by links as well."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "monday.txt").touch()
    (real / "urls.txt").symlink_to("monday.txt")
    (tmp_path / "link").symlink_to(real)

    (tmp_path / "there").symlink_to(real / "shop")
    (real / "shop").mkdir()

    assert located(tmp_path / "link/urls.txt", real / "out") == "../urls.txt"
    assert located(real / "urls.txt", tmp_path / "link/out") == "../urls.txt"
    assert located(tmp_path / "there/../urls.txt", real / "out") == "../urls.txt"


def test_a_folder_of_results_may_be_named_by_dots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out/deep")

    assert located(Path("../../urls.txt"), Path("..")) == "../urls.txt"
    assert located(Path("urls.txt"), Path()) == "urls.txt"


def test_urls_of_no_file_are_the_list_that_they_make() -> None:
    one, same, other = (
        UrlList("the command line", "command-line/urls.txt", body, None).identity_in(Path("out"))
        for body in (b"http://a.example/", b"http://a.example/", b"http://b.example/")
    )

    assert one == same
    assert one != other


def test_the_pages_of_a_sitemap_are_a_list_by_its_url(tmp_path: Path) -> None:
    url = "https://shop.example/sitemap.xml"

    one = UrlList(url, "sitemaps/a.txt", tmp_path / "a.txt", None)

    assert one.identity_in(tmp_path / "out") == url

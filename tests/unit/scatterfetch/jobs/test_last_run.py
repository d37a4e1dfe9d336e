from pathlib import Path

from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import last_runs, note_run
from scatterfetch.lists.url_list import UrlList
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


def test_a_folder_that_cannot_be_written_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "jobs").touch()

    note_run(tmp_path, "a", "/a/urls.txt")

    assert [path.name for path in tmp_path.iterdir()] == ["jobs"]


def test_a_list_is_the_one_at_its_place(tmp_path: Path) -> None:
    lists = [
        UrlList(name, "shop/urls.txt", tmp_path / "urls.txt", None)
        for name in ("a/shop/urls.txt", "b/shop/urls.txt", "a/../b/shop/urls.txt")
    ]

    a, b, b_again = (one.identity for one in lists)

    assert a != b
    assert b == b_again


def test_urls_of_no_file_are_the_list_that_they_make() -> None:
    one, same, other = (
        UrlList("the command line", "command-line/urls.txt", body, None).identity
        for body in (b"http://a.example/", b"http://a.example/", b"http://b.example/")
    )

    assert one == same
    assert one != other


def test_the_pages_of_a_sitemap_are_a_list_by_its_url(tmp_path: Path) -> None:
    url = "https://shop.example/sitemap.xml"

    assert UrlList(url, "sitemaps/a.txt", tmp_path / "a.txt", None).identity == url

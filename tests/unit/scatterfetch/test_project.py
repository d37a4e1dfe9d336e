"""A project of the user's: found from any of its folders, and wrong settings are named."""

from pathlib import Path

import pytest

from scatterfetch.cli import main
from scatterfetch.lists.specs import parser_code
from scatterfetch.lists.url_list import UrlList
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.project import find_project, project_of
from shared.errors import InvalidJobError


def test_a_project_is_found_from_the_folders_below_it(tmp_path: Path) -> None:
    (tmp_path / "scatterfetch.toml").write_text('stack = "shops"\nregion = "eu-west-1"\n')
    (tmp_path / "books/old").mkdir(parents=True)
    (tmp_path / "parsers").mkdir()

    project = find_project(tmp_path / "books/old")

    assert project is not None
    assert (project.folder, project.stack, project.region) == (tmp_path, "shops", "eu-west-1")
    assert project.parsers == tmp_path / "parsers"
    assert project.bookshops is False


def test_a_folder_without_settings_is_no_project(tmp_path: Path) -> None:
    assert find_project(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "stak = 'a'",
            "there is no setting 'stak'; did you mean stack? There are stack, region, user_agent",
        ),
        ("stack = 3", "stack: it must be a text or empty, and is a whole number"),
        ("stack =", "not TOML: "),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "scatterfetch.toml").write_text(text)

    with pytest.raises(InvalidJobError) as caught:
        find_project(tmp_path)

    assert problem in str(caught.value)
    assert str(tmp_path / "scatterfetch.toml") in str(caught.value)


def made_project(folder: Path, settings: str = "") -> Path:
    """Make a project whose scraper has a Python parser; return its list."""
    for name, text in {
        "scatterfetch.toml": settings,
        "parsers/odd_shop.py": "def parse(page): return [{'title': 'mine'}]\n",
        "shop/spec.yaml": "fetch: {robots: ignore}\nparser: parsers.odd_shop:parse\n",
        "shop/urls.txt": "http://one.example/a\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "shop/urls.txt"


def test_a_project_is_that_of_the_files_or_else_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = (made_project(tmp_path / name, f"stack = '{name}'") for name in ("there", "here"))
    monkeypatch.chdir(here.parent)

    def stack_of(*files: Path) -> str | None:
        project = project_of(files)
        return project.stack if project else None

    assert stack_of() == "here"
    assert stack_of(tmp_path / "urls.txt") == "here"
    assert stack_of(Path("urls.txt")) == "here"
    assert stack_of(Path("../../there/shop/urls.txt"), tmp_path / "urls.txt") == "there"
    with pytest.raises(InvalidJobError, match=r"urls\.txt are in two projects"):
        stack_of(there, here)


def test_specs_have_the_parsers_of_their_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made_project(tmp_path / "there")
    monkeypatch.chdir(tmp_path)

    assert main(["spec", "check", str(path.with_name("spec.yaml"))]) == 0
    assert main(["submit", str(path)]) == 2
    assert "name a stack with --stack" in capsys.readouterr().err


def test_lists_in_folders_of_a_scraper_without_lists_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "scatterfetch.toml").touch()
    for name in ("a/spec.yaml", "a/new/more.csv", "a/new/page.xml", "a/pages/b.html",
                 "a/new/deeper/too.txt", "a/.venv/top_level.txt", "a/out/jobs/j/manifest.json",
                 "a/out/rows.csv", "b/spec.yaml", "b/urls.txt", "b/exports/today.csv"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    project = find_project(tmp_path)
    assert project is not None

    assert project.left_out() == [tmp_path / "a/new/more.csv"]


def test_a_project_whose_lists_are_all_left_out_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a/lists").mkdir(parents=True)
    for name in ("scatterfetch.toml", "a/spec.yaml", "a/lists/urls.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)

    assert main(["run"]) == 2
    assert "as in `scatterfetch run a/lists/urls.txt`" in capsys.readouterr().err


def test_the_lists_of_a_project_are_those_beside_its_specs(tmp_path: Path) -> None:
    (tmp_path / "scatterfetch.toml").touch()
    for name in ("b/spec.yaml", "b/urls.txt", "b/more.CSV.gz", "b/notes.md", "b/.hidden.txt",
                 "a/spec.yaml", "a/urls.txt", "no-spec/urls.txt", "urls.txt"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    project = find_project(tmp_path)
    assert project is not None

    found = [path.relative_to(tmp_path).as_posix() for path in project.lists()]

    assert found == ["a/urls.txt", "b/more.CSV.gz", "b/urls.txt"]


def test_a_project_without_a_scraper_says_what_one_is(tmp_path: Path) -> None:
    (tmp_path / "scatterfetch.toml").touch()
    project = find_project(tmp_path)
    assert project is not None

    with pytest.raises(InvalidJobError, match=r"has no scraper: a folder with a spec\.yaml"):
        project.lists()


@pytest.mark.parametrize(
    "spec",
    [
        b"parser: parsers.mine:parse\n",
        b"pages: {a: {match: a.example, parser: 'parsers.mine:parse'}}\n",
    ],
)
def test_another_module_beside_a_parser_is_another_job(tmp_path: Path, spec: bytes) -> None:
    """A parser may import it, and then its rows are others."""
    (tmp_path / "mine.py").write_text("from .words import word\ndef parse(page): return []\n")
    (tmp_path / "words.py").write_text("word = 1\n")
    use_parsers(tmp_path)
    url_list = UrlList("urls.txt", "a/urls.txt", b"", spec)

    before = parser_code(url_list)
    (tmp_path / "words.py").write_text("word = 2\n")

    assert parser_code(url_list) != before


def test_new_makes_no_project_where_something_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()

    assert main(["new", "shop"]) == 2
    assert main(["new", "../a b"]) == 2
    assert main(["new", "other"]) == 0
    err = capsys.readouterr().err
    assert "shop is there already; choose another name" in err
    assert "cannot be the name of a project" in err
    assert (tmp_path / "other/scatterfetch.toml").is_file()


def test_run_without_a_list_outside_of_a_project_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["run"]) == 2
    assert "name a list or a URL, as in `scatterfetch run urls.txt`" in capsys.readouterr().err


def test_a_host_that_is_no_file_is_meant_as_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["run", "shop.example/books"]) == 2
    assert "write https://shop.example/books" in capsys.readouterr().err
    assert main(["run", "urls.txt"]) == 2
    assert "cannot read the URL list urls.txt" in capsys.readouterr().err

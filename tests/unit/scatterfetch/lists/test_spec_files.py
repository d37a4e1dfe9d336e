"""Which file is the spec of a list, and what is said of those that are not."""

from pathlib import Path

import pytest

from scatterfetch.lists.sources import mention_spec, read_lists
from scatterfetch.lists.spec_files import spec_file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project/s/a/b").mkdir(parents=True)
    for path in ("s/urls.txt", "s/a/urls.txt", "s/a/b/urls.txt"):
        (tmp_path / "project" / path).write_text("https://example.com/")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def test_the_spec_is_the_nearest_up_the_folders_of_the_project(folder: Path) -> None:
    Path("scatterfetch.toml").touch()
    Path("s/spec.yaml").write_text("fetch: {pause: 7}")
    Path("s/a/b/spec.yaml").write_text("fetch: {pause: 9}")

    assert spec_file(Path("s/urls.txt")) == Path("s/spec.yaml")
    assert spec_file(Path("s/a/urls.txt")) == Path("s/spec.yaml")
    assert spec_file(Path("s/a/b/urls.txt")) == Path("s/a/b/spec.yaml")
    assert spec_file(folder / "s/a/urls.txt") == folder / "s/spec.yaml"
    [url_list] = read_lists([Path("s/a/urls.txt")], [], spec=None)
    assert url_list.spec == b"fetch: {pause: 7}"


def test_a_spec_above_the_project_is_not_that_of_its_lists(folder: Path) -> None:
    Path("scatterfetch.toml").touch()
    (folder.parent / "spec.yaml").touch()

    assert spec_file(Path("s/a/urls.txt")) is None


def test_a_spec_above_counts_in_a_project_alone_and_that_is_said() -> None:
    Path("s/spec.yaml").touch()
    said: list[str] = []

    assert spec_file(Path("s/a/urls.txt")) is None
    mention_spec(["s/a/urls.txt", "s/urls.txt"], None, said.append)
    [sentence] = said
    assert sentence.startswith("s/a/urls.txt: s/spec.yaml is not its spec")
    assert "--spec" in sentence
    assert "scatterfetch.toml" in sentence

    mention_spec(["s/a/urls.txt"], Path("s/spec.yaml"), said.append)
    Path("scatterfetch.toml").touch()
    mention_spec(["s/a/urls.txt"], None, said.append)
    assert len(said) == 1


@pytest.mark.parametrize("name", ["spec.yml", "Spec.yaml", "spec.yaml.txt", "spec.json"])
def test_a_spec_of_another_name_is_not_passed_over_in_silence(name: str) -> None:
    Path("s", name).touch()
    said: list[str] = []

    mention_spec(["s/urls.txt"], None, said.append)
    assert said == [f"s/{name} is not read; if it is the spec, rename it to spec.yaml"]

    Path("s/spec.yaml").touch()
    mention_spec(["s/urls.txt"], None, said.append)
    assert len(said) == 1

"""`scatterfetch spec check` in a project with Python parsers."""

from pathlib import Path

import pytest

from functions.worker import parsers
from scatterfetch.cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty folder of parsers; the current folder is below it."""
    (tmp_path / "scatterfetch.toml").touch()
    (tmp_path / "parsers").mkdir()
    (tmp_path / "shop").mkdir()
    monkeypatch.setattr(parsers, "__path__", [*parsers.__path__])
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path


def test_a_parser_of_the_project_is_found(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "parsers/checked.py").write_text("def parse(page): return []\n")
    Path("spec.yaml").write_text("parser: parsers.checked:parse\n")

    assert main(["spec", "check", "spec.yaml"]) == 0

    assert capsys.readouterr().out == "spec.yaml: in order\n"


def test_a_function_that_its_module_does_not_define_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "parsers/checked_too.py").write_text("def parse(page): return []\n")
    Path("spec.yaml").write_text("parser: parsers.checked_too:pars\n")

    assert main(["spec", "check", "spec.yaml"]) == 2

    assert "parsers/checked_too.py defines no function pars" in capsys.readouterr().err

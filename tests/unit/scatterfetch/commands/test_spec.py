"""`scatterfetch spec check` in a project with Python parsers."""

from pathlib import Path

import pytest

from scatterfetch.cli import main


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an empty folder of parsers; the current folder is below it."""
    (tmp_path / "scatterfetch.toml").touch()
    (tmp_path / "parsers").mkdir()
    (tmp_path / "shop").mkdir()
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


@pytest.mark.parametrize(
    ("module", "helper", "problem"),
    [
        ("def parse(page)\n", "", "parsers/{name}.py: SyntaxError: expected ':' ({name}.py:1)"),
        (
            '"""Parses."""\nfrom .{name}_words import word\n',
            "\n\ndef word(page)\n",
            "parsers/{name}.py: SyntaxError: expected ':' ({name}_words.py:3)",
        ),
        (
            "import shared\ndef parse(page): return shared.rows(page)\n",
            "",
            "{name}.py:1 imports shared, and the name shared is taken by scatterfetch's own",
        ),
        (
            "from .{name}_words import word\ndef parse(page): return word\n",
            "from functions.words import word\n",
            "{name}_words.py:1 imports functions.words.word, and the name functions is taken",
        ),
    ],
    ids=["syntax", "syntax of a helper", "taken name", "taken name in a helper"],
)
def test_what_is_wrong_with_a_parser_is_said_with_file_and_line(
    project: Path,
    module: str,
    helper: str,
    problem: str,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Modules stay imported: each test has its own.
    name = "wrong_" + "".join(filter(str.isalpha, request.node.callspec.id))
    (project / f"parsers/{name}.py").write_text(module.format(name=name))
    (project / f"parsers/{name}_words.py").write_text(helper)
    Path("spec.yaml").write_text(f"parser: parsers.{name}:parse\n")

    assert main(["spec", "check", "spec.yaml"]) == 2

    assert problem.format(name=name) in capsys.readouterr().err

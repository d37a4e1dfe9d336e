"""What is built and how it is deployed; the installing itself is seen by `make e2e`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scatterfetch.build
from scatterfetch.build import build
from scatterfetch.cli import main
from scatterfetch.deployable import TEMPLATE
from scatterfetch.parser_modules import digest_of
from shared.errors import InvalidJobError

AGENT = "acme-bot/1.0 (+https://acme.example/bot)"


@pytest.fixture(autouse=True)
def without_wheels(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Nothing is installed; what would be is noted."""
    noted: list[tuple[str, str]] = []

    def note(requirements: Path, target: Path, architecture: str) -> None:
        assert target.is_dir()
        noted.append((requirements.parent.name, architecture))

    monkeypatch.setattr(scatterfetch.build, "_install", note)
    monkeypatch.setattr(scatterfetch.build, "_python", lambda: None)
    return noted


def test_the_packages_are_where_the_template_says(
    tmp_path: Path, without_wheels: list[tuple[str, str]]
) -> None:
    said: list[str] = []
    parsers = tmp_path / "parsers"
    parsers.mkdir()
    (parsers / "mine.py").write_text("def parse(page): return []\n")

    template = build(tmp_path / "b", architecture="arm64", parsers=parsers, say=said.append)

    text = template.read_text()
    assert "ContentUri: SharedLayer\n" in text
    assert "CodeUri: WorkerFunction\n" in text
    assert "CodeUri: DispatcherFunction\n" in text
    for file in ("SharedLayer/python/shared/messages.py",
                 "DispatcherFunction/functions/dispatcher/handler.py",
                 "WorkerFunction/functions/worker/handler.py",
                 "WorkerFunction/functions/worker/parsers/books.py",
                 "WorkerFunction/functions/worker/parsers/mine.py"):  # fmt: skip
        assert (tmp_path / "b" / file).is_file(), file
    assert not (tmp_path / "b/DispatcherFunction/functions/worker").exists()
    assert without_wheels == [("shared", "arm64"), ("dispatcher", "arm64"), ("worker", "arm64")]
    assert "a cold start takes about 0.5 s longer" in said[0]


def test_an_editor_beside_a_parser_does_not_hinder(tmp_path: Path) -> None:
    parsers = tmp_path / "parsers"
    (parsers / "odd.py").mkdir(parents=True)
    (parsers / "mine.py").touch()
    (parsers / ".#mine.py").symlink_to("somebody@somewhere.4711")

    build(tmp_path / "b", architecture="arm64", parsers=parsers, say=lambda _: None)

    built = tmp_path / "b/WorkerFunction/functions/worker/parsers"
    assert (built / "mine.py").is_file()
    assert not (built / ".#mine.py").is_symlink()


def test_the_stack_says_which_parsers_it_has(tmp_path: Path) -> None:
    """Machines that work for it are to have the same."""
    parsers = tmp_path / "parsers"
    parsers.mkdir()
    (parsers / "mine.py").touch()

    for folder in (parsers, None):
        path = build(tmp_path / "b", architecture="arm64", parsers=folder, say=lambda _: None)

        found = path.read_text()
        assert f'    Value: "{digest_of(folder)}"\n' in found.partition("  Parsers:\n")[2]
        assert found.count(f'"{digest_of(folder)}"') == 1


def test_a_parser_finds_its_page_in_the_package_alone(tmp_path: Path) -> None:
    """In Lambda there is no command line, and `from scatterfetch.parsers import Page` works."""
    parsers = tmp_path / "parsers"
    parsers.mkdir()
    (parsers / "mine.py").write_text("from scatterfetch.parsers import Page\n")
    build(tmp_path / "b", architecture="arm64", parsers=parsers, say=lambda _: None)
    paths = [tmp_path / "b/WorkerFunction", tmp_path / "b/SharedLayer/python"]
    code = (
        f"import sys; sys.path[:0] = {[*map(str, paths)]!r}; "
        "import functions.worker.parsers.mine, scatterfetch; print(scatterfetch.__file__)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == str(tmp_path / "b/WorkerFunction/scatterfetch/__init__.py")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import json\nimport pandas.core\n", "mine.py:2 imports pandas.core, which is not in"),
        ("def parse(page)\n", "mine.py:1: expected ':'"),
        (
            "import json\nfrom shared.prices import price\n",
            "mine.py:2 imports shared.prices.price, and the name shared is taken by scatterfetch's",
        ),
        ("import functions\n", "mine.py:1 imports functions, and the name functions is taken"),
        ("import scatterfetch.build\n", "mine.py:1 imports scatterfetch.build, and the name "),
    ],
)
def test_a_parser_that_cannot_run_in_lambda_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    parsers = tmp_path / "parsers"
    parsers.mkdir()
    (parsers / "fine.py").write_text("from .mine import x\nfrom scatterfetch.parsers import Page\n")
    (parsers / "mine.py").write_text(text)

    with pytest.raises(InvalidJobError) as caught:
        build(tmp_path / "b", architecture="arm64", parsers=parsers, say=lambda _: None)

    assert problem in str(caught.value)


def test_an_earlier_build_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "b/WorkerFunction").mkdir(parents=True)
    (tmp_path / "b/WorkerFunction/old.py").touch()

    build(tmp_path / "b", architecture="x86_64", parsers=None, say=lambda _: None)

    assert not (tmp_path / "b/WorkerFunction/old.py").exists()


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SAM CLI that writes down its arguments; the current folder is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "sam"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # where nobody answers
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    return tmp_path / "words"


def test_deploying_names_the_stack_and_its_parameters(sam: Path) -> None:
    words = ["--stack", "shops", f"UserAgent={AGENT}", "ScheduledList=a b"]
    assert main(["deploy", *words]) == 0

    words = sam.read_text().splitlines()
    assert words[:3] == ["deploy", "--template-file", f"{Path.cwd()}/.aws-sam/build/template.yaml"]
    assert words[words.index("--stack-name") + 1] == "shops"
    assert 'Architecture="arm64"' in words
    assert f'UserAgent="{AGENT}"' in words
    assert 'ScheduledList="a b"' in words
    assert "--confirm-changeset" in words


def test_the_project_says_where_and_who(sam: Path) -> None:
    Path("scatterfetch.toml").write_text(
        f'stack = "mine"\nregion = "eu-west-1"\nuser_agent = "{AGENT}"\n'
    )

    assert main(["deploy", "--yes", "--arch", "x86_64"]) == 0

    words = sam.read_text().splitlines()
    assert words[words.index("--stack-name") + 1] == "mine"
    assert words[words.index("--region") + 1] == "eu-west-1"
    assert f'UserAgent="{AGENT}"' in words
    assert 'Architecture="x86_64"' in words
    assert "--no-confirm-changeset" in words


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["WorkerConcurency=50"], "has no parameter 'WorkerConcurency'"),
        (["WorkerConcurrency=1"], "WorkerConcurrency is 1, and Lambda runs two workers at least"),
        (["UserAgent=foo"], "must name a contact page"),
        (["--stack", "bad name!"], "'bad name!' cannot be the name of a stack"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_built(
    sam: Path, words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--yes", f"UserAgent={AGENT}", *words]) == 2

    assert problem in capsys.readouterr().err
    assert not sam.exists()
    assert not Path(".aws-sam").exists()


def test_the_region_is_the_one_that_other_commands_take(
    sam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    Path("scatterfetch.toml").write_text('region = "eu-west-1"\n')

    assert main(["deploy", "--yes", f"UserAgent={AGENT}"]) == 0

    words = sam.read_text().splitlines()
    assert words[words.index("--region") + 1] == "eu-north-1"


def test_nobody_is_deployed_in_our_name(sam: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy"]) == 2

    assert "websites must be able to tell who visits them" in capsys.readouterr().err
    assert not sam.exists()
    assert "scatterfetch/scatterfetch" not in TEMPLATE.read_text()


def test_without_a_sam_cli_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["deploy", f"UserAgent={AGENT}"]) == 2
    assert "deploying needs the SAM CLI" in capsys.readouterr().err

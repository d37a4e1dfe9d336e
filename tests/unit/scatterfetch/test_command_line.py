"""The tree of commands: each is described in one place, and none waits for another's imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from scatterfetch.cli import COMMANDS, command_parser, main
from tests import ROOT

SLOW = {"aiohttp", "boto3", "botocore", "flask", "lxml", "moto", "pyarrow", "selectolax"}


OF_A_FOLDER = ["deadletters", "jobs", "results", "status"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--version"],
        ["--help"],
        *([command.name, "--help"] for command in COMMANDS),
        *([name] for name in OF_A_FOLDER),
    ],
    ids=" ".join,
)
def test_help_and_folders_wait_for_no_engine_and_no_sdk(words: list[str], tmp_path: Path) -> None:
    program = f"""
import sys
from scatterfetch.cli import main
try:
    main({words!r})
except SystemExit:
    pass
print({SLOW!r} & sys.modules.keys(), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stderr.endswith("set()\n")


def test_a_run_waits_for_nothing_that_only_its_workers_need(tmp_path: Path) -> None:
    """Nor for what shows it in a terminal, where there is none, nor for moto's own server."""
    workers_only = {"aiohttp", "selectolax", "lxml", "functions.worker.extraction", "rich.progress"}
    workers_only |= {"flask", "moto.moto_server"}
    program = f"""
import sys
from scatterfetch.cli import main
status = main(["run", "no-such-list.txt"])
assert "scatterfetch.runs.run" in sys.modules
print(status, {workers_only!r} & sys.modules.keys())
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "2 set()\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["runn"], "invalid choice: 'runn' (choose from 'run', "),
        (["rum"], "; did you mean run?"),
        (["xyzzy"], "'completion')\n"),
        (
            ["run", "a.txt", "--outt", "x"],
            "scatterfetch run: error: unrecognized arguments: ",
        ),
        (["run", "--outt=x"], "--outt=x; did you mean --out?\n"),
        (["deploy", "--stakc", "x"], "unrecognized arguments: --stakc; did you mean --stack?\n"),
        (["results", "--xyzzy", "--exlode", "x"], "--xyzzy --exlode; did you mean --explode?\n"),
        (["spec", "check", "a", "--al"], "scatterfetch spec check: error: unrecognized arguments"),
        (["spec", "chek"], "; did you mean check?\n"),
        (["--versin", "jobs"], "unrecognized arguments: --versin; did you mean --version?\n"),
        (["deploy", "--arch", "arm"], "; did you mean arm64?\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_of_a_misspelt_word_it_is_said_what_it_was_to_be(
    words: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)

    assert caught.value.code == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--ou", "x"], ["--out=x"], ["--", "--outt"], ["--a list"]])
def test_what_argparse_takes_is_taken(words: list[str]) -> None:
    command_parser(["run"]).parse_args(["run", "a.txt", *words])


def test_a_command_is_known_by_its_module_alone() -> None:
    everything = command_parser({command.name for command in COMMANDS})

    for command in COMMANDS:
        module = command.load()
        assert module.EXAMPLE.strip(), command
        assert "exit status:" in module.EPILOG, command
        with pytest.raises(SystemExit):
            everything.parse_args([command.name, "--no-such-option"])


def test_only_the_command_that_is_called_is_imported() -> None:
    program = """
import sys
from scatterfetch.cli import main
try:
    main(["new", "--help"])
except SystemExit:
    pass
print([name for name in sys.modules if name.startswith("scatterfetch.commands.")])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    last = done.stdout.splitlines()[-1]
    assert last == "['scatterfetch.commands.command', 'scatterfetch.commands.new']"


def completions(line: str, folder: Path) -> list[str]:
    """Return what the program answers a shell that asks how `line` may go on."""
    answer = folder / "answer"
    subprocess.run(
        [sys.executable, "-c", "from scatterfetch.cli import main; main()"],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
        },
        stdin=subprocess.DEVNULL,
        check=True,
    )
    return answer.read_text().splitlines()


def test_a_shell_completes_commands_options_and_values(tmp_path: Path) -> None:
    assert set(completions("scatterfetch ", tmp_path)) >= {c.name for c in COMMANDS}
    assert completions("scatterfetch dead", tmp_path) == ["deadletters"]
    assert completions("scatterfetch run --sp", tmp_path) == ["--spec"]
    assert completions("scatterfetch results --format par", tmp_path) == ["parquet"]
    assert completions("scatterfetch spec ch", tmp_path) == ["check"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_lines(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "_ARGCOMPLETE" in capsys.readouterr().out

"""The tree of commands: each is described in one place, and none waits for another's imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from scatterfetch.cli import COMMANDS, command_parser
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

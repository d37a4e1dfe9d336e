"""
What `pip install scatterfetch` gives: a command that works where there is no clone.

The wheel is installed into an environment of its own. Its dependencies are those of the tests,
found by a path, so that no network is needed; that the wheel asks for all of them is
`tests/unit/test_packaging.py`.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from scatterfetch.deployable import DEPLOYABLE
from tests.results import final_outcomes
from tests.site import Site


class Installed:
    """An environment with the wheel in it."""

    def __init__(self, folder: Path) -> None:
        self._bin = folder / "bin"
        self.packages = Path(
            sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
        )

    def __call__(
        self, *words: str, cwd: Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
        return subprocess.run(
            [self._bin / words[0], *words[1:]],
            cwd=cwd,
            env={**environment, "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"],
        cwd=DEPLOYABLE,
        check=True,
        capture_output=True,
    )
    venv.create(folder / "venv", with_pip=False)
    installed = Installed(folder / "venv")
    [wheel] = (folder / "dist").glob("*.whl")
    uv = Path(sys.executable).parent / "uv"
    python = folder / "venv/bin/python"
    subprocess.run(
        [uv, "pip", "install", "--offline", "--quiet", "--no-deps", "--python", python, wheel],
        check=True,
    )
    (installed.packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return installed


def test_the_command_says_what_it_is(installed: Installed, tmp_path: Path) -> None:
    said = installed("scatterfetch", "--version", cwd=tmp_path).stdout

    template = Path(said.rpartition("template ")[2].strip())
    assert said.startswith("scatterfetch 0.")
    assert template.is_file()
    assert installed.packages in template.parents
    assert DEPLOYABLE not in template.parents


def test_a_list_is_scraped_tried_and_made_a_table_of(
    installed: Installed, site: Site, tmp_path: Path
) -> None:
    site.page("/a", "A")
    (tmp_path / "urls.txt").write_text("http://one.example/a\n")
    (tmp_path / "spec.yaml").write_text("fetch: {robots: ignore}\n")
    local = ["--parameter", "AllowPrivateNetworks=true",
             "--parameter", f"ConnectTo=::127.0.0.1:{site.port}"]  # fmt: skip

    checked = installed("scatterfetch", "spec", "check", "spec.yaml", cwd=tmp_path)
    tried = installed("scatterfetch", "try", "http://one.example/a", *local, cwd=tmp_path)
    run = installed("scatterfetch", "run", "urls.txt", *local, cwd=tmp_path)
    table = installed("scatterfetch", "results", "out", cwd=tmp_path)

    assert checked.returncode == 0, checked.stderr
    assert json.loads(tried.stdout)["title"] == "A"
    assert run.returncode == 0, run.stderr
    assert [*final_outcomes(tmp_path / "out")] == ["http://one.example/a"]
    assert json.loads(table.stdout)["title"] == "A"


def test_a_new_project_runs_at_once(installed: Installed, tmp_path: Path) -> None:
    made = installed("scatterfetch", "new", "shop", cwd=tmp_path)
    project = tmp_path / "shop"
    run = installed("scatterfetch", "run", cwd=project)

    assert made.returncode == 0, made.stderr
    assert run.returncode == 0, run.stderr
    outcomes = final_outcomes(project / "out").values()
    assert len(outcomes) == 16
    assert all(outcome.rows for outcome in outcomes)
    rows = [row for outcome in outcomes for row in outcome.rows]
    assert {type(row["price"]) for row in rows} == {float}, "one table holds both scrapers"
    by_parser = [row for row in rows if [*row] == ["title", "price", "stock", "link"]]
    assert len(by_parser) == 10


def test_a_parser_of_the_project_is_in_the_package_for_lambda(
    installed: Installed, tmp_path: Path
) -> None:
    """What the index would be asked for is noted, and not had: `make e2e` does that."""
    uv = tmp_path / "bin/uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\n[ "$1" = pip ] && echo "$@" >> {tmp_path}/asked\n')
    uv.chmod(0o755)
    installed("scatterfetch", "new", "shop", cwd=tmp_path)
    project = tmp_path / "shop"
    path = f"{uv.parent}{os.pathsep}{os.environ['PATH']}"

    built = installed("scatterfetch", "deploy", "--build-only", cwd=project, PATH=path)

    assert built.returncode == 0, built.stderr
    packages = project / ".aws-sam/build"
    assert (packages / "WorkerFunction/functions/worker/parsers/details.py").is_file()
    assert (packages / "WorkerFunction/functions/worker/handler.py").is_file()
    assert (packages / "DispatcherFunction/functions/dispatcher/handler.py").is_file()
    assert (packages / "SharedLayer/python/shared/messages.py").is_file()
    assert "CodeUri: WorkerFunction\n" in (packages / "template.yaml").read_text()
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 3
    for words in asked:
        assert "--python-platform aarch64-manylinux_2_28 --python-version 3.13" in words
        assert f"-r {installed.packages}" in words, "the wheel has the requirements"


def test_its_parts_are_no_packages_of_the_environment(installed: Installed, tmp_path: Path) -> None:
    """`functions` and `shared` are names that other people's packages have."""
    mine = installed.packages / "shared"
    mine.mkdir()
    (mine / "__init__.py").write_text("MINE = 1\n")

    assert installed("python", "-c", "import functions", cwd=tmp_path).returncode == 1
    assert installed("python", "-c", "import shared; shared.MINE", cwd=tmp_path).returncode == 0
    demo = installed("scatterfetch", "demo", cwd=tmp_path)
    assert demo.returncode == 0, demo.stderr
    assert "398 final outcomes in the files for 398 URLs of the list." in demo.stdout

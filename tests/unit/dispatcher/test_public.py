"""What of the dispatcher others may use: its public modules, and the packages as a whole."""

import ast
import subprocess
import sys

import pytest

from tests import ROOT

PUBLIC = {"counts", "health", "lists", "names", "plan", "specs", "summary", "written"}


def imported(folder: str) -> dict[str, set[str]]:
    """Return the modules below `functions.dispatcher` that the modules of a folder import."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                package, _, module = node.module.partition("functions.dispatcher.")
                if not package and module:
                    found.setdefault(str(path.relative_to(ROOT)), set()).add(module)
    return found


def test_the_command_line_imports_public_modules_of_the_dispatcher_alone() -> None:
    found = imported("scatterfetch")

    assert found
    assert {path: modules - PUBLIC for path, modules in found.items() if modules - PUBLIC} == {}


@pytest.mark.parametrize("package", ["lists", "specs"])
def test_a_package_of_the_dispatcher_is_entered_by_its_front_door(package: str) -> None:
    found = {
        path: {module for module in modules if module.startswith(f"{package}.")}
        for path, modules in imported("functions").items()
        if not path.startswith(f"functions/dispatcher/{package}/")
    }

    assert {path: modules for path, modules in found.items() if modules} == {}


def test_help_is_there_without_what_reads_lists_and_specs() -> None:
    program = """
import sys
from scatterfetch.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
slow = {"lxml", "botocore", "can_ada", "publicsuffixlist", "pyexpat", "functions.dispatcher"}
print(*sorted(slow & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == ""

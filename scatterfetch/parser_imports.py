"""
What the user's Python parsers import, read and not run.

Knows which names they may not import anywhere, since they are scatterfetch's. What is in the
packages that are deployed, the build knows.
"""

import ast
from pathlib import Path
from typing import NamedTuple

from shared.errors import InvalidJobError

_TAKEN = {"functions", "scatterfetch", "shared"}
_PUBLIC = {"functions.worker", "scatterfetch.parsers"}  # the first is for parsers in a clone


class ParserImport(NamedTuple):
    """
    What a statement in a module of parsers imports: `module`, and maybe something from it.

    `name` has both, as in ``json.dumps``.
    """

    line: int
    module: str
    name: str


def parser_files(parsers: Path) -> list[Path]:
    """Return the modules in a folder of parsers."""
    return sorted(parsers.rglob("*.py"))


def parser_imports(file: Path) -> list[ParserImport]:
    """
    Return what a module imports from outside of its folder.

    Raises:
        InvalidJobError: it is no Python, or it imports a package whose name is scatterfetch's.
    """
    try:
        imports = _imports(file)
    except (SyntaxError, ValueError) as error:
        raise InvalidJobError(f"{file}:{getattr(error, 'lineno', 1)}: {error}") from error
    for found in imports:
        _check_name(file, found)
    return imports


def check_names(parsers: Path) -> None:
    """
    Check that no module in the folder imports a package whose name is scatterfetch's.

    Modules that are no Python are left to those who import them.

    Raises:
        InvalidJobError: a module does: Python would give it scatterfetch's package.
    """
    for file in parser_files(parsers):
        try:
            imports = _imports(file)
        except (SyntaxError, ValueError):
            continue
        for found in imports:
            _check_name(file, found)


def _imports(file: Path) -> list[ParserImport]:
    imports = []
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            imports += [ParserImport(node.lineno, alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            imports += [
                ParserImport(node.lineno, node.module, f"{node.module}.{alias.name}")
                for alias in node.names
            ]
    return imports


def _check_name(file: Path, found: ParserImport) -> None:
    package = found.name.partition(".")[0]
    if package in _TAKEN and not any(f"{found.name}.".startswith(f"{one}.") for one in _PUBLIC):
        raise InvalidJobError(
            f"{file}:{found.line} imports {found.name}, and the name {package} is taken by "
            f"scatterfetch's own package; if {package} is a package of yours, give it another name "
            "(of scatterfetch, a parser imports `from scatterfetch.parsers import Page` alone)"
        )

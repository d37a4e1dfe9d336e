"""
The modules in a folder of the user's Python parsers, and what they import, read and not run.

Knows which names they may not import anywhere, since they are scatterfetch's. What is in the
packages that are deployed, the build knows.
"""

import ast
from collections import deque
from collections.abc import Container, Iterator
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from shared.errors import InvalidJobError

_TAKEN = {"functions", "scatterfetch", "shared"}
_PUBLIC = {"functions.worker", "scatterfetch.parsers"}  # the first is for parsers in a clone


class _Import(NamedTuple):
    """
    What a statement imports from outside of its folder: `module`, and maybe something from it.

    `name` has both, as in ``json.dumps``.
    """

    line: int
    module: str
    name: str


def parser_modules(folder: Path) -> list[Path]:
    """
    Return the modules in a folder of parsers.

    What has a dot in front, such as an editor's lock, is none: Python cannot import it.
    """
    return [
        file
        for file in sorted(folder.rglob("*.py"))
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]


def digest_of(folder: Path | None) -> str:
    """
    Return what names the files in a folder of parsers: another file or content, and it is another.

    What Python or an editor leaves there does not count. Without a file it is `none`.
    """
    digest = None
    for file in sorted(folder.rglob("*")) if folder else ():
        parts = file.relative_to(folder).parts if folder else ()
        if not file.is_file() or any(part.startswith((".", "__pycache__")) for part in parts):
            continue
        digest = digest or sha256()
        content = file.read_bytes()
        digest.update(f"{'/'.join(parts)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest() if digest else "none"


def check_imports(folder: Path, there: Container[str] | None = None) -> None:
    """
    Check that the modules in a folder of parsers can import what they import.

    Args:
        folder: Of the parsers.
        there: The packages that are deployed. Without, those of this machine count, and modules
            that are no Python are left to those who import them.

    Raises:
        InvalidJobError: a module is no Python, or imports a package that is not there or whose name
            is scatterfetch's, which Python would give it.
    """
    for file in parser_modules(folder):
        status = file.stat()
        try:
            imports = _imports(file, status.st_mtime_ns, status.st_size)
        except (SyntaxError, ValueError) as error:
            if there is None:
                continue
            raise InvalidJobError(f"{file}:{getattr(error, 'lineno', 1)}: {error}") from error
        for found in imports:
            _check_name(file, found)
            if there is not None and found.module.partition(".")[0] not in there:
                raise InvalidJobError(
                    f"{file}:{found.line} imports {found.module}, which is not in the package that "
                    "is deployed; a parser has the standard library, BeautifulSoup, lxml, "
                    "selectolax and what else scatterfetch needs"
                )


@lru_cache(maxsize=1024)  # each list of a run has a spec, and each spec looks
def _imports(file: Path, saved: int, size: int) -> list[_Import]:  # noqa: ARG001 -- another save
    imports = []
    for node in _executed(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.Import):
            imports += [_Import(node.lineno, alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            imports += [
                _Import(node.lineno, node.module, f"{node.module}.{alias.name}")
                for alias in node.names
            ]
    return imports


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of `tree`, as `ast.walk` does, but not those for type checkers alone."""
    nodes = deque([tree])
    while nodes:
        node = nodes.popleft()
        yield node
        if isinstance(node, ast.If) and _names_type_checking(node.test):
            nodes.extend(node.orelse)
        else:
            nodes.extend(ast.iter_child_nodes(node))


def _names_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _check_name(file: Path, found: _Import) -> None:
    package = found.name.partition(".")[0]
    if package in _TAKEN and not any(f"{found.name}.".startswith(f"{one}.") for one in _PUBLIC):
        raise InvalidJobError(
            f"{file}:{found.line} imports {found.name}, and the name {package} is taken by "
            f"scatterfetch's own package; if {package} is a package of yours, give it another name "
            "(of scatterfetch, a parser imports `from scatterfetch.parsers import Page` alone)"
        )

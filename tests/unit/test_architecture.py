"""Who may import whom. The tables are the architecture; change them on purpose."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests import ROOT

FOLDERS = ("functions", "shared", "scatterfetch")
MAX_LINES = 350

FORBIDDEN = {
    "shared": {"functions", "scatterfetch", "aiohttp", "yaml", "moto"},
    "functions.dispatcher": {"functions.worker", "scatterfetch", "aiohttp", "selectolax", "moto"},
    "functions.worker": {"functions.dispatcher", "scatterfetch", "yaml", "moto"},
    "scatterfetch": {"tests"},
    # The command line: what is shown knows jobs, jobs know lists, and none of them who asked.
    "scatterfetch.localcloud": {
        *(f"scatterfetch.{room}" for room in ("commands", "jobs", "lists", "output", "runs")),
    },
    "scatterfetch.lists": {
        *(f"scatterfetch.{room}" for room in ("commands", "jobs", "output", "pages", "runs")),
    },
    "scatterfetch.jobs": {
        *(f"scatterfetch.{room}" for room in ("commands", "localcloud", "output", "pages", "runs")),
    },
    "scatterfetch.output": {
        *(f"scatterfetch.{room}" for room in ("commands", "localcloud", "pages", "runs")),
    },
    "scatterfetch.machine": {
        *(f"scatterfetch.{room}" for room in ("commands", "output", "pages", "runs")),
    },
    "scatterfetch.pages": {"scatterfetch.commands", "scatterfetch.jobs"},
    "scatterfetch.runs": {"scatterfetch.commands", "scatterfetch.pages"},
    "scatterfetch.submission": {"scatterfetch.commands", "scatterfetch.runs"},
}
# The worker, from its roof to the ground. Rooms of one floor know nothing of each other.
FLOORS = (
    {"handler"},
    {"worker", "deployment"},
    {"report"},
    {"calls", "capacity", "lock_watch", "work"},
    {"workshop"},
    {"scraping", "parsers"},
    {"remembering"},
    {"bounds", "extraction", "fence", "keeper", "keeping", "secrets"},
    {"transport", "politeness", "commit", "leases", "load"},
)
ROOM_OF = {
    "children": "commit",
    "seen": "commit",
    "identity": "commit",
}  # the other modules of the worker are rooms of their own

# Of what is deployed, by module or package. A module that is in no row is pure: it has no clock, no
# sockets, no threads, no files and no environment.
ONLY_HERE = {
    "aiohttp": {"functions.worker.transport"},
    "boto3": set(),
    "botocore": {
        "functions.dispatcher.events",
        "functions.worker.secrets",
        "shared.clients",
        "shared.queue",
        "shared.store",
    },
    "chardetng_py": {"functions.worker.extraction.documents.charset"},
    "cssselect": {"shared.expressions"},
    "jmespath": {"functions.worker.extraction.fields.data", "shared.expressions"},
    "lxml": {
        "functions.worker.extraction.documents",
        "functions.worker.extraction.fields.selectors",
        "functions.worker.extraction.following.elements",
        "functions.worker.extraction.readymade.feeds",
        "shared.expressions",
    },
    "warcio": {"functions.worker.keeping"},
    "trafilatura": {"functions.worker.extraction.readymade.main_content"},
    "re2": {"shared.expressions", "shared.url_patterns"},
    "asyncio": {
        "functions.worker.extraction.extractor",
        "functions.worker.extraction.parsing",
        "functions.worker.remembering.recollection",
        "functions.worker.scraping.batch",
        "functions.worker.scraping.robots_txt",
        "functions.worker.scraping.ending",
        "functions.worker.scraping.page_reader",
        "functions.worker.scraping.scrape",
        "functions.worker.transport.budget",
        "functions.worker.transport.connections",
        "functions.worker.transport.dns",
        "functions.worker.transport.exchange",
        "functions.worker.transport.fetch",
        "functions.worker.calls",
        "functions.worker.handler",
        "functions.worker.load",
        "functions.worker.lock_watch",
        "functions.worker.worker",
        "functions.worker.workshop",
    },
    "concurrent": {
        "functions.worker.transport.dns",
        "functions.worker.workshop",
        "shared.queue",
        "shared.store",
    },
    "os": {
        "functions.dispatcher.handler",
        "functions.worker.handler",
        # Hands on a few variables to its process, and reads none.
        "functions.worker.extraction.extractor",
    },
    "pathlib": {  # of tables beside them
        "functions.worker.extraction.values.currencies",
        "functions.worker.extraction.values.date_words",
    },
    "socket": {
        "functions.worker.extraction.extractor",
        "functions.worker.extraction.process",
        "functions.worker.transport.connections",
        "functions.worker.transport.dns",
    },
    "subprocess": {"functions.worker.extraction.extractor"},
    "tempfile": {"functions.worker.keeping.archive"},
    "threading": {
        "functions.worker.extraction.documents.complexity",
        "functions.worker.fence",
        "functions.worker.keeper",
        "functions.worker.leases",
    },
    "time": {
        "functions.dispatcher.handler",
        "functions.worker.extraction.extractor",
        "functions.worker.handler",
        "functions.worker.capacity",
        "functions.worker.leases",
        "functions.worker.load",
        "functions.worker.worker",
        "functions.worker.workshop",
        "shared.queue",
        "shared.store",
    },
}


def modules(*folders: str) -> dict[str, Path]:
    """Return the modules in `folders` by name; a package is the module of its own name."""
    found = {}
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Return what a module imports, also within functions: ``package.name`` of each name."""
    names: set[str] = set()
    for node in executed(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without what only a type checker reads."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from executed(other)
        else:
            yield from executed(child)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def graph() -> dict[str, set[str]]:
    """Return which of our modules each of them imports."""
    ours = modules(*FOLDERS)
    found: dict[str, set[str]] = {}
    for module, path in ours.items():
        names = imports_of(path)
        owners = (name if name in ours else name.rpartition(".")[0] for name in names)
        found[module] = {owner for owner in owners if owner in ours}
    return found


def first_circle(imports: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_forbidden_import(package: str) -> None:
    found = [
        f"{module} imports {name}"
        for module, path in modules(package.replace(".", "/")).items()
        for name in imports_of(path)
        if any(within(name, forbidden) for forbidden in FORBIDDEN[package])
    ]

    assert found == []


@pytest.mark.parametrize("library", ONLY_HERE)
def test_library_is_used_in_one_place(library: str) -> None:
    users = {
        module
        for module, path in modules("shared", "functions").items()
        if any(within(name, library) for name in imports_of(path))
    }
    allowed = ONLY_HERE[library]

    assert [user for user in users if not any(within(user, one) for one in allowed)] == []


def test_rooms_of_the_worker_import_only_from_floors_below() -> None:
    floors = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

    def room_of(module: str) -> str | None:
        if not within(module, "functions.worker") or module == "functions.worker":
            return None
        name = module.split(".")[2]
        return ROOM_OF.get(name, name)

    upwards = {
        (room, other)
        for module, imported in graph().items()
        for name in imported
        if (room := room_of(module)) and (other := room_of(name)) and room != other
        if floors[other] <= floors[room]
    }

    assert upwards == set()


def test_no_import_circle() -> None:
    assert first_circle(graph()) == []


def test_no_module_is_too_long() -> None:
    lines = {
        module: len(path.read_text().splitlines()) for module, path in modules(*FOLDERS).items()
    }

    assert {module for module, count in lines.items() if count > MAX_LINES} == set()


def test_importing_needs_no_environment_and_does_nothing() -> None:
    """No variable is read, no file written, no thread started and no socket made."""
    program = f"""
import os, sys, threading
os.environ.clear()
refused = {{"socket.__new__", "subprocess.Popen", "os.mkdir", "os.remove", "os.rename"}}
def watch(event, args):
    assert event not in refused, (event, args)
    assert event != "open" or args[1] in (None, "r", "rb"), args
sys.addaudithook(watch)
sys.dont_write_bytecode = True
for name in {[*modules("shared", "functions")]!r}:
    __import__(name)
assert threading.active_count() == 1, threading.enumerate()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

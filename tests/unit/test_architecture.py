"""Who may import whom. The tables are the architecture; change them on purpose."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = {
    "shared": {"functions", "scatterfetch", "aiohttp", "yaml", "moto"},
    "functions/dispatcher": {"functions.worker", "scatterfetch", "aiohttp", "selectolax", "moto"},
    "functions/worker": {"functions.dispatcher", "scatterfetch", "yaml", "moto"},
    "scatterfetch": {"tests"},
}
# In what is deployed; the command line talks to its embedded cloud in cloud.py.
ONLY_HERE = {
    "aiohttp": {
        "functions/worker/answer_head.py",
        "functions/worker/connections.py",
        "functions/worker/dns.py",
        "functions/worker/failures.py",
        "functions/worker/fetch.py",
        "functions/worker/framing.py",
    },
    "boto3": set(),
    "botocore": {
        "functions/dispatcher/events.py",
        "functions/worker/secrets.py",
        "shared/clients.py",
        "shared/queue.py",
        "shared/store.py",
    },
    "chardetng_py": {"functions/worker/charset.py"},
    "cssselect": {"shared/expressions.py"},
    "jmespath": {"functions/worker/fields.py", "shared/expressions.py"},
    "lxml": {
        "functions/worker/document.py",
        "functions/worker/fields.py",
        "functions/worker/readymade.py",
        "functions/worker/trees.py",
        "shared/expressions.py",
    },
    "trafilatura": {"functions/worker/main_content.py"},
    "re2": {"shared/expressions.py"},
    "os": {
        "functions/dispatcher/handler.py",
        "functions/worker/handler.py",
        "functions/worker/extractor.py",  # hands on a few variables to its process, and reads none
    },
}
PURE = {
    "shared/encodable.py",
    "shared/encodings.py",
    "shared/errors.py",
    "shared/expressions.py",
    "shared/extract_spec.py",
    "shared/jobs.py",
    "shared/known.py",
    "shared/lock.py",
    "shared/lenient_xml.py",
    "shared/messages.py",
    "shared/multibyte.py",
    "shared/outcomes.py",
    "shared/prices.py",
    "shared/spec.py",
    "shared/tally.py",
    "shared/urls.py",
    "functions/dispatcher/lists.py",
    "functions/dispatcher/plan.py",
    "functions/dispatcher/summary.py",
    "functions/dispatcher/sitemaps.py",
    "functions/dispatcher/tables.py",
    "functions/dispatcher/unpack.py",
    "functions/worker/addresses.py",
    "functions/worker/charset.py",
    "functions/worker/children.py",
    "functions/worker/cookies.py",
    "functions/worker/dates.py",
    "functions/worker/evidence.py",
    "functions/worker/extraction.py",
    "functions/worker/fields.py",
    "functions/worker/links.py",
    "functions/worker/numerals.py",
    "functions/worker/partition.py",
    "functions/worker/pause.py",
    "functions/worker/profiles.py",
    "functions/worker/proxies.py",
    "functions/worker/readymade.py",
    "functions/worker/retry.py",
    "functions/worker/robots.py",
    "functions/worker/structured.py",
    "functions/worker/trees.py",
    "functions/worker/values.py",
    "functions/worker/visit.py",
}
IMPURE = {"time", "socket", "asyncio", "os", "pathlib", "tempfile", "threading"}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_no_forbidden_import(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imports_of(path)
        if any(within(name, package) for package in FORBIDDEN[folder])
    ]

    assert found == []


@pytest.mark.parametrize("package", ONLY_HERE)
def test_library_is_used_in_one_place(package: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for folder in ("shared", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if any(within(name, package) for name in imports_of(path))
    }

    assert users <= ONLY_HERE[package]


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_have_no_clock_and_no_sockets(module: str) -> None:
    assert not imports_of(ROOT / module) & IMPURE


def modules() -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)).removesuffix(".py").replace("/", ".")
        for folder in ("shared", "functions")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "__init__.py"
    )


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
for name in {modules()!r}:
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

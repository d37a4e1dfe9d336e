"""Who may import whom. The tables are the architecture; change them on purpose."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

FORBIDDEN = {
    "shared": {"functions", "scatterfetch", "aiohttp", "yaml", "moto"},
    "functions/dispatcher": {"functions.worker", "scatterfetch", "aiohttp", "selectolax", "moto"},
    "functions/worker": {"functions.dispatcher", "scatterfetch", "yaml", "moto"},
    "scatterfetch": {"tests"},
}
# In what is deployed; the command line talks to its embedded cloud in cloud.py.
ONLY_HERE = {
    "aiohttp": {
        "functions/worker/transport/answer_head.py",
        "functions/worker/transport/connections.py",
        "functions/worker/transport/dns.py",
        "functions/worker/transport/failures.py",
        "functions/worker/transport/fetch.py",
        "functions/worker/transport/framing.py",
    },
    "boto3": set(),
    "botocore": {
        "functions/dispatcher/events.py",
        "functions/worker/secrets.py",
        "shared/clients.py",
        "shared/queue.py",
        "shared/store.py",
    },
    "chardetng_py": {"functions/worker/extraction/charset.py"},
    "cssselect": {"shared/expressions.py"},
    "jmespath": {"functions/worker/extraction/fields.py", "shared/expressions.py"},
    "lxml": {
        "functions/worker/extraction/document.py",
        "functions/worker/extraction/fields.py",
        "functions/worker/extraction/readymade.py",
        "functions/worker/extraction/trees.py",
        "shared/expressions.py",
    },
    "trafilatura": {"functions/worker/extraction/main_content.py"},
    "re2": {"shared/expressions.py"},
    "os": {
        "functions/dispatcher/handler.py",
        "functions/worker/handler.py",
        # Hands on a few variables to its process, and reads none.
        "functions/worker/extraction/extractor.py",
    },
}
PURE = {
    "shared/encodable.py",
    "shared/encodings.py",
    "shared/errors.py",
    "shared/expressions.py",
    "shared/extract_spec.py",
    "shared/ids.py",
    "shared/keys.py",
    "shared/ledger.py",
    "shared/manifest.py",
    "shared/receipts.py",
    "shared/known.py",
    "shared/lock.py",
    "shared/lenient_xml.py",
    "shared/messages.py",
    "shared/multibyte.py",
    "shared/outcomes.py",
    "functions/dispatcher/prices.py",
    "shared/spec.py",
    "shared/tally.py",
    "shared/urls.py",
    "functions/dispatcher/lists/formats.py",
    "functions/dispatcher/plan.py",
    "functions/dispatcher/summary.py",
    "functions/dispatcher/lists/sitemaps.py",
    "functions/dispatcher/lists/tables.py",
    "functions/dispatcher/lists/unpack.py",
    "functions/worker/transport/addresses.py",
    "functions/worker/extraction/charset.py",
    "functions/worker/children.py",
    "functions/worker/politeness/cookies.py",
    "functions/worker/extraction/dates.py",
    "functions/worker/extraction/evidence.py",
    "functions/worker/extraction/rows.py",
    "functions/worker/extraction/fields.py",
    "functions/worker/extraction/links.py",
    "functions/worker/extraction/numerals.py",
    "functions/worker/politeness/partition.py",
    "functions/worker/politeness/pause.py",
    "functions/worker/politeness/profiles.py",
    "functions/worker/politeness/proxies.py",
    "functions/worker/extraction/readymade.py",
    "functions/worker/politeness/retry.py",
    "functions/worker/politeness/robots.py",
    "functions/worker/extraction/structured.py",
    "functions/worker/extraction/trees.py",
    "functions/worker/extraction/values.py",
    "functions/worker/scraping/visit.py",
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

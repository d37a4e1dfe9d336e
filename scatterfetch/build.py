"""
Builds the packages that are deployed: the layer, the functions, and a template that names them.

What they depend on is installed as wheels for Lambda's platform and not compiled, so it does not
matter what machine builds. The folder is laid out as `sam build` does it, and `sam deploy` takes
it as it is.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from scatterfetch.deployable import DEPLOYABLE, TEMPLATE
from scatterfetch.parser_modules import check_imports, digest_of
from shared.errors import InvalidJobError

PYTHON = "3.13"
"""Lambda's."""
PLATFORMS = {"arm64": "aarch64", "x86_64": "x86_64"}
_GLIBC = (28, 27, 26, 24, 17)  # Lambda has 2.34; pip takes what it is told, and no older one
_CAUSE_LINES, _CAUSE_WIDTH = 8, 300  # of what an installer says when it fails
_PACKAGES = {
    "SharedLayer": ("shared", "python"),
    "DispatcherFunction": ("functions/dispatcher", ""),
    "WorkerFunction": ("functions/worker", ""),
}
"""By logical id: what it is made of, and in which of its folders Lambda looks for modules."""
_PARSERS = "functions/worker/parsers"
SERVICES = {"events", "s3", "sqs", "sts", "secretsmanager", "ssm"}  # that are called
# What nobody imports: lxml.objectify alone takes 3 MB. C sources; what pip leaves behind.
_SPARE_FILES = (
    ".lock",
    "*.c",
    "*.pyx",
    "*.pxi",
    "*.pxd",
    "*.h",
    "*.hpp",
    "lxml/objectify*",
    "lxml/*diff*",
)
_SPARE_FOLDERS = ("lxml/isoschematron", "lxml/includes", "boto3/examples", "bin", "__pycache__")


def build(
    folder: Path, *, architecture: str, parsers: Path | None, say: Callable[[str], None]
) -> Path:
    """
    Build everything into `folder`, whose content is replaced; return the path of the template.

    Args:
        folder: Of the packages.
        architecture: As the template's parameter has it, ``arm64`` or ``x86_64``.
        parsers: The user's Python parsers, which go along; None where there are none.
        say: Is told what is left out.

    Raises:
        InvalidJobError: nothing here can install wheels, one could not be had, or a parser
            imports what will not be there.
    """
    if folder.exists():
        shutil.rmtree(folder)
    template = TEMPLATE.read_text()
    for name, (source, modules) in _PACKAGES.items():
        package = folder / name / modules
        package.mkdir(parents=True)
        _install(DEPLOYABLE / source / "requirements.txt", package, architecture)
        shutil.copytree(
            DEPLOYABLE / source, package / source, ignore=shutil.ignore_patterns("__pycache__")
        )
        template = re.sub(rf"((?:Content|Code)Uri:) {source}/(?m:$)", rf"\1 {name}", template)
    worker = folder / "WorkerFunction"
    (worker / "scatterfetch").mkdir()
    (worker / "scatterfetch/__init__.py").touch()
    shutil.copy(Path(__file__).parent / "parsers.py", worker / "scatterfetch")
    if parsers is not None:
        shutil.copytree(
            parsers,
            worker / _PARSERS,
            ignore=shutil.ignore_patterns("__pycache__"),
            ignore_dangling_symlinks=True,  # an editor's lock
            dirs_exist_ok=True,
        )
        check_imports(parsers, _packages_in(folder))
    digest = digest_of(parsers)
    template = re.sub(
        r"(?m)^(  Parsers:\n(?:    .*\n)*?    Value: ).*$", rf'\g<1>"{digest}"', template
    )
    _prune(folder)
    _compile(folder, say)
    path = folder / "template.yaml"
    path.write_text(template)
    return path


def _packages_in(folder: Path) -> set[str]:
    """Return the names of what a function of the built `folder` can import."""
    there = {*sys.stdlib_module_names, "functions"}
    for package in _module_folders(folder):
        there |= {path.name.partition(".")[0] for path in package.iterdir()}
    return there


class _Installer(NamedTuple):
    """A command that installs wheels for Lambda's Python, and what may help where it fails."""

    command: list[str]
    advice: str


def _install(requirements: Path, target: Path, architecture: str) -> None:
    installer = _installer(PLATFORMS[architecture])
    command = [*installer.command, "--target", str(target), "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InvalidJobError(
            f"the packages in {requirements} could not be installed for {architecture}; "
            f"{installer.advice}:\n{_cause(done.stderr)}"
        )


def _cause(stderr: str) -> str:
    """Return the last lines of what an installer says; of pip its errors, if there are any."""
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR: ")]
    last = (errors or lines)[-_CAUSE_LINES:]
    return "\n".join(
        line if len(line) <= _CAUSE_WIDTH else f"{line[:_CAUSE_WIDTH]}…" for line in last
    )


def _installer(machine: str) -> _Installer:
    """
    Return what installs wheels for Lambda's Python on `machine`.

    Raises:
        InvalidJobError: there is nothing.
    """
    common = ["install", "--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    if uv := shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent):
        platform = ["--python-platform", f"{machine}-manylinux_2_28", "--python-version", PYTHON]
        return _Installer([uv, "pip", *common, *platform], "uv says")
    if importlib.util.find_spec("pip"):
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC]
        named = [word for name in platforms for word in ("--platform", name)]
        # pip 23 compares Requires-Python with the Python that it runs on, whatever
        # --python-version says. Nothing is lost: the requirements are compiled for Lambda's Python,
        # so each version in them supports it, and their hashes let no other version in.
        version = ["--python-version", PYTHON, "--implementation", "cp", "--ignore-requires-python"]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        advice = f"a newer pip (`{sys.executable} -m pip install -U pip`) or uv may do it. pip says"
        return _Installer([*pip, *common, *named, *version], advice)
    raise InvalidJobError(
        "there is neither uv nor pip to install the functions' packages with; "
        "install uv: https://docs.astral.sh/uv/"
    )


def _prune(folder: Path) -> None:
    """Delete what no function needs; a cold start, and Lambda's limit of 250 MB, are the reason."""
    for package in _module_folders(folder):
        for pattern in _SPARE_FILES:
            for file in package.rglob(pattern):
                file.unlink()
        for pattern in _SPARE_FOLDERS:
            for spare in list(package.rglob(pattern)):
                shutil.rmtree(spare, ignore_errors=True)
        data = package / "botocore/data"
        if data.is_dir():
            _keep_services(data)


def _keep_services(data: Path) -> None:
    """Leave botocore with the services that are called: the others' descriptions take 20 MB."""
    for service in data.iterdir():
        if service.is_dir() and service.name not in SERVICES:
            shutil.rmtree(service)
    # And of where they are, which botocore reads when it starts.
    path = data / "endpoints.json"
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in SERVICES}
    path.write_text(json.dumps(endpoints))


def _compile(folder: Path, say: Callable[[str], None]) -> None:
    """Write .pyc files: Lambda cannot, and without them a cold start takes twice as long."""
    python = _python()
    if python is None:
        say(
            f"there is no Python {PYTHON} here to compile the packages with, so a cold start takes "
            f"about 0.5 s longer; put python{PYTHON} on PATH to save them"
        )
        return
    for package in _module_folders(folder):
        subprocess.run(
            [
                *(python, "-m", "compileall", "-q", "-j", "0"),
                *("--invalidation-mode", "unchecked-hash", "-s", str(package), str(package)),
            ],
            check=False,  # a file that does not compile is one that nobody imports
            stdout=subprocess.DEVNULL,
        )


def _module_folders(folder: Path) -> list[Path]:
    return [folder / name / modules for name, (_, modules) in _PACKAGES.items()]


def _python() -> str | None:
    """Return a Python of Lambda's version, if there is one: this one, on PATH, pyenv's or uv's."""
    candidates: list[Sequence[str]] = [[sys.executable], [f"python{PYTHON}"]]
    for command, suffix in (
        (["pyenv", "prefix", PYTHON], f"/bin/python{PYTHON}"),
        (["uv", "python", "find", PYTHON], ""),
    ):
        if (found := _output(command)) is not None:
            candidates.append([found + suffix])
    for candidate in candidates:
        # A pyenv shim of a version that is not active is on PATH, and does not run.
        version = _output([*candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if version == PYTHON:
            return candidate[0]
    return None


def _output(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None

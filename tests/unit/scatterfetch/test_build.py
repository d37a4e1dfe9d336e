"""How what is deployed is installed; what is built of it is in test_deploy."""

import base64
import hashlib
import platform
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from scatterfetch.build import build
from shared.errors import InvalidJobError


def wheel(folder: Path, requires_python: str) -> str:
    """Write a wheel of `thing` into `folder`; return the line of requirements that names it."""
    files = {
        "thing.py": "",
        "thing-1.0.dist-info/METADATA": (
            "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
            f"Requires-Python: {requires_python}\n"
        ),
        "thing-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        record = ""
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += f"{name},sha256={digest.decode().rstrip('=')},{len(text)}\n"
        archive.writestr("thing-1.0.dist-info/RECORD", record)
    return f"thing==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is deployed, whose packages come from its own folder; there is pip, and no uv."""
    for name in ("shared", "functions/dispatcher", "functions/worker"):
        folder = tmp_path / "project" / name
        folder.mkdir(parents=True)
        (folder / "requirements.txt").touch()
    (tmp_path / "project/template.yaml").touch()
    monkeypatch.setattr("scatterfetch.build.DEPLOYABLE", tmp_path / "project")
    monkeypatch.setattr("scatterfetch.build.TEMPLATE", tmp_path / "project/template.yaml")
    monkeypatch.setattr("scatterfetch.build._python", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path / "project"


def test_pip_takes_what_lambdas_python_takes_and_not_this_one(
    project: Path, tmp_path: Path
) -> None:
    line = wheel(tmp_path, requires_python=f">=3.11,!={platform.python_version()}")
    (project / "shared/requirements.txt").write_text(line)

    build(tmp_path / "b", architecture="arm64", parsers=None, say=lambda _: None)

    assert (tmp_path / "b/SharedLayer/python/thing.py").is_file()


def test_a_package_that_cannot_be_had_is_the_end_of_the_message(
    project: Path, tmp_path: Path
) -> None:
    (project / "shared/requirements.txt").write_text(f"thing==1.0 --hash=sha256:{64 * '0'}\n")

    with pytest.raises(InvalidJobError) as caught:
        build(tmp_path / "b", architecture="arm64", parsers=None, say=lambda _: None)

    first, *_, last = str(caught.value).splitlines()
    assert first == (
        f"the packages in {project}/shared/requirements.txt could not be installed for arm64; "
        f"a newer pip (`{sys.executable} -m pip install -U pip`) or uv may do it. pip says:"
    )
    assert last == "ERROR: No matching distribution found for thing==1.0"

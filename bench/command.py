"""Our command over a list, as all call it who measure it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


def parameters(website: int) -> dict[str, str]:
    """Return the parameters with which all hosts are on one port of this machine."""
    return {"AllowPrivateNetworks": "true", "ConnectTo": f":80:127.0.0.1:{website}"}


def run_command(
    urls: Path, spec: Mapping[str, Any], parameters: Mapping[str, str], *more: str
) -> list[str]:
    """
    Return the command that scrapes the list `urls` into the folder `out` beside it.

    Args:
        urls: The file; the spec is written beside it.
        spec: As in YAML.
        parameters: Of template.yaml.
        more: Other arguments.
    """
    file = urls.with_name("spec.yaml")
    file.write_text(yaml.safe_dump(spec))
    command = [sys.executable, "-m", "scatterfetch", "run", str(urls), "--spec", str(file)]
    command += ["--out", str(urls.with_name("out")), *more]
    for name, value in parameters.items():
        command += ["--parameter", f"{name}={value}"]
    return command

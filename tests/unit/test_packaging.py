"""What pyproject.toml says of dependencies is said in several places, which agree."""

import re
import tomllib
from itertools import chain
from typing import Any

import scatterfetch
from scatterfetch.deployable import DEPLOYABLE

PYPROJECT = tomllib.loads((DEPLOYABLE / "pyproject.toml").read_text())
LOCAL_ONLY = {"argcomplete", "moto", "rich"}


def names(requirements: list[Any]) -> set[str]:
    found = [re.match(r"[\w.-]+", one) for one in requirements if isinstance(one, str)]
    return {name[0] for name in found if name}


def test_the_command_has_what_the_functions_need() -> None:
    """They run in the same environment when a list is scraped on this machine."""
    groups = PYPROJECT["dependency-groups"]
    deployed = set(chain(*(names(groups[name]) for name in ("layer", "dispatcher", "worker"))))

    assert names(PYPROJECT["project"]["dependencies"]) == deployed | LOCAL_ONLY


def test_the_tests_run_with_what_the_command_has() -> None:
    groups = PYPROJECT["dependency-groups"]
    extras = PYPROJECT["project"]["optional-dependencies"]

    assert names(groups["dev"]) >= LOCAL_ONLY | names(extras["all"])
    assert names(extras["all"]) == set(
        chain(*(names(extras[name]) for name in ("parquet", "xlsx", "markdown")))
    )


def test_the_version_is_in_one_place() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", scatterfetch.__version__)

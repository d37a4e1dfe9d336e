"""A machine has the settings that a worker of Lambda has, and the code."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from scatterfetch.jobs.stack import Stack
from scatterfetch.machine.membership import StrangerError, settings_for
from scatterfetch.parser_modules import digest_of
from scatterfetch.project import Project
from shared.errors import InvalidJobError
from shared.settings import WorkerSettings
from tests.unit.test_template import TEMPLATE, environment, resolved


def output(name: str) -> str:
    return resolved(TEMPLATE["Outputs"][name]["Value"])


def stack(**outputs: str) -> Stack:
    """Return the stack of a deployment that sets no parameter."""
    return Stack(
        "fleet",
        session=cast("Any", None),
        outputs={name: output(name) for name in TEMPLATE["Outputs"]} | outputs,
        parameters={name: resolved({"Ref": name}) for name in TEMPLATE["Parameters"]},
    )


def test_settings_are_those_of_the_stacks_own_workers() -> None:
    variables = environment("WorkerFunction")
    theirs = {name: resolved(value) for name, value in variables.items()}

    assert settings_for(stack(), None) == WorkerSettings.from_env(theirs)


def test_a_release_with_other_outputs_is_another_release() -> None:
    """As 0.1, which had no wakes."""
    found = stack()
    outputs = {name: found.outputs[name] for name in found.outputs if name != "WakeQueueUrl"}

    with pytest.raises(StrangerError, match=r"is of release 0\.1, and this is"):
        settings_for(replace(found, outputs=outputs | {"Release": "0.1"}), None)


def test_nobody_can_tell_what_a_stack_is_while_it_is_deployed() -> None:
    """So this machine is no stranger either: who asks again later may be told."""
    with pytest.raises(InvalidJobError, match="is being deployed") as raised:
        settings_for(replace(stack(), is_changing=True), None)

    assert not isinstance(raised.value, StrangerError)


def test_parsers_must_be_those_that_were_deployed(tmp_path: Path) -> None:
    folder = tmp_path / "parsers"
    folder.mkdir()
    (folder / "books.py").write_text("def parse(page): return []")
    project = Project(folder.parent)

    settings_for(stack(Parsers=digest_of(folder)), project)
    with pytest.raises(StrangerError, match=r"other Python parsers than those in .*parsers"):
        settings_for(stack(), project)
    with pytest.raises(StrangerError, match="other Python parsers than none"):
        settings_for(stack(Parsers=digest_of(folder)), None)

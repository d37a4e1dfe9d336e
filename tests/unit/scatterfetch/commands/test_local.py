"""What a run on this machine takes of it."""

import argparse
import os

import pytest

from scatterfetch.commands.local import add_local_run


def test_a_run_has_a_worker_for_each_core_that_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine may have more: others have them, or its container has a share."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    command = argparse.ArgumentParser()

    add_local_run(command, "out")

    assert command.parse_args([]).workers == 1

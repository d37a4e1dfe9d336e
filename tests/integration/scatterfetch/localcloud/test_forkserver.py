"""Sandboxes are forked from a process that has imported all but their handlers."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scatterfetch.localcloud.forkserver import ForkServer, fork_server, stop_fork_servers
from scatterfetch.localcloud.sandbox import Sandbox
from scatterfetch.localcloud.template import Function, QueueSource
from tests import ROOT

SOURCE = QueueSource("Work", 1, 10, partial_responses=True)
Make = Callable[..., Sandbox]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Make]:
    made: list[Sandbox] = []

    def make() -> Sandbox:
        function = Function("local-Test", "tests.handlers.describe", 20, 512, {}, SOURCE)
        made.append(Sandbox(function, "http://127.0.0.1:1", tmp_path / "log", len(made)))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def threads_of(server: ForkServer) -> int:
    return len([*Path(f"/proc/{server.pid}/task").iterdir()])


def test_sandboxes_have_what_handlers_import_from_their_parent(sandbox: Make) -> None:
    server = fork_server()

    seen = [sandbox().invoke({}) for _ in range(2)]

    assert [one["parent"] for one in seen] == [server.pid] * 2
    for one in seen:
        assert {"functions.worker.work", "functions.dispatcher.dispatch"} <= {*one["modules"]}


def test_their_parent_has_one_thread(sandbox: Make) -> None:
    """What another holds while it forks would be held in the sandbox for ever."""
    sandbox().invoke({})

    assert threads_of(fork_server()) == 1


def test_no_two_sandboxes_draw_the_same_random_numbers(sandbox: Make) -> None:
    """Their retries would come at the same time."""
    assert sandbox().invoke({})["random"] != sandbox().invoke({})["random"]


def test_handlers_import_nothing_but_themselves_and_are_not_imported_before() -> None:
    """They read their function's environment, and the rest would take its time in each sandbox."""
    program = """
import json, sys
from scatterfetch.localcloud.bootstrap import _prepare
_prepare()
before = {*sys.modules}
from functions.dispatcher import handler
from functions.worker import handler
print(json.dumps([*({*sys.modules} - before)]))
"""
    output = subprocess.check_output(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"AWS_CONFIG_FILE": os.devnull, "POWERTOOLS_METRICS_NAMESPACE": "n"},
    )

    assert {*json.loads(output)} == {"functions.dispatcher.handler", "functions.worker.handler"}


def test_what_python_reads_when_it_starts_is_that_of_the_sandbox(
    sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "XYZ-3")

    assert sandbox().invoke({})["zone"] == "XYZ"


def test_where_nobody_can_tell_how_a_sandbox_ends_it_is_replaced(sandbox: Make) -> None:
    one = sandbox()
    former = os.pidfd_open(one.invoke({})["pid"])

    stop_fork_servers()

    assert one.invoke({})["parent"] == fork_server().pid
    assert select.select([former], [], [], 30)[0]
    os.close(former)


def test_it_ends_with_who_has_started_it() -> None:
    program = """
import time
from scatterfetch.localcloud.forkserver import fork_server
print(fork_server().pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        server = os.pidfd_open(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)

    assert select.select([server], [], [], 30)[0]
    os.close(server)

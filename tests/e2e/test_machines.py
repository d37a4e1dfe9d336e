"""A stack whose workers are on Lambda, are machines, or both: nobody can tell from the results."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests import ROOT
from tests.e2e.conftest import Stack, eventually
from tests.site import Site

pytestmark = pytest.mark.e2e

OF_THE_MOMENT = ("fetched_at", "elapsed_ms")


@pytest.fixture
def without_lambda(stack: Stack) -> Iterator[Callable[[], None]]:
    """Take the workers on Lambda away, to the end of the test at most."""
    [wakes] = [
        mapping["UUID"]
        for mapping in stack.functions.list_event_source_mappings()["EventSourceMappings"]
        if stack.outputs["WakeQueueUrl"].endswith(mapping["EventSourceArn"].rpartition(":")[2])
    ]

    def switch(state: str) -> None:
        stack.functions.update_event_source_mapping(UUID=wakes, Enabled=state == "Enabled")

        def switched() -> bool:
            found: str = stack.functions.get_event_source_mapping(UUID=wakes)["State"]
            return found == state

        eventually(switched, within=60, hope=f"the mapping {state}")

    yield lambda: switch("Disabled")
    switch("Enabled")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Let a machine work for the stack, to the end of the test; its log is NAME.log."""
    name = os.environ.get("SCATTERFETCH_STACK", "scatterfetch-e2e")
    command = [sys.executable, "-m", "scatterfetch", "work", "--stack", name, "--workers", "1"]
    with ExitStack() as stack:
        started = []

        def start(machine: str) -> None:
            process = subprocess.Popen(
                [*command, "--log", f"{machine}.log"],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(stack.enter_context(process))
            stack.callback(process.kill)

        yield start
        for process in started:
            process.send_signal(signal.SIGINT)
        said = [process.communicate(timeout=60)[1] for process in started]
        assert [process.returncode for process in started] == [0] * len(started), said


def same_of(outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what of a job's lines is the same whoever has fetched the pages, and when."""
    final = [line for line in outcomes if line["outcome"] != "deferred"]
    return [
        {name: value for name, value in line.items() if name not in OF_THE_MOMENT} for line in final
    ]


def test_lambda_and_machines_come_to_the_same_results(
    stack: Stack,
    site: Site,
    tmp_path: Path,
    machines: Callable[[str], None],
    without_lambda: Callable[[], None],
) -> None:
    pages = [site.page(f"/{n}", title=f"Page {n}") for n in range(12)]
    elsewhere = [site.url(f"/{n}", host="localhost") for n in range(12)]
    moved = site.reply("/moved", web.Response(status=301, headers={"Location": elsewhere[0]}))
    body = "\n".join([*pages, *elsewhere, moved, site.url("/gone")]).encode()

    def run(who: str) -> list[dict[str, Any]]:
        """Return the lines of a job, the same each time."""
        name = f"e2e-{who}-{uuid.uuid4().hex[:8]}"
        stack.upload(f"{name}/spec.yaml", b"fetch: {pause: 0.2}")
        stack.upload(f"{name}/urls.txt", body)
        job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
        stack.complete(job, within=120)
        return same_of(stack.outcomes(job))

    of_lambda = run("lambda")
    machines("one")
    machines("other")
    of_both = run("both")
    without_lambda()
    of_machines = run("machines")

    assert len(of_lambda) == 26
    assert [line["outcome"] for line in of_lambda].count("scraped") == 25
    assert of_machines == of_lambda
    assert of_both == of_lambda
    logs = "".join((tmp_path / f"{machine}.log").read_text() for machine in ("one", "other"))
    assert "e2e-machines" in logs, "they have worked"
    eventually(lambda: stack.waiting("WorkQueueUrl") == 0, within=30, hope="an empty work queue")
    assert stack.waiting("DispatchDLQUrl") == 0
    assert stack.waiting("WorkDLQUrl") == 0

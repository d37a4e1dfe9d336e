"""Sandboxes are real processes; the functions here misbehave in every way that counts."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scatterfetch.localcloud.sandbox import FunctionError, Sandbox, SandboxDiedError
from scatterfetch.localcloud.template import Function, QueueSource

SOURCE = QueueSource("Work", 1, 10, partial_responses=True)
Make = Callable[..., Sandbox]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Make]:
    made: list[Sandbox] = []

    def make(handler: str, *, timeout: int = 20, memory: int = 512) -> Sandbox:
        function = Function(
            "local-Test", f"tests.handlers.{handler}", timeout, memory, {"COLOUR": "blue"}, SOURCE
        )
        made.append(Sandbox(function, "http://127.0.0.1:1", tmp_path / "log", 1))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_a_handler_gets_event_context_and_environment(
    sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")

    seen = sandbox("describe", timeout=20).invoke({"a": 1})

    assert seen["event"] == {"a": 1}
    assert 15_000 < seen["time_left"] <= 20_000
    assert seen["environment"]["COLOUR"] == "blue"
    assert seen["environment"]["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert "SECRET_OF_THE_SHELL" not in seen["environment"]
    assert seen["pid"] != os.getpid()


def test_a_sandbox_is_used_again(sandbox: Make) -> None:
    one = sandbox("describe")

    assert one.invoke({})["pid"] == one.invoke({})["pid"]


def test_large_events_go_in_and_out(sandbox: Make) -> None:
    event = {"text": "é" * 1_000_000}

    assert sandbox("describe").invoke(event)["event"] == event


def test_an_exception_is_the_invocations_and_not_the_sandboxes(
    sandbox: Make, tmp_path: Path
) -> None:
    one = sandbox("fail_if_asked")

    with pytest.raises(FunctionError, match="ValueError: as asked"):
        one.invoke({"fail": True})

    assert one.invoke({"fail": False}) == "fine"
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_handler_can_be_told_that_its_time_is_short(sandbox: Make, tmp_path: Path) -> None:
    """It is none the less not killed at that time, so that it can come to a good end."""
    one = sandbox("wait_for_the_end", timeout=60)
    begun = tmp_path / "begun"

    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(one.invoke, {"begun": str(begun)})
        while not begun.exists() and not left.done():
            time.sleep(0.01)
        one.cut_short(time.time() + 1)

        assert left.result(timeout=60) <= 1_000


def test_who_is_told_before_it_begins_knows_as_well(sandbox: Make, tmp_path: Path) -> None:
    one = sandbox("wait_for_the_end", timeout=60)

    one.cut_short(time.time() - 1)

    assert one.invoke({"begun": str(tmp_path / "begun")}) == 0


def test_what_takes_too_long_is_killed_and_started_again(sandbox: Make) -> None:
    one = sandbox("sleep_if_asked", timeout=2)

    with pytest.raises(SandboxDiedError, match="timed out after 2 s and was killed"):
        one.invoke({"sleep": True})

    assert one.invoke({"sleep": False}) == "awake"


def test_what_takes_too_much_memory_is_killed(sandbox: Make) -> None:
    with pytest.raises(SandboxDiedError, match=r"used \d+ MB of memory and may use 128"):
        sandbox("fill_memory", memory=128).invoke({})


def test_the_memory_of_what_it_has_started_is_its_own(sandbox: Make) -> None:
    with pytest.raises(SandboxDiedError, match=r"used \d+ MB of memory and may use 150"):
        sandbox("fill_memory_elsewhere", memory=150).invoke({})


def test_what_it_has_started_ends_with_it(sandbox: Make) -> None:
    one = sandbox("start_another")
    started = os.pidfd_open(one.invoke({}))

    one.stop()

    assert select.select([started], [], [], 30)[0]
    os.close(started)


def test_a_process_that_is_killed_from_outside_is_noticed(sandbox: Make) -> None:
    one = sandbox("kill_itself_if_asked")

    with pytest.raises(SandboxDiedError, match="was killed by SIGKILL"):
        one.invoke({"signal": signal.SIGKILL})

    assert one.invoke({}) == "alive"


def test_a_process_that_died_while_idle_is_replaced(sandbox: Make) -> None:
    one = sandbox("describe")
    pid = one.invoke({})["pid"]
    os.kill(pid, signal.SIGKILL)
    assert one._process is not None
    assert one._process.wait(60) == -signal.SIGKILL

    assert one.invoke({})["pid"] != pid


def test_a_handler_that_cannot_be_imported_is_an_error(sandbox: Make) -> None:
    with pytest.raises(FunctionError, match="has no attribute 'no_such_handler'"):
        sandbox("no_such_handler").invoke({})


def test_a_sandbox_ends_with_its_parent(sandbox: Make) -> None:
    """Its requests come through a pipe; when the other end is gone, so is the sandbox."""
    one = sandbox("describe").start()
    process = one._process
    assert process is not None
    one.invoke({})

    one._requests.close()

    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("rest", [b"", b'{"id": "2", "dead'])  # it may be gone within a line
def test_an_invocation_ends_with_its_parent(sandbox: Make, rest: bytes) -> None:
    """Whoever works on would be a second worker beside those of the next run."""
    one = sandbox("sleep_if_asked").start()
    process = one._process
    assert process is not None
    one.invoke({"sleep": False})
    one._requests.write(b'{"id": "1", "deadline": 0, "event": {"sleep": true}}\n')
    one._requests.write(rest)

    one._requests.close()

    assert process.wait(timeout=60) == 0

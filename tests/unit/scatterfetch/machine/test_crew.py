"""Processes that die are replaced, and none works for a stack that has changed."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from scatterfetch.jobs.stack import NoStackError
from scatterfetch.machine import crew as crew_module
from scatterfetch.machine.crew import CannotGoOnError, Crew
from scatterfetch.machine.membership import StrangerError
from scatterfetch.machine.news import Begun, Ended, News
from scatterfetch.machine.process import SUPERSEDED, Wanted
from shared.errors import InvalidJobError
from shared.settings import WorkerSettings

SETTINGS = WorkerSettings(
    data_bucket="data",
    dispatch_queue_url="http://q",
    work_queue_url="http://q",
    wake_queue_url="http://q",
    dead_letter_queue_url="http://q",
    worker_concurrency=0,
    user_agent="bot/1.0",
)


class Member:
    """A process that ends as a test says."""

    def __init__(
        self, wanted: Wanted, environment: Any, _log: Any, tell: Callable[[str, News], None]
    ) -> None:
        self.name = wanted.name
        self.environment = environment
        self.tell = tell
        self.memory: int | None = None
        self.code: int | None = None
        self.is_ending = False
        self.was_killed = False

    def ended(self) -> int | None:
        return self.code

    def end(self) -> None:
        self.is_ending, self.code = True, 0

    def kill(self) -> None:
        self.was_killed = True


class Machine:
    def __init__(self) -> None:
        self.members: list[Member] = []
        self.said: list[str] = []
        self.settings: WorkerSettings | Exception = SETTINGS
        self.crew = self.new_crew()

    def new_crew(self) -> Crew:
        return Crew(
            SETTINGS,
            self.look,
            workers=2,
            memory=1024,
            parsers=None,
            region="eu-central-1",
            log=None,
            say=self.said.append,
        )

    def look(self) -> WorkerSettings:
        if isinstance(self.settings, Exception):
            raise self.settings
        return self.settings

    def member(self, *args: Any) -> Member:
        self.members.append(Member(*args))
        return self.members[-1]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(crew_module, "Member", machine.member)
    monkeypatch.setattr(crew_module, "AGAIN_SECONDS", (0.0, 0.0, 0.0))
    machine.crew.start()
    return machine


def test_a_worker_that_uses_too_much_memory_is_ended_and_replaced(machine: Machine) -> None:
    first = machine.members[0]
    first.tell("worker-1", Begun("1", 10, ("a.example",)))
    first.memory = 1025

    machine.crew.look()
    machine.crew.look()

    assert first.was_killed
    assert [member.name for member in machine.members] == ["worker-1", "worker-2", "worker-1"]
    assert machine.said[0].startswith("worker-1 used 1,025 MB of memory, and may use 1,024;")
    assert machine.crew.standing.work().in_hand == 0
    assert not machine.crew.has_ended()


def test_workers_that_only_die_are_not_replaced_for_ever(machine: Machine) -> None:
    for _ in range(3):
        machine.members[-1].code = 1
        machine.crew.look()
        machine.crew.look()
    machine.members[-1].code = -9

    with pytest.raises(CannotGoOnError, match="was killed by signal 9, as the 3 before it"):
        machine.crew.look()


def test_a_worker_that_has_done_something_may_die_again(machine: Machine) -> None:
    for _ in range(9):
        last = machine.members[-1]
        last.tell(last.name, Ended("1", {"scraped": 1}))
        last.code = 1
        machine.crew.look()
        machine.crew.look()

    assert len(machine.members) == 11


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (StrangerError("of another release"), "of another release"),
        (NoStackError("there is no stack 'fleet'"), "there is no stack 'fleet'"),
        (msgspec.structs.replace(SETTINGS, user_agent="bot/2.0"), "settings of the stack have"),
    ],
)
def test_nobody_works_for_a_stack_that_has_changed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, settings: Any, problem: str
) -> None:
    monkeypatch.setattr(crew_module, "LOOK_SECONDS", 0.0)
    machine.crew.look()
    machine.settings = settings

    with pytest.raises(CannotGoOnError, match=problem):
        machine.crew.look()

    machine.crew.end()
    machine.crew.look()
    assert machine.crew.has_ended()


def test_a_worker_that_another_release_has_followed_is_not_replaced(machine: Machine) -> None:
    """The stack says nothing of it before its deployment has come to its end."""
    machine.members[0].code = SUPERSEDED

    with pytest.raises(CannotGoOnError, match="another release has taken the lock"):
        machine.crew.look()

    machine.crew.end()
    machine.members[1].code = SUPERSEDED
    machine.crew.look()
    assert machine.crew.has_ended()
    assert len(machine.members) == 2


def test_a_worker_is_not_replaced_before_the_stack_was_looked_at(machine: Machine) -> None:
    """It would take back the lock that another release has taken by now."""
    machine.members[0].code = 0
    machine.settings = StrangerError("under another lock")
    machine.crew.look()

    with pytest.raises(CannotGoOnError, match="under another lock"):
        machine.crew.look()

    assert len(machine.members) == 2


def test_a_stack_that_cannot_be_asked_for_is_asked_for_later(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "LOOK_SECONDS", 0.0)
    machine.settings = InvalidJobError("nothing answers")

    machine.crew.look()

    assert machine.said == ["nothing answers; asked again later"]
    assert not machine.crew.has_ended()


def test_processes_know_the_region(machine: Machine) -> None:
    assert machine.members[0].environment["AWS_DEFAULT_REGION"] == "eu-central-1"

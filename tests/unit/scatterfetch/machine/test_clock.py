"""A machine whose clock is wrong tells AWS's time."""

import time
from typing import Any

import pytest
from botocore.session import Session

from scatterfetch.localcloud.template import REGION
from scatterfetch.machine.clock import AwsClock

HOUR = 3600.0


class Machine:
    """A machine whose clock is `behind`, and AWS, whose time is right."""

    def __init__(self, behind: float, began: float = 1_000_000.25) -> None:
        self.time = began
        self.behind = behind
        self.notes: list[float] = []
        self.clock = AwsClock(
            wall=lambda: self.time - self.behind,
            boot=lambda: self.time - 999_000,
            on_notable=self.notes.append,
        )

    def call(self, takes: float = 0.02) -> None:
        """Have AWS answer, in the middle of it."""
        began = self.time - 999_000
        told = int(self.time + takes / 2)
        self.time += takes
        self.clock.hear(told, began, self.time - 999_000)

    @property
    def error(self) -> float:
        return abs(self.clock.now() - self.time)


@pytest.mark.parametrize("behind", [HOUR, -HOUR, 4.5, -4.5])
def test_a_wrong_clock_is_right_to_a_second_at_the_first_answer(behind: float) -> None:
    machine = Machine(behind)
    assert machine.error == pytest.approx(abs(behind))

    machine.call()

    assert machine.error <= 1.02
    assert [round(note / behind) for note in machine.notes] == [1]


def test_it_becomes_righter_with_each_answer() -> None:
    machine = Machine(HOUR)

    for _ in range(40):
        machine.call()
        machine.time += 0.17

    assert machine.error < 0.25
    assert len(machine.notes) == 1


@pytest.mark.parametrize("takes", [0.001, 0.4, 20.0])
def test_a_right_clock_is_left_alone(takes: float) -> None:
    machine = Machine(0.0)

    for _ in range(50):
        machine.call(takes)
        machine.time += 0.37

    assert machine.error == pytest.approx(0.0, abs=1e-6)
    assert machine.notes == []


def test_a_clock_that_is_set_meanwhile_is_nothing_to_it() -> None:
    machine = Machine(0.0)
    machine.call()

    machine.behind = HOUR

    assert machine.error == pytest.approx(0.0, abs=1e-6)


def test_a_clock_that_runs_slow_is_followed() -> None:
    machine = Machine(0.0)
    seconds = 20 * HOUR

    for _ in range(200):
        machine.call()
        machine.time += seconds / 200
        machine.clock._epoch -= seconds / 200 * 5e-5  # what its crystal is behind

    assert machine.error < 1.2, "and not 3.6"


def test_the_sdk_tells_it_what_aws_answers(endpoint: str) -> None:
    session = Session()
    clock = AwsClock(wall=lambda: time.time() - HOUR)
    clock.follow(session)
    client: Any = session.create_client("s3", endpoint_url=endpoint, region_name=REGION)

    client.list_buckets()

    assert clock.now() == pytest.approx(time.time(), abs=2)
    assert clock.correction == pytest.approx(HOUR, abs=2)

"""How busy an event loop is, by a clock that the tests set."""

import asyncio
import time

import pytest

from functions.worker.load import BUSY, Load


def busy_for(loop_seconds: float, wait_seconds: float) -> float:
    """Return the load of a loop that works for so long and waits for so long, in turn."""
    load = Load()

    async def work() -> float:
        share = load.share()
        for _ in range(12):
            end = time.monotonic() + loop_seconds
            while time.monotonic() < end:
                pass
            await asyncio.sleep(wait_seconds)
            share = load.share()
        return share

    with asyncio.Runner(loop_factory=load.new_loop) as runner:
        return runner.run(work())


def test_a_loop_that_works_is_busy() -> None:
    assert busy_for(0.02, 0.0) > BUSY


def test_a_loop_that_waits_is_not() -> None:
    assert busy_for(0.0, 0.05) < BUSY


def test_only_the_last_second_counts() -> None:
    now = 100.0
    load = Load(lambda: now)
    for step in range(40):  # two seconds of work, then two of waiting
        now += 0.1
        load._selector.waited += 0.1 * (step >= 20)
        share = load.share()
        if step == 19:
            assert share == pytest.approx(1.0)
    assert share == pytest.approx(0.0)

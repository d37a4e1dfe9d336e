from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.politeness.pause import (
    CIRCUIT_FAILURES,
    CIRCUIT_MAX,
    COOL_LONGEST,
    COOL_MAX,
    HostState,
    jittered,
    next_pause,
)

NOW = 1_795_000_000.0
seconds = st.floats(0, 1_000)
rngs = st.builds(Random, st.integers())


def wait(state: HostState, now: float = NOW) -> float:
    return state.ready_at(now) - now


def test_jitter_fills_half_the_pause_to_both_sides() -> None:
    rng = Random(0)

    pauses = [jittered(2.0, rng) for _ in range(500)]

    assert 1.0 <= min(pauses) < 1.05
    assert 2.95 < max(pauses) <= 3.0


@pytest.mark.parametrize(
    ("current", "latency", "ok", "expected"),
    [
        pytest.param(1.0, 4.0, True, 2.0, id="a slow answer counts at once"),
        pytest.param(4.0, 1.0, True, 2.25, id="a quick one by halves"),
        pytest.param(0.5, 0.1, True, 0.5, id="not below the minimum"),
        pytest.param(1.0, 900.0, True, 60.0, id="not above the maximum"),
        pytest.param(4.0, 1.0, False, 4.0, id="a quick error does not speed up"),
        pytest.param(1.0, 4.0, False, 2.0, id="a slow error slows down"),
    ],
)
def test_pause_follows_latency(current: float, latency: float, ok: bool, expected: float) -> None:
    pause = next_pause(current, latency, target_concurrency=2, minimum=0.5, maximum=60, ok=ok)

    assert pause == expected


@given(seconds, seconds, st.floats(0.1, 100))
def test_errors_never_speed_up(current: float, latency: float, target: float) -> None:
    pause = next_pause(current, latency, target_concurrency=target, minimum=0, maximum=60, ok=False)

    assert pause >= current


def test_an_unknown_host_is_ready() -> None:
    assert wait(HostState()) == 0


@given(seconds, seconds, rngs)
def test_a_start_is_followed_by_the_pause(pause: float, at_least: float, rng: Random) -> None:
    state = HostState().started(NOW, pause, rng, at_least=at_least)

    waited = wait(state)
    assert waited >= max(pause * 0.5, at_least) - 1e-6
    assert waited <= max(pause * 1.5, at_least) + 1e-6


def test_a_request_that_begins_late_has_its_whole_pause_behind_it() -> None:
    state = HostState().started(NOW, 2.0, Random(0))

    assert wait(state.late(0.5)) == pytest.approx(wait(state) + 0.5)
    assert state.late(-0.5) == state  # the clock was set back


def test_turns_given_at_once_are_spread_out() -> None:
    state, rng = HostState(), Random(0)
    turns = []
    for _ in range(5):
        turns.append(state.ready_at(NOW))
        state = state.started(NOW, 2.0, rng)

    assert turns[0] == NOW
    assert all(later - turn >= 1.0 for turn, later in pairwise(turns))


def test_cool_down_grows_while_the_host_goes_on_asking() -> None:
    state, now, waits = HostState(), NOW, []
    for _ in range(12):
        state = state.slowed_down(now, None, Random(0))
        waits.append(wait(state, now) / Random(0).uniform(1.0, 1.1))
        now = state.ready_at(now)

    assert waits[:4] == pytest.approx([5, 10, 20, 40], abs=1e-5)
    assert waits[-1] == pytest.approx(COOL_MAX)


def test_how_long_a_host_has_said_nothing_else_is_known() -> None:
    def slowed(state: HostState, after: float) -> HostState:
        return state.slowed_down(NOW + after, 60.0, Random(0))

    state = slowed(slowed(HostState(), 0), 100)

    assert state.slow_for(NOW + 110) == 110
    assert state.slow_for(NOW + 1_000) == 0  # it may be asked again, and might answer
    assert slowed(state.answered(NOW + 1_000), 2_000).slow_for(NOW + 2_010) == 10
    assert slowed(state, 3_000).slow_for(NOW + 3_010) == 3_010
    assert slowed(state, 20_000).slow_for(NOW + 20_010) == 10  # nobody has asked for hours


@given(st.floats(0, COOL_LONGEST), rngs)
def test_retry_after_is_never_undercut_and_little_exceeded(asked: float, rng: Random) -> None:
    waited = wait(HostState().slowed_down(NOW, asked, rng))

    assert asked - 1e-6 <= waited <= asked * 1.1 + 1e-6


def test_a_host_that_asks_for_nothing_again_and_again_is_left_alone_all_the_same() -> None:
    """429 spends no attempt, so `Retry-After: 0` would be asked again for ever."""
    state, now = HostState(), NOW
    for _ in range(4):
        now = state.ready_at(now)
        state = state.slowed_down(now, 0.0, Random(0))

    assert wait(state, now) >= 20


def test_absurd_wishes_are_checked_daily() -> None:
    state = HostState().slowed_down(NOW, 365 * 86_400.0, Random(0))

    assert COOL_LONGEST <= wait(state) <= COOL_LONGEST * 1.1


def test_answers_to_requests_under_way_count_as_one_slow_down() -> None:
    state = HostState()
    for i in range(5):
        state = state.slowed_down(NOW + i / 10, None, Random(i))

    assert state.slowdowns == 1
    assert wait(state, NOW + 0.5) < 6


def test_a_shorter_wish_does_not_end_a_longer_cool_down() -> None:
    state = HostState().slowed_down(NOW, 100, Random(0)).slowed_down(NOW + 1, 1, Random(0))

    assert wait(state) >= 100


def test_a_page_that_was_under_way_does_not_reset_the_cool_down() -> None:
    state = HostState().slowed_down(NOW, None, Random(0))

    assert state.answered(NOW + 1).slowdowns == 1
    assert state.answered(NOW + 1).cool_until == state.cool_until
    assert state.answered(NOW + 10).slowdowns == 0


def test_the_circuit_opens_on_the_fifth_failure_in_a_row_and_for_longer_each_time() -> None:
    state, now, waits = HostState(), NOW, []
    for _ in range(CIRCUIT_FAILURES + 6):
        state = state.connection_failed(now)
        waits.append(wait(state, now))
        now = state.ready_at(now)

    assert waits[: CIRCUIT_FAILURES + 3] == [0, 0, 0, 0, 60, 120, 240, 480]
    assert waits[-1] == CIRCUIT_MAX


def test_failures_of_requests_under_way_do_not_open_it_wider() -> None:
    state = HostState()
    for i in range(CIRCUIT_FAILURES + 20):
        state = state.connection_failed(NOW + i / 100)

    assert wait(state) < 61


@pytest.mark.parametrize("slow", [False, True], ids=["page", "429"])
def test_any_answer_closes_the_circuit(slow: bool) -> None:
    state = HostState()
    for _ in range(CIRCUIT_FAILURES):
        state = state.connection_failed(NOW)

    state = state.slowed_down(NOW, 0.0, Random(0)) if slow else state.answered(NOW)

    assert wait(state) == 0
    assert wait(state.connection_failed(NOW)) == 0


def test_what_was_learned_of_the_pause_stays_until_something_else_is() -> None:
    state = HostState().answered(NOW, pause=2.0).answered(NOW).connection_failed(NOW)

    assert state.pause == 2.0


def test_a_state_survives_the_state_object() -> None:
    state = HostState().started(NOW, 1, Random(0)).slowed_down(NOW, 20, Random(0))

    assert msgspec.json.decode(msgspec.json.encode(state), type=HostState) == state
    assert msgspec.json.encode(HostState()) == b"{}"


def test_only_what_matters_no_more_is_stale() -> None:
    cooling = HostState().slowed_down(NOW, 10_000, Random(0))

    assert not cooling.is_stale(NOW + 9_000)
    assert cooling.is_stale(NOW + 12_000)
    assert not HostState().started(NOW, 1, Random(0)).is_stale(NOW + 60)

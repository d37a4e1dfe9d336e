from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.politeness.retry import LONGEST, RetryPolicy, next_wait, parse_retry_after

POLICY = RetryPolicy(attempts=5, wait_initial=1.0, wait_max=4.0)
NOW = datetime(2026, 11, 21, 1, 14, 42, tzinfo=UTC)


@pytest.mark.parametrize(("attempts", "attempt"), [(1, 1), (3, 3), (3, 4)])
@pytest.mark.parametrize("retry_after", [None, 1.0])
def test_gives_up_when_the_attempts_are_used_up(
    attempts: int, attempt: int, retry_after: float | None
) -> None:
    policy = RetryPolicy(attempts=attempts, wait_initial=1.0, wait_max=4.0)

    assert next_wait(policy, attempt=attempt, rng=Random(0), retry_after=retry_after) is None


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 4.0)])
def test_waits_fill_the_whole_interval(attempt: int, longest: float) -> None:
    """Full jitter: even at the cap, two workers do not return together."""
    rng = Random(0)

    waits = [next_wait(POLICY, attempt=attempt, rng=rng) or 0.0 for _ in range(500)]

    assert min(waits) < 0.05 * longest
    assert 0.95 * longest < max(waits) <= longest


@given(st.integers(1, 4), st.floats(0, LONGEST), st.integers())
def test_retry_after_is_never_undercut(attempt: int, retry_after: float, seed: int) -> None:
    wait = next_wait(POLICY, attempt=attempt, rng=Random(seed), retry_after=retry_after)

    assert wait is not None
    assert retry_after <= wait <= retry_after + POLICY.wait_max


def test_workers_that_were_told_the_same_do_not_return_together() -> None:
    waits = {
        next_wait(POLICY, attempt=1, rng=Random(seed), retry_after=20.0) for seed in range(100)
    }

    assert len(waits) == 100


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("120", 120.0, id="seconds"),
        pytest.param(" 120\t", 120.0, id="white space around"),
        pytest.param("0", 0.0, id="at once"),
        pytest.param("007", 7.0, id="leading zeros"),
        pytest.param("-5", 0.0, id="negative"),
        pytest.param("99999999999", LONGEST, id="3,000 years"),
        pytest.param("9" * 400, LONGEST, id="more than a float holds"),
        pytest.param("9" * 100_000, LONGEST, id="more digits than int() reads"),
        pytest.param("-" + "9" * 400, 0.0, id="the same, negative"),
        pytest.param("Sat, 21 Nov 2026 01:15:42 GMT", 60.0, id="date"),
        pytest.param("Saturday, 21-Nov-26 01:15:42 GMT", 60.0, id="date of RFC 850"),
        pytest.param("Sat Nov 21 01:15:42 2026", 60.0, id="date of asctime()"),
        pytest.param("Sat, 21 Nov 2026 03:15:42 +0200", 60.0, id="date in another zone"),
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", 0.0, id="date in the past"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST, id="date that means never"),
        pytest.param("Sat, 21 Nov 99999 01:15:42 GMT", None, id="date beyond the calendar"),
        pytest.param(None, None, id="no header"),
        pytest.param("", None, id="empty"),
        pytest.param("soon", None, id="word"),
        pytest.param("1e9", None, id="exponent"),
        pytest.param("NaN", None, id="not a number"),
        pytest.param("inf", None, id="infinity"),
        pytest.param("1_000", None, id="Python's digits"),
        pytest.param("١٢٠", None, id="Arabic digits"),
        pytest.param("\uff11\uff12\uff10", None, id="full-width digits"),
        pytest.param("+5", None, id="plus sign"),
        pytest.param("120, 60", None, id="two headers in one"),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ (Nov|Dec) \d+ \d+:\d+:\d+ .{0,5}"))
def test_no_header_raises_or_asks_for_what_is_absurd(value: str) -> None:
    seconds = parse_retry_after(value, now=NOW)

    assert seconds is None or 0 <= seconds <= LONGEST

"""
When to try a page again, as arithmetic: no clock, no sleep, no global state.

*Retry* means that a target is tried again; *redelivery* is SQS handing a batch to another worker.
Which reasons are worth another attempt is told by `Reason`.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

LONGEST = 365 * 24 * 60 * 60.0  # who says "never" gets a year
_SECONDS = re.compile(r"-?[0-9]+")  # not \d: int() reads the digits of every script


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` counts the first one. Waits are in seconds."""

    attempts: int
    wait_initial: float
    wait_max: float


def next_wait(
    policy: RetryPolicy, *, attempt: int, rng: Random, retry_after: float | None = None
) -> float | None:
    """
    Return the seconds to wait before attempt number `attempt` + 1; None means give up.

    The wait is drawn from the whole interval up to `wait_initial` doubled with each attempt
    ("full jitter"), because workers that failed together would otherwise return together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        policy: How often, and how long to wait.
        attempt: Attempts made so far, from 1.
        rng: Source of jitter. Seed it in tests.
        retry_after: See `parse_retry_after`. The server's wish is where the interval begins, so
            that nothing undercuts it, `wait_max` included.
    """
    if attempt >= policy.attempts:
        return None
    interval = min(policy.wait_initial * 2.0 ** (attempt - 1), policy.wait_max)
    return (retry_after or 0.0) + rng.uniform(0.0, interval)


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """
    Return the seconds that a Retry-After header asks for (RFC 9110 §10.2.3), 0 to `LONGEST`.

    None where there is no header, or none that makes sense. What lies in the past is 0.

    >>> parse_retry_after("120", now=datetime.now(UTC))
    120.0
    """
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        # float() and not int(), which refuses more than 4,300 digits.
        return min(max(float(value), 0.0), LONGEST)
    try:
        until = parsedate_to_datetime(value)
        # The obsolete asctime() form names no zone; all HTTP dates are UTC.
        seconds = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return min(max(seconds.total_seconds(), 0.0), LONGEST)
